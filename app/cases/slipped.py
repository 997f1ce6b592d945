"""What has slipped or stands still, a kind at a time and a page at a time, over an index of its own each."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.actor import Actor
from app.config import settings
from app.db import now
from app.notifications.models import UNSENT_SQL, Notification
from app.referrals.models import (
    TROUBLE_SQL,
    UNNOTED_SQL,
    FileStatus,
    ManifestItem,
    OutboxDiscard,
    Referral,
    ReferralStatus,
)
from app.reports.critical_finding import IS_OPEN as IS_OPEN_CRITICAL
from app.reports.critical_finding import CriticalFinding
from app.reports.late import IS_OPEN as IS_LATE
from app.reports.late import LateFiles
from app.reports.models import UNREAD_SQL, Report
from app.reviews.models import ASKED_SQL, ATTEST_SQL, DECLINED_SQL, MEND_SQL, UNCLAIMED_SQL, Review
from app.reviews.worklist import IS_OPEN, is_overdue
from app.studies.models import CONFLICT_SQL, InstanceConflict, Study


class Kind(StrEnum):
    """Why somebody is needed; in the order in which patients wait for it."""

    CRITICAL = "critical"  # told to the clinic, and nobody there has said it back
    OVERDUE = "overdue"
    UNCLAIMED = "unclaimed"
    COUNTERSIGN = "countersign"  # signed by a supervised reader
    SENT_BACK = "sent-back"  # by a supervisor, and not signed anew in time
    DECLINED = "declined"
    ON_HOLD = "on-hold"  # the clinic has not replied in time
    UNREAD = "unread"  # an answer, also after it was sent again
    LATE_FILES = "late-files"  # they came after signing, and their reader has not said what they change
    DISCARDED = "discarded"  # on a device, before it was sent
    HELD = "held"  # a file whose patient is in question
    QUARANTINED = "quarantined"
    CONFLICT = "conflict"  # other bytes under a UID that is taken
    UNMATCHED = "unmatched"  # a study that no referral asks about
    MAIL = "mail"
    JOB = "job"


class Whose(NamedTuple):
    """The organizations whose readers the actor sends to work, and those whose own affairs are theirs."""

    reads: tuple[UUID, ...]
    own: tuple[UUID, ...]
    cares: tuple[UUID, ...] = ()  # of those, where they see patients too

    @classmethod
    def of(cls, actor: Actor) -> "Whose":
        own = actor.organizations_for("attention.own")
        cares = tuple(sorted(set(own) & set(actor.organizations_for("referral.send"))))
        return cls(actor.organizations_for("review.assign"), own, cares)


class Row(NamedTuple):
    at: datetime
    id: UUID


Finder = Callable[[Session, Whose, Row | None, int], Sequence[Row]]
Found = sa.Select[Any, Any]  # a time and an id


def critical(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    waits = sa.select(CriticalFinding.identified_at, CriticalFinding.id).where(IS_OPEN_CRITICAL)
    sides = [*((CriticalFinding.reading_organization_id, each) for each in mine.reads),
             *((CriticalFinding.organization_id, each) for each in mine.cares)]  # fmt: skip
    return _by_side(session, waits, sides, after, limit)


def overdue(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    late = sa.select(Review.due_at, Review.id).where(IS_OPEN, *is_overdue(Review))
    return _by_reader(session, late, mine, after, limit)


def unclaimed(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """Half of their time has passed; what is overdue besides stands there."""
    waits = sa.select(Review.claim_by, Review.id).where(
        sa.literal_column(UNCLAIMED_SQL), Review.claim_by <= now(), Review.due_at >= now()
    )
    return _by_reader(session, waits, mine, after, limit)


def unattested(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    waits = sa.select(Review.attest_at, Review.id).where(sa.literal_column(ATTEST_SQL), IS_OPEN)
    return _by_reader(session, waits, mine, after, limit)


def unmended(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """Past its own deadline; before that it is its reader's alone."""
    waits = sa.select(Review.mend_by, Review.id).where(sa.literal_column(MEND_SQL), IS_OPEN, Review.mend_by <= now())
    return _by_reader(session, waits, mine, after, limit)


