"""How far a pregnancy is: by the due date before the last period, and no number where none can be meant."""

from datetime import date
from typing import Any

import pytest

from app.referrals.dating import gestation

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("obstetric", "code"),
    [
        ({"lmp": "2026-09-07"}, "11w3d"),
        ({"lmp": "2026-11-26"}, "0w0d"),
        ({"edd": "2026-12-03"}, "39w0d"),
        ({"lmp": "2026-01-01", "edd": "2027-06-14"}, "11w3d"),  # the due date says more than the period
        ({"edd": "2026-11-26", "lmp": None}, "40w0d"),
    ],
)
def test_weeks_and_days_are_counted_from_what_is_known(obstetric: dict[str, Any], code: str) -> None:
    dated = gestation(obstetric, TODAY)
    assert dated is not None
    assert dated.code == code


@pytest.mark.parametrize(
    "obstetric",
    [None, {}, {"lmp": None}, {"lmp": "2027-01-01"}, {"lmp": "2024-01-01"}, {"lmp": "soon"}, {"edd": "2030-01-01"},
     {"gravida": 2}],
)  # fmt: skip
def test_where_no_date_can_be_meant_there_is_no_number(obstetric: dict[str, Any] | None) -> None:
    assert gestation(obstetric, TODAY) is None


def test_an_uncertain_period_says_so_and_a_due_date_is_certain() -> None:
    by_period = gestation({"lmp": "2026-09-07", "lmp_certain": False}, TODAY)
    by_date = gestation({"lmp": "2026-09-07", "lmp_certain": False, "edd": "2027-06-14"}, TODAY)
    assert by_period is not None
    assert by_date is not None
    assert (by_period.is_certain, by_date.is_certain) == (False, True)
