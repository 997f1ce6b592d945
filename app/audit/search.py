"""Search the record: by organization, person, record, act and time; keyset-paged over its index."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.events import AuditEvent

LOOKED_AT = 2_000  # events, for the acts to choose from


@dataclass(frozen=True)
class Sought:
    organization_ids: tuple[UUID, ...]
    person_id: UUID | None = None
    referral_id: UUID | None = None
    entity_id: UUID | None = None
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None  # the last one of the page before: ids sort by time
    limit: int = 100


def acts_of_late(session: Session, organization_id: UUID) -> list[str]:
    """What has been done here, to choose from: of the newest events, which an index has together."""
    newest = sa.select(AuditEvent.action).where(AuditEvent.organization_id == organization_id)
    late = newest.order_by(AuditEvent.id.desc()).limit(LOOKED_AT).subquery()
    return list(session.scalars(sa.select(late.c.action).distinct().order_by(late.c.action)))


def search(session: Session, sought: Sought) -> list[AuditEvent]:
    """The newest first."""
    query = sa.select(AuditEvent).where(AuditEvent.organization_id.in_(sought.organization_ids))
    for column, wanted in (
        (AuditEvent.person_id, sought.person_id),
        (AuditEvent.referral_id, sought.referral_id),
        (AuditEvent.entity_id, sought.entity_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if sought.action:
        query = query.where(AuditEvent.action.startswith(sought.action, autoescape=True))
    if sought.since is not None:
        query = query.where(AuditEvent.at >= sought.since)
    if sought.until is not None:
        query = query.where(AuditEvent.at < sought.until)
    if sought.before is not None:
        query = query.where(AuditEvent.id < sought.before)
    return list(session.scalars(query.order_by(AuditEvent.id.desc()).limit(max(1, min(sought.limit, 500)))))
