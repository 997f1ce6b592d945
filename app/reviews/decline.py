"""Decline a review: with the reason, and what the clinic should do now."""

from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.audit import events
from app.errors import Invalid
from app.notifications.notify import tell
from app.reviews.models import Review
from app.reviews.step import require_owner, step


def decline(session: Session, actor: Actor, review: Review, reason: str, advice: str) -> None:
    """The referrer is told; the referral stays open until they send it elsewhere or cancel it."""
    require(actor, "review.read", review.reading_organization_id)
    if review.owner_id is not None:
        require_owner(actor, session, review)
    for field, text in (("reason", reason), ("advice", advice)):
        if not text:
            raise Invalid("Say why, and what the clinic should do now.", field=field)
    step(session, review, "decline", ended_reason=reason, advice=advice)
    events.record(session, actor, "review.declined", organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id)  # fmt: skip
    tell(
        session,
        [review.referral.author_id],
        "review.declined",
        review.referral,
        to=review.referral.organization,
    )
