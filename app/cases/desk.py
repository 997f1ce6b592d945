"""A reader's desk: the sites that send, what this reader signed, and the earlier cases of a patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import READERS, Actor
from app.access.scope import visible
from app.db import decoded, encoded
from app.people.models import Membership, Organization, Person, ReadingRelation
from app.referrals.models import Referral, both_sides
from app.reports.critical_finding import IS_OPEN, CriticalFinding
from app.reports.late import IS_OPEN as IS_LATE
from app.reports.late import LateFiles
from app.reports.models import Report, ReportVersion, Signature
from app.reviews.models import Review, ReviewStatus
from app.reviews.worklist import Asked, Page, narrowed, rows, sought

MOST_SHOWN = 50  # of one reader, above their worklist


@dataclass(frozen=True)
class Prior:
    """An earlier case of the same patient, with its report where one is signed."""

    referral: Referral
    report: Report | None


@dataclass(frozen=True)
class LastSigned:
    at: datetime
    by: str


def sites(session: Session, actor: Actor) -> list[Organization]:
    """The organizations that send to those in which the actor has a worklist."""
    return list(session.scalars(
        sa.select(Organization).join(ReadingRelation, ReadingRelation.organization_id == Organization.id)
        .where(ReadingRelation.reading_organization_id.in_(actor.organizations_for("review.list")))
        .distinct().order_by(Organization.name)
    ))  # fmt: skip


def clock_of(session: Session, actor: Actor) -> Organization | None:
    """The organization by whose clock the actor reads."""
    mine = actor.organizations_for("review.list")
    return session.get(Organization, mine[0]) if mine else None


def signed_by(session: Session, actor: Actor, asked: Asked) -> Page:
    """What the actor signed, the latest first, by the index over an owner's reviews."""
    of, asked = sought(session, asked)
    query = narrowed(sa.select(of.id, of.updated_at).where(*_signed(actor, of)), asked, of)
    if asked.cursor:
        query = query.where(sa.tuple_(of.updated_at, of.id) < decoded(asked.cursor))
    query = query.order_by(of.updated_at.desc(), of.id.desc()).limit(asked.limit + 1)
    first = session.execute(query).all()
    kept = first[: asked.limit]
    more = encoded(kept[-1].updated_at, kept[-1].id) if len(first) > asked.limit else None
    return Page(rows(session, [row.id for row in kept]), more)


def signed_since(session: Session, actor: Actor, since: datetime) -> int:
    """How many the actor signed since then: the number on the tab."""
    query = sa.select(sa.func.count()).select_from(Review).where(*_signed(actor), Review.updated_at >= since)
    return session.scalar(query) or 0


def last_signed(session: Session, actor: Actor, organizations: Sequence[Organization]) -> LastSigned | None:
    """The latest answer to any of these sites: what an empty worklist says."""
    found = [session.execute(_last_of(site.id, actor)).first() for site in organizations]
    latest = max((row for row in found if row), key=lambda row: row.signed_at, default=None)
    return LastSigned(latest.signed_at, latest.printed_name) if latest else None


def _last_of(site_id: UUID, actor: Actor) -> sa.Select[datetime, str]:
    """By the index over an organization's signed reports."""
    is_current = sa.and_(ReportVersion.report_id == Report.id, ReportVersion.version == Report.version)
    return (
        sa.select(Signature.signed_at, Signature.printed_name)
        .select_from(Report).join(ReportVersion, is_current)
        .join(Signature, Signature.report_version_id == ReportVersion.id)
        .where(Report.organization_id == site_id, Report.signed_at.is_not(None),
               Report.reading_organization_id.in_(actor.organizations_for("review.list")))
        .order_by(Report.signed_at.desc()).limit(1)
    )  # fmt: skip


def critical_of(session: Session, actor: Actor) -> list[tuple[CriticalFinding, Referral]]:
    """What the actor raised, or is the reader of, that nobody of the clinic has said back: signed or not."""
    here = CriticalFinding.reading_organization_id.in_(actor.organizations_for("review.list"))
    mine = sa.or_(CriticalFinding.person_id == actor.person_id, Review.owner_id == actor.person_id)
    query = (
        sa.select(CriticalFinding, Referral).join(Review, Review.id == CriticalFinding.review_id)
        .join(Referral, Referral.id == CriticalFinding.referral_id).where(IS_OPEN, here, mine)
        .options(*both_sides())
        .order_by(CriticalFinding.identified_at).limit(MOST_SHOWN)
    )  # fmt: skip
    return [(row[0], row[1]) for row in session.execute(query)]


def late_files_of(session: Session, actor: Actor) -> list[tuple[LateFiles, Referral]]:
    """What came after the actor had signed, and waits for their word; what is due first before the rest."""
    query = (
        sa.select(LateFiles, Referral).join(Review, Review.id == LateFiles.review_id)
        .join(Referral, Referral.id == LateFiles.referral_id)
        .where(IS_LATE, Review.owner_id == actor.person_id,
               LateFiles.reading_organization_id.in_(actor.organizations_for("review.list")))
        .options(*both_sides())
        .order_by(LateFiles.due_at).limit(MOST_SHOWN)
    )  # fmt: skip
    return [(row[0], row[1]) for row in session.execute(query)]


def sent_back_to(session: Session, actor: Actor) -> list[Review]:
    """What a supervisor sent back to the actor; what is to be signed first before the rest."""
    query = sa.select(Review).where(
        Review.mend_by.is_not(None), Review.owner_id == actor.person_id,
        Review.reading_organization_id.in_(actor.organizations_for("review.list")),
    ).options(joinedload(Review.referral).options(
        joinedload(Referral.organization), joinedload(Referral.reading_organization)
    ))  # fmt: skip
    return list(session.scalars(query.order_by(Review.mend_by).limit(MOST_SHOWN)))


def reports_of(session: Session, review_ids: list[UUID]) -> dict[UUID, Report]:
    """The signed report of each of these reviews."""
    query = sa.select(Report).where(Report.review_id.in_(review_ids), Report.signed_at.is_not(None))
    return {report.review_id: report for report in session.scalars(query)}


def priors(session: Session, actor: Actor, referral: Referral) -> list[Prior]:
    """Earlier cases of the same patient that the actor may see, the latest first."""
    query = sa.select(Referral).where(
        Referral.patient_id == referral.patient_id, Referral.id != referral.id, Referral.submitted_at.is_not(None),
        visible(Referral, actor),
    ).order_by(Referral.id.desc()).limit(50)  # fmt: skip
    earlier = list(session.scalars(query))
    signed = sa.select(Report).where(Report.referral_id.in_([one.id for one in earlier]), Report.signed_at.is_not(None))
    reports = {report.referral_id: report for report in session.scalars(signed)}
    return [Prior(one, reports.get(one.id)) for one in earlier]


def readers(session: Session, organization_id: UUID) -> list[Person]:
    """Those to whom a review of this organization can be given."""
    return list(session.scalars(
        sa.select(Person).join(Membership, Membership.person_id == Person.id)
        .where(Membership.organization_id == organization_id, Membership.ended_at.is_(None),
               Membership.role.in_(READERS), Person.disabled_at.is_(None))
        .distinct().order_by(Person.name)
    ))  # fmt: skip


def _signed(actor: Actor, of: type[Review] = Review) -> tuple[sa.ColumnElement[bool], ...]:
    return (of.owner_id == actor.person_id, of.status == ReviewStatus.COMPLETED,
            of.reading_organization_id.in_(actor.organizations_for("review.list")))  # fmt: skip
