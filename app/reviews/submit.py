"""Submit: the referral is active, its Review requested, the reading organization told, in one transaction."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor, require
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict, Invalid, Sentence
from app.notifications.notify import tell
from app.people.models import Membership, Role
from app.people.reading import reader_for
from app.referrals import date_pregnancy
from app.referrals.deadlines import deadline
from app.referrals.models import Referral, ReferralStatus
from app.reviews import clocks, earlier
from app.reviews.models import Review
from app.studies.models import ReferralStudy


def submit(session: Session, actor: Actor, referral: Referral, *, is_again: bool = False) -> Review:
    """Allowed before any file has arrived; submitting twice is once. `is_again`: what was sent before, for the right
    patient now, which its reader may do too."""
    if not is_again:
        require(actor, "referral.send", referral.organization_id)
    asked = sa.select(Review).where(Review.referral_id == referral.id).order_by(Review.id.desc()).limit(1)
    if (review := session.scalars(asked).first()) is not None:
        return review
    if referral.status != ReferralStatus.DRAFT:
        raise Conflict(
            Sentence("This referral is {status}.", status=ReferralStatus(referral.status)), status=referral.status
        )
    _refuse_incomplete(referral)
    reader_for(session, referral.organization_id, referral.reading_organization_id)  # the relation may have ended since
    at = now()
    referral.status, referral.submitted_at, referral.updated_at = ReferralStatus.ACTIVE, at, at
    referral.due_at = deadline(referral, at)
    events.record(session, actor, "referral.submitted", organization_id=referral.organization_id, entity_id=referral.id,
                  referral_id=referral.id, due_at=referral.due_at.isoformat())  # fmt: skip
    review = ask(session, referral, referral.due_at)
    date_pregnancy.begin(session, actor, referral)
    return review


def ask(session: Session, referral: Referral, due_at: datetime, *, paused_s: int = 0) -> Review:
    """The organization that the referral names has a review of it, sees the case, and its readers are told."""
    review = Review(
        id=new_id(), organization_id=referral.organization_id, referral_id=referral.id,
        reading_organization_id=referral.reading_organization_id, due_at=due_at, paused_s=paused_s,
        exam_type=referral.exam_type, language=referral.language, claim_by=clocks.half_way(now(), due_at),
    )  # fmt: skip
    session.add(review)
    session.flush()
    clocks.begun(session, review)
    _let_the_reader_see(session, referral)
    earlier.show(session, referral, review)
    whom = readers(session, referral)
    tell(session, whom, "review.requested", referral, to=referral.reading_organization, personally=False)
    return review


def _refuse_incomplete(referral: Referral) -> None:
    """A draft may be kept without these."""
    if not referral.exam_type:
        raise Invalid("Choose what was examined.", field="exam_type")
    if not referral.question:
        raise Invalid("Write the question that the specialist should answer.", field="question")


def for_change(session: Session, actor: Actor, referral_id: UUID) -> Referral:
    """The referral with what submitting, revising and cancelling need, locked until the end of the transaction."""
    return scope.get(
        session, Referral, referral_id, actor, joinedload(Referral.patient), joinedload(Referral.organization),
        joinedload(Referral.reading_organization), lock=True,
    )  # fmt: skip


def _let_the_reader_see(session: Session, referral: Referral) -> None:
    scope.grant(session, referral.reading_organization_id, referral_id=referral.id)
    for study_id in session.scalars(sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id == referral.id)):
        scope.grant(session, referral.reading_organization_id, study_id=study_id)


def readers(session: Session, referral: Referral) -> list[UUID]:
    """Who is told that something waits."""
    roles = (Role.REVIEWER, Role.SUPERVISOR, Role.COORDINATOR)
    return list(session.scalars(
        sa.select(Membership.person_id)
        .where(Membership.organization_id == referral.reading_organization_id, Membership.role.in_(roles),
               Membership.ended_at.is_(None))
        .distinct().order_by(Membership.person_id)  # sorted, so that two of these never wait for each other
    ))  # fmt: skip
