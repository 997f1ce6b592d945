"""The right patient of a case that was placed, and perhaps answered, for a wrong one: a new referral and its review."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.access.scope import visible
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict, Invalid, Sentence
from app.people.models import Organization
from app.referrals import date_pregnancy, place
from app.referrals.given import GivenPatient
from app.referrals.models import Referral, ReferralStatus
from app.reports.amend import enter_in_error
from app.reports.models import Report, VersionStatus
from app.reviews.looked import tell_who_looked
from app.reviews.models import OPEN, Review
from app.reviews.step import step
from app.reviews.submit import submit
from app.studies import attach, move

COPIED = ("exam_type", "question", "clinical_notes", "priority", "patient_leaves_at", "callback_name", "callback_phone",
          "obstetric", "provisional_reading", "language")  # fmt: skip
AGAIN = "Sent again for the right patient: {code}"


def withdraw_and_send_again(
    session: Session, actor: Actor, review: Review, report: Report, reason: str, patient: GivenPatient, *,
    same_patient: bool = False,
) -> Referral:  # fmt: skip
    """The reader's act: the report is entered in error, and the question asked anew for whom it is about.

    Whom the clinic knows by which number is not the reader's to ask: the patient is a new record, to be merged there."""
    if patient.identifier or patient.id or patient.mother_patient_id:
        raise Invalid("Give the name that is right; the clinic adds the number.", field="patient.identifier")
    enter_in_error(session, actor, review, report, reason)
    return _again(session, actor, review.referral, patient, same_patient=same_patient)


def send_again(
    session: Session, actor: Actor, referral: Referral, patient: GivenPatient, *, same_patient: bool = False
) -> Referral:
    """The referrer's act. A signed report has to be entered in error first, by whom it was signed."""
    require(actor, "referral.send", referral.organization_id)
    _refuse_signed(session, referral)
    return _again(session, actor, referral, patient, same_patient=same_patient)


def _again(
    session: Session, actor: Actor, before: Referral, patient: GivenPatient, *, same_patient: bool
) -> Referral:  # fmt: skip
    """With all files that are here; the old referral stays, marked as entered in error."""
    if before.status not in (ReferralStatus.ACTIVE, ReferralStatus.COMPLETED):
        raise Conflict(
            Sentence("This referral is {status}.", status=ReferralStatus(before.status)), status=before.status
        )
    referral = _placed(session, actor, before, patient)
    if referral.patient_id == before.patient_id:
        raise Conflict("This is the patient whom the referral names already.", field="patient")
    study_ids = []
    for planned in move.everything(session, before, referral):
        if planned.study_id is not None:
            study_ids.append(planned.study_id)
            if not same_patient:
                attach.refuse_another(session, referral, planned.study_id)
        move.carry_out(session, actor, planned)
    _end(session, actor, before, referral)
    tell_who_looked(session, actor, before, "referral.wrong-patient", study_ids)
    submit(session, actor, referral, is_again=True)
    for one, action in ((before, "referral.sent-again"), (referral, "referral.placed")):
        events.record(session, actor, action, organization_id=one.organization_id, entity_id=one.id, referral_id=one.id,
                      before=str(before.id), now=str(referral.id))  # fmt: skip
    return referral


def _placed(session: Session, actor: Actor, before: Referral, patient: GivenPatient) -> Referral:
    organization = session.get_one(Organization, before.organization_id)
    code = place.free_code(session)
    referral = Referral(
        id=new_id(), organization_id=organization.id, reading_organization_id=before.reading_organization_id, code=code,
        author_id=before.author_id, patient=place.patient_of(session, actor, organization, patient, code),
        accession_number=f"SP{code.replace('-', '')}", **{name: getattr(before, name) for name in COPIED},
    )  # fmt: skip
    referral.organization = organization
    referral.reading_organization = session.get_one(Organization, before.reading_organization_id)
    session.add(referral)
    session.flush()
    return referral


def _end(session: Session, actor: Actor, before: Referral, referral: Referral) -> None:
    mine = sa.select(Review).where(Review.referral_id == before.id, Review.status.in_(OPEN))
    for review in session.scalars(mine):
        step(session, review, "cancel", ended_reason=Sentence(AGAIN, code=referral.code))
    before.status, before.updated_at = ReferralStatus.ENTERED_IN_ERROR, now()
    before.ended_reason = Sentence(AGAIN, code=referral.code)
    date_pregnancy.void(session, actor, before)
    session.flush()


def _refuse_signed(session: Session, referral: Referral) -> None:
    signed = sa.select(Report.id).where(
        Report.referral_id == referral.id,
        Report.signed_at.is_not(None),
        Report.status != VersionStatus.ENTERED_IN_ERROR,
    )
    if (report_id := session.scalar(signed)) is not None:
        raise Conflict("This referral is answered. Its reader has to enter the report in error first.",
                       report_id=str(report_id))  # fmt: skip


def replaced_by(session: Session, actor: Actor, referral: Referral) -> UUID | None:
    """The referral for the right patient, where this one was for a wrong one, as far as the actor sees it."""
    code = referral.ended_reason.removeprefix(AGAIN.format(code=""))
    if referral.status != ReferralStatus.ENTERED_IN_ERROR or code == referral.ended_reason:
        return None
    return session.scalar(sa.select(Referral.id).where(Referral.code == code, visible(Referral, actor)))
