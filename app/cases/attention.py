"""What needs somebody: a line each, what patients wait for first, and empty on a good day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.cases.slipped import FINDERS, Kind, Row, Whose
from app.db import Base, decoded, encoded
from app.errors import Forbidden, Invalid, NotFound
from app.jobs.parked import Parked
from app.notifications.models import Notification
from app.referrals.models import ManifestItem, OutboxDiscard, Referral, both_sides
from app.reports.critical_finding import CriticalFinding
from app.reports.late import LateFiles
from app.reports.models import Report
from app.reviews.models import Review
from app.studies.models import Document, Instance, InstanceConflict, ReferralStudy, Study

SUBJECTS: dict[Kind, type[Base]] = {
    Kind.CRITICAL: CriticalFinding, Kind.UNREAD: Report, Kind.LATE_FILES: LateFiles,
    **dict.fromkeys((Kind.OVERDUE, Kind.UNCLAIMED, Kind.COUNTERSIGN, Kind.SENT_BACK, Kind.DECLINED,
                     Kind.ON_HOLD), Review),
    **dict.fromkeys((Kind.HELD, Kind.QUARANTINED), ManifestItem), Kind.UNMATCHED: Study, Kind.MAIL: Notification,
    Kind.CONFLICT: InstanceConflict, Kind.DISCARDED: OutboxDiscard,
}  # fmt: skip
# The folder of a job -> the rows that its id may name: whose job it is.
OF_JOB: dict[str, tuple[type[Base], ...]] = {
    "notifications": (Notification,), "studies": (Study, Document, Referral), "reports": (Report, Referral), "reviews": (Review,),
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """`subject` is what it is about: a critical finding, a review, a report, a file, a study, a notification, or a job given up."""

    kind: Kind
    at: datetime
    subject: Any
    referral: Referral | None
    reads: bool  # for the reading side: what only the clinic can settle, it is reminded of

    @property
    def id(self) -> str:
        return self.subject.job_id if self.kind is Kind.JOB else str(self.subject.id)


@dataclass(frozen=True)
class Page:
    items: list[Item]
    next_cursor: str | None


def page(
    session: Session, actor: Actor, given_up: Sequence[Parked], *, cursor: str | None = None, limit: int = 100
) -> Page:
    """One kind after the other; the cursor names the kind and the last line of it."""
    mine = Whose.of(actor)
    if not (mine.reads or mine.own):
        raise Forbidden("Only coordinators, supervisors and administrators see what needs attention.")
    begin, after = _begin(cursor)
    items: list[Item] = []
    for kind in list(Kind)[list(Kind).index(begin) :]:
        place = after if kind is begin else ""
        if kind is Kind.JOB:
            items += _jobs(session, given_up, mine, place)
        else:
            items += _found(session, kind, mine, Row(*decoded(place)) if place else None, limit + 1 - len(items))
        if len(items) > limit:
            return Page(items[:limit], _cursor(items[limit - 1]))
    return Page(items, None)


def count(session: Session, actor: Actor, most: int = 99) -> int:
    """How many lines there are, but for jobs given up; no further than `most` and one of each kind."""
    mine = Whose.of(actor)
    return sum(len(find(session, mine, None, most + 1)) for find in FINDERS.values()) if mine.reads or mine.own else 0


def jobs_of(session: Session, organization_id: UUID, given_up: Sequence[Parked]) -> list[Parked]:
    """Those that are about a row of this organization: another's must not be known here."""
    return [job for job in given_up if organization_id in _owners(session, job)]


def require_mine(session: Session, actor: Actor, given_up: Sequence[Parked], job_id: str) -> None:
    """Of one of the organizations whose own affairs are the actor's."""
    mine = set(actor.organizations_for("attention.own"))
    if not any(job.job_id == job_id and _owners(session, job) & mine for job in given_up):
        raise NotFound


def _found(session: Session, kind: Kind, mine: Whose, after: Row | None, limit: int) -> Iterable[Item]:
    rows = FINDERS[kind](session, mine, after, limit)
    model: Any = SUBJECTS[kind]
    found = sa.select(model).where(model.id.in_([row.id for row in rows]))
    if model is Review:
        found = found.options(joinedload(Review.owner))
    if model is CriticalFinding:
        found = found.options(joinedload(CriticalFinding.person))
    if model in (Notification, OutboxDiscard):
        found = found.options(joinedload(model.person))
    subjects: dict[UUID, Any] = {one.id: one for one in session.scalars(found)} if rows else {}
    # A mail that did not go is its organization's own affair, whatever it was about.
    of: dict[UUID, UUID] = {
        one.id: one.referral_id
        for one in subjects.values()
        if kind is not Kind.MAIL and getattr(one, "referral_id", None)
    }
    if kind is Kind.CONFLICT:
        of = _asking(session, list(subjects.values()))
    query = sa.select(Referral).where(Referral.id.in_(set(of.values()))).options(*both_sides())
    cases = {one.id: one for one in session.scalars(query)} if of else {}
    for row in rows:
        referral = cases[of[row.id]] if row.id in of else None
        yield Item(kind, row.at, subjects[row.id], referral, reads=referral is not None and _reads(referral, mine))


def _asking(session: Session, conflicts: Sequence[InstanceConflict]) -> dict[UUID, UUID]:
    """The latest referral that asks about the examination of each; what a machine sent by itself has none."""
    query = (
        sa.select(InstanceConflict.id, ReferralStudy.referral_id)
        .join(Instance, Instance.id == InstanceConflict.instance_id)
        .join(ReferralStudy, ReferralStudy.study_id == Instance.study_id)
        .where(InstanceConflict.id.in_([one.id for one in conflicts])).order_by(ReferralStudy.referral_id)
    )  # fmt: skip
    return {row[0]: row[1] for row in session.execute(query)} if conflicts else {}


def _reads(referral: Referral, mine: Whose) -> bool:
    return referral.organization_id not in mine.own and referral.reading_organization_id in mine.reads


def _jobs(session: Session, given_up: Sequence[Parked], mine: Whose, after: str) -> Iterable[Item]:
    """Never many; in the order in which they were given up."""
    ordered = sorted(given_up, key=_place)
    theirs = (job for job in ordered if _place(job) > after and _owners(session, job) & set(mine.own))
    return [Item(Kind.JOB, job.parked_at, job, None, reads=False) for job in theirs]


def _place(job: Parked) -> str:
    return f"{job.parked_at.isoformat(timespec='microseconds')}~{job.job_id}"


def _owners(session: Session, job: Parked) -> set[UUID]:
    found = set[UUID]()
    for model in OF_JOB.get(job.name.partition(".")[0], ()):
        for row_id in filter(None, map(_uuid, job.ids)):
            row: Any = session.get(model, row_id)
            if row is not None:
                found |= {row.organization_id, getattr(row, "reading_organization_id", row.organization_id)}
    return found


def _begin(cursor: str | None) -> tuple[Kind, str]:
    kind, _, place = (cursor or f"{next(iter(Kind))}.").partition(".")
    if kind not in set(Kind) or bool(cursor) != bool(place):
        raise Invalid("This cursor was not given out here.", field="cursor")
    return Kind(kind), place


def _cursor(last: Item) -> str:
    return f"{last.kind}.{_place(last.subject) if last.kind is Kind.JOB else encoded(last.at, last.subject.id)}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
