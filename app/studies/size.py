"""What a fetal length corresponds to, by a named formula and only within its published range; it dates nothing by itself."""

import math
from dataclasses import dataclass

from app.studies.measurement import Measurement

ROBINSON = "Robinson and Fleming 1975, as BMUS 2009 has it"
CRL_MM = (5.0, 84.0)


@dataclass(frozen=True)
class Size:
    """Gestational age that a fetus of this size has on average."""

    days: int
    formula: str

    @property
    def words(self) -> str:
        return f"{self.days // 7}w{self.days % 7}d"


def corresponds(made: Measurement) -> Size | None:
    """None where the number is only nearly true, in pixels, or outside the formula's range."""
    if made.kind != "length" or not made.calibrated or made.approximate or made.value is None or made.unit != "mm":
        return None
    days = crl_days(made.value) if made.quantity.strip().upper() == "CRL" else None
    return Size(days, ROBINSON) if days is not None else None


def crl_days(crl_mm: float) -> int | None:
    """8.052 · √(1.037 · CRL) + 23.73 (Robinson HP, Fleming JEE, Br J Obstet Gynaecol 1975;82:702-10; the factor for the
    speed of sound as in Loughna P et al., Ultrasound 2009;17:160-6), to the nearest day, for 5 to 84 mm."""
    if not CRL_MM[0] <= crl_mm <= CRL_MM[1]:
        return None
    return round(8.052 * math.sqrt(1.037 * crl_mm) + 23.73)
