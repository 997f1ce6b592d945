"""The clocks of a review: until it is due, until a claim lapses, and while the clinic is asked the clinic's own."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.config import settings
from app.jobs.timers import Timer, stop, wind
from app.referrals.deadlines import span
from app.referrals.models import Referral
from app.reviews.models import Review

# Timers, by the names of the jobs that they become.
DUE, WARN, LAPSE, UNANSWERED, MEND = (
    "reviews.due", "reviews.warn", "reviews.lapse", "reviews.unanswered", "reviews.mend",
)  # fmt: skip
Values = dict[str, object]


def due(review: Review, leaves_at: datetime | None, at: datetime) -> datetime:
    """As the reader's clock shows it at that time: while the clinic is asked it stands, and what is due moves on."""
    if review.held_at is None:
        return review.due_at
    moved = review.due_at + (at - review.held_at)
    return min(moved, leaves_at) if leaves_at else moved


def half_way(at: datetime, due_at: datetime) -> datetime:
    """Unclaimed until then, it is the coordinator's."""
    return at + max((due_at - at) / 2, timedelta())


def begun(session: Session, review: Review) -> None:
    """It waits for its answer from now on, or has another deadline."""
    wind(session, DUE, review.id, review.due_at)


def owned(session: Session, review: Review, at: datetime) -> None:
    """Its owner has so long to save the first word."""
    wind(session, WARN, review.id, at + lease() - timedelta(minutes=settings().claim_warning_min))
    stop(session, review.id, LAPSE)


def lease() -> timedelta:
    return timedelta(minutes=settings().claim_lapses_min)


def lapses_at(session: Session, review: Review) -> datetime | None:
    """When the claim lapses, once its owner has been warned."""
    mine = sa.select(Timer.at).where(Timer.subject_id == review.id, Timer.name == LAPSE)
    return session.scalar(mine)


def reply_due(referral: Referral, at: datetime) -> datetime:
    """Asked at that time, the clinic has as long as the reader had, or until the patient leaves."""
    due_at, leaves_at = at + span(referral), referral.patient_leaves_at
    return min(due_at, leaves_at) if leaves_at is not None and leaves_at > at else due_at


def sent_back(session: Session, review: Review, at: datetime) -> datetime:
    """Half of the time that a reader has, or until the patient leaves; its due time runs on."""
    mend_by = half_way(at, reply_due(review.referral, at))
    wind(session, MEND, review.id, mend_by)
    return mend_by


def mended(session: Session, review: Review) -> None:
    """Signed anew, or somebody else's now."""
    stop(session, review.id, MEND)


def paused(session: Session, review: Review, referral: Referral) -> None:
    """The clinic is asked, or has another time for its reply; only 'the patient leaves at' goes on meanwhile."""
    asked_again(session, review)
    if review.held_at is None or review.due_at <= review.held_at:  # it was overdue before: that is told once
        return
    if referral.patient_leaves_at is not None:
        wind(session, DUE, review.id, referral.patient_leaves_at)
    else:
        stop(session, review.id, DUE)


def asked_again(session: Session, review: Review) -> None:
    """The clinic was reminded, and has another time for its reply."""
    if review.reply_due_at is not None:
        wind(session, UNANSWERED, review.id, review.reply_due_at)


def resuming(review: Review, referral: Referral, at: datetime) -> Values:
    """The columns of a review whose pause ends; none where there is no pause."""
    if review.held_at is None:
        return {}
    length_s = round((at - review.held_at).total_seconds())
    return {
        "held_at": None, "reply_due_at": None, "paused_s": review.paused_s + length_s,
        "due_at": due(review, referral.patient_leaves_at, at),
    }  # fmt: skip


def resumed(session: Session, review: Review, referral: Referral, at: datetime) -> None:
    """After the step: the reader's clock goes on."""
    referral.due_at = review.due_at
    stop(session, review.id, UNANSWERED)
    if review.due_at > at:
        begun(session, review)


def ended(session: Session, review: Review) -> None:
    stop(session, review.id, DUE, WARN, LAPSE, UNANSWERED)
