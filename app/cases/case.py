"""One case, joined: everything that a page or a JSON answer about a referral needs, read at once."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access import scope
from app.access.actor import Actor
from app.audit import events
from app.people.models import Patient, Person
from app.referrals import manifest
from app.referrals.manifest import Counts
from app.referrals.models import ManifestItem, Referral, Revision
from app.referrals.pregnancy import Pregnancy
from app.reports import marks
from app.reports.critical_finding import CriticalFinding, of_referral
from app.reports.models import Acknowledgement, Report, ReportVersion
from app.reviews.models import Message, Review, ReviewStatus
from app.studies.attach import came_alone
from app.studies.images import documents_of, holds_picture, instances_of
from app.studies.models import Document, Instance, Study


@dataclass(frozen=True)
class Case:
    referral: Referral
    files: list[ManifestItem]
    counts: Counts
    instances: list[Instance]
    documents: list[Document]
    review: Review | None
    former: list[Review]  # declined by other organizations, and sent on
    report: Report | None
    messages: list[Message]
    revisions: list[Revision]
    read_by: list[tuple[str, datetime]]  # who confirmed having read the newest version
    came_alone: list[Study]  # asked about, but not sent with the referral
    studies: list[Study]
    critical: list[CriticalFinding]  # what is open before the rest

    @property
    def awaited(self) -> list[ManifestItem]:
        """What has not come, in the order in which it is wanted."""
        return sorted((one for one in self.files if one.is_awaited), key=lambda one: one.place)

    @property
    def previewed(self) -> list[ManifestItem]:
        """Of these, what there is a preview of."""
        return [one for one in self.awaited if one.preview]

    @property
    def open_critical(self) -> list[CriticalFinding]:
        """Nobody of the clinic has said these back yet."""
        return [one for one in self.critical if one.is_open]

    @property
    def study_ids(self) -> list[UUID]:
        return [one.id for one in self.studies]

    @property
    def images(self) -> list[Instance]:
        """What stands on the strip; a machine's report is an instance, and none of them."""
        return [one for one in self.instances if holds_picture(one)]

    @property
    def without_picture(self) -> list[Instance]:
        """The rest of the instances: they can be downloaded."""
        return [one for one in self.instances if not holds_picture(one)]

    @property
    def files_by_study(self) -> Counter[UUID]:
        return Counter(one.study_id for one in self.instances)

    @property
    def clip_count(self) -> int:
        return sum(one.is_clip for one in self.instances)

    @property
    def signed_report(self) -> Report | None:
        """The report, once a version of it is signed: before that it is the reader's alone."""
        return self.report if self.report is not None and self.report.signed_at is not None else None

    @property
    def seen(self) -> str:
        """What a page showed of the case that changes by other people's acts, as one word to compare by."""
        report, review = self.signed_report, self.review
        answer = f"{report.version}.{report.status}.{report.acknowledged_at is not None}" if report else ""
        ended = review.status if review and review.status in (ReviewStatus.ON_HOLD, ReviewStatus.REJECTED) else ""
        ended += ".returned" if review and review.returned_at else ""
        critical = "".join(f"{one.id.hex[-6:]}{one.status}" for one in self.critical)
        return f"{answer}/{self.referral.version}.{self.referral.status}.{self.said}.{ended}{critical}"

    @property
    def said(self) -> int:
        """Messages, and files that came with them or later."""
        return len(self.messages) + sum(len(one.enclosures) for one in self.messages)

    def shows_own_reading(self, *, sends: bool) -> bool:
        """The operator's must not lead the reader, who is shown it once an impression is written."""
        return sends or (self.report is not None and any(one.impression for one in self.report.versions))

    def changes(self, revision: Revision, *, sends: bool) -> dict[str, Any]:
        """What the clinic changed then, as far as it is shown to this side."""
        hidden = () if self.shows_own_reading(sends=sends) else ("provisional_reading",)
        return {name: change for name, change in revision.changes.items() if name not in hidden}

    @property
    def current_version(self) -> ReportVersion | None:
        """The newest signed version."""
        signed = marks.signed(self.report) if self.report else []
        return signed[-1] if signed else None


