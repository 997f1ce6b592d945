"""Files of the reader's own beside a message: a drawing, a guideline, a marked photograph; none of the clinic's files."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access import scope
from app.access.actor import Actor, person_of
from app.audit import events
from app.config import settings
from app.db import new_id, now, reading
from app.errors import Counted, Forbidden, Invalid, NotFound, TooLarge
from app.notifications.inbox import IS_UNREAD, MESSAGES
from app.notifications.models import Notification
from app.referrals.given import clean
from app.referrals.models import Referral
from app.reviews.models import Enclosure, Message, Review
from app.reviews.say import tell_the_clinic
from app.reviews.step import for_reader
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies.ingest import Admitted, Arrival, admit, put_all

KINDS = ("jpeg", "png", "mp4", "pdf")
Kept = tuple[Admitted, Blob]  # a file whose bytes are durable, and which nothing refers to yet


def admit_enclosure(arrival: Arrival) -> Admitted:
    """The bounded look that every file gets; DICOM names a patient, and whose it is nobody would ask here."""
    try:
        admitted = admit(arrival)
        if admitted.facts.kind in KINDS:
            return admitted
    except Invalid as refusal:
        if refusal.facts.get("reason_code") != "unknown":
            raise
    raise Invalid("Only JPEG, PNG, MP4 and PDF go with a message. Images of a patient belong to a referral.",
                  reason_code="kind")  # fmt: skip


def keep(actor: Actor, review: Review, admitted: Sequence[Admitted]) -> list[Kept]:
    """Before the transaction that encloses them."""
    if not admitted:
        return []
    return list(zip(admitted, put_all(actor, review.reading_organization_id, admitted), strict=True))


def for_enclosing(
    session: Session, actor: Actor, review_id: UUID, message_id: UUID, *, lock: bool = False
) -> tuple[Review, Message]:
    """A message of one's own as reader."""
    review = for_reader(session, actor, review_id, "review.list")
    query = sa.select(Message).where(Message.id == message_id, Message.review_id == review.id)
    query = query.options(selectinload(Message.enclosures))
    message = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if message is None:
        raise NotFound
    if not message.from_reader or message.person_id != person_of(actor):
        raise Forbidden("Only who wrote this message as its reader can add a file to it.")
    return review, message


def enclose(session: Session, actor: Actor, review: Review, message: Message, kept: Sequence[Kept]) -> None:
    """The same file twice is once."""
    here = {one.sha256 for one in message.enclosures}
    new = {blob.sha256: (one, blob) for one, blob in kept if blob.sha256 not in here}
    refuse_too_many(len(here) + len(new))
    for admitted, blob in new.values():
        made = Enclosure(
            id=new_id(), organization_id=review.reading_organization_id, message_id=message.id, kind=admitted.facts.kind,
            name=str(clean(admitted.arrival.name)) or "unnamed", size_bytes=blob.size_bytes, sha256=blob.sha256,
            blob_id=blob.id,
        )  # fmt: skip
        message.enclosures.append(made)
        events.record(session, actor, "enclosure.added", organization_id=review.organization_id, entity_id=made.id,
                      referral_id=review.referral_id)  # fmt: skip
    if new:
        blobs.record(session, [blob for _one, blob in new.values()])


def enclose_later(session: Session, actor: Actor, review: Review, message: Message, kept: Kept) -> Enclosure:
    """With a message that has gone already: who has read it is told once more."""
    before = len(message.enclosures)
    enclose(session, actor, review, message, [kept])
    if len(message.enclosures) > before:
        unread = sa.select(Notification.person_id).where(
            Notification.referral_id == review.referral_id, Notification.kind.in_(MESSAGES), IS_UNREAD
        )
        tell_the_clinic(session, actor, review, "review.message", but=set(session.scalars(unread)))
        session.execute(sa.update(Referral).where(Referral.id == review.referral_id).values(updated_at=now()))
    return next(one for one in message.enclosures if one.sha256 == kept[1].sha256)


def refuse_too_many(count: int) -> None:
    most = settings().max_enclosures
    if count > most:
        raise TooLarge(Counted("At most {n} file goes with a message.", "At most {n} files go with a message.", n=most))


def enclosure_for(actor: Actor, enclosure_id: UUID) -> Enclosure:
    """With its bytes, for whoever sees the referral; opening it is an event."""
    query = (
        sa.select(Enclosure, Referral).join(Message, Message.id == Enclosure.message_id)
        .join(Review, Review.id == Message.review_id).join(Referral, Referral.id == Review.referral_id)
        .where(Enclosure.id == enclosure_id, scope.visible(Referral, actor)).options(joinedload(Enclosure.blob))
    )  # fmt: skip
    with reading(actor) as session:
        found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound
    enclosure, referral = found
    events.note_opening(actor, "enclosure.opened", organization_id=referral.organization_id, entity_id=enclosure.id,
                        referral_id=referral.id)  # fmt: skip
    return enclosure
