"""A scan moves a remembered date only beyond the published limits, and a firm date never."""

from datetime import date, timedelta

import pytest

from app.referrals.dating import TERM
from app.referrals.redating import Scan, Standing, limit_days, propose

ON = date(2026, 9, 10)


def standing(age_days: int, basis: str = "lmp") -> Standing:
    return Standing(ON + TERM - timedelta(days=age_days), basis)


def scan(days: int, by: str = "crl") -> Scan:
    return Scan(ON, days, by, "a formula")  # type: ignore[arg-type]  # as the tables below spell it


# Clinical ground 4a, after ACOG Committee Opinion 700: the last and the first day of each row
@pytest.mark.parametrize(
    ("weeks", "days", "limit"),
    [(5, 0, 5), (8, 6, 5), (9, 0, 7), (15, 6, 7), (16, 0, 10), (21, 6, 10), (22, 0, 14), (27, 6, 14), (28, 0, 21), (40, 0, 21)],
)  # fmt: skip
def test_the_table_of_limits(weeks: int, days: int, limit: int) -> None:
    age = weeks * 7 + days
    assert limit_days(age) == limit
    for sign in (-1, 1):
        at_limit, beyond = (
            propose(standing(age), scan(age + sign * limit)),
            propose(standing(age), scan(age + sign * (limit + 1))),
        )
        assert at_limit is None or at_limit.act == "confirm"
        assert beyond is not None
        assert (beyond.act, beyond.edd, beyond.limit_days, abs(beyond.differs_days or 0)) == (
            "redate", scan(age + sign * (limit + 1)).edd, limit, limit + 1,
        )  # fmt: skip


@pytest.mark.parametrize("basis", ["art", "lmp-confirmed", "crl", "biometry", "stated"])
def test_a_date_that_does_not_rest_on_the_period_stays(basis: str) -> None:
    assert propose(standing(100, basis), scan(60)) is None


def test_an_early_scan_that_agrees_confirms_and_a_late_one_says_nothing() -> None:
    early = propose(standing(80), scan(78))
    assert early is not None
    assert (early.act, early.basis, early.edd, early.is_certain) == ("confirm", "lmp-confirmed", standing(80).edd, True)
    assert propose(standing(22 * 7), scan(22 * 7, "biometry")) is None


def test_the_first_date_may_come_from_a_scan() -> None:
    found = propose(None, scan(79))
    assert found is not None
    assert (found.act, found.basis, found.edd) == ("date", "crl", ON + timedelta(days=201))
    assert propose(None, None) is None


def test_late_it_warns_where_the_fetus_is_small_and_the_date_stays_uncertain() -> None:
    small, large = propose(standing(220), scan(190, "biometry")), propose(standing(220), scan(250, "biometry"))
    assert small is not None
    assert large is not None
    assert (small.warns_of_restriction, small.is_certain) == (True, False)
    assert large.warns_of_restriction is False
    early = propose(standing(150), scan(120, "biometry"))
    assert early is not None
    assert (early.warns_of_restriction, early.is_certain) == (False, True)
