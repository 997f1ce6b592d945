"""A declined case goes on to another organization that reads for the clinic: why it was declined stays with it."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid, Sentence
from app.notifications.notify import tell, withdraw
from app.people.models import Organization
from app.people.reading import readers_for
from app.referrals.models import Referral
from app.reports.critical_finding import OPEN, CriticalFinding
from app.reports.models import Report
from app.reviews.models import Review, ReviewStatus, after
from app.reviews.step import lock, step
from app.reviews.submit import ask
from app.reviews.whom import senders
from app.studies.models import ReferralStudy


def send_on(session: Session, actor: Actor, review: Review, reader_id: UUID | None) -> Review:
    """The review that waits there now. The act is the coordinator's of who declined it, or the clinic's.

    Its deadline runs on. Who declined it sees the case no longer."""
    lock(session, review)
    _require(actor, review)
    after(review.status, "send-on")
    _refuse_answered(session, review)
    reader = _chosen(session, review, reader_id)
    referral, before = review.referral, review.referral.reading_organization
    step(session, review, "send-on", sent_on_at=now())
    _end_seeing(session, referral, before.id)
    withdraw(session, referral.id, before.id, Sentence("The case was sent on to another organization."))
    referral.reading_organization_id, referral.reading_organization = reader.id, reader
    made = ask(session, referral, review.due_at, paused_s=review.paused_s)
    events.record(session, actor, "review.sent-on", organization_id=referral.organization_id, entity_id=review.id,
                  referral_id=referral.id, before=str(before.id), now=str(reader.id))  # fmt: skip
    whom = set(senders(session, referral)) - {actor.person_id}
    tell(session, [one for one in whom if one], "review.sent-on", referral, to=referral.organization)
    return made


def elsewhere(session: Session, review: Review) -> list[Organization]:
    """The others that read for the clinic."""
    readers = readers_for(session, review.organization_id)
    return [one for one in readers if one.id != review.reading_organization_id]


def _require(actor: Actor, review: Review) -> None:
    if actor.may("referral.send", review.organization_id):
        return
    require(actor, "review.assign", review.reading_organization_id)
    if review.status == ReviewStatus.REJECTED and review.returned_at is not None:
        raise Conflict("This is left to the clinic already.", status=review.status)


def _chosen(session: Session, review: Review, reader_id: UUID | None) -> Organization:
    among = elsewhere(session, review)
    fitting = [one for one in among if reader_id in (None, one.id)]
    if len(fitting) == 1:
        return fitting[0]
    if not among:
        raise Invalid("No other organization reads for this clinic.", field="reading_organization_id")
    choices = [{"id": str(one.id), "name": one.name} for one in among]
    raise Invalid(
        Sentence("These read for the clinic too: {names}. Choose one.", names=", ".join(one.name for one in among)),
        field="reading_organization_id", choices=choices,
    )  # fmt: skip


def _refuse_answered(session: Session, review: Review) -> None:
    """A preliminary reading stands, and a critical finding is chased, by the organization that said it."""
    signed = sa.select(Report.id).where(Report.review_id == review.id, Report.signed_at.is_not(None))
    if session.scalar(signed) is not None:
        raise Conflict("A preliminary answer is signed here. Give it to another reader, or leave it to the clinic.",
                       status=review.status)  # fmt: skip
    raised = sa.select(CriticalFinding.id).where(
        CriticalFinding.review_id == review.id, CriticalFinding.status.in_(OPEN)
    )
    if session.scalar(raised) is not None:
        raise Conflict("A critical finding is open here. See that the clinic says it back first.", status=review.status)


def _end_seeing(session: Session, referral: Referral, organization_id: UUID) -> None:
    """The case and its studies, but those that another case shows to the organization as well."""
    mine = sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id == referral.id)
    other = sa.select(ReferralStudy.study_id).join(Referral, Referral.id == ReferralStudy.referral_id).where(
        Referral.id != referral.id, Referral.reading_organization_id == organization_id,
        Referral.submitted_at.is_not(None),
    )  # fmt: skip
    studies = session.scalars(mine.where(ReferralStudy.study_id.not_in(other))).all()
    scope.end_seeing(session, organization_id, referral.id, studies)
