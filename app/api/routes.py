"""/api/v1: every act of the service, for pages, scripts and integrators."""

from fastapi import APIRouter

from app.api import accounts, invitations, measuring, media, referring, reporting, reviewing, studies, telling

router = APIRouter(prefix="/api/v1")
for part in (referring, reviewing, reporting, studies, media, measuring, telling, accounts, invitations):
    router.include_router(part.router)
