"""Every measure by the vectors that browser and server share; a region that cannot be true is none."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import examples

from app.dicom.areas import Area, areas
from app.dicom.measuring import Ground, Measured, measured
from app.errors import Invalid

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "measuring.json").read_text())
TISSUE = {"region_location_min_x0": 0, "region_location_min_y0": 0, "region_location_max_x1": 799,
          "region_location_max_y1": 599, "physical_units_x_direction": 3, "physical_units_y_direction": 3,
          "physical_delta_x": 0.03, "physical_delta_y": 0.03}  # fmt: skip
INSIDE = st.tuples(st.floats(0, 799), st.floats(0, 599))


def by(vector: dict[str, Any]) -> Measured:
    given = dict(vector["given"])
    found, _notes = areas(vector["regions"], vector["columns"], vector["rows"])
    ground = Ground(vector["columns"], vector["rows"], found, given.pop("mm_per_pixel", None))
    return measured(ground, vector["kind"], [(x, y) for x, y in vector["points"]], **given)


@pytest.mark.parametrize("vector", VECTORS, ids=[one["name"] for one in VECTORS])
def test_the_server_finds_what_the_vector_says(vector: dict[str, Any]) -> None:
    found, expected = by(vector), vector["expect"]
    assert (found.unit, found.calibrated, found.reason, found.region) == tuple(
        expected[name] for name in ("unit", "calibrated", "reason", "region")
    )
    near = {"rel_tol": vector["tolerance"], "abs_tol": 1e-9}
    assert (found.value is None) == (expected["value"] is None)
    assert found.value is None or math.isclose(found.value, expected["value"], **near)
    for name, (value, unit) in expected["more"].items():
        assert found.more[name].unit == unit
        assert math.isclose(found.more[name].value, value, **near)


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("length", [(1, 1)]),
        ("length", [(1, 1), (1, 1.2)]),
        ("ellipse", [(1, 1), (9, 9), (5, 5)]),
        ("ellipse", [(1, 1), (9, 9), (1, 1), (9, 9)]),
        ("ellipse", [(1, 1), (9, 1)]),
        ("area", [(1, 1), (9, 9)]),
        ("area", [(1, 1), (9, 9), (9, 1), (1, 9)]),
        ("area", [(1, 1), (5, 5), (9, 9)]),
        ("angle", [(1, 1), (1, 1), (9, 9)]),
        ("heart-rate", [(1, 1), (1, 9)]),
        ("time", [(1, 1), (1, 9)]),
        ("scale", [(1, 1), (1, 1)]),
        ("velocity", [(1, 1), (2, 2), (3, 3)]),
    ],
)
def test_what_is_no_measurement_is_refused(kind: str, points: list[tuple[float, float]]) -> None:
    with pytest.raises(Invalid) as refused:
        measured(Ground(800, 600, []), kind, points)
    assert refused.value.field == "points"


@given(one=INSIDE, two=INSIDE)
def test_a_length_never_depends_on_the_order_and_never_falls_short_of_its_axes(
    one: tuple[float, float], two: tuple[float, float]
) -> None:
    if math.dist(one, two) < 1:
        return
    ground = Ground(800, 600, areas([TISSUE], 800, 600)[0])
    there, back = measured(ground, "length", [one, two]), measured(ground, "length", [two, one])
    assert there == back
    assert there.value is not None
    assert there.value >= 0.3 * abs(one[0] - two[0]) - 1e-9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"region_location_max_x1": 801}, "frame"),
        ({"region_location_min_x0": 799}, "frame"),
        ({"region_location_min_y0": -1}, "frame"),
        ({"physical_delta_y": 0.0}, "delta"),
        ({"physical_delta_x": 1e300}, "span"),
        ({"physical_delta_x": 0.00001, "physical_delta_y": 0.00001}, "span"),
        ({"physical_delta_x": 0.15}, "span"),
        ({"physical_delta_x": 0.006}, "stretch"),
        ({"physical_units_x_direction": 4, "physical_delta_x": 10.0}, "span"),
    ],
)
def test_a_region_that_cannot_be_true_is_ignored_with_a_note(change: dict[str, float], reason: str) -> None:
    found, notes = areas([{**TISSUE, **change}], 800, 600)
    assert (found, [(one.number, one.reason) for one in notes]) == ([], [(1, reason)])


def test_a_region_that_lacks_something_is_none_and_no_fault() -> None:
    for name in TISSUE:
        found, _notes = areas([{key: value for key, value in TISSUE.items() if key != name}], 800, 600)
        assert found == [], name


def test_the_shrunk_clip_of_the_wheel_has_no_region_that_counts() -> None:
    dataset = examples.ybr_color
    regions = [
        {"region_location_min_x0": one.RegionLocationMinX0, "region_location_min_y0": one.RegionLocationMinY0,
         "region_location_max_x1": one.RegionLocationMaxX1, "region_location_max_y1": one.RegionLocationMaxY1,
         "physical_units_x_direction": one.PhysicalUnitsXDirection, "physical_units_y_direction": one.PhysicalUnitsYDirection,
         "physical_delta_x": one.PhysicalDeltaX, "physical_delta_y": one.PhysicalDeltaY}
        for one in dataset.SequenceOfUltrasoundRegions
    ]  # fmt: skip
    found, notes = areas(regions, dataset.Columns, dataset.Rows)
    assert found == []
    assert {one.reason for one in notes} == {"frame"}


def test_neighbours_share_no_pixel() -> None:
    left, right = {**TISSUE, "region_location_max_x1": 399}, {**TISSUE, "region_location_min_x0": 400}
    found, _notes = areas([left, right], 800, 600)
    assert [[area.number for area in found if area.holds(x, 10)] for x in (399.9, 400.0)] == [[1], [2]]
    assert isinstance(found[0], Area)
