"""What a referrer does with a file whose case waits or is read: whoever reads it is told."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.notifications.notify import tell
from app.referrals.models import FileStatus, ManifestItem, Referral, both_sides
from app.reviews.models import OPEN, Review, ReviewStatus
from app.reviews.submit import readers
from app.studies import identity


def confirm(session: Session, actor: Actor, referral_id: UUID, item_id: UUID) -> ManifestItem:
    item = identity.confirm(session, actor, referral_id, item_id)
    tell_readers(session, referral_id, "file.confirmed")
    return item


def confirm_alike(session: Session, actor: Actor, referral_id: UUID, item_id: UUID, last_id: UUID) -> None:
    """One answer to one question; each file is on the record, and the readers are told once."""
    for item in identity.alike(session, actor, referral_id, item_id, last_id):
        identity.confirm(session, actor, referral_id, item.id)
    tell_readers(session, referral_id, "file.confirmed")


def withdraw_alike(
    session: Session, actor: Actor, referral_id: UUID, item_id: UUID, last_id: UUID, reason: str
) -> None:  # fmt: skip
    """Held files were not shown to a reader, so nobody is told."""
    for item in identity.alike(session, actor, referral_id, item_id, last_id):
        identity.withdraw(session, actor, referral_id, item.id, reason)


def withdraw(session: Session, actor: Actor, referral_id: UUID, item_id: UUID, reason: str) -> ManifestItem:
    """Only what the reader could have seen is news to them, and twice is once."""
    before = session.get(ManifestItem, item_id)
    was_shown = before is not None and (before.status == FileStatus.STORED or before.preview is not None)
    item = identity.withdraw(session, actor, referral_id, item_id, reason)
    if was_shown:
        tell_readers(session, referral_id, "file.withdrawn")
    return item


def tell_readers(session: Session, referral_id: UUID, kind: str) -> None:
    """The owner, also of a report that is signed: it rests on these files; before there is one, all who read."""
    referral = session.scalars(sa.select(Referral).where(Referral.id == referral_id).options(*both_sides())).one()
    concerned = (*OPEN, ReviewStatus.COMPLETED)
    for review in session.scalars(
        sa.select(Review).where(Review.referral_id == referral_id, Review.status.in_(concerned))
    ):
        whom = [review.owner_id] if review.owner_id is not None else readers(session, referral)
        personally = review.owner_id is not None
        tell(session, whom, kind, referral, to=referral.reading_organization, personally=personally)
