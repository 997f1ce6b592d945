"""Lists of cases: the referrer's own, and what a script has not seen yet."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.access.scope import visible
from app.cases.case import OF_REFERRAL
from app.db import decoded, encoded
from app.errors import Invalid
from app.referrals import manifest
from app.referrals.manifest import Counts
from app.referrals.models import ExternalIdentifier, Referral
from app.reports.models import Report
from app.reviews.models import Review
from app.studies.models import Instance, ReferralStudy


@dataclass(frozen=True)
class Line:
    """One line of a list."""

    referral: Referral
    counts: Counts
    review: Review | None
    report: Report | None


@dataclass(frozen=True)
class Page:
    lines: list[Line]
    next_cursor: str | None


@dataclass(frozen=True)
class Numbers:
    """What the worklist says of a case beside its text."""

    counts: Counts
    clip_count: int
    prior_count: int


def mine(session: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page:
    """The referrals of the actor's own organizations, the newest first."""
    query = sa.select(Referral).where(Referral.organization_id.in_(actor.organizations_for("referral.send")))
    if cursor:
        query = query.where(sa.tuple_(Referral.created_at, Referral.id) < decoded(cursor))
    rows = list(
        session.scalars(
            query.options(*OF_REFERRAL).order_by(Referral.created_at.desc(), Referral.id.desc()).limit(limit + 1)
        )
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(lines_of(session, rows[:limit]), encoded(last.created_at, last.id) if last else None)


def search(
    session: Session, actor: Actor, *, external_identifier: str | None, updated_after: datetime | None,
    cursor: str | None, limit: int,
) -> Page:  # fmt: skip
    """For scripts: by `system|value`, or what changed since, the oldest change first."""
    query = sa.select(Referral).where(visible(Referral, actor)).options(*OF_REFERRAL)
    if external_identifier:
        query = query.where(Referral.id.in_(_by_external_identifier(external_identifier)))
    if updated_after is not None:
        query = query.where(Referral.updated_at > updated_after)
    if cursor:
        query = query.where(sa.tuple_(Referral.updated_at, Referral.id) > decoded(cursor))
    limit = max(1, min(limit, 200))
    rows = list(session.scalars(query.order_by(Referral.updated_at, Referral.id).limit(limit + 1)))
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(lines_of(session, rows[:limit]), encoded(last.updated_at, last.id) if last else None)


def numbers(session: Session, referrals: list[Referral]) -> dict[UUID, Numbers]:
    """'17 of 19', clips and earlier cases of the same patient, for a page of the worklist in three queries."""
    ids = [referral.id for referral in referrals]
    counts = manifest.counts(session, ids)
    clips: dict[UUID, int] = dict(session.execute(
        sa.select(ReferralStudy.referral_id, sa.func.count())
        .join(Instance, Instance.study_id == ReferralStudy.study_id)
        .where(ReferralStudy.referral_id.in_(ids), Instance.is_clip.is_(True)).group_by(ReferralStudy.referral_id)
    ).tuples().all())  # fmt: skip
    patients = [referral.patient_id for referral in referrals]
    cases: dict[UUID, int] = dict(session.execute(
        sa.select(Referral.patient_id, sa.func.count()).where(Referral.patient_id.in_(patients), Referral.submitted_at.is_not(None))
        .group_by(Referral.patient_id)
    ).tuples().all())  # fmt: skip
    return {
        one.id: Numbers(counts[one.id], clips.get(one.id, 0), max(0, cases.get(one.patient_id, 1) - 1))
        for one in referrals
    }


def _by_external_identifier(wanted: str) -> sa.Select[UUID]:
    system, bar, value = wanted.rpartition("|")
    if not bar or not value:
        raise Invalid("Write it as system|value.", field="external_identifier")
    return sa.select(ExternalIdentifier.referral_id).where(
        ExternalIdentifier.system == system, ExternalIdentifier.value == value
    )


def lines_of(session: Session, referrals: list[Referral]) -> list[Line]:
    ids = [referral.id for referral in referrals]
    counts = manifest.counts(session, ids)
    reviews = {review.referral_id: review for review in session.scalars(
        sa.select(Review).where(Review.referral_id.in_(ids)).options(joinedload(Review.owner)).order_by(Review.id))}  # fmt: skip
    reports = {report.referral_id: report for report in session.scalars(
        sa.select(Report).where(Report.referral_id.in_(ids), Report.signed_at.is_not(None)).order_by(Report.id))}  # fmt: skip
    return [Line(one, counts[one.id], reviews.get(one.id), reports.get(one.id)) for one in referrals]
