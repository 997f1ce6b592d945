"""What waits for a person, the newest first; reading it is theirs alone."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.db import IDS, now
from app.errors import NotFound
from app.notifications.models import Notification
from app.people.models import Person

MESSAGES = ("review.question", "review.reply", "review.message")
IS_UNREAD = sa.and_(Notification.read_at.is_(None), Notification.settled_at.is_(None))

UNREAD_MESSAGES = sa.select(Notification.referral_id, sa.func.min(Notification.created_at)).where(
    Notification.person_id == sa.bindparam("person_id", type_=sa.Uuid()), Notification.referral_id.in_(IDS), IS_UNREAD,
    Notification.kind.in_(MESSAGES),
).group_by(Notification.referral_id)  # fmt: skip


def inbox(session: Session, person_id: UUID, *, before: UUID | None = None, limit: int = 50) -> list[Notification]:
    """A page; `before` is the last one of the page before."""
    query = sa.select(Notification).where(Notification.person_id == person_id)
    if before is not None:
        query = query.where(Notification.id < before)
    return list(session.scalars(query.order_by(Notification.id.desc()).limit(limit)))


def unread_count(session: Session, person_id: UUID) -> int:
    query = sa.select(sa.func.count()).where(Notification.person_id == person_id, IS_UNREAD)
    return session.scalar(query) or 0


def unread_messages(session: Session, person_id: UUID | None, referral_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """The cases of which somebody said something that the person has not seen, and since when."""
    given = {"person_id": person_id, "ids": referral_ids}
    return {row[0]: row[1] for row in session.execute(UNREAD_MESSAGES, given)}


def seen_by(session: Session, referral_id: UUID, since: datetime, but: UUID | None) -> list[tuple[str, datetime]]:
    """Who else was told of what was said in the case since then, and has opened it; the first before the rest."""
    query = (
        sa.select(Person.name, sa.func.min(Notification.read_at).label("at"))
        .join(Person, Person.id == Notification.person_id)
        .where(Notification.referral_id == referral_id, Notification.kind.in_(MESSAGES),
               Notification.created_at >= since, Notification.read_at.is_not(None),
               Notification.person_id.is_distinct_from(but))
        .group_by(Person.id, Person.name).order_by(sa.text("at"))
    )  # fmt: skip
    return [(row.name, row.at) for row in session.execute(query)]


def told_in(session: Session, referral_id: UUID, kind: str) -> list[Notification]:
    """Who was told of this in a case, with what became of each mail and when they opened it; the last telling first."""
    query = sa.select(Notification).where(Notification.referral_id == referral_id, Notification.kind == kind)
    return list(session.scalars(query.options(joinedload(Notification.person)).order_by(Notification.id.desc())))


def mark_read(session: Session, person_id: UUID, notification_id: UUID) -> None:
    """Reading twice is once."""
    notification = session.get(Notification, notification_id)
    if notification is None or notification.person_id != person_id:
        raise NotFound
    notification.read_at = notification.read_at or now()


def mark_case_read(session: Session, person_id: UUID, referral_id: UUID) -> None:
    """Opening a case reads everything that was said about it."""
    session.execute(
        sa.update(Notification)
        .where(
            Notification.person_id == person_id, Notification.referral_id == referral_id, Notification.read_at.is_(None)
        )
        .values(read_at=now())
    )


def mark_all_read(session: Session, person_id: UUID) -> None:
    """Nothing waits any more that was told of so far."""
    unread = sa.update(Notification).where(Notification.person_id == person_id, Notification.read_at.is_(None))
    session.execute(unread.values(read_at=now()))
