"""A fetal size corresponds to what its paper's equation says, and outside the ages studied to nothing."""

import pytest

from app.referrals.fetal_age import of_all, of_one


# Hadlock 1984, each equation reckoned by hand; a head of 17.5 cm is 20.0 weeks in the paper's own table
@pytest.mark.parametrize(
    ("quantity", "millimetres", "weeks"),
    [
        ("BPD", 50, "21w1d"),  # 9.54 + 7.41 + 4.19 = 21.14
        ("BPD", 90, "36w3d"),  # 9.54 + 13.338 + 13.5756 = 36.45
        ("HC", 175, "20w0d"),  # 8.96 + 9.45 + 1.6078 = 20.02
        ("HC", 300, "33w2d"),  # 8.96 + 16.2 + 8.1 = 33.26
        ("AC", 150, "20w2d"),  # 8.14 + 11.295 + 0.81 = 20.245
        ("AC", 300, "34w0d"),  # 8.14 + 22.59 + 3.24 = 33.97
        ("FL", 33, "20w2d"),  # 10.35 + 8.118 + 1.8513 = 20.32
        ("FL", 70, "35w6d"),  # 10.35 + 17.22 + 8.33 = 35.90
    ],
)
def test_one_size_alone(quantity: str, millimetres: float, weeks: str) -> None:
    found = of_one(quantity, millimetres)
    assert found is not None
    assert (found.words, found.formula) == (weeks, f"Hadlock 1984, {quantity}")


# 14w0d and 42w0d are the first and the last day of what was studied
@pytest.mark.parametrize(
    ("quantity", "millimetres"),
    [("BPD", 20), ("BPD", 105), ("HC", 80), ("HC", 400), ("AC", 60), ("AC", 420), ("FL", 8), ("FL", 90), ("FL", 0),
     ("FL", -30), ("AC", 1e9), ("CBD", 50), ("", 50)],
)  # fmt: skip
def test_no_number_outside_the_ages_studied(quantity: str, millimetres: float) -> None:
    assert of_one(quantity, millimetres) is None


def test_the_range_ends_where_the_study_did() -> None:
    days = [found.days for tenth in range(1, 5000) if (found := of_one("HC", tenth / 10)) is not None]
    assert (days[0], days[-1]) == (98, 294)
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("sizes", "weeks", "formula"),
    [
        # 10.85 + 0.06·17.5·3.3 + 0.67·4.7 + 0.168·15 = 19.98
        ({"BPD": 47, "HC": 175, "AC": 150, "FL": 33}, "20w0d", "Hadlock 1984, BPD, HC, AC and FL"),
        # 10.33 + 0.031·17.5·3.3 + 0.361·17.5 + 0.0298·15·3.3 = 19.91
        ({"HC": 175, "AC": 150, "FL": 33}, "19w6d", "Hadlock 1984, HC, AC and FL"),
        # 11.19 + 0.07·17.5·3.3 + 0.263·17.5 = 19.83
        ({"HC": 175, "FL": 33}, "19w6d", "Hadlock 1984, HC and FL"),
        ({"HC": 175, "BPD": 47}, "20w0d", "Hadlock 1984, HC"),
        ({"CRL": 45, "BPD": 20}, "11w2d", "Robinson and Fleming 1975, as BMUS 2009 has it"),
    ],
)
def test_the_sizes_together(sizes: dict[str, float], weeks: str, formula: str) -> None:
    found = of_all(sizes)
    assert found is not None
    assert (found.words, found.formula) == (weeks, formula)


@pytest.mark.parametrize("sizes", [{}, {"AC": 150}, {"HC": 175, "FL": 5}, {"CRL": 90}])
def test_together_nothing_where_one_lies_outside_or_says_too_little(sizes: dict[str, float]) -> None:
    assert of_all(sizes) is None
