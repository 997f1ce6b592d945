"""One step of a review along its table of states, by compare-and-swap."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.access import scope
from app.access.actor import Actor, require
from app.db import now
from app.errors import Conflict, Sentence
from app.jobs.timers import take
from app.people.models import Person
from app.referrals.models import Referral
from app.reviews import clocks
from app.reviews.models import ENDED, OPEN, Review, ReviewStatus, after

WHOLE = (
    joinedload(Review.owner),
    joinedload(Review.referral).options(joinedload(Referral.patient), joinedload(Referral.organization),
                                        joinedload(Referral.reading_organization), joinedload(Referral.pregnancy)),
)  # fmt: skip
MENDING = ("write", "hold", "reply")  # what was sent back stays so through these
# What steps move: read anew wherever somebody else may have stepped.
MOVES = ["status", "owner_id", "owned_at", "written_at", "due_at", "claim_by", "held_at", "reply_due_at", "paused_s",
         "attest_at", "mend_by", "returned_at", "sent_on_at", "updated_at", "ended_reason", "advice"]  # fmt: skip


def loaded(session: Session, actor: Actor, review_id: UUID) -> Review:
    """The review with its owner and its referral, if the actor may know of it."""
    return scope.get(session, Review, review_id, actor, *WHOLE)


def rung(session: Session, review_id: str, timer_id: str) -> Review | None:
    """The review for which a timer rang, locked; None where the timer has acted before, or counts no more."""
    review = session.get(Review, UUID(review_id), options=WHOLE)
    if review is None:
        return None
    lock(session, review)
    return review if take(session, timer_id) else None


def for_reader(session: Session, actor: Actor, review_id: UUID, act: str = "review.read") -> Review:
    """The same, for an act of the reading organization."""
    review = loaded(session, actor, review_id)
    require(actor, act, review.reading_organization_id)
    return review


def lock(session: Session, review: Review) -> None:
    """Nobody else acts on this case until the end of the transaction: what is read from here on stays so."""
    case = sa.select(Referral.id).where(Referral.id == review.referral_id)
    session.execute(case.with_for_update(key_share=True))
    session.refresh(review, attribute_names=MOVES)
    _with_owner(session, review)


def step(session: Session, review: Review, act: str, **values: object) -> None:
    """Move the review, unless somebody moved it first: then Conflict with who and when."""
    status, owner_id, was_sent_back = review.status, review.owner_id, review.mend_by is not None
    if act not in MENDING:
        values.setdefault("mend_by", None)
    if act == "write":
        values["written_at"] = now()
    else:
        values.setdefault("attest_at", None)  # whatever else is done with it, it is signed anew
        # Scripts ask by it for what changed; before the review, as everybody locks the two.
        session.execute(sa.update(Referral).where(Referral.id == review.referral_id).values(updated_at=now()))
    moved = session.execute(
        sa.update(Review)
        .where(Review.id == review.id, Review.status == status, Review.owner_id.is_not_distinct_from(owner_id))
        .values(status=after(status, act), updated_at=now(), **values)
        .execution_options(synchronize_session=False)
    )
    session.refresh(review, attribute_names=MOVES)
    _with_owner(session, review)
    if moved.rowcount != 1:  # type: ignore[attr-defined]  # DML gives a CursorResult
        raise taken(session, review)
    if was_sent_back and review.mend_by is None:
        clocks.mended(session, review)
    if review.status in ENDED:
        clocks.ended(session, review)
    if review.status not in OPEN:  # a declined one too, until somebody else has it
        scope.end(session, review.id)


def _with_owner(session: Session, review: Review) -> None:
    set_committed_value(review, "owner", session.get(Person, review.owner_id) if review.owner_id else None)


def taken(session: Session, review: Review) -> Conflict:
    """Who has it, and since when."""
    owner = session.get(Person, review.owner_id) if review.owner_id else None
    if owner is None or review.owned_at is None:
        return Conflict(
            Sentence("Somebody else was first: the review is {status} now.", status=ReviewStatus(review.status)),
            status=review.status,
        )
    since = review.owned_at
    return Conflict(
        Sentence(
            "{name} has had this review since {time}.", name=owner.name, time=f"{since.day} {since:%b %Y, %H:%M} UTC"
        ),
        status=review.status,
        owner=owner.name,
        since=since.isoformat(timespec="seconds"),
    )


def require_owner(actor: Actor, session: Session, review: Review) -> None:
    if review.owner_id != actor.person_id:
        raise (
            taken(session, review) if review.owner_id else Conflict("Claim this review first.", status=review.status)
        )
