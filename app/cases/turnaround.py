"""How long cases take, stage by stage, from the record of what was done; what was paused is left out, and shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import RIGHTS, Actor, require
from app.audit.events import AuditEvent
from app.config import settings
from app.notifications.models import Notification
from app.people.models import Membership
from app.referrals.models import ARRIVED, ManifestItem, Referral
from app.reports.freeze import TOLD
from app.reports.models import Report, VersionStatus
from app.reviews.models import Review

CLAIMS = ("review.claimed", "review.assigned")
RESUMES = ("review.replied", "review.released")
ACTIONS = ("referral.submitted", *CLAIMS, "review.held", *RESUMES, "report.signed", "report.acknowledged")
AT_ONCE = 500  # ids in one statement


class Stage(StrEnum):
    """A part of a case's way; `answer` is claiming and reading together, as the clinic counts it.

    No stage is made of what is not on record: when images were ready to be looked at (a still is made at its first
    request), and what the clinic did upon an answer."""

    ARRIVE = "arrive"  # submitted until the last byte was there; nothing, where all of it was before
    OPEN = "open"  # submitted until somebody who reads first opened it
    CLAIM = "claim"  # submitted until somebody has it
    READ = "read"  # from then until it is signed
    PRELIMINARY = "preliminary"  # submitted until an answer was signed that was not final yet
    ANSWER = "answer"
    NOTIFY = "notify"  # signed until somebody of the clinic was told, by a mail that was accepted or by the pages
    DELIVER = "deliver"  # signed until somebody of the clinic first opened it
    ACKNOWLEDGE = "acknowledge"  # signed until the clinic has read it
    PAUSE = "pause"  # while the clinic was asked: in none of the others


@dataclass
class Course:
    """What is on record of one case."""

    submitted_at: datetime | None = None
    last_byte_at: datetime | None = None  # of what was there when it was signed
    opened_at: datetime | None = None  # by the reading side
    claimed_at: datetime | None = None
    preliminary_at: datetime | None = None
    signed_at: datetime | None = None
    notified_at: datetime | None = None
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)
    held_at: datetime | None = None

    def note(self, event: AuditEvent) -> None:
        """Events come in the order in which they happened; of each milestone the first counts."""
        if event.action == "referral.submitted":
            self.submitted_at = self.submitted_at or event.at
        elif event.action in CLAIMS:
            self.claimed_at = self.claimed_at or event.at
        elif event.action == "review.held":
            self.held_at = event.at
        elif event.action in RESUMES and self.held_at is not None:
            self.pauses.append((self.held_at, event.at))
            self.held_at = None
        elif event.action == "report.signed" and event.detail.get("status") == VersionStatus.PRELIMINARY:
            self.preliminary_at = self.preliminary_at or event.at
        elif event.action == "report.signed":
            self.signed_at = self.signed_at or event.at
        elif event.action == "report.acknowledged" and self.signed_at is not None:
            self.acknowledged_at = self.acknowledged_at or event.at

    @property
    def _all_there_at(self) -> datetime | None:
        if self.last_byte_at is None or self.submitted_at is None:
            return None
        return max(self.last_byte_at, self.submitted_at)

    @property
    def paused(self) -> timedelta:
        return sum((to - since for since, to in self.pauses), timedelta())

    def stages(self) -> dict[Stage, timedelta]:
        """Those that are over."""
        ends = {
            Stage.ARRIVE: (self.submitted_at, self._all_there_at), Stage.OPEN: (self.submitted_at, self.opened_at),
            Stage.CLAIM: (self.submitted_at, self.claimed_at), Stage.READ: (self.claimed_at, self.signed_at),
            Stage.PRELIMINARY: (self.submitted_at, self.preliminary_at), Stage.ANSWER: (self.submitted_at, self.signed_at),
            Stage.NOTIFY: (self.signed_at, self.notified_at), Stage.DELIVER: (self.signed_at, self.delivered_at),
            Stage.ACKNOWLEDGE: (self.signed_at, self.acknowledged_at),
        }  # fmt: skip
        taken = {stage: self._without_pauses(since, to) for stage, (since, to) in ends.items() if since and to}
        return taken | ({Stage.PAUSE: self.paused} if self.pauses else {})

    def _without_pauses(self, since: datetime, to: datetime) -> timedelta:
        inside = (min(end, to) - max(begin, since) for begin, end in self.pauses)
        return to - since - sum((each for each in inside if each > timedelta()), timedelta())


@dataclass(frozen=True)
class Figure:
    stage: Stage
    cases: int
    half: timedelta  # of them took no longer
    nine_tenths: timedelta


@dataclass(frozen=True)
class Figures:
    cases: int
    in_time: int  # answered before they were due
    is_cut: bool  # there were more: the latest are counted
    stages: list[Figure]


def of_organization(session: Session, actor: Actor, organization_id: UUID, since: datetime, until: datetime) -> Figures:
    """Over the cases signed in that time, asked by this organization or read there."""
    require(actor, "turnaround.see", organization_id)
    most = settings().turnaround_cases
    columns = sa.select(Report.id, Report.referral_id, Report.review_id, Report.signed_at)
    signed = columns.where(Report.signed_at >= since, Report.signed_at < until).limit(most + 1)
    latest = signed.order_by(Report.signed_at.desc(), Report.id.desc())
    sides = (Report.reading_organization_id, Report.organization_id)
    found = {row.id: row for side in sides for row in session.execute(latest.where(side == organization_id))}
    rows = sorted(found.values(), key=lambda row: row.signed_at, reverse=True)
    kept = rows[:most]
    courses = courses_of(
        session, {each: row.referral_id for row in kept for each in (row.id, row.referral_id, row.review_id)}
    )
    due = _due(session, [row.review_id for row in kept])
    answered = [(courses[row.referral_id], due[row.review_id]) for row in kept if row.referral_id in courses]
    in_time = sum(course.signed_at is not None and course.signed_at <= due_at for course, due_at in answered)
    return Figures(len(kept), in_time, len(rows) > most, figures([course for course, _due_at in answered]))


def of_case(session: Session, referral_id: UUID) -> Course:
    """The caller has seen to it that the actor may know of the referral."""
    ids = {referral_id: referral_id}
    for model in (Review, Report):
        mine = sa.select(model.id).where(model.referral_id == referral_id)
        ids |= dict.fromkeys(session.scalars(mine), referral_id)
    return courses_of(session, ids).get(referral_id, Course())


def courses_of(session: Session, cases: dict[UUID, UUID]) -> dict[UUID, Course]:
    """By referral, from the events of each of these rows, by the record's index over what it is about."""
    ids, courses = list(cases), dict[UUID, Course]()
    events: list[AuditEvent] = []
    for some in _some(ids):
        mine = sa.select(AuditEvent).where(AuditEvent.entity_id.in_(some), AuditEvent.action.in_(ACTIONS))
        events += session.scalars(mine)
    for event in sorted(events, key=lambda event: (event.at, event.id)):
        if event.entity_id is not None:
            courses.setdefault(cases[event.entity_id], Course()).note(event)
    _note_openings(session, courses)
    _note_last_bytes(session, courses)
    _note_tellings(session, courses)
    _note_deliveries(session, courses)
    return courses


