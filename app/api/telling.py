"""What waits for somebody, and who did what: notifications and the audit record."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import person_of
from app.audit import events, search
from app.audit.search import Sought
from app.db import reading, transaction
from app.errors import Forbidden
from app.http.actor import Acting
from app.notifications import inbox
from app.referrals.given import Moment

router = APIRouter(tags=["telling"])


class NotificationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    referral_id: UUID
    subject: str
    created_at: datetime
    read_at: datetime | None
    settled_at: datetime | None = Field(description="Somebody else has done what it asked for")
    mail_status: str
    state: Literal["queued", "sent", "failed", "off", "read"]


class NotificationPage(BaseModel):
    items: list[NotificationOut]
    next_cursor: str | None


class AuditEventOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    action: str
    actor_kind: str
    person_id: UUID | None
    organization_id: UUID | None
    entity_id: UUID | None
    referral_id: UUID | None
    detail: dict[str, Any]


class AuditPage(BaseModel):
    items: list[AuditEventOut]
    next_cursor: str | None


@router.get("/notifications")
def get_notifications(
    who: Acting, cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> NotificationPage:
    """The newest first."""
    with reading(who) as session:
        rows = inbox.inbox(session, person_of(who), before=cursor, limit=limit + 1)
    items = [NotificationOut.model_validate(one) for one in rows[:limit]]
    return NotificationPage(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


@router.post("/notifications/{notification_id}/read", status_code=204)
def read_notification(notification_id: UUID, who: Acting) -> None:
    with transaction(who) as session:
        inbox.mark_read(session, person_of(who), notification_id)


@router.get("/audit")
def get_audit(
    who: Acting, person_id: UUID | None = None, referral_id: UUID | None = None, entity_id: UUID | None = None,
    action: Annotated[str, Query(max_length=60)] = "", since: Moment | None = None, until: Moment | None = None,
    cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPage:  # fmt: skip
    """Who did what to which record of the organizations that one administers; reading this is an event too."""
    organization_ids = who.organizations_for("audit.read")
    if not organization_ids:
        raise Forbidden("Only administrators and privacy officers read the audit record.")
    sought = Sought(organization_ids, person_id, referral_id, entity_id, action, since, until, cursor, limit + 1)
    with transaction(who) as session:
        rows = search.search(session, sought)
        for organization_id in organization_ids:
            events.record_opening(
                session, who, "audit.read", organization_id=organization_id, entity_id=organization_id
            )
    items = [AuditEventOut.model_validate(one) for one in rows[:limit]]
    return AuditPage(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)
