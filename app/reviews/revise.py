"""Revise a referral whose review may wait already: its deadline moves with it, and an earlier one is told."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.notifications.notify import tell
from app.referrals import date_pregnancy
from app.referrals import revise as referrals
from app.referrals.deadlines import deadline
from app.referrals.given import RevisedReferral
from app.referrals.models import Referral, Revision
from app.reviews import clocks
from app.reviews.models import OPEN, Review, ReviewStatus
from app.reviews.submit import readers

TIMES = {"priority", "patient_leaves_at"}


def revise(session: Session, actor: Actor, referral: Referral, given: RevisedReferral) -> Revision | None:
    """Change what is given and differs; None when nothing does."""
    revision = referrals.revise(session, actor, referral, given)
    if revision is None or referral.submitted_at is None:
        return revision
    if "obstetric" in revision.changes:
        date_pregnancy.correct(session, actor, referral)
    mine = sa.select(Review).where(Review.referral_id == referral.id, Review.status.in_((*OPEN, ReviewStatus.REJECTED)))
    for review in session.scalars(mine.with_for_update(key_share=True)):
        review.exam_type = referral.exam_type
        if TIMES & revision.changes.keys():
            _move(session, review, referral, referral.submitted_at)
    return revision


def _move(session: Session, review: Review, referral: Referral, submitted_at: datetime) -> None:
    before = review.due_at
    referral.due_at = review.due_at = deadline(referral, submitted_at, timedelta(seconds=review.paused_s))
    review.claim_by = clocks.half_way(submitted_at, review.due_at)
    if review.held_at is None:
        clocks.begun(session, review)
    else:
        review.reply_due_at = clocks.reply_due(referral, review.held_at)
        clocks.paused(session, review, referral)
    if review.due_at < before and review.status in OPEN:
        whom = [review.owner_id] if review.owner_id is not None else readers(session, referral)
        personally = review.owner_id is not None
        tell(session, whom, "review.requested", referral, to=referral.reading_organization, personally=personally)