def declined(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    ours = sa.select(Review.updated_at, Review.id).where(sa.literal_column(DECLINED_SQL))
    return _by_reader(session, ours, mine, after, limit)


def on_hold(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """By both sides: neither has many at a time."""
    here = sa.or_(Review.reading_organization_id.in_(mine.reads), Review.organization_id.in_(mine.own))
    waits = sa.select(Review.reply_due_at, Review.id).where(
        sa.literal_column(ASKED_SQL), Review.reply_due_at <= now(), here
    )
    return _walked(session, waits, after, limit)


def unread(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    waits = sa.select(Report.escalated_at, Report.id).where(sa.literal_column(UNREAD_SQL))
    sides = [*((Report.reading_organization_id, each) for each in mine.reads),
             *((Report.organization_id, each) for each in mine.own)]  # fmt: skip
    return _by_side(session, waits, sides, after, limit)


def late_files(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """Past their own deadline; before that they are their reader's alone."""
    waits = sa.select(LateFiles.due_at, LateFiles.id).where(IS_LATE, LateFiles.due_at <= now())
    sides = [(LateFiles.reading_organization_id, each) for each in mine.reads]
    return _by_side(session, waits, sides, after, limit)


def discarded(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    told = sa.select(OutboxDiscard.created_at, OutboxDiscard.id).where(sa.literal_column(UNNOTED_SQL))
    return _by_id(session, told, OutboxDiscard.organization_id, mine, after, limit)


def held(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    return _files(session, FileStatus.HELD, mine, after, limit)


def quarantined(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    return _files(session, FileStatus.QUARANTINED, mine, after, limit)


def conflicts(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    kept_aside = sa.select(InstanceConflict.created_at, InstanceConflict.id).where(sa.literal_column(CONFLICT_SQL))
    return _by_id(session, kept_aside, InstanceConflict.organization_id, mine, after, limit)


def unmatched(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    came = sa.select(Study.created_at, Study.id).where(Study.matched_at.is_(None))
    return _by_id(session, came, Study.organization_id, mine, after, limit)


def undelivered(session: Session, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """Refused for good, or still being tried; read on the pages or settled by another meanwhile, it is no matter."""
    unsent = sa.select(Notification.created_at, Notification.id).where(
        sa.literal_column(UNSENT_SQL), Notification.settled_at.is_(None), Notification.created_at > _horizon()
    )
    return _by_id(session, unsent, Notification.organization_id, mine, after, limit)


# Of these the review can be given to another reader.
ASSIGNABLE = (Kind.OVERDUE, Kind.UNCLAIMED, Kind.SENT_BACK, Kind.DECLINED)
FINDERS: dict[Kind, Finder] = {
    Kind.CRITICAL: critical, Kind.OVERDUE: overdue, Kind.UNCLAIMED: unclaimed, Kind.COUNTERSIGN: unattested,
    Kind.SENT_BACK: unmended, Kind.DECLINED: declined, Kind.ON_HOLD: on_hold, Kind.UNREAD: unread, Kind.LATE_FILES: late_files,
    Kind.DISCARDED: discarded, Kind.HELD: held,
    Kind.QUARANTINED: quarantined, Kind.CONFLICT: conflicts, Kind.UNMATCHED: unmatched, Kind.MAIL: undelivered,
}  # fmt: skip


def _files(session: Session, status: FileStatus, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """Of referrals that stand; a clinic that was reminded of a file has its time."""
    reminded = now() - timedelta(minutes=settings().file_question_min)
    theirs = sa.and_(Referral.reading_organization_id.in_(mine.reads), Referral.submitted_at.is_not(None))
    # Not a join: the walk is over the few files in trouble, whoever's they are, not over the referrals.
    stands = sa.exists().where(
        Referral.id == ManifestItem.referral_id,
        Referral.status.not_in((ReferralStatus.REVOKED, ReferralStatus.ENTERED_IN_ERROR)),
        sa.or_(Referral.organization_id.in_(mine.own), theirs),
    )
    waits = sa.select(ManifestItem.arrived_at, ManifestItem.id).where(
        sa.literal_column(TROUBLE_SQL), ManifestItem.status == status, ManifestItem.arrived_at > _horizon(),
        sa.or_(ManifestItem.reminded_at.is_(None), ManifestItem.reminded_at <= reminded), stands,
    )  # fmt: skip
    return _walked(session, waits, after, limit)


def _horizon() -> datetime:
    return now() - timedelta(days=settings().attention_days)


def _by_reader(session: Session, query: Found, mine: Whose, after: Row | None, limit: int) -> Sequence[Row]:
    """Each organization's walk has the order of its index; one query over several would sort all that fits."""
    parts = [query.where(Review.reading_organization_id == each) for each in mine.reads]
    return sorted(row for part in parts for row in _walked(session, part, after, limit))[:limit]


def _by_side(
    session: Session, query: Found, sides: Sequence[tuple[InstrumentedAttribute[UUID], UUID]], after: Row | None, limit: int
) -> Sequence[Row]:  # fmt: skip
    parts = [query.where(side == each) for side, each in sides]
    return sorted({row for part in parts for row in _walked(session, part, after, limit)})[:limit]


def _walked(session: Session, query: Found, after: Row | None, limit: int) -> list[Row]:
    at, row_id = query.selected_columns
    if after is not None:
        query = query.where(sa.tuple_(at, row_id) > (after.at, after.id))
    return [Row(*row) for row in session.execute(query.order_by(at, row_id).limit(limit))]


def _by_id(
    session: Session,
    query: Found,
    organization: InstrumentedAttribute[UUID],
    mine: Whose,
    after: Row | None,
    limit: int,
) -> Sequence[Row]:
    """Their ids sort by the time they were made."""
    row_id = query.selected_columns[1]
    if after is not None:
        query = query.where(row_id > after.id)
    parts = [query.where(organization == each).order_by(row_id).limit(limit) for each in mine.own]
    return sorted((Row(*row) for part in parts for row in session.execute(part)), key=lambda row: row.id)[:limit]
