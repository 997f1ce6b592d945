"""Decline a review: with the reason and what the clinic should do now; the coordinator finds another reader or not."""

from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid
from app.notifications.notify import tell
from app.reviews import clocks
from app.reviews.models import Review
from app.reviews.step import require_owner, step
from app.reviews.whom import in_charge, senders


def decline(session: Session, actor: Actor, review: Review, reason: str, advice: str) -> None:
    """It is the coordinator's now, and its deadline runs on; the referrer is told at once what helps meanwhile."""
    require(actor, "review.read", review.reading_organization_id)
    if review.owner_id is not None:
        require_owner(actor, session, review)
    for field, text in (("reason", reason), ("advice", advice)):
        if not text:
            raise Invalid("Say why, and what the clinic should do now.", field=field)
    step(session, review, "decline", ended_reason=reason, advice=advice)
    events.record(session, actor, "review.declined", organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id)  # fmt: skip
    referral = review.referral
    tell(session, [referral.author_id], "review.declined", referral, to=referral.organization)
    whom = set(in_charge(session, review.reading_organization_id)) - {actor.person_id}
    tell(session, [each for each in whom if each], "review.rejected", referral, to=referral.reading_organization)


def give_back(session: Session, actor: Actor, review: Review) -> None:
    """Nobody here reads it: it is left to the clinic, which sends it elsewhere or cancels it."""
    require(actor, "review.assign", review.reading_organization_id)
    if review.returned_at is not None:
        raise Conflict("This is left to the clinic already.", status=review.status)
    step(session, review, "return", returned_at=now())
    clocks.ended(session, review)
    events.record(session, actor, "review.returned", organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id)  # fmt: skip
    referral = review.referral
    tell(session, senders(session, referral), "review.declined", referral, to=referral.organization)
