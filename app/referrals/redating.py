"""When a scan should move the date on which a birth is expected: proposed by rule, and taken by a person only."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from app.referrals.dating import TERM

Basis = Literal["art", "lmp-confirmed", "crl", "biometry", "lmp", "stated"]
# The surer first (ACOG Committee Opinion 700): what is known outweighs what is measured, and that what is remembered.
RANK: dict[str, int] = {"art": 0, "lmp-confirmed": 1, "crl": 2, "biometry": 3, "lmp": 4}
FIRM = ("art", "lmp-confirmed", "crl")
# By how many days a scan and the period may differ, up to which day of the pregnancy by the period (table 1 there)
LIMITS = ((8 * 7 + 6, 5), (15 * 7 + 6, 7), (21 * 7 + 6, 10), (27 * 7 + 6, 14))
LATE_LIMIT = 21  # from 28w0d: smallness may be restricted growth, and is not to be dated away
EARLY = 22 * 7  # a scan before this day confirms a date; a later one leaves it uncertain


@dataclass(frozen=True)
class Scan:
    """What a fetus measured on a day corresponds to."""

    on: date
    days: int
    by: Literal["crl", "biometry"]
    formula: str

    @property
    def edd(self) -> date:
        return self.on + TERM - timedelta(days=self.days)

    @property
    def is_certain(self) -> bool:
        return self.by == "crl" or self.days < EARLY


@dataclass(frozen=True)
class Standing:
    """The date that counts so far."""

    edd: date
    basis: str
    is_certain: bool = True

    def days(self, on: date) -> int:
        return (on - (self.edd - TERM)).days


@dataclass(frozen=True)
class Proposal:
    act: Literal["date", "redate", "confirm"]
    edd: date
    basis: str
    is_certain: bool
    differs_days: int | None = None  # how much further the standing date is than the scan
    limit_days: int | None = None
    warns_of_restriction: bool = False


def limit_days(age_days: int) -> int:
    return next((limit for last, limit in LIMITS if age_days <= last), LATE_LIMIT)


def propose(standing: Standing | None, scan: Scan | None) -> Proposal | None:
    """None where the date stays as it is: a firm one does whatever later scans measure."""
    if scan is None:
        return None
    if standing is None:
        return Proposal("date", scan.edd, scan.by, scan.is_certain)
    if standing.basis != "lmp":
        return None
    age = standing.days(scan.on)
    differs, limit = age - scan.days, limit_days(age)
    if abs(differs) > limit:
        late = limit == LATE_LIMIT
        return Proposal("redate", scan.edd, scan.by, scan.is_certain, differs, limit, late and differs > 0)
    if age < EARLY:
        return Proposal(
            "confirm", standing.edd, "lmp-confirmed", is_certain=True, differs_days=differs, limit_days=limit
        )
    return None
