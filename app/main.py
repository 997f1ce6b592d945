"""create_app(): every HTTP door, mounted."""

from fastapi import FastAPI

from app import __version__
from app.api import routes as api
from app.api.examples import EXAMPLES
from app.config import Settings
from app.dicomweb import routes as dicomweb
from app.http import description, health, problems
from app.http.access_log import AccessLog
from app.http.hosts import KnownHosts
from app.http.limits import Limits
from app.tus import routes as tus
from app.web import routes as web


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
    app.include_router(dicomweb.router)  # routes are tried in turn: the door that is asked most often comes first
    app.include_router(api.router)
    app.include_router(tus.router)
    web.mount(app)
    description.install(app, EXAMPLES)
    # The last added is the outermost.
    app.add_middleware(KnownHosts, public_url=settings.public_url)
    app.add_middleware(Limits)
    app.add_middleware(AccessLog)
    return app
