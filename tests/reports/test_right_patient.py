"""A wrong-patient report is entered in error, whoever read it is told, and the right patient's review waits."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit import events
from app.db import reading, transaction
from app.errors import Conflict, Invalid
from app.notifications.models import Notification
from app.people.models import Patient, Role
from app.referrals.given import GivenPatient
from app.referrals.models import Referral, ReferralStatus
from app.reports import right_patient
from app.reports.draft import report_of
from app.reports.models import VersionStatus
from app.reviews import submit
from app.reviews.models import Review, ReviewStatus
from app.reviews.step import loaded
from app.studies.images import image_list
from tests import people
from tests.people import Places, count
from tests.referrals.test_place import submitted
from tests.reports.test_signing import Reading, claimed
from tests.studies.sent import a_dicom, a_jpeg, send

pytestmark = pytest.mark.usefixtures("db")
PETER = {"family_name": "Okoth", "given_name": "Peter"}


def by_reader(case: Reading, patient: dict[str, Any], **how: bool) -> Referral:
    who = case.reader.actor
    with transaction(who) as session:
        review = loaded(session, who, case.review_id)
        report = report_of(session, review)
        assert report
        given = GivenPatient.model_validate(patient)
        return right_patient.withdraw_and_send_again(session, who, review, report, "Wrong patient.", given, **how)


def by_referrer(places: Places, referral: Referral, patient: dict[str, Any], **how: bool) -> Referral:
    who = places.referrer.actor
    with transaction(who) as session:
        before = submit.for_change(session, who, referral.id)
        return right_patient.send_again(session, who, before, GivenPatient.model_validate(patient), **how)


def shown(referral: Referral) -> int:
    with reading(WORKER) as session:
        return len(image_list(session, referral.id))


def told(kind: str) -> set[UUID]:
    with reading(WORKER) as session:
        return set(session.scalars(sa.select(Notification.person_id).where(Notification.kind == kind)))


def test_the_reader_withdraws_it_and_the_question_waits_anew_for_the_right_patient(places: Places) -> None:
    case = claimed(places)
    case.sign(case.write())
    again = by_reader(case, PETER, same_patient=True)
    assert case.report().status == VersionStatus.ENTERED_IN_ERROR
    with reading(WORKER) as session:
        before, after = session.get_one(Referral, case.referral.id), session.get_one(Referral, again.id)
        review = session.scalars(sa.select(Review).where(Review.referral_id == again.id)).one()
        patient = session.get_one(Patient, again.patient_id)
        link = right_patient.replaced_by(session, places.referrer.actor, before)
    assert (before.status, after.status, review.status) == (
        ReferralStatus.ENTERED_IN_ERROR, ReferralStatus.ACTIVE, ReviewStatus.REQUESTED,
    )  # fmt: skip
    assert (patient.display_name, patient.organization_id, link) == ("Okoth, Peter", places.clinic, again.id)
    assert (after.question, after.author_id) == (before.question, places.referrer.id)
    assert (shown(before), shown(after)) == (0, 1)
    assert {places.referrer.id} <= told("report.entered-in-error") & told("referral.wrong-patient")
    assert case.verdict().authentic


def test_everybody_who_opened_the_report_is_told(places: Places) -> None:
    case = claimed(places)
    case.sign(case.write())
    colleague = people.somebody(places.clinic, Role.REFERRER)
    events.note_opening(colleague.actor, "report.opened", organization_id=places.clinic, entity_id=case.report().id)
    case.enter_in_error()
    assert told("report.entered-in-error") == {places.referrer.id, colleague.id}


def test_the_reader_gives_a_name_and_asks_for_no_number_of_the_clinics(places: Places) -> None:
    case = claimed(places)
    case.sign(case.write())
    for asked in ({"identifier": "MRN-1"}, {"id": str(case.referral.patient_id)}):
        with pytest.raises(Invalid, match="the clinic adds the number"):
            by_reader(case, {**PETER, **asked})
    assert case.report().status == VersionStatus.FINAL


def test_images_that_name_the_old_patient_go_only_when_that_is_said_to_be_right(places: Places) -> None:
    case = claimed(places)
    case.sign(case.write())
    with pytest.raises(Conflict, match="another patient"):
        by_reader(case, PETER)
    assert (case.report().status, shown(case.referral), count(Referral)) == (VersionStatus.FINAL, 1, 1)


def test_the_referrer_puts_it_right_before_an_answer_or_after_its_withdrawal(places: Places) -> None:
    open_one = submitted(places.referrer)
    send(places.referrer, open_one, a_jpeg(), "a.jpg")
    held = send(places.referrer, open_one, a_dicom(patient="Okoth^Peter"), "held.dcm")
    again = by_referrer(places, open_one, PETER)
    with reading(WORKER) as session:
        ended = session.scalars(sa.select(Review).where(Review.referral_id == open_one.id)).one()
    assert (ended.status, shown(open_one), shown(again), held.status) == (ReviewStatus.CANCELLED, 0, 2, "held")
    case = claimed(places)
    case.sign(case.write())
    with pytest.raises(Conflict, match="enter the report in error first"):
        by_referrer(places, case.referral, PETER, same_patient=True)
    case.enter_in_error()
    assert shown(by_referrer(places, case.referral, PETER, same_patient=True)) == 1


def test_the_patient_whom_it_names_already_is_no_other(places: Places) -> None:
    referral = submitted(places.referrer)
    with pytest.raises(Conflict, match="names already"):
        by_referrer(places, referral, {"id": str(referral.patient_id)})
    assert count(Referral) == 1
