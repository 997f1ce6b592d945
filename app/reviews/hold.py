"""Hold and reply: the reader asks for more, the referrer answers, and it comes back to the same reader."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid
from app.notifications.notify import tell
from app.reviews import clocks
from app.reviews.models import Message, Review, ReviewStatus
from app.reviews.say import add, tell_the_clinic
from app.reviews.step import require_owner, step


def hold(session: Session, actor: Actor, review: Review, text: str, file_ids: Sequence[UUID] = ()) -> Message:
    """Ask the referrer something, about these files or without; the review waits for the answer with its owner, whose
    clock stands meanwhile."""
    require(actor, "review.read", review.reading_organization_id)
    require_owner(actor, session, review)
    if not text:
        raise Invalid("Write what you need.", field="text")
    at = now()
    step(session, review, "hold", held_at=at, reply_due_at=clocks.reply_due(review.referral, at))
    clocks.paused(session, review, review.referral)
    message = add(session, actor, review, "question", text, list(file_ids), as_reader=True)
    _record(session, actor, review, "review.held")
    tell_the_clinic(session, actor, review, "review.question")
    return message


def reply(session: Session, actor: Actor, review: Review, text: str, file_ids: list[UUID]) -> Message:
    """Answer the reader, with files of this referral or without."""
    require(actor, "referral.send", review.organization_id)
    if review.status != ReviewStatus.ON_HOLD:
        raise Conflict("No question is open in this review.", status=review.status)
    if not text and not file_ids:
        raise Invalid("Write an answer, or add a file.", field="text")
    at = now()
    step(session, review, "reply", **clocks.resuming(review, review.referral, at))
    clocks.resumed(session, review, review.referral, at)
    if review.written_at is None:
        clocks.owned(session, review, at)
    message = add(session, actor, review, "reply", text, file_ids, as_reader=False)
    _record(session, actor, review, "review.replied")
    if review.owner_id is not None:
        tell(
            session,
            [review.owner_id],
            "review.reply",
            review.referral,
            to=review.referral.reading_organization,
        )
    return message


def _record(session: Session, actor: Actor, review: Review, action: str) -> None:
    events.record(session, actor, action, organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id)  # fmt: skip
