"""How far a pregnancy is on a day: from the expected date of delivery, else from the last period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.referrals.models import Referral

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


def age_of(referral: Referral, on: date) -> Gestation | None:
    """By the one date of the pregnancy where it has one, else by what the referral says; `pregnancy` is loaded."""
    known = referral.pregnancy
    if known is None:
        return gestation(referral.obstetric, on)
    if known.ended_on is not None and on >= known.ended_on:
        return None
    return _at(known.edd - TERM, on, is_certain=known.is_certain)


def gestation(obstetric: Mapping[str, Any] | None, on: date) -> Gestation | None:
    """None where no date is known, or none that can be meant."""
    given = obstetric or {}
    begun, is_certain = day_of(given.get("lmp")), given.get("lmp_certain") is not False
    if (due := day_of(given.get("edd"))) is not None:
        begun, is_certain = due - TERM, True
    return _at(begun, on, is_certain=is_certain) if begun is not None else None


def _at(begun: date, on: date, *, is_certain: bool) -> Gestation | None:
    if not timedelta() <= on - begun <= LATEST:
        return None
    weeks, days = divmod((on - begun).days, 7)
    return Gestation(weeks, days, is_certain)


def day_of(given: object) -> date | None:
    try:
        return date.fromisoformat(str(given)) if given else None
    except ValueError:
        return None
