"""A referrer's list: the cases in the order of what is asked of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases.case import OF_REFERRAL
from app.cases.lists import Line, Page, lines_of
from app.db import decoded, encoded
from app.referrals import search
from app.referrals.models import FileStatus, ManifestItem, Referral, ReferralStatus
from app.reports.critical_finding import IS_OPEN, CriticalFinding
from app.reports.models import Report
from app.reviews.models import ReviewStatus

MOST_OPEN = 300
MOST_FOUND = 50


class Asks(StrEnum):
    """What a case wants of its referrer, the most pressing first."""

    CRITICAL = "critical"
    QUESTION = "question"
    ANSWER = "answer"
    UNSENT = "unsent"
    READING = "reading"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True)
class Group:
    asks: Asks
    lines: list[Line]


def open_groups(session: Session, actor: Actor, cursor: str | None = None) -> tuple[list[Group], str | None]:
    """Whatever is not finished, grouped, what is due first before the rest; and where the next page begins.

    A page is longer than what a clinic has open on a bad day, and the next one is a link: none is left off."""
    query = sa.select(Referral).where(_mine(actor), sa.not_(_is_done())).options(*OF_REFERRAL)
    if cursor:
        query = query.where(sa.tuple_(Referral.created_at, Referral.id) < decoded(cursor))
    newest = query.order_by(Referral.created_at.desc(), Referral.id.desc()).limit(MOST_OPEN + 1)
    rows = list(session.scalars(newest))
    last = rows[MOST_OPEN - 1] if len(rows) > MOST_OPEN else None
    lines = lines_of(session, rows[:MOST_OPEN])
    ids = [line.referral.id for line in lines]
    troubled, critical = _troubled(session, ids), _critical(session, ids)
    sorted_lines = sorted(lines, key=lambda line: line.referral.due_at or line.referral.created_at)
    by_kind: dict[Asks, list[Line]] = {}
    for line in sorted_lines:
        kind = Asks.CRITICAL if line.referral.id in critical else asks(line, line.referral.id in troubled)
        by_kind.setdefault(kind, []).append(line)
    groups = [Group(kind, by_kind[kind]) for kind in Asks if kind in by_kind]
    return groups, encoded(last.created_at, last.id) if last else None


def done(session: Session, actor: Actor, *, cursor: str | None = None, limit: int = 20) -> Page:
    """What is finished, the newest first."""
    query = sa.select(Referral).where(_mine(actor), _is_done()).options(*OF_REFERRAL)
    if cursor:
        query = query.where(sa.tuple_(Referral.created_at, Referral.id) < decoded(cursor))
    rows = list(session.scalars(query.order_by(Referral.created_at.desc(), Referral.id.desc()).limit(limit + 1)))
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(lines_of(session, rows[:limit]), encoded(last.created_at, last.id) if last else None)


def found(session: Session, actor: Actor, q: str) -> list[Line]:
    """By code, patient's identifier, or the beginnings of names: the newest of the clinic's own."""
    ids = search.found(session, q, MOST_FOUND + 1, _mine(actor))
    query = sa.select(Referral).where(Referral.id.in_(ids)).options(*OF_REFERRAL)
    newest = query.order_by(Referral.created_at.desc(), Referral.id.desc()).limit(MOST_FOUND + 1)
    return lines_of(session, list(session.scalars(newest)))


def asks(line: Line, is_troubled: bool) -> Asks:
    """`is_troubled`: a file of it is refused or kept aside, or somebody has to say whose it is."""
    referral, review, report = line.referral, line.review, line.report
    if review is not None and review.status == ReviewStatus.ON_HOLD:
        return Asks.QUESTION
    if report is not None and report.acknowledged_at is None:
        return Asks.ANSWER
    if review is not None and review.status == ReviewStatus.REJECTED:
        return Asks.ANSWER
    if referral.status == ReferralStatus.DRAFT or is_troubled or line.counts.arrived < line.counts.declared:
        return Asks.UNSENT
    if review is not None and review.status in (ReviewStatus.REQUESTED, ReviewStatus.RECEIVED):
        return Asks.WAITING
    return Asks.READING


def _mine(actor: Actor) -> sa.ColumnElement[bool]:
    return Referral.organization_id.in_(actor.organizations_for("referral.send"))


def _is_done() -> sa.ColumnElement[bool]:
    """Ended, and no answer of it is still unread (an amended one asks to be read again), no critical finding open."""
    unread = sa.exists().where(
        Report.referral_id == Referral.id, Report.signed_at.is_not(None), Report.acknowledged_at.is_(None)
    )
    critical = sa.exists().where(CriticalFinding.referral_id == Referral.id, IS_OPEN)
    ended = Referral.status.not_in((ReferralStatus.DRAFT, ReferralStatus.ACTIVE))
    return sa.and_(ended, sa.not_(unread), sa.not_(critical))


def _critical(session: Session, referral_ids: Iterable[UUID]) -> set[UUID]:
    query = sa.select(CriticalFinding.referral_id).where(
        CriticalFinding.referral_id.in_(list(referral_ids)), IS_OPEN
    )  # fmt: skip
    return set(session.scalars(query.distinct()))


def _troubled(session: Session, referral_ids: Iterable[UUID]) -> set[UUID]:
    trouble = (FileStatus.HELD, FileStatus.QUARANTINED, FileStatus.CONFLICT)
    query = sa.select(ManifestItem.referral_id).where(
        ManifestItem.referral_id.in_(list(referral_ids)), ManifestItem.status.in_(trouble)
    )
    return set(session.scalars(query.distinct()))
