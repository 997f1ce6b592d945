"""create_app(): every HTTP door, mounted."""

from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI

from app import __version__
from app.config import Settings
from app.http import health, problems
from app.http.access_log import AccessLog
from app.http.hosts import KnownHosts
from app.http.limits import Limits


def create_app(settings: Settings) -> FastAPI:
    """The database, the store and the queue are connected by the caller."""
    app = FastAPI(
        title="Sonopost",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    app.include_router(health.router)
    for door in ("app.api.routes", "app.web.routes"):
        if find_spec(door):
            app.include_router(import_module(door).router)
    # The last added is the outermost.
    app.add_middleware(KnownHosts, public_url=settings.public_url)
    app.add_middleware(Limits)
    app.add_middleware(AccessLog)
    return app
