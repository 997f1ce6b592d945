"""What happens to a review by time alone; each job acts once, and on the state as it is then."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actor import WORKER
from app.audit import events
from app.config import settings
from app.db import clock, transaction
from app.jobs.timers import wind
from app.notifications.notify import tell
from app.reviews import clocks
from app.reviews.models import OPEN, Review, ReviewStatus
from app.reviews.step import rung, step
from app.reviews.submit import readers
from app.reviews.whom import in_charge, senders, supervisors


def due(review_id: str, timer_id: str) -> None:
    """The job `reviews.due`: at the deadline reader and coordinator are told."""
    with transaction(WORKER) as session:
        review = rung(session, review_id, timer_id)
        if review is None or not _is_overdue(review, clock(session)):
            return
        referral = review.referral
        whom, anyone = set(in_charge(session, review.reading_organization_id)), set[UUID]()
        if review.status in OPEN and review.owner_id is not None:
            whom.add(review.owner_id)
        elif review.status in OPEN:
            anyone = set(readers(session, referral)) - whom
        tell(session, whom, "review.overdue", referral, to=referral.reading_organization)
        tell(session, anyone, "review.overdue", referral, to=referral.reading_organization, personally=False)
        _record(session, review, "review.overdue")


def warn(review_id: str, timer_id: str) -> None:
    """The job `reviews.warn`: the claim lapses soon, and not before its owner had all the time since this warning."""
    with transaction(WORKER) as session:
        review = rung(session, review_id, timer_id)
        if review is None or review.owner_id is None or review.owned_at is None or not _is_idle(review):
            return
        least = clock(session) + timedelta(minutes=settings().claim_warning_min)
        wind(session, clocks.LAPSE, review.id, max(review.owned_at + clocks.lease(), least))
        tell(session, [review.owner_id], "review.lapses", review.referral, to=review.referral.reading_organization)


def lapse(review_id: str, timer_id: str) -> None:
    """The job `reviews.lapse`: a claim without a saved word goes back to the queue; what was typed stays where it is."""
    with transaction(WORKER) as session:
        review = rung(session, review_id, timer_id)
        if review is None or review.owner_id is None or not _is_idle(review):
            return
        former, referral = review.owner_id, review.referral
        claim_by = clocks.half_way(clock(session), review.due_at)
        step(session, review, "lapse", owner_id=None, owned_at=None, claim_by=claim_by)
        _record(session, review, "review.lapsed", owner=str(former))
        tell(session, [former], "review.lapsed", referral, to=referral.reading_organization)
        others = set(readers(session, referral)) - {former}
        tell(session, others, "review.requested", referral, to=referral.reading_organization, personally=False)


def unanswered(review_id: str, timer_id: str) -> None:
    """The job `reviews.unanswered`: the clinic is asked again, and the coordinator knows."""
    with transaction(WORKER) as session:
        review = rung(session, review_id, timer_id)
        if review is None or review.status != ReviewStatus.ON_HOLD:
            return
        referral = review.referral
        tell(session, senders(session, referral), "review.question", referral, to=referral.organization)
        whom = in_charge(session, review.reading_organization_id)
        tell(session, whom, "review.unanswered", referral, to=referral.reading_organization)
        _record(session, review, "review.unanswered")


def mend(review_id: str, timer_id: str) -> None:
    """The job `reviews.mend`: sent back, and not signed anew in time; its reader is told again, and who is in charge."""
    with transaction(WORKER) as session:
        review = rung(session, review_id, timer_id)
        if review is None or review.mend_by is None or review.owner_id is None:
            return
        referral, here = review.referral, review.reading_organization_id
        tell(session, [review.owner_id], "report.sent-back", referral, to=referral.reading_organization)
        whom = {*in_charge(session, here), *supervisors(session, here)} - {review.owner_id}
        tell(session, whom, "review.unmended", referral, to=referral.reading_organization)
        _record(session, review, "review.unmended")


def _is_overdue(review: Review, at: datetime) -> bool:
    is_theirs = review.status in OPEN or (review.status == ReviewStatus.REJECTED and review.returned_at is None)
    return is_theirs and clocks.due(review, review.referral.patient_leaves_at, at) <= at


def _is_idle(review: Review) -> bool:
    return review.written_at is None and review.status in (ReviewStatus.ACCEPTED, ReviewStatus.IN_PROGRESS)


def _record(session: Session, review: Review, action: str, **detail: object) -> None:
    events.record(session, WORKER, action, organization_id=review.organization_id, entity_id=review.id,
                  referral_id=review.referral_id, **detail)  # fmt: skip
