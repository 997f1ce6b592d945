"""How far a pregnancy is on a day: from the expected date of delivery, else from the last period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

TERM = timedelta(days=280)  # from the first day of the last period (ACOG Committee Opinion 700)
LATEST = timedelta(days=45 * 7)  # beyond, a date is wrong or the child is born


@dataclass(frozen=True)
class Gestation:
    weeks: int
    days: int
    is_certain: bool

    @property
    def code(self) -> str:
        return f"{self.weeks}w{self.days}d"


def gestation(obstetric: Mapping[str, Any] | None, on: date) -> Gestation | None:
    """None where no date is known, or none that can be meant."""
    given = obstetric or {}
    begun, is_certain = _day(given.get("lmp")), given.get("lmp_certain") is not False
    if (due := _day(given.get("edd"))) is not None:
        begun, is_certain = due - TERM, True
    if begun is None or not timedelta() <= on - begun <= LATEST:
        return None
    weeks, days = divmod((on - begun).days, 7)
    return Gestation(weeks, days, is_certain)


def _day(given: object) -> date | None:
    try:
        return date.fromisoformat(str(given)) if given else None
    except ValueError:
        return None
