"""Placing and revising a referral: the text is there before any file, and no patient is written over."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from app.people.models import Patient, Role
from app.referrals.given import GivenReferral, RevisedReferral
from app.referrals.models import DEADLINES, ManifestItem, Priority, Referral, ReferralStatus, Revision
from app.referrals.place import place
from app.reviews import cancel, submit
from app.reviews.models import Review
from app.reviews.revise import revise
from tests import people
from tests.people import Places, Somebody, count

pytestmark = pytest.mark.usefixtures("db")
JANE = {"family_name": "Otieno", "given_name": "Jane", "birth_date": "1990-04-03", "identifier": "MRN-1"}


def placed(who: Somebody, **changed: Any) -> Referral:
    values = {"patient": JANE, "exam_type": "abdomen", "question": "Gallstones?", "priority": "asap", **changed}
    with transaction(who.actor) as session:
        return place(session, who.actor, GivenReferral.model_validate(values))


def submitted(who: Somebody, **changed: Any) -> Referral:
    referral_id = placed(who, **changed).id
    with transaction(who.actor) as session:
        referral = submit.for_change(session, who.actor, referral_id)
        submit.submit(session, who.actor, referral)
    return referral


def revised(who: Somebody, referral_id: UUID, **changed: Any) -> Revision | None:
    with transaction(who.actor) as session:
        referral = submit.for_change(session, who.actor, referral_id)
        return revise(session, who.actor, referral, RevisedReferral.model_validate(changed))


def test_a_referral_is_a_draft_with_its_code_patient_and_declared_files(places: Places) -> None:
    referral = placed(places.referrer, files=[{"name": "a.dcm"}, {"name": "b.dcm", "size_bytes": 7}])
    assert (referral.status, referral.organization_id) == (ReferralStatus.DRAFT, places.clinic)
    assert referral.reading_organization_id == places.hospital
    assert referral.accession_number == "SP" + referral.code.replace("-", "")
    assert count(ManifestItem, ManifestItem.referral_id == referral.id) == 2
    with reading(WORKER) as session:
        patient = session.get_one(Patient, referral.patient_id)
    assert (patient.identifier, patient.identifier_is_temporary, patient.name_key) == ("MRN-1", False, "otieno jane")


def test_who_has_no_identifier_gets_a_temporary_one(places: Places) -> None:
    referral = placed(places.referrer, patient={"name_unknown": True})
    with reading(WORKER) as session:
        patient = session.get_one(Patient, referral.patient_id)
    assert (patient.identifier, patient.identifier_is_temporary) == (f"T-{referral.code}", True)


def test_a_known_identifier_with_the_same_name_is_the_same_patient_and_nothing_is_written_over(places: Places) -> None:
    first = placed(places.referrer)
    again = placed(places.referrer, patient={**JANE, "given_name": "JANE", "birth_date": "1990"})
    assert again.patient_id == first.patient_id
    with reading(WORKER) as session:
        patient = session.get_one(Patient, first.patient_id)
    assert (patient.given_name, patient.birth_date) == ("Jane", "1990-04-03")


@pytest.mark.parametrize(
    ("other", "field", "sentence"),
    [
        ({"family_name": "Wanjiru"}, "patient.identifier", "This number is known here for Otieno, Jane"),
        ({"birth_date": "1991-04-03"}, "patient.birth_date", "Another date of birth is known here of Otieno, Jane"),
    ],
)
def test_a_known_identifier_with_another_name_or_date_is_asked_about_and_the_answer_overwrites_nothing(
    places: Places, other: dict[str, str], field: str, sentence: str
) -> None:
    first = placed(places.referrer)
    with pytest.raises(Invalid, match=sentence) as asked:
        placed(places.referrer, patient={**JANE, **other})
    assert asked.value.field == field
    assert count(Referral) == 1
    stranger = placed(places.referrer, patient={**JANE, "identifier": "MRN-2"})
    with pytest.raises(Invalid, match=sentence):  # what was said of another is no answer
        placed(places.referrer, patient={**JANE, **other, "same_as": stranger.patient_id})
    again = placed(places.referrer, patient={**JANE, **other, "same_as": asked.value.facts["patient_id"]})
    assert again.patient_id == first.patient_id
    with reading(WORKER) as session:
        patient = session.get_one(Patient, first.patient_id)
    assert (patient.family_name, patient.birth_date) == ("Otieno", "1990-04-03")


def test_what_was_not_known_of_somebody_is_added_and_is_on_the_record(places: Places) -> None:
    bare = {name: JANE[name] for name in ("identifier", "family_name", "given_name")}
    first = placed(places.referrer, patient=bare)
    for more in (
        {"age": {"value": 36, "unit": "years"}},
        {"birth_date": "1990", "sex": "female"},
        {"birth_date": "1990-04"},
    ):
        assert placed(places.referrer, patient={**bare, **more}).patient_id == first.patient_id
    with reading(WORKER) as session:
        patient = session.get_one(Patient, first.patient_id)
        acts = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "patient.completed")).all()
    assert (patient.birth_date, patient.sex, patient.age_value) == ("1990-04", "female", 36)
    assert [one.detail["fields"] for one in acts] == [["age_unit", "age_value"], ["birth_date", "sex"], ["birth_date"]]
    placed(places.referrer, patient=bare)
    assert count(AuditEvent, AuditEvent.action == "patient.completed") == 3


@pytest.mark.parametrize(
    ("known", "said", "field"),
    [
        ({"sex": "female"}, {"sex": "male"}, "patient.sex"),
        ({"birth_date": "1991"}, {"age": {"value": 12}}, "patient.age"),
        ({"age": {"value": 35}}, {"age": {"value": 12}}, "patient.age"),
        ({"age": {"value": 35}}, {"birth_date": "1951"}, "patient.birth_date"),
    ],
)
def test_what_contradicts_what_is_known_of_somebody_is_asked_about(
    places: Places, known: dict[str, object], said: dict[str, object], field: str
) -> None:
    bare = {name: JANE[name] for name in ("identifier", "family_name", "given_name")}
    first = placed(places.referrer, patient={**bare, **known})
    with pytest.raises(Invalid, match="is known here of Otieno, Jane") as asked:
        placed(places.referrer, patient={**bare, **said})
    assert asked.value.field == field
    with reading(WORKER) as session:
        assert session.get_one(Patient, first.patient_id).sex == known.get("sex", "unknown")
    assert count(Referral) == 1


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"birth_date": "1990"}, {"age": {"value": 40}}), ({"age": {"value": 61}}, {"birth_date": "1960-01-02"}),
        ({"age": {"value": 3, "unit": "months"}}, {"age": {"value": 20, "unit": "weeks"}}),
    ],
)  # fmt: skip
def test_an_age_is_a_guess(places: Places, known: dict[str, object], said: dict[str, object]) -> None:
    bare = {name: JANE[name] for name in ("identifier", "family_name", "given_name")}
    first = placed(places.referrer, patient={**bare, **known})
    assert placed(places.referrer, patient={**bare, **said}).patient_id == first.patient_id


def test_of_two_who_add_another_sex_at_once_one_is_asked(places: Places) -> None:
    bare = {name: JANE[name] for name in ("identifier", "family_name", "given_name")}
    placed(places.referrer, patient=bare)
    sexes = iter(["female", "male"])
    outcomes = at_once(2, lambda: placed(places.referrer, patient={**bare, "sex": next(sexes)}))
    assert sorted(type(one).__name__ for one in outcomes) == ["Invalid", "Referral"]


def test_the_same_identifier_in_another_organization_is_another_patient(places: Places) -> None:
    elsewhere = people.somebody(people.organization("Turkana", read_by=places.hospital), Role.REFERRER)
    mine, theirs = placed(places.referrer), placed(elsewhere, patient={**JANE, "family_name": "Wanjiru"})
    assert mine.patient_id != theirs.patient_id


def test_who_is_no_referrer_cannot_place_one(places: Places) -> None:
    with pytest.raises(Invalid, match="not a referrer"):
        placed(places.reviewer)
    with pytest.raises(Forbidden):
        placed(places.admin, organization_id=places.clinic)
    with pytest.raises(NotFound):
        placed(places.stranger_referrer, organization_id=places.clinic)


def test_none_and_several_readers_are_named(places: Places) -> None:
    with pytest.raises(Invalid, match="No organization reads"):
        placed(places.stranger_referrer)
    second = people.organization("Second hospital")
    with transaction(WORKER) as session:
        from app.people.models import ReadingRelation

        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=second))
    with pytest.raises(Invalid, match="Several read for you") as several:
        placed(places.referrer)
    assert several.value.field == "reading_organization_id"
    chosen = placed(places.referrer, reading_organization_id=second)
    assert chosen.reading_organization_id == second


def test_a_second_use_of_an_accession_number_or_external_identifier_says_where_the_first_is(places: Places) -> None:
    own = {"system": "https://emr.example.org", "value": "17"}
    first = placed(places.referrer, accession_number="A1", external_identifiers=[own])
    for values in ({"accession_number": "A1"}, {"external_identifiers": [own]}):
        with pytest.raises(Conflict) as taken:
            placed(places.referrer, **values)
        assert taken.value.facts["referral_id"] == str(first.id)
    with reading(WORKER) as session:
        query = sa.select(Referral).where(Referral.id == first.id).options(selectinload(Referral.external_identifiers))
        assert [one.value for one in session.scalars(query).one().external_identifiers] == ["17"]


def test_of_eight_at_once_with_one_accession_number_one_is_placed_and_the_others_are_told(places: Places) -> None:
    outcomes = at_once(8, lambda: placed(places.referrer, accession_number="A1"))
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict"] * 7 + ["Referral"]


def test_of_eight_at_once_with_one_new_patient_all_get_the_same(places: Places) -> None:
    outcomes = at_once(8, lambda: placed(places.referrer))
    assert len({one.patient_id for one in outcomes if isinstance(one, Referral)}) == 1
    assert count(Patient) == 1
    assert count(Referral) == 8


def test_a_mother_is_one_of_the_same_organization(places: Places) -> None:
    mother = placed(places.referrer).patient_id
    child = {"name_unknown": True, "mother_patient_id": str(mother), "birth_order": 2}
    with reading(WORKER) as session:
        newborn = session.get_one(Patient, placed(places.referrer, patient=child).patient_id)
    assert (newborn.mother_patient_id, newborn.birth_order) == (mother, 2)
    elsewhere = people.somebody(people.organization("Turkana", read_by=places.hospital), Role.REFERRER)
    with pytest.raises(Invalid, match="mother"):
        placed(elsewhere, patient=child)


@pytest.mark.parametrize("priority", list(Priority))
def test_the_deadline_follows_the_priority_from_the_moment_of_submission(places: Places, priority: Priority) -> None:
    referral = submitted(places.referrer, priority=priority)
    assert referral.submitted_at
    assert referral.due_at == referral.submitted_at + DEADLINES[priority]


def test_no_deadline_is_later_than_the_patient_leaves(places: Places) -> None:
    leaves = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30)
    assert submitted(places.referrer, priority="routine", patient_leaves_at=leaves.isoformat()).due_at == leaves
    later = (leaves + timedelta(days=30)).isoformat()
    referral = submitted(places.referrer, priority="stat", patient_leaves_at=later)
    assert referral.submitted_at
    assert referral.due_at == referral.submitted_at + DEADLINES[Priority.STAT]


def test_a_revision_keeps_what_was_there_and_moves_the_deadline_from_the_submission(places: Places) -> None:
    referral = submitted(places.referrer, priority="routine")
    assert referral.submitted_at
    revision = revised(places.referrer, referral.id, priority="stat", question="Perforation?")
    assert revision
    assert revision.changes == {"priority": ["routine", "stat"], "question": ["Gallstones?", "Perforation?"]}
    with reading(WORKER) as session:
        now_there = session.get_one(Referral, referral.id)
    assert (now_there.version, now_there.question) == (2, "Perforation?")
    assert now_there.due_at == referral.submitted_at + DEADLINES[Priority.STAT]


def test_a_moved_deadline_is_the_reviews_too(places: Places) -> None:
    referral = submitted(places.referrer, priority="routine")
    revised(places.referrer, referral.id, priority="stat")
    with reading(WORKER) as session:
        review = session.scalars(sa.select(Review).where(Review.referral_id == referral.id)).one()
        assert review.due_at == session.get_one(Referral, referral.id).due_at


def test_another_exam_type_is_the_reviews_too(places: Places) -> None:
    referral = submitted(places.referrer)
    revised(places.referrer, referral.id, exam_type="renal")
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Review.exam_type).where(Review.referral_id == referral.id)).all() == ["renal"]


def test_a_revision_that_changes_nothing_is_none(places: Places) -> None:
    referral = placed(places.referrer)
    assert revised(places.referrer, referral.id, question="Gallstones?") is None
    assert revised(places.referrer, referral.id) is None
    assert count(Revision) == 0


def test_what_is_over_is_not_revised(places: Places) -> None:
    referral_id = placed(places.referrer).id
    with transaction(places.referrer.actor) as session:
        referral = submit.for_change(session, places.referrer.actor, referral_id)
        cancel.cancel(session, places.referrer.actor, referral, "Went to the district hospital.")
    with pytest.raises(Conflict, match="revoked"):
        revised(places.referrer, referral_id, question="Else?")


def test_the_reader_sees_a_referral_and_cannot_change_it(places: Places) -> None:
    referral = submitted(places.referrer)
    with pytest.raises(NotFound):
        revised(places.reviewer, referral.id, question="Else?")
    with pytest.raises(NotFound):
        revised(places.stranger_referrer, referral.id, question="Else?")


def at_once(number: int, act: Callable[[], Any]) -> list[Any]:
    """What came of `act`, called by so many threads at the same moment; refusals are outcomes too."""
    start, outcomes = threading.Barrier(number), []

    def run() -> None:
        start.wait()
        try:
            outcomes.append(act())
        except Refusal as refusal:
            outcomes.append(refusal)
        except Exception as failure:  # noqa: BLE001 - what it is, is what the test asks
            outcomes.append(failure)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
