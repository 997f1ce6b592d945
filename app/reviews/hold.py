"""Hold and reply: the reader asks for more, the referrer answers, and it comes back to the same reader."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid
from app.notifications.notify import tell
from app.referrals.models import ManifestItem
from app.reviews import clocks
from app.reviews.models import Message, Review, ReviewStatus
from app.reviews.step import require_owner, step


def hold(session: Session, actor: Actor, review: Review, text: str) -> Message:
    """Ask the referrer something; the review waits for the answer with its owner, whose clock stands meanwhile."""
    require(actor, "review.read", review.reading_organization_id)
    require_owner(actor, session, review)
    if not text:
        raise Invalid("Write what you need.", field="text")
    at = now()
    step(session, review, "hold", held_at=at, reply_due_at=clocks.reply_due(review.referral, at))
    clocks.paused(session, review, review.referral)
    message = _say(session, actor, review, "question", text, [])
    tell(
        session,
        [review.referral.author_id],
        "review.question",
        review.referral,
        to=review.referral.organization,
    )
    return message


def reply(session: Session, actor: Actor, review: Review, text: str, file_ids: list[UUID]) -> Message:
    """Answer the reader, with files of this referral or without."""
    require(actor, "referral.send", review.organization_id)
    if review.status != ReviewStatus.ON_HOLD:
        raise Conflict("No question is open in this review.", status=review.status)
    if not text and not file_ids:
        raise Invalid("Write an answer, or add a file.", field="text")
    known = set(session.scalars(sa.select(ManifestItem.id).where(ManifestItem.referral_id == review.referral_id)))
    if not set(file_ids) <= known:
        raise Invalid("A file named here is not one of this referral.", field="file_ids")
    at = now()
    step(session, review, "reply", **clocks.resuming(review, review.referral, at))
    clocks.resumed(session, review, review.referral, at)
    if review.written_at is None:
        clocks.owned(session, review, at)
    message = _say(session, actor, review, "reply", text, file_ids)
    if review.owner_id is not None:
        tell(
            session,
            [review.owner_id],
            "review.reply",
            review.referral,
            to=review.referral.reading_organization,
        )
    return message


def _say(session: Session, actor: Actor, review: Review, kind: str, text: str, file_ids: list[UUID]) -> Message:
    message = Message(organization_id=review.organization_id, review_id=review.id, person_id=person_of(actor), kind=kind,
                      text=text, file_ids=[str(each) for each in file_ids])  # fmt: skip
    session.add(message)
    action = "review.held" if kind == "question" else "review.replied"
    events.record(session, actor, action, organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id)  # fmt: skip
    return message
