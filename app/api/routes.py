"""/api/v1: every act of the service, for pages, scripts and integrators."""

from fastapi import APIRouter

from app.api import (
    accounts,
    attention,
    conflicts,
    critical,
    deadlines,
    enclosing,
    invitations,
    macros,
    measuring,
    media,
    opinions,
    outbox,
    passkeys,
    patients,
    pregnancies,
    referring,
    remarks,
    reporting,
    reviewing,
    studies,
    telling,
    templates,
    uploads,
)

router = APIRouter(prefix="/api/v1")
for part in (
    referring, uploads, patients, reviewing, enclosing, remarks, reporting, critical, studies, conflicts, media, measuring,
    pregnancies, telling, attention, deadlines, templates, macros, accounts, outbox, passkeys, opinions, invitations,
):  # fmt: skip
    router.include_router(part.router)
