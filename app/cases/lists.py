"""Lists of cases: the referrer's own, and what a script has not seen yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.access.scope import visible
from app.cases.case import OF_REFERRAL
from app.config import settings
from app.db import IDS, decoded, encoded, merged, now
from app.errors import Invalid
from app.notifications.inbox import unread_messages
from app.referrals import manifest
from app.referrals.manifest import Counts
from app.referrals.models import ExternalIdentifier, Referral, Revision
from app.reports.models import Report
from app.reviews.models import Review
from app.studies.images import withdrawn_from
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
class ReportPage:
    reports: list[Report]
    next_cursor: str | None


@dataclass(frozen=True)
class Numbers:
    """What the worklist says of a case beside its text."""

    counts: Counts
    clip_count: int
    prior_count: int
    unread_since: datetime | None  # somebody said something that the person has not seen
    revised_at: datetime | None  # when the clinic last changed what it had sent


def search(
    session: Session, actor: Actor, *, external_identifier: str | None, updated_after: datetime | None,
    cursor: str | None, limit: int,
) -> Page:  # fmt: skip
    """For scripts: by `system|value`, or what changed since, the oldest change first."""
    found: list[sa.ColumnElement[bool]] = []
    if external_identifier:
        found.append(Referral.id.in_(_by_external_identifier(external_identifier)))
    if updated_after is not None:
        found.append(Referral.updated_at > updated_after)
    if updated_after is not None or cursor:
        found.append(Referral.updated_at < _settled_before(session))
    if cursor:
        found.append(sa.tuple_(Referral.updated_at, Referral.id) > decoded(cursor))
    limit = max(1, min(limit, 200))
    columns = sa.select(Referral.id, Referral.updated_at.label("at")).where(*found)
    asked_of = Referral.submitted_at.is_not(None)
    parts = [
        part
        for each in actor.organization_ids
        for part in (
            columns.where(Referral.organization_id == each),
            columns.where(Referral.reading_organization_id == each, asked_of, visible(Referral, actor)),
        )
    ]
    if not parts:
        return Page([], None)
    rows = session.execute(merged(parts, limit + 1)).all()
    query = sa.select(Referral).where(Referral.id.in_([row.id for row in rows[:limit]])).options(*OF_REFERRAL)
    by_id = {one.id: one for one in session.scalars(query)}
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = _cursor(session, last.at, last.id) if last else None
    return Page(lines_of(session, [by_id[row.id] for row in rows[:limit]]), next_cursor)


def signed(
    session: Session, actor: Actor, *, signed_after: datetime | None, cursor: str | None, limit: int
) -> ReportPage:
    """Signed reports of the actor's organizations, on either side, the oldest first."""
    columns = sa.select(Report.id, Report.signed_at.label("at")).where(Report.signed_at.is_not(None))
    if signed_after is not None:
        columns = columns.where(Report.signed_at > signed_after)
    if signed_after is not None or cursor:
        columns = columns.where(Report.signed_at < _settled_before(session))
    if cursor:
        columns = columns.where(sa.tuple_(Report.signed_at, Report.id) > decoded(cursor))
    limit = max(1, min(limit, 200))
    parts = [
        part
        for each in actor.organization_ids
        for part in (
            columns.where(Report.organization_id == each),
            columns.where(Report.reading_organization_id == each, visible(Report, actor)),
        )
    ]
    if not parts:
        return ReportPage([], None)
    rows = session.execute(merged(parts, limit + 1)).all()
    reports = session.scalars(sa.select(Report).where(Report.id.in_([row.id for row in rows[:limit]])))
    last = rows[limit - 1] if len(rows) > limit else None
    in_order = sorted(reports, key=lambda one: (one.signed_at, one.id))
    return ReportPage(in_order, _cursor(session, last.at, last.id) if last else None)


def _settled_before(session: Session) -> datetime:
    """Where a script may go on from without missing what is committed late.

    On PostgreSQL a time is taken a moment before its commit, and another's later time may be seen first; SQLite has
    one writer, whose times come in order."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    return now() - timedelta(seconds=settings().poll_behind_s if is_postgresql else 0)


def _cursor(session: Session, at: datetime, row_id: UUID) -> str:
    """Never beyond what is settled: a page that asked from nowhere may show more, which the next one shows again."""
    settled = _settled_before(session)
    return encoded(at, row_id) if at < settled else encoded(settled, UUID(int=0))


CLIPS = (
    sa.select(ReferralStudy.referral_id, sa.func.count())
    .join(Instance, Instance.study_id == ReferralStudy.study_id)
    .where(ReferralStudy.referral_id.in_(IDS), Instance.is_clip.is_(True), ~withdrawn_from(ReferralStudy.referral_id))
    .group_by(ReferralStudy.referral_id)
)  # fmt: skip
REVISED = (
    sa.select(Revision.referral_id, sa.func.max(Revision.at)).join(Referral, Referral.id == Revision.referral_id)
    .where(Revision.referral_id.in_(IDS), Revision.at > Referral.submitted_at).group_by(Revision.referral_id)
)  # fmt: skip


def numbers(session: Session, actor: Actor, referrals: list[Referral]) -> dict[UUID, Numbers]:
    """'17 of 19', clips and other cases of the same patient that the actor may see, and what they have not read, for a page."""
    if not referrals:
        return {}
    ids = [referral.id for referral in referrals]
    counts = manifest.counts(session, ids)
    clips: dict[UUID, int] = {row[0]: row[1] for row in session.execute(CLIPS, {"ids": ids})}
    patients = [referral.patient_id for referral in referrals]
    cases: dict[UUID, int] = {row[0]: row[1] for row in session.execute(
        sa.select(Referral.patient_id, sa.func.count())
        .where(Referral.patient_id.in_(patients), Referral.submitted_at.is_not(None), visible(Referral, actor))
        .group_by(Referral.patient_id)
    )}  # fmt: skip
    unread, revised = unread_messages(session, actor.person_id, ids), _revised(session, ids)
    return {
        one.id: Numbers(
            counts[one.id], clips.get(one.id, 0), max(0, cases.get(one.patient_id, 1) - 1), unread.get(one.id),
            revised.get(one.id),
        )
        for one in referrals
    }  # fmt: skip


def _revised(session: Session, referral_ids: list[UUID]) -> dict[UUID, datetime]:
    return {row[0]: row[1] for row in session.execute(REVISED, {"ids": referral_ids})}


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
