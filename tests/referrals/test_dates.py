"""Dates that cannot be are asked about at their field, by the clinic's own calendar."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import Invalid
from app.referrals.dates import refuse_impossible
from app.referrals.given import GivenPatient, Obstetric

TODAY = datetime.now(UTC).date()


def day(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def asked(patient: dict[str, Any] | None = None, pregnancy: dict[str, Any] | None = None) -> str | None:
    """The field that is asked about."""
    try:
        refuse_impossible(
            GivenPatient.model_validate({"family_name": "Otieno", **patient}) if patient is not None else None,
            Obstetric.model_validate(pregnancy) if pregnancy is not None else None, TODAY,
        )  # fmt: skip
    except Invalid as refusal:
        return refusal.field
    return None


@pytest.mark.parametrize(
    ("patient", "field"),
    [
        ({"birth_date": day(0)}, None), ({"birth_date": f"{TODAY.year}"}, None), ({}, None),
        ({"birth_date": f"{TODAY.year - 36}", "age": {"value": 36}}, None),
        ({"birth_date": f"{TODAY.year - 36}", "age": {"value": 35}}, None),
        ({"birth_date": f"{TODAY.year - 36}-04-03", "age": {"value": 63}}, "patient.age"),
        ({"birth_date": day(-6), "age": {"value": 6, "unit": "days"}}, None),
        ({"birth_date": day(-60), "age": {"value": 6, "unit": "days"}}, "patient.age"),
    ],
)  # fmt: skip
def test_birth_dates(patient: dict[str, Any], field: str | None) -> None:
    assert asked(patient) == field


def test_somebody_born_tomorrow_is_asked_about_even_where_it_is_tomorrow_elsewhere() -> None:
    assert asked({"birth_date": day(1)}) == "patient.birth_date"


@pytest.mark.parametrize(
    ("pregnancy", "field"),
    [
        ({"lmp": day(-80)}, None), ({"lmp": day(1)}, "obstetric.lmp"), ({"lmp": day(-800)}, "obstetric.lmp"),
        ({"lmp": day(-800), "dates_confirmed": True}, None), ({"lmp": day(9), "dates_confirmed": True}, "obstetric.lmp"),
        ({"edd": day(150)}, None), ({"edd": day(500)}, "obstetric.edd"), ({"edd": day(-50)}, None),
        ({"edd": day(-780)}, "obstetric.edd"), ({"edd": day(-780), "dates_confirmed": True}, None),
    ],
)  # fmt: skip
def test_dates_of_a_pregnancy(pregnancy: dict[str, Any], field: str | None) -> None:
    assert asked(pregnancy=pregnancy) == field
