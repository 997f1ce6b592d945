"""Claim, release, assign: who owns a review; of two claims at once one wins, the other is told who and when."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid
from app.notifications.notify import settle, tell
from app.people.models import Membership, Person, Role
from app.reviews import clocks, earlier
from app.reviews.models import OPEN, WAITING, Review, ReviewStatus
from app.reviews.step import require_owner, step, taken

TAKEN = "Somebody else has taken it."


@dataclass(frozen=True)
class Seen:
    """Since when somebody had the review when it was shown to who acts on it now: another time is another owner."""

    owned_at: datetime | None

    @classmethod
    def of(cls, text: str) -> "Seen":
        """As a form carries it, empty where nobody had it."""
        try:
            return cls(datetime.fromisoformat(text) if text else None)
        except ValueError:
            raise Invalid("This is no time.", field="owned_at") from None


def claim(session: Session, actor: Actor, review: Review) -> None:
    """Take a waiting review; claiming one's own again changes nothing."""
    require(actor, "review.read", review.reading_organization_id)
    person_id = person_of(actor)
    if review.owner_id == person_id:
        return
    if review.status not in WAITING:
        raise taken(session, review)
    at = now()
    step(session, review, "claim", owner_id=person_id, owned_at=at, written_at=None)
    clocks.owned(session, review, at)
    settle(session, review.referral_id, TAKEN, but=person_id)
    _record(session, actor, review, "review.claimed")


def release(session: Session, actor: Actor, review: Review) -> None:
    """Give it back to the queue; what was typed is kept in the draft."""
    require(actor, "review.read", review.reading_organization_id)
    require_owner(actor, session, review)
    at, referral = now(), review.referral
    resuming = clocks.resuming(review, referral, at)
    claim_by = clocks.half_way(at, clocks.due(review, referral.patient_leaves_at, at))
    step(session, review, "release", owner_id=None, owned_at=None, written_at=None, claim_by=claim_by, **resuming)
    if resuming:
        clocks.resumed(session, review, referral, at)
    _record(session, actor, review, "review.released")


def assign(session: Session, actor: Actor, review: Review, person_id: UUID, seen: Seen | None = None) -> None:
    """A coordinator or supervisor gives it to a reader of the reading organization, who is told.

    `seen` is what was shown, where the door knows that: of two coordinators one wins."""
    require(actor, "review.assign", review.reading_organization_id)
    if seen is not None and review.owned_at != seen.owned_at:
        raise taken(session, review)
    reads = sa.select(Membership.id).join(Person, Person.id == Membership.person_id).where(
        Membership.person_id == person_id, Membership.organization_id == review.reading_organization_id,
        Membership.role.in_((Role.REVIEWER, Role.SUPERVISOR)), Membership.ended_at.is_(None),
        Person.disabled_at.is_(None),
    )  # fmt: skip
    if session.scalar(reads) is None:
        raise Invalid("This person does not read for your organization.", field="person_id")
    if review.owner_id == person_id and review.status != ReviewStatus.REJECTED:
        raise Conflict("This person has it already.")
    at, was_returned, was_open = now(), review.returned_at is not None, review.status in OPEN
    step(session, review, "assign", owner_id=person_id, owned_at=at, written_at=None, returned_at=None)
    clocks.owned(session, review, at)
    if was_returned:
        clocks.begun(session, review)
    if not was_open:
        earlier.show(session, review.referral, review)
    settle(session, review.referral_id, TAKEN, but=person_id)
    _record(session, actor, review, "review.assigned", to=str(person_id))
    if person_id != actor.person_id:
        tell(session, [person_id], "review.requested", review.referral, to=review.referral.reading_organization)


def _record(session: Session, actor: Actor, review: Review, action: str, **detail: object) -> None:
    events.record(session, actor, action, organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id, **detail)  # fmt: skip
