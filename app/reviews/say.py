"""What reader and clinic say to each other about a case, whatever state it is in, and who is told of it."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import now
from app.errors import Invalid
from app.notifications.notify import tell
from app.referrals.models import ManifestItem, Referral
from app.reviews.models import Message, Review
from app.reviews.submit import readers


def say(session: Session, actor: Actor, review: Review, text: str, file_ids: list[UUID], *, as_reader: bool) -> Message:
    """A note that moves nothing; the other side is told, and files of this referral may be named in it."""
    if as_reader:
        require(actor, "review.list", review.reading_organization_id)
    else:
        require(actor, "referral.send", review.organization_id)
    if not text:
        raise Invalid("Write what you want to say.", field="text")
    message = add(session, actor, review, "note", text, file_ids, as_reader=as_reader)
    events.record(session, actor, "message.sent", organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id)  # fmt: skip
    session.execute(sa.update(Referral).where(Referral.id == review.referral_id).values(updated_at=now()))
    if as_reader:
        tell_the_clinic(session, actor, review, "review.message")
    else:
        _tell_the_reader(session, review)
    return message


def add(
    session: Session, actor: Actor, review: Review, kind: str, text: str, file_ids: list[UUID], *, as_reader: bool
) -> Message:
    known = set(session.scalars(sa.select(ManifestItem.id).where(ManifestItem.referral_id == review.referral_id)))
    if not set(file_ids) <= known:
        raise Invalid("A file named here is not one of this referral.", field="file_ids")
    message = Message(
        organization_id=review.organization_id, review_id=review.id, person_id=person_of(actor), kind=kind, text=text,
        file_ids=[str(each) for each in file_ids], from_reader=as_reader, at=now(), enclosures=[],
    )  # fmt: skip
    session.add(message)
    return message


def tell_the_clinic(
    session: Session, actor: Actor, review: Review, kind: str, but: Collection[UUID] = ()
) -> None:  # fmt: skip
    """Who sent the referral, and whoever else of the clinic has spoken in it."""
    spoke = sa.select(Message.person_id).where(Message.review_id == review.id, Message.from_reader.is_(False))
    whom = {review.referral.author_id, *session.scalars(spoke)} - {person_of(actor), *but}
    tell(session, whom, kind, review.referral, to=review.referral.organization)


def _tell_the_reader(session: Session, review: Review) -> None:
    """Whose it is, also after signing; before it is anybody's, all who read."""
    is_owned = review.owner_id is not None
    whom = [review.owner_id] if review.owner_id is not None else readers(session, review.referral)
    to = review.referral.reading_organization
    tell(session, whom, "review.message", review.referral, to=to, personally=is_owned)
