"""Revise a referral whose review may wait already: it moves with it, and an earlier deadline is told."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.notifications.notify import tell
from app.referrals import revise as referrals
from app.referrals.given import RevisedReferral
from app.referrals.models import Referral, Revision
from app.reviews.models import OPEN, Review
from app.reviews.submit import readers


def revise(session: Session, actor: Actor, referral: Referral, given: RevisedReferral) -> Revision | None:
    """Change what is given and differs; None when nothing does."""
    before = referral.due_at
    revision = referrals.revise(session, actor, referral, given)
    if revision is None or referral.due_at is None or before is None:
        return revision
    mine = sa.select(Review).where(Review.referral_id == referral.id, Review.status.in_(OPEN))
    for review in session.scalars(mine.with_for_update(key_share=True)):
        review.due_at, review.exam_type = referral.due_at, referral.exam_type
        if referral.due_at < before:
            whom = [review.owner_id] if review.owner_id is not None else readers(session, referral)
            personally = review.owner_id is not None
            tell(session, whom, "review.requested", referral, to=referral.reading_organization, personally=personally)
    return revision
