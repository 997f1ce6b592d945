"""Estimated fetal weight: each formula bound to the one chart that was made with it, and no number outside their range."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

from app.referrals.fetal_age import of_one

WEEK = 7


@dataclass(frozen=True)
class Pair:
    """One formula and its chart."""

    formula: str
    chart: str
    needs: tuple[str, ...]
    ages_days: tuple[int, int]  # of the chart
    grams: Callable[[Mapping[str, float]], float]  # of centimetres
    z: Callable[[float, float], float]  # of grams, at so many weeks


@dataclass(frozen=True)
class Weight:
    """A weight with its centile; without numbers it says why: sizes, size-range, undated, uncertain, age-range."""

    formula: str
    chart: str
    grams: float | None = None
    centile: float | None = None
    reason: str = ""
    missing: tuple[str, ...] = ()


def weights(sizes_mm: Mapping[str, float], age_days: int | None, *, is_certain: bool) -> list[Weight]:
    """By each pair."""
    return [_weight(pair, sizes_mm, age_days, is_certain=is_certain) for pair in PAIRS]


def _weight(pair: Pair, sizes_mm: Mapping[str, float], age_days: int | None, *, is_certain: bool) -> Weight:
    missing = tuple(name for name in pair.needs if name not in sizes_mm)
    reason = ""
    if missing:
        reason = "sizes"
    elif any(of_one(name, sizes_mm[name]) is None for name in pair.needs):
        reason = "size-range"
    elif age_days is None:
        reason = "undated"
    elif not is_certain:
        reason = "uncertain"
    elif not pair.ages_days[0] <= age_days <= pair.ages_days[1]:
        reason = "age-range"
    if reason or age_days is None:
        return Weight(pair.formula, pair.chart, reason=reason, missing=missing)
    grams = pair.grams({name: sizes_mm[name] / 10 for name in pair.needs})
    centile = 100 * NormalDist().cdf(pair.z(grams, age_days / WEEK))
    return Weight(pair.formula, pair.chart, grams, centile)


def hadlock_grams(cm: Mapping[str, float]) -> float:
    """10^(1.3596 - 0.00386·AC·FL + 0.0064·HC + 0.00061·BPD·AC + 0.0424·AC + 0.174·FL), of centimetres: Hadlock FP et
    al., Am J Obstet Gynecol 1985;151:333-7, the formula of four sizes, with which the chart of 1991 was made."""
    bpd, hc, ac, fl = (cm[name] for name in ("BPD", "HC", "AC", "FL"))
    exponent = 1.3596 - 0.00386 * ac * fl + 0.0064 * hc + 0.00061 * bpd * ac + 0.0424 * ac + 0.174 * fl
    return float(10**exponent)


def hadlock_median(weeks: float) -> float:
    """exp(0.578 + 0.332·w - 0.00354·w²), 10 to 40 weeks: Hadlock FP et al., Radiology 1991;181:129-33."""
    return math.exp(0.578 + 0.332 * weeks - 0.00354 * weeks**2)


def hadlock_z(grams: float, weeks: float) -> float:
    """By the standard deviation that the paper states, 12.7 % of the median. Its printed 3rd and 10th centiles are
    those of 13.3 %: nearer to the edge than its own equation has them, by less than two centiles."""
    return (grams / hadlock_median(weeks) - 1) / 0.127


def intergrowth_grams(cm: Mapping[str, float]) -> float:
    """exp(5.084820 - 54.06633·a³ - 95.80076·a³·ln(a) + 3.136370·h), a and h being AC and HC in metres: Stirnemann J et
    al., Ultrasound Obstet Gynecol 2017;49:478-86 (INTERGROWTH-21st)."""
    a, h = cm["AC"] / 100, cm["HC"] / 100
    return math.exp(5.084820 - 54.06633 * a**3 - 95.80076 * a**3 * math.log(a) + 3.136370 * h)


def intergrowth_lms(weeks: float) -> tuple[float, float, float]:
    """Skewness, median and variation of ln(weight), 22 to 40 weeks: table 2 of the same paper."""
    cube, log = weeks**3, math.log(weeks)
    skewness = -4.257629 - 2162.234 * weeks**-2 + 0.0002301829 * cube
    median = 4.956737 + 0.0005019687 * cube - 0.0001227065 * cube * log
    return skewness, median, 1e-4 * (-6.997171 + 0.057559 * cube - 0.01493946 * cube * log)


def intergrowth_z(grams: float, weeks: float) -> float:
    skewness, median, variation = intergrowth_lms(weeks)
    apart = math.log(grams) / median
    if abs(skewness) < 1e-9:
        return math.log(apart) / variation
    return float((apart**skewness - 1) / (variation * skewness))


PAIRS = (
    Pair("Hadlock 1985 (BPD, HC, AC, FL)", "Hadlock 1991", ("BPD", "HC", "AC", "FL"), (10 * WEEK, 40 * WEEK),
         hadlock_grams, hadlock_z),
    Pair("INTERGROWTH-21st 2017 (HC, AC)", "INTERGROWTH-21st 2017", ("HC", "AC"), (22 * WEEK, 40 * WEEK),
         intergrowth_grams, intergrowth_z),
)  # fmt: skip
