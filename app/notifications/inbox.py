"""What waits for a person, the newest first; reading it is theirs alone."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import now
from app.errors import NotFound
from app.notifications.models import Notification


def inbox(session: Session, person_id: UUID, *, before: UUID | None = None, limit: int = 50) -> list[Notification]:
    """A page; `before` is the last one of the page before."""
    query = sa.select(Notification).where(Notification.person_id == person_id)
    if before is not None:
        query = query.where(Notification.id < before)
    return list(session.scalars(query.order_by(Notification.id.desc()).limit(limit)))


def unread_count(session: Session, person_id: UUID) -> int:
    query = sa.select(sa.func.count()).where(Notification.person_id == person_id, Notification.read_at.is_(None))
    return session.scalar(query) or 0


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
