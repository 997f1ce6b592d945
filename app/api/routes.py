"""/api/v1: every act of the service, for pages, scripts and integrators."""

from fastapi import APIRouter

from app.api import (
    accounts,
    attention,
    deadlines,
    invitations,
    macros,
    measuring,
    media,
    patients,
    referring,
    reporting,
    reviewing,
    studies,
    telling,
    templates,
    uploads,
)

router = APIRouter(prefix="/api/v1")
for part in (
    referring, uploads, patients, reviewing, reporting, studies, media, measuring, telling, attention, deadlines, templates, macros,
    accounts,
    invitations,
):  # fmt: skip
    router.include_router(part.router)
