"""A timer is a row that becomes a job when its time has come, by the database's clock, and acts once."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import db
from app.db import Base, new_id
from app.jobs.acting import SERVICE
from app.jobs.queue import enqueue

AT_ONCE = 50  # in one transaction: on SQLite nobody else writes meanwhile


class Timer(Base):
    """`name` is the job's, `folder.verb`; a subject has one of each, whose row goes in the transaction that acts.

    Not a delayed job of dbos: one that waits for days could not be moved, and goes by the clock of its process."""

    __tablename__ = "timer"

    name: Mapped[str] = mapped_column(sa.String(60))
    subject_id: Mapped[UUID]
    at: Mapped[datetime]
    rung_at: Mapped[datetime | None]  # its job is queued

    __table_args__ = (
        sa.UniqueConstraint("subject_id", "name"),
        sa.Index("ix_timer_at", "at", "id", sqlite_where=sa.text("rung_at IS NULL"),
                 postgresql_where=sa.text("rung_at IS NULL")),
    )  # fmt: skip


def wind(session: Session, name: str, subject_id: UUID, at: datetime) -> None:
    """Ring at that time. What was wound before under this name is off, also where its job is queued already."""
    stop(session, subject_id, name)
    session.add(Timer(id=new_id(), name=name, subject_id=subject_id, at=at))
    session.flush()


def stop(session: Session, subject_id: UUID, *names: str) -> None:
    """These timers of a subject do not ring any more."""
    gone = sa.delete(Timer).where(Timer.subject_id == subject_id, Timer.name.in_(names))
    session.execute(gone.execution_options(synchronize_session=False))


def ring() -> None:
    """Whatever is due becomes its job, once, however late this comes."""
    with db.reading(SERVICE) as session:  # mostly nothing is: nobody has to wait for a writer's turn
        is_any_due = session.scalars(_due(db.clock(session)).limit(1)).first() is not None
    while is_any_due:
        is_any_due = _ring_some() == AT_ONCE


def take(session: Session, timer_id: str) -> bool:
    """First in the transaction that acts, behind the locks of what it acts on.

    False where this was done before by a job that was cut off, or the timer was wound anew or stopped meanwhile."""
    mine = sa.delete(Timer).where(Timer.id == UUID(timer_id)).execution_options(synchronize_session=False)
    return bool(session.execute(mine).rowcount == 1)  # type: ignore[attr-defined]  # DML gives a CursorResult


def _ring_some() -> int:
    with db.transaction(SERVICE) as session:
        at = db.clock(session)
        # What another worker rings at this moment, or somebody winds anew, is not waited for.
        timers = list(session.scalars(_due(at).limit(AT_ONCE).with_for_update(skip_locked=True)))
        for timer in timers:
            timer.rung_at = at
            enqueue(session, timer.name, timer.subject_id, timer.id, job_id=f"timer-{timer.id}")
    return len(timers)


def _due(at: datetime) -> sa.Select[Timer]:
    return sa.select(Timer).where(Timer.at <= at, Timer.rung_at.is_(None)).order_by(Timer.at, Timer.id)
