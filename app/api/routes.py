"""/api/v1: every act of the service, for pages, scripts and integrators."""

from fastapi import APIRouter

from app.api import (
    accounts,
    attention,
    critical,
    deadlines,
    invitations,
    measuring,
    media,
    opinions,
    passkeys,
    patients,
    referring,
    reporting,
    reviewing,
    studies,
    telling,
    uploads,
)

router = APIRouter(prefix="/api/v1")
for part in (
    referring, uploads, patients, reviewing, reporting, critical, studies, media, measuring, telling, attention, deadlines,
    accounts, passkeys, opinions, invitations,
):  # fmt: skip
    router.include_router(part.router)
