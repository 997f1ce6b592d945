"""What a referrer gives: as little as there is of a patient, and each wrong field by its name."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.referrals.given import GivenPatient, GivenReferral, RevisedReferral, clean, name_within

LEAST = {"patient": {"name_unknown": True}, "exam_type": "fast", "question": "Free fluid?"}


def refused(model: type[GivenPatient] | type[GivenReferral], values: dict[str, Any]) -> set[str]:
    with pytest.raises(ValidationError) as wrong:
        model.model_validate(values)
    return {".".join(map(str, error["loc"])) for error in wrong.value.errors()}


def patient(**values: Any) -> GivenPatient:
    return GivenPatient.model_validate({"family_name": "Otieno", **values})


def test_an_unknown_unconscious_person_can_be_referred() -> None:
    assert GivenReferral.model_validate(LEAST).patient.name_unknown


@pytest.mark.parametrize("name", [{"family_name": "Otieno"}, {"given_name": "Jane"}, {"name_local": "ጄን"}])
def test_one_name_is_enough(name: dict[str, str]) -> None:
    assert GivenPatient.model_validate(name)


@pytest.mark.parametrize("name", [{}, {"family_name": ""}, {"family_name": " \u200e "}])
def test_no_name_has_to_be_said(name: dict[str, str]) -> None:
    assert refused(GivenPatient, name) == {""}


@pytest.mark.parametrize("date", ["1990", "1990-04", "1990-04-03", "2024-02-29"])
def test_a_birth_date_is_taken_as_far_as_it_is_known(date: str) -> None:
    assert patient(birth_date=date).birth_date == date


@pytest.mark.parametrize("empty", ["", None])
def test_no_birth_date_is_none(empty: str | None) -> None:
    assert patient(birth_date=empty).birth_date is None


@pytest.mark.parametrize(
    "date",
    ["2090", "2090-01-01", "1990-13", "1990-00-01", "1990-02-30", "2023-02-29", "03.04.1990", "1990-4-3", "19900403", "1850", "abc",
     1990, "1990-04-03T00:00", "١٩٩٠"],
)  # fmt: skip
def test_a_date_of_no_calendar_or_of_the_future_is_refused(date: object) -> None:
    assert refused(GivenPatient, {"family_name": "Otieno", "birth_date": date}) == {"birth_date"}


@pytest.mark.parametrize("age", [36, "36", "36 years", [36, "years"], True])
def test_an_age_in_another_shape_is_told_how_it_is_written(age: object) -> None:
    with pytest.raises(ValidationError, match=re.escape('is written {"value": 36, "unit": "years"}')):
        patient(age=age)
    assert refused(GivenPatient, {"family_name": "Otieno", "age": age}) == {"age"}


def test_a_child_born_today_where_it_is_tomorrow_already_is_taken() -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    later = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert patient(birth_date=tomorrow).birth_date == tomorrow
    assert refused(GivenPatient, {"family_name": "Otieno", "birth_date": later}) == {"birth_date"}


@pytest.mark.parametrize("age", [{"value": 0, "unit": "days"}, {"value": 34}, {"value": 6, "unit": "weeks"}])
def test_an_age_stands_in_for_a_birth_date(age: dict[str, object]) -> None:
    stated = patient(age=age).age
    assert stated
    assert stated.value == age["value"]


@pytest.mark.parametrize("age", [{"value": -1}, {"value": 131}, {"value": 3, "unit": "moons"}, {"unit": "years"}])
def test_an_age_that_cannot_be_is_refused(age: dict[str, object]) -> None:
    assert all(field.startswith("age") for field in refused(GivenPatient, {"family_name": "O", "age": age}))


@pytest.mark.parametrize(
    ("field", "value"),
    [("exam_type", "knee"), ("question", ""), ("question", " \u200b\n"), ("priority", "now"), ("question", "x" * 20_001),
     ("patient_leaves_at", "2026-04-03T12:00:00"), ("accession_number", "x" * 17), ("accession_number", "a\\b"),
     ("callback", {"phone": "call me"}), ("obstetric", {"gravida": 31}), ("files", [{"name": ""}]),
     ("files", [{"name": "a", "sha256": "ABC"}]), ("files", [{"name": "a", "size_bytes": -1}]),
     ("external_identifiers", [{"system": "", "value": "1"}]), ("files", [{"name": "a"}] * 5_001)],
)  # fmt: skip
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    assert all(named.startswith(field) for named in refused(GivenReferral, {**LEAST, field: value}))


def test_unknown_fields_are_left_alone() -> None:
    assert GivenReferral.model_validate({**LEAST, "invented": 1, "patient": {"name_unknown": True, "status": "x"}})


def test_only_what_is_given_is_revised() -> None:
    assert RevisedReferral.model_validate({"question": "Else?"}).model_dump(exclude_unset=True) == {"question": "Else?"}


@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_leaves_nothing_unseen(text: str) -> None:
    once = str(clean(text))
    assert clean(once) == once
    assert set(once).isdisjoint("\0\u202e\u2066\ufeff\r")


def test_what_some_scripts_spell_with_is_kept() -> None:
    assert clean("می\u200cخواهم") == "می\u200cخواهم"
    assert clean("e\u0301") == "é"
    assert clean("one\r\ntwo\tthree") == "one\ntwo\tthree"


def test_a_files_name_holds_nothing_that_a_list_or_terminal_would_obey() -> None:
    assert name_within("CT/\x1b[2Ja\0b\r\n\u202egpj.exe") == "CT/[2Jabgpj.exe"
    assert name_within("Cafe\u0301/\u0645\u06cc\u200c.dcm") == "Cafe\u0301/\u0645\u06cc\u200c.dcm"
