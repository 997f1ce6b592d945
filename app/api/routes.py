"""/api/v1: every act of the service, for pages, scripts and integrators."""

from fastapi import APIRouter

from app.api import accounts, invitations, media, referring, reporting, reviewing, studies, telling, uploads

router = APIRouter(prefix="/api/v1")
for part in (referring, uploads, reviewing, reporting, studies, media, telling, accounts, invitations):
    router.include_router(part.router)
