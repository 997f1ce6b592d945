"""Cancel a referral: its review ends, whoever reads it is told, and nothing typed is lost."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid, Sentence
from app.notifications.notify import settle, tell
from app.referrals.models import Referral, ReferralStatus
from app.reviews.models import TRANSITIONS, Review
from app.reviews.step import step


def cancel(session: Session, actor: Actor, referral: Referral, reason: str) -> None:
    require(actor, "referral.send", referral.organization_id)
    if not reason:
        raise Invalid("Say why the referral is cancelled.", field="reason")
    if referral.status not in (ReferralStatus.DRAFT, ReferralStatus.ACTIVE):
        raise Conflict(
            Sentence("This referral is {status} and cannot be cancelled.", status=ReferralStatus(referral.status)),
            status=referral.status,
        )
    mine = sa.select(Review).where(Review.referral_id == referral.id).options(joinedload(Review.owner))
    for review in session.scalars(mine):
        if (review.status, "cancel") in TRANSITIONS:
            step(session, review, "cancel", ended_reason=reason, held_at=None, reply_due_at=None)
            if review.owner_id is not None:
                tell(session, [review.owner_id], "review.cancelled", referral, to=referral.reading_organization)
    settle(session, referral.id, "The clinic has cancelled it.")
    referral.status, referral.ended_reason, referral.updated_at = ReferralStatus.REVOKED, reason, now()
    events.record(session, actor, "referral.cancelled", organization_id=referral.organization_id, entity_id=referral.id,
                  referral_id=referral.id)  # fmt: skip