def _note_openings(session: Session, courses: dict[UUID, Course]) -> None:
    for some in _some(list(courses)):
        reads = sa.and_(
            Membership.person_id == AuditEvent.person_id, Membership.organization_id == Referral.reading_organization_id
        )
        first = (
            sa.select(Referral.id, sa.func.min(AuditEvent.at))
            .join(AuditEvent, AuditEvent.entity_id == Referral.id).join(Membership, reads)
            .where(AuditEvent.entity_id.in_(some), AuditEvent.action == "referral.opened",
                   AuditEvent.at >= Referral.submitted_at)
            .group_by(Referral.id)
        )  # fmt: skip
        for referral_id, at in session.execute(first):
            courses[referral_id].opened_at = at


def _note_last_bytes(session: Session, courses: dict[UUID, Course]) -> None:
    """What came after signing is another matter, and rare: it is asked about case by case."""
    last = sa.select(ManifestItem.referral_id, sa.func.max(ManifestItem.arrived_at)).where(
        ManifestItem.status.in_(ARRIVED), ManifestItem.is_archive.is_(False)
    ).group_by(ManifestItem.referral_id)  # fmt: skip
    for some in _some(list(courses)):
        for referral_id, at in session.execute(last.where(ManifestItem.referral_id.in_(some))).all():
            course = courses[referral_id]
            course.last_byte_at = at
            if at is not None and course.signed_at is not None and at > course.signed_at:
                here = last.where(ManifestItem.referral_id == referral_id, ManifestItem.arrived_at <= course.signed_at)
                row = session.execute(here).first()
                course.last_byte_at = row[1] if row else None