def whole(session: Session, actor: Actor, referral_id: UUID) -> Case:
    """The case, or NotFound where it is not the actor's to know of."""
    referral = scope.get(
        session, Referral, referral_id, actor, *OF_REFERRAL, selectinload(Referral.external_identifiers)
    )
    review = session.scalars(
        sa.select(Review).where(Review.referral_id == referral.id).options(joinedload(Review.owner))
        .order_by(Review.id.desc()).limit(1)
    ).first()  # fmt: skip
    report, instances = _report(session, review), instances_of(session, referral.id)
    return Case(
        referral=referral, files=manifest.items(session, referral.id),
        counts=manifest.counts(session, [referral.id])[referral.id],
        instances=instances, studies=_studies(session, instances), documents=documents_of(session, referral.id),
        review=review, former=_former(session, referral.id), report=report, read_by=_read_by(session, report),
        messages=_messages(session, referral.id),
        revisions=_revisions(session, referral.id), came_alone=came_alone(session, referral.id),
        critical=of_referral(session, referral.id),
    )  # fmt: skip


def _studies(session: Session, instances: list[Instance]) -> list[Study]:
    ids = {one.study_id for one in instances}
    return list(session.scalars(sa.select(Study).where(Study.id.in_(ids)).order_by(Study.id))) if ids else []


def opened(session: Session, actor: Actor, referral: Referral) -> None:
    """Looking at a case is an event, once in a quarter of an hour, written before the first byte is shown."""
    events.record_opening(session, actor, "referral.opened", organization_id=referral.organization_id,
                          entity_id=referral.id, referral_id=referral.id)  # fmt: skip


def note_opened(actor: Actor, referral: Referral) -> None:
    """The same where nothing else is written; a page that looks again by itself writes once in that time too."""
    events.note_opening(actor, "referral.opened", organization_id=referral.organization_id, entity_id=referral.id,
                        referral_id=referral.id)  # fmt: skip


OF_REFERRAL = (
    joinedload(Referral.patient).joinedload(Patient.mother), joinedload(Referral.author), joinedload(Referral.organization),
    joinedload(Referral.reading_organization), joinedload(Referral.pregnancy).joinedload(Pregnancy.dated_by),
)  # fmt: skip


def _report(session: Session, review: Review | None) -> Report | None:
    if review is None:
        return None
    versions = selectinload(Report.versions).joinedload(ReportVersion.signature)
    return session.scalars(sa.select(Report).where(Report.review_id == review.id).options(versions)).one_or_none()


def _read_by(session: Session, report: Report | None) -> list[tuple[str, datetime]]:
    """Anyone of the clinic may confirm it, and who did is on record."""
    if report is None or report.acknowledged_at is None:
        return []
    confirmed = (
        sa.select(Person.name, Acknowledgement.at).join(Person, Person.id == Acknowledgement.person_id)
        .join(ReportVersion, ReportVersion.id == Acknowledgement.report_version_id)
        .where(ReportVersion.report_id == report.id, ReportVersion.version == report.version)
    )  # fmt: skip
    return [(row.name, row.at) for row in session.execute(confirmed.order_by(Acknowledgement.at))]


def _revisions(session: Session, referral_id: UUID) -> list[Revision]:
    query = sa.select(Revision).where(Revision.referral_id == referral_id).options(joinedload(Revision.person))
    return list(session.scalars(query.order_by(Revision.version)))


def _former(session: Session, referral_id: UUID) -> list[Review]:
    query = sa.select(Review).where(Review.referral_id == referral_id, Review.sent_on_at.is_not(None))
    return list(session.scalars(query.options(joinedload(Review.reading_organization)).order_by(Review.id)))


def _messages(session: Session, referral_id: UUID) -> list[Message]:
    """What was said with whoever had it before, too: it belongs to the case."""
    query = sa.select(Message).join(Review, Review.id == Message.review_id).where(Review.referral_id == referral_id)
    with_all = (joinedload(Message.person), selectinload(Message.enclosures))
    return list(session.scalars(query.options(*with_all).order_by(Message.id)))
