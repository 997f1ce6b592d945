"""Invitations that nobody has taken up yet, and who reads under supervision, for an organization's administrators."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.access import administer, invite
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once

router = APIRouter(tags=["accounts"])


class InvitationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organization_id: UUID
    email: str
    role: str
    created_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None


class Invitations(BaseModel):
    items: list[InvitationOut]


class Supervision(BaseModel):
    is_supervised: bool


@router.get("/invitations", summary="Open invitations of the organizations that you administer")
def get_invitations(who: Acting) -> Invitations:
    with reading(who) as session:
        found = [
            one
            for each in who.organizations_for("organization.administer")
            for one in invite.open_invitations(session, who, each)
        ]
        return Invitations(items=[InvitationOut.model_validate(one) for one in found])


@router.post("/invitations/{invitation_id}/withdraw", summary="Its link lets nobody in from now on")
def withdraw_invitation(invitation_id: UUID, who: Acting, key: Once) -> InvitationOut:
    """Twice is once; 409 when somebody has joined by it already."""
    with transaction(who) as session:
        done = once(session, key)
        link = invite.withdraw(session, who, invitation_id)
        if not done.before:
            done.keep(200, link.id)
        return InvitationOut.model_validate(link)


@router.put("/organizations/{organization_id}/members/{person_id}/supervision", status_code=204)
def supervise(organization_id: UUID, person_id: UUID, given: Supervision, who: Acting) -> None:
    """Whether what they sign is preliminary until a supervisor has counter-signed it; by its administrator."""
    with transaction(who) as session:
        administer.set_supervised(session, who, organization_id, person_id, is_supervised=given.is_supervised)
