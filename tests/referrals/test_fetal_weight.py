"""A weight and its centile come from one pair of formula and chart, as published, or there is no number."""

import math

import pytest

from app.referrals.fetal_weight import (
    hadlock_grams,
    hadlock_median,
    hadlock_z,
    intergrowth_grams,
    intergrowth_lms,
    intergrowth_z,
    weights,
)

AT_32 = {"BPD": 81.0, "HC": 296.0, "AC": 280.0, "FL": 61.0}


def test_the_papers_own_example_of_a_weight() -> None:
    """Stirnemann 2017: AC 26 cm and HC 29 cm give ln 7.312292."""
    assert math.log(intergrowth_grams({"AC": 26, "HC": 29})) == pytest.approx(7.312292, abs=5e-7)


# The medians of table 1, Hadlock 1991
@pytest.mark.parametrize(
    ("weeks", "grams"), [(10, 35), (20, 331), (24, 670), (28, 1210), (32, 1953), (36, 2813), (40, 3619)]
)
def test_the_medians_of_the_chart_of_hadlock(weeks: int, grams: int) -> None:
    assert round(hadlock_median(weeks)) == grams
    assert hadlock_z(hadlock_median(weeks) * 1.127, weeks) == pytest.approx(1)


# 3rd, 10th, 50th, 90th, 97th centile, Stirnemann 2017
@pytest.mark.parametrize(("weeks", "centiles"), [(22, (463, 481, 525, 578, 607)), (40, (2574, 2818, 3338, 3858, 4102))])
def test_the_centiles_of_the_chart_of_intergrowth(weeks: int, centiles: tuple[int, ...]) -> None:
    for grams, z in zip(centiles, (-1.881, -1.2816, 0, 1.2816, 1.881), strict=True):
        assert intergrowth_z(grams, weeks) == pytest.approx(z, abs=0.02)
    assert round(math.exp(intergrowth_lms(weeks)[1])) == centiles[2]


def test_a_weight_by_hand() -> None:
    """1.3596 - 0.00386·28·6.1 + 0.0064·29.6 + 0.00061·8.1·28 + 0.0424·28 + 0.174·6.1 = 3.2767."""
    assert hadlock_grams({name: each / 10 for name, each in AT_32.items()}) == pytest.approx(1891, abs=2)


def test_each_formula_has_its_own_chart() -> None:
    hadlock, intergrowth = weights(AT_32, 32 * 7, is_certain=True)
    assert (hadlock.formula, hadlock.chart) == ("Hadlock 1985 (BPD, HC, AC, FL)", "Hadlock 1991")
    assert (intergrowth.formula, intergrowth.chart) == ("INTERGROWTH-21st 2017 (HC, AC)", "INTERGROWTH-21st 2017")
    assert hadlock.centile == pytest.approx(40, abs=1)
    assert intergrowth.grams != hadlock.grams
    assert intergrowth.centile is not None


@pytest.mark.parametrize(
    ("sizes", "age_days", "is_certain", "reasons"),
    [
        (AT_32, None, False, ["undated", "undated"]),
        (AT_32, 224, False, ["uncertain", "uncertain"]),
        (AT_32, 40 * 7 + 1, True, ["age-range", "age-range"]),
        (AT_32, 22 * 7 - 1, True, ["", "age-range"]),
        ({"HC": 296, "AC": 280}, 224, True, ["sizes", ""]),
        ({"HC": 296, "AC": 480}, 224, True, ["sizes", "size-range"]),
        ({}, 224, True, ["sizes", "sizes"]),
    ],
)
def test_there_is_no_number_where_the_pair_has_none(
    sizes: dict[str, float], age_days: int | None, is_certain: bool, reasons: list[str]
) -> None:
    found = weights(sizes, age_days, is_certain=is_certain)
    assert [one.reason for one in found] == reasons
    assert (
        [one.grams is None for one in found]
        == [one.centile is None for one in found]
        == [bool(each) for each in reasons]
    )
