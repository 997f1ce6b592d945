"""Naming somebody who came unknown: both names find them, and what was signed says what it said."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, NotFound
from app.notifications.models import Notification
from app.people.models import Patient, PatientAlias, Role
from app.referrals.given import GivenPatient
from app.referrals.models import Referral
from app.referrals.similar import by_number_or_code, similar
from app.reviews.identify import identify
from app.reviews.worklist import Asked, worklist
from tests import people
from tests.people import Places, Somebody, count
from tests.referrals.test_place import placed, submitted
from tests.reports.test_signing import claimed

pytestmark = pytest.mark.usefixtures("db")
UNKNOWN = {"name_unknown": True, "family_name": "Unknown man, bus accident", "age": {"value": 40}, "sex": "male"}


def name(who: Somebody, referral: Referral, **given: Any) -> Patient:
    with transaction(who.actor) as session:
        return identify(session, who.actor, referral.patient_id, GivenPatient.model_validate(given))


def test_both_names_and_both_numbers_find_the_patient(places: Places) -> None:
    referral = submitted(places.referrer, patient=UNKNOWN)
    before = f"T-{referral.code}"
    named = name(
        places.referrer, referral, family_name="Okoth", given_name="Peter", birth_date="1985", identifier="MRN-2"
    )
    assert (named.display_name, named.name_unknown, named.identifier_is_temporary) == ("Okoth, Peter", False, False)
    assert (named.birth_date, named.age_value) == ("1985", None)
    with reading(WORKER) as session:
        for typed in ("okoth pet", "bus acc"):
            assert [one.patient.id for one in similar(session, places.clinic, typed)] == [named.id], typed
        for number in ("MRN-2", before):
            assert getattr(by_number_or_code(session, places.clinic, number), "id", None) == named.id
        for typed in ("okoth", "accident", "MRN-2", before):
            page = worklist(session, places.reviewer.actor, Asked(q=typed))
            assert [one.referral_id for one in page.reviews] == [referral.id], typed
    again = placed(places.referrer, patient={"identifier": before, "family_name": "Okoth"})
    assert (again.patient_id, count(Patient)) == (named.id, 1)


def test_it_is_on_the_record_once_and_told_to_who_looked(places: Places) -> None:
    case = claimed(places)
    for _ in range(2):
        name(places.referrer, case.referral, given_name="Jane Akinyi")
    mine = (AuditEvent.action == "patient.named", AuditEvent.entity_id == case.referral.patient_id)
    assert (count(AuditEvent, *mine), count(PatientAlias)) == (1, 1)
    with reading(WORKER) as session:
        told = session.scalars(sa.select(Notification.person_id).where(Notification.kind == "patient.named")).all()
        detail = session.scalars(sa.select(AuditEvent.detail).where(*mine)).one()
    assert (told, detail) == ([places.reviewer.id], {"fields": ["given_name"]})


def test_a_signed_report_says_whom_it_named_and_stays_authentic(places: Places) -> None:
    case = claimed(places)
    signed = case.sign(case.write())
    name(places.referrer, case.referral, family_name="Wanjiru", given_name="Mary")
    assert json.loads(case.report().versions[0].canonical or "")["patient"]["family_name"] == "Otieno"
    assert case.verdict().authentic
    assert signed.sha256 == case.report().versions[0].sha256


def test_a_number_that_is_somebody_elses_is_asked_about(places: Places) -> None:
    known, unknown = placed(places.referrer), placed(places.referrer, patient=UNKNOWN)
    with pytest.raises(Conflict, match="merge the two records") as refused:
        name(places.referrer, unknown, family_name="Otieno", identifier="MRN-1")
    assert refused.value.facts["patient_id"] == str(known.patient_id)


def test_only_the_clinic_names_its_patients(places: Places) -> None:
    referral = submitted(places.referrer, patient=UNKNOWN)
    for who in (places.reviewer, places.coordinator, places.stranger_referrer):
        with pytest.raises(NotFound):
            name(who, referral, family_name="Mine")
    with pytest.raises(Forbidden):
        name(people.somebody(places.clinic, Role.REVIEWER), referral, family_name="Mine")
