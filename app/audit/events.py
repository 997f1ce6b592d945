"""An AuditEvent is written in the transaction of the act, and never changed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Acting, Base, engine, insert_or_nothing, now, reading, table_of, transaction

OPENING_MINUTES = 15
NOTED = 10_000
# Openings that are in a database, so that frame after frame need not ask for its own.
_noted: set[tuple[sa.Engine, str]] = set()


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


_RECORD = sa.insert(table_of(AuditEvent))  # not by the session: every act writes one


def record(
    session: Session, actor: Acting, action: str, *, organization_id: UUID | None, entity_id: UUID | None = None,
    referral_id: UUID | None = None, **detail: object,
) -> None:  # fmt: skip
    """Write one event beside what it is about."""
    session.connection().execute(_RECORD, {
        "action": action, "actor_kind": actor.kind, "person_id": actor.person_id, "organization_id": organization_id,
        "entity_id": entity_id, "referral_id": referral_id, "detail": detail, "at": now(),
    })  # fmt: skip


def record_opening(
    session: Session, actor: Acting, action: str, *, organization_id: UUID, entity_id: UUID,
    referral_id: UUID | None = None,
) -> None:  # fmt: skip
    """Write that somebody looked at something, once in fifteen minutes, in a transaction that writes anyway."""
    at = now()
    insert_or_nothing(session, AuditEvent, {
        "at": at, "action": action, "actor_kind": actor.kind, "person_id": actor.person_id,
        "organization_id": organization_id, "entity_id": entity_id, "referral_id": referral_id, "detail": {},
        "opening": _opening(actor, action, entity_id, at),
    })  # fmt: skip


def note_opening(
    actor: Acting, action: str, *, organization_id: UUID, entity_id: UUID, referral_id: UUID | None = None
) -> None:
    """The same in sessions of its own, before the first byte is shown, for what only reads.

    A look that was noted already writes nothing, and so never queues behind a writer."""
    opening = _opening(actor, action, entity_id, now())
    here = (engine(), opening)
    if here in _noted:
        return
    with reading(actor) as session:
        is_noted = session.scalar(sa.select(AuditEvent.id).where(AuditEvent.opening == opening)) is not None
    if not is_noted:
        with transaction(actor) as session:
            record_opening(
                session, actor, action, organization_id=organization_id, entity_id=entity_id, referral_id=referral_id
            )
    if len(_noted) >= NOTED:
        _noted.clear()
    _noted.add(here)


def _opening(actor: Acting, action: str, entity_id: UUID, at: datetime) -> str:
    slot = int(at.timestamp()) // int(timedelta(minutes=OPENING_MINUTES).total_seconds())
    return f"{actor.person_id}:{entity_id}:{action}:{slot}"
