"""A crown-rump length corresponds to what the published table says, and outside its range to nothing."""

import pytest

from app.db import now
from app.referrals.fetal_age import crl_days
from app.studies.measurement import Measurement
from app.studies.size import corresponds


def a_length(value: float, **other: object) -> Measurement:
    given = {
        "kind": "length",
        "quantity": "CRL",
        "value": value,
        "unit": "mm",
        "calibrated": True,
        "approximate": False,
    }
    return Measurement(**given | other)


# Loughna 2009; 45.0 and 84.0 mm are the limits of first-trimester screening, 11w2d and 14w1d
@pytest.mark.parametrize(
    ("crl_mm", "weeks"),
    [(5, "6w0d"), (10, "7w1d"), (15, "7w6d"), (20, "8w4d"), (25, "9w2d"), (30, "9w6d"), (35, "10w2d"), (40, "10w6d"),
     (45, "11w2d"), (50, "11w5d"), (84, "14w1d")],
)  # fmt: skip
def test_the_table(crl_mm: float, weeks: str) -> None:
    found = corresponds(a_length(crl_mm))
    assert found is not None
    assert found.words == weeks


@pytest.mark.parametrize("crl_mm", [0, 4.9, 84.1, 500])
def test_no_number_outside_the_range(crl_mm: float) -> None:
    assert crl_days(crl_mm) is None


@pytest.mark.parametrize(
    "other",
    [
        {"approximate": True, "calibrated": False},
        {"calibrated": False, "unit": "px"},
        {"quantity": "CBD"},
        {"kind": "ellipse"},
    ],
)
def test_what_is_only_nearly_true_or_something_else_corresponds_to_nothing(other: dict[str, object]) -> None:
    assert corresponds(a_length(45, **other)) is None


def test_a_nearly_true_one_counts_once_it_is_confirmed() -> None:
    confirmed = a_length(45, approximate=True, calibrated=False, confirmed_at=now())
    found = corresponds(confirmed)
    assert found is not None
    assert found.words == "11w2d"


def test_the_machines_own_unit_is_understood() -> None:
    found = corresponds(a_length(17.5, quantity="HC", unit="cm", kind="machine", calibrated=False))
    assert found is not None
    assert found.words == "20w0d"


@pytest.mark.parametrize(("quantity", "kind"), [("HC", "length"), ("BPD", "ellipse"), ("AC", "angle")])
def test_a_size_is_measured_by_its_own_tool(quantity: str, kind: str) -> None:
    assert corresponds(a_length(170, quantity=quantity, kind=kind)) is None
