"""CriticalFinding: the record of what must be spoken of at once, its states, and where it stays until it was read back."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from app.access import scope
from app.access.actor import Actor
from app.db import Base, decoded, now, paged
from app.people.models import Person

OPEN_SQL = "status IN ('raised', 'communicated')"
IS_OPEN: sa.ColumnElement[bool] = sa.literal_column(f"critical_finding.{OPEN_SQL}")


class CriticalStatus(StrEnum):
    """Posting it in a record is no communication: it is open until it was read back."""

    RAISED = "raised"
    COMMUNICATED = "communicated"
    READ_BACK = "read-back"
    WITHDRAWN = "withdrawn"


class Method(StrEnum):
    """How it was said."""

    TELEPHONE = "telephone"
    IN_PERSON = "in-person"
    RADIO = "radio"
    MESSAGE = "message"
    PAGE = "page"  # the clinic typed it back here


SPOKEN = tuple(one for one in Method if one is not Method.PAGE)  # between two people
C = CriticalStatus
OPEN = (C.RAISED, C.COMMUNICATED)
TRANSITIONS: dict[tuple[str, str], CriticalStatus] = {
    **{(status, "communicate"): C.COMMUNICATED for status in OPEN},
    **{(status, "read-back"): C.READ_BACK for status in OPEN},
    **{(status, "withdraw"): C.WITHDRAWN for status in OPEN},
}


class CriticalFinding(Base):
    """The record of six: finding, time identified, who communicated, who received, time received, method."""

    __tablename__ = "critical_finding"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"))
    code: Mapped[str] = mapped_column(sa.String(30))  # of the list; empty where the reader used their own words
    finding: Mapped[str] = mapped_column(sa.String(200))
    grade: Mapped[str] = mapped_column(sa.String(12))
    status: Mapped[str] = mapped_column(sa.String(12), default=C.RAISED)
    identified_at: Mapped[datetime] = mapped_column(default=now)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))  # who raised it
    communicated_by: Mapped[str] = mapped_column(sa.String(200), default="")
    received_by: Mapped[str] = mapped_column(sa.String(200), default="")
    received_at: Mapped[datetime | None]
    method: Mapped[str] = mapped_column(sa.String(12), default="")
    said_back: Mapped[str] = mapped_column(sa.Text, default="")
    ended_at: Mapped[datetime | None]  # read back, or withdrawn
    ended_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.Text, default="")  # of a withdrawal

    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="raise")

    __table_args__ = (
        sa.Index("ix_critical_finding_open", "organization_id", "identified_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        sa.Index("ix_critical_finding_open_here", "reading_organization_id", "identified_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
    )  # fmt: skip

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


def of_referral(session: Session, referral_id: UUID) -> list[CriticalFinding]:
    """All of them, what is open before the rest."""
    mine = sa.select(CriticalFinding).where(CriticalFinding.referral_id == referral_id)
    found = session.scalars(mine.options(joinedload(CriticalFinding.person)).order_by(CriticalFinding.id))
    return sorted(found, key=lambda one: not one.is_open)


def is_any_open(session: Session, referral_id: UUID) -> bool:
    mine = sa.select(CriticalFinding.id).where(CriticalFinding.referral_id == referral_id, IS_OPEN)
    return session.scalars(mine.limit(1)).first() is not None


def listing(
    session: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50
) -> tuple[list[CriticalFinding], str | None]:
    """What is open on either side of the actor's organizations, the oldest first; and where the next page begins."""
    columns = sa.select(CriticalFinding.id, CriticalFinding.identified_at.label("at")).where(IS_OPEN)
    if cursor:
        columns = columns.where(sa.tuple_(CriticalFinding.identified_at, CriticalFinding.id) > decoded(cursor))
    sides = (CriticalFinding.organization_id, CriticalFinding.reading_organization_id)
    parts = [
        columns.where(side == each, scope.visible(CriticalFinding, actor))
        for each in actor.organization_ids
        for side in sides
    ]
    ids, next_cursor = paged(session, parts, limit)
    query = sa.select(CriticalFinding).where(CriticalFinding.id.in_(ids)).options(joinedload(CriticalFinding.person))
    by_id = {one.id: one for one in session.scalars(query)}
    return [by_id[each] for each in ids], next_cursor
