"""What a fetal size corresponds to, by named formulas and only within the ages they were made from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

ROBINSON = "Robinson and Fleming 1975, as BMUS 2009 has it"
HADLOCK = "Hadlock 1984"
BIOMETRY = ("BPD", "HC", "AC", "FL")
SIZES = ("CRL", *BIOMETRY)
CRL_MM = (5.0, 84.0)
STUDIED_DAYS = (14 * 7, 42 * 7)  # Hadlock 1984: 361 fetuses between 14 and 42 weeks


@dataclass(frozen=True)
class Corresponds:
    """Gestational age that a fetus of this size has on average; it dates nothing by itself."""

    days: int
    formula: str

    @property
    def words(self) -> str:
        return f"{self.days // 7}w{self.days % 7}d"


def of_one(quantity: str, millimetres: float) -> Corresponds | None:
    """By one size alone; None for what is no fetal size, and outside the formula's range."""
    if quantity == "CRL":
        days = crl_days(millimetres)
        return Corresponds(days, ROBINSON) if days is not None else None
    weeks = _alone(quantity, millimetres / 10)
    return _studied(weeks, f"{HADLOCK}, {quantity}") if weeks is not None else None


def of_all(sizes: Mapping[str, float]) -> Corresponds | None:
    """By the CRL where there is one in range, else by as many of BPD, HC, AC and FL as one formula takes.

    HC with FL, and both with AC, and with all four: the combinations that the paper found the best of their number."""
    if (early := of_one("CRL", sizes["CRL"]) if "CRL" in sizes else None) is not None:
        return early
    bpd, hc, ac, fl = (sizes.get(name, 0.0) / 10 for name in BIOMETRY)
    if any(name in sizes and of_one(name, sizes[name]) is None for name in BIOMETRY):
        return None  # one of them lies outside what was studied
    if bpd and hc and ac and fl:
        return _studied(10.85 + 0.060 * hc * fl + 0.6700 * bpd + 0.1680 * ac, f"{HADLOCK}, BPD, HC, AC and FL")
    if hc and ac and fl:
        return _studied(10.33 + 0.031 * hc * fl + 0.361 * hc + 0.0298 * ac * fl, f"{HADLOCK}, HC, AC and FL")
    if hc and fl:
        return _studied(11.19 + 0.070 * hc * fl + 0.2630 * hc, f"{HADLOCK}, HC and FL")
    single = next((name for name in ("HC", "BPD", "FL") if name in sizes), None)
    return of_one(single, sizes[single]) if single else None


def crl_days(crl_mm: float) -> int | None:
    """8.052 · √(1.037 · CRL) + 23.73 (Robinson HP, Fleming JEE, Br J Obstet Gynaecol 1975;82:702-10; the factor for the
    speed of sound as in Loughna P et al., Ultrasound 2009;17:160-6), to the nearest day, for 5 to 84 mm."""
    if not CRL_MM[0] <= crl_mm <= CRL_MM[1]:
        return None
    return round(8.052 * math.sqrt(1.037 * crl_mm) + 23.73)


def _alone(quantity: str, cm: float) -> float | None:
    """Weeks, of centimetres (Hadlock FP, Deter RL, Harrist RB, Park SK, Radiology 1984;152:497-501)."""
    if not 0 < cm < 100:
        return None
    match quantity:
        case "BPD":
            return 9.54 + 1.482 * cm + 0.1676 * cm**2
        case "HC":
            return 8.96 + 0.540 * cm + 0.0003 * cm**3
        case "AC":
            return 8.14 + 0.753 * cm + 0.0036 * cm**2
        case "FL":
            return 10.35 + 2.460 * cm + 0.170 * cm**2
    return None


def _studied(weeks: float, formula: str) -> Corresponds | None:
    days = round(weeks * 7)
    return Corresponds(days, formula) if STUDIED_DAYS[0] <= days <= STUDIED_DAYS[1] else None
