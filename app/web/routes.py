"""All pages in one application: their routers, the static files, and refusals as pages."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from app.web import (
    account,
    admin,
    attention,
    entry,
    glance,
    keeping,
    links,
    looking,
    moving,
    notices,
    outbox,
    oversight,
    patients,
    pregnancy,
    referral,
    referrer,
    refusals,
    report_templates,
    slip,
    specialist,
    unmatched,
    uploads,
    urgency,
)  # fmt: skip

router = APIRouter(include_in_schema=False)
router.include_router(specialist.router)
for part in (
    account, admin, attention, entry, glance, keeping, links, looking, moving, notices, outbox, oversight, patients,
    pregnancy, referrer, referral, report_templates, slip, unmatched, uploads, urgency,
):  # fmt: skip
    router.include_router(part.router)
STATIC = Path(__file__).parent / "static"


def mount(app: FastAPI) -> None:
    """Called once, by whoever puts the doors together."""
    app.include_router(router)
    # Packed, as nothing secret stands in them that a length could tell.
    app.mount("/static", GZipMiddleware(StaticFiles(directory=STATIC), minimum_size=500), name="static")
    app.state.shape = refusals.shape
