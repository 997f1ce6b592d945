"""An AuditEvent is written in the transaction of the act, and never changed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Acting, Base, insert_or_nothing, now

OPENING_MINUTES = 15


class AuditEvent(Base):
    __tablename__ = "audit_event"

    at: Mapped[datetime] = mapped_column(default=now)
    action: Mapped[str] = mapped_column(sa.String(60))  # noun.past: report.signed
    actor_kind: Mapped[str] = mapped_column(sa.String(10))
    person_id: Mapped[UUID | None]
    organization_id: Mapped[UUID | None]  # whose record it is
    entity_id: Mapped[UUID | None]
    referral_id: Mapped[UUID | None]
    detail: Mapped[dict[str, Any]]  # ids, counts and states; no patient data
    # One opening per actor, study and act in a quarter of an hour (design §4.11); null for every other act.
    opening: Mapped[str | None] = mapped_column(sa.String(200), unique=True)

    __table_args__ = (
        sa.Index("ix_audit_event_organization", "organization_id", "id"),
        sa.Index("ix_audit_event_entity", "entity_id", "id"),
    )


def record(
    session: Session, actor: Acting, action: str, *, organization_id: UUID | None, entity_id: UUID | None = None,
    referral_id: UUID | None = None, **detail: object,
) -> None:  # fmt: skip
    """Write one event beside what it is about."""
    session.add(AuditEvent(
        action=action, actor_kind=actor.kind, person_id=actor.person_id, organization_id=organization_id,
        entity_id=entity_id, referral_id=referral_id, detail=detail, at=now(),
    ))  # fmt: skip


def record_opening(
    session: Session, actor: Acting, action: str, *, organization_id: UUID, entity_id: UUID,
    referral_id: UUID | None = None,
) -> bool:  # fmt: skip
    """Write that something was looked at, once in fifteen minutes; True if this call wrote it."""
    at = now()
    slot = int(at.timestamp()) // int(timedelta(minutes=OPENING_MINUTES).total_seconds())
    return insert_or_nothing(session, AuditEvent, {
        "at": at, "action": action, "actor_kind": actor.kind, "person_id": actor.person_id,
        "organization_id": organization_id, "entity_id": entity_id, "referral_id": referral_id, "detail": {},
        "opening": f"{actor.person_id}:{entity_id}:{action}:{slot}",
    })  # fmt: skip
