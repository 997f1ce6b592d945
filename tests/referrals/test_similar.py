"""Somebody who is known is found while their name is typed, and never anybody of another organization."""

from typing import Any

import pytest

from app.access.actor import WORKER
from app.config import Settings
from app.db import engine, reading
from app.errors import Invalid
from app.people.models import Patient, Role
from app.referrals.similar import beginning_with, by_number_or_code, similar
from tests import people
from tests.people import Places, count
from tests.referrals.test_place import JANE, placed

pytestmark = pytest.mark.usefixtures("db")


def found(places: Places, name: str, **more: Any) -> list[str]:
    with reading(WORKER) as session:
        return [one.patient.display_name for one in similar(session, places.clinic, name, **more)]


def test_beginnings_of_words_find_without_case_accent_and_order(places: Places) -> None:
    placed(places.referrer, patient={"family_name": "Ndégwa", "given_name": "Zoë Achieng"})
    placed(places.referrer, patient={"name_local": "山田 太郎"})
    for typed in ("ndegwa", "NDEG", "zoe nde", "achieng ndégwa", "nd z a"):
        assert found(places, typed) == ["Ndégwa, Zoë Achieng"], typed
    assert found(places, "山") == ["山田 太郎"]
    for typed in ("", "n", "egwa", "ndegwa jane", "test", "%"):
        assert found(places, typed) == [], typed


def test_the_birth_date_leaves_out_others_and_makes_it_likely(places: Places) -> None:
    placed(places.referrer)
    placed(places.referrer, patient={**JANE, "identifier": "MRN-9", "birth_date": "1955"})
    placed(places.referrer, patient={**JANE, "identifier": "MRN-10", "birth_date": None})
    with reading(WORKER) as session:
        lines = similar(session, places.clinic, "Jane Otieno", birth_date="1990")
    assert [(one.patient.identifier, one.is_likely) for one in lines] == [("MRN-1", True), ("MRN-10", False)]
    assert all(one.seen_at for one in lines)
    assert len(found(places, "jane otieno")) == 3


def test_another_organizations_patients_are_not_found(places: Places) -> None:
    other = people.somebody(people.organization("Another clinic", read_by=places.hospital), Role.REFERRER)
    placed(other)
    assert found(places, "otieno", identifier="MRN-1") == []


def test_a_number_or_the_code_of_a_case_finds_its_patient(places: Places) -> None:
    referral = placed(places.referrer)
    with reading(WORKER) as session:
        for text in ("MRN-1", referral.code, referral.code.lower().replace("-", "")):
            patient = by_number_or_code(session, places.clinic, text)
            assert patient is not None
            assert patient.id == referral.patient_id
        assert by_number_or_code(session, places.clinic, "nothing") is None
        assert by_number_or_code(session, places.stranger, referral.code) is None


def test_who_was_picked_is_referred_again_and_nobody_is_made_anew(places: Places) -> None:
    first = placed(places.referrer, patient={"given_name": "Njeri", "age": {"value": 30}})
    again = placed(places.referrer, patient={"id": str(first.patient_id)})
    assert (again.patient_id, count(Patient)) == (first.patient_id, 1)
    with pytest.raises(Invalid, match="Is it the same patient"):
        placed(places.referrer, patient={"id": str(first.patient_id), "given_name": "Peter"})
    for wrong in (first.id, places.clinic):
        with pytest.raises(Invalid) as refused:
            placed(places.referrer, patient={"id": str(wrong)})
        assert refused.value.field == "patient.id"


def test_twins_of_a_mother_without_names_are_two_patients(places: Places) -> None:
    mother = placed(places.referrer)
    baby = {"name_unknown": True, "mother_patient_id": str(mother.patient_id), "birth_date": "2020"}
    twins = [placed(places.referrer, patient={**baby, "birth_order": number}) for number in (1, 2)]
    with reading(WORKER) as session:
        rows = [session.get_one(Patient, one.patient_id) for one in twins]
    assert [(one.mother_patient_id, one.birth_order) for one in rows] == [
        (mother.patient_id, 1),
        (mother.patient_id, 2),
    ]
    assert len({one.identifier for one in rows}) == 2


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_typing_walks_an_index_of_the_organization(db: Settings, places: Places) -> None:
    query = beginning_with(places.clinic, "otieno ja").limit(100)
    with engine().connect() as connection:
        text = query.compile(connection, compile_kwargs={"render_postcompile": True})
        given = [text.params[name] for name in text.positiontup or []]
        given = [one.hex if hasattr(one, "hex") else one for one in given]
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(given))]
    assert any("ix_patient_word_here" in step for step in plan), plan
    assert not any("SCAN" in step for step in plan), plan