def _note_tellings(session: Session, courses: dict[UUID, Course]) -> None:
    """A mail that is on its way has told nobody yet; where none is wanted, opening the case is what tells."""
    told = sa.select(Notification.referral_id, Notification.sent_at, Notification.read_at).join(
        Referral, Referral.id == Notification.referral_id
    ).where(Notification.kind.in_(TOLD), Notification.organization_id == Referral.organization_id)  # fmt: skip
    for some in _some(_signed(courses)):
        for referral_id, *moments in session.execute(told.where(Notification.referral_id.in_(some))):
            course = courses[referral_id]
            course.notified_at = _first_after(course.signed_at, course.notified_at, *moments)


def _note_deliveries(session: Session, courses: dict[UUID, Course]) -> None:
    """As page, PDF or JSON; what was opened before signing was a preliminary answer, and is asked about case by case.

    Whoever confirms has it open: a look soon after another one is not written down again."""
    asks = sa.and_(
        Membership.person_id == AuditEvent.person_id, Membership.organization_id == Report.organization_id,
        Membership.role.in_(RIGHTS["referral.send"]),  # an organization may read for itself
    )  # fmt: skip
    first = (
        sa.select(Report.referral_id, sa.func.min(AuditEvent.at))
        .join(AuditEvent, AuditEvent.entity_id == Report.id).join(Membership, asks)
        .where(AuditEvent.action == "report.opened").group_by(Report.referral_id)
    )  # fmt: skip
    for some in _some(_signed(courses)):
        opened = {row[0]: row[1] for row in session.execute(first.where(Report.referral_id.in_(some)))}
        for referral_id in some:
            course = courses[referral_id]
            at = opened.get(referral_id)
            if at is not None and course.signed_at is not None and at < course.signed_at:
                later = first.where(Report.referral_id == referral_id, AuditEvent.at >= course.signed_at)
                row = session.execute(later).first()
                at = row[1] if row else None
            course.delivered_at = _first_after(course.signed_at, at, course.acknowledged_at)


def _signed(courses: dict[UUID, Course]) -> list[UUID]:
    return [referral_id for referral_id, course in courses.items() if course.signed_at is not None]


def _first_after(since: datetime | None, *moments: datetime | None) -> datetime | None:
    return min((at for at in moments if at is not None and since is not None and at >= since), default=None)


def _some(ids: list[UUID]) -> Iterable[list[UUID]]:
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


def figures(courses: Sequence[Course]) -> list[Figure]:
    taken: dict[Stage, list[timedelta]] = {stage: [] for stage in Stage}
    for course in courses:
        for stage, length in course.stages().items():
            taken[stage].append(length)
    return [
        Figure(stage, len(lengths), _nearest_rank(lengths, 0.5), _nearest_rank(lengths, 0.9))
        for stage, lengths in taken.items()
        if lengths
    ]


def _nearest_rank(lengths: Iterable[timedelta], share: float) -> timedelta:
    """The shortest of them that so many do not exceed."""
    ordered = sorted(lengths)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _due(session: Session, review_ids: list[UUID]) -> dict[UUID, datetime]:
    due: dict[UUID, datetime] = {}
    for some in _some(review_ids):
        mine = sa.select(Review.id, Review.due_at).where(Review.id.in_(some))
        due |= {row.id: row.due_at for row in session.execute(mine)}
    return due
