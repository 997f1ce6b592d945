"""The machine's own numbers come out of its report with value, unit, site, side and fetus."""

import io
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import settings as campaign
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from app.dicom.structured import MachineValue, values
from tests.dicom.machine_report import echo, obstetric, report, vascular

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["NUM", "CONTAINER", "1e999", "5.2", ""]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(
        st.sampled_from(["0040A730", "0040A300", "0040A30A", "0040A043", "0040A040", "00081199", "Value", "00080104"]),
        inside, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


def of(contents: list[Dataset]) -> list[MachineValue]:
    return values(pydicom.dcmread(io.BytesIO(report(contents))).to_json_dict())


def test_an_obstetric_report_says_which_fetus() -> None:
    found = of(obstetric())
    assert [(one.quantity, one.value, one.unit, one.fetus, one.derivation) for one in found] == [
        ("BPD", 5.21, "cm", "A", "Mean"), ("HC", 19.5, "cm", "A", ""), ("BPD", 4.98, "cm", "B", ""),
    ]  # fmt: skip
    assert (found[0].sop_instance_uid, found[0].frame, found[0].section) == ("1.2.3.4", 2, "Biometry Group")
    assert len({one.key for one in found}) == 3


def test_a_vascular_report_says_site_and_side() -> None:
    (found,) = of(vascular())
    assert (found.name, found.value, found.unit) == ("Peak Systolic Velocity", 92.4, "cm/s")
    assert (found.site, found.side) == ("Common Carotid Artery", "left")


def test_an_echo_report_says_its_site_by_the_old_code() -> None:
    (found,) = of(echo())
    assert (found.site, found.value, found.unit) == ("Left Ventricle", 48, "mm")


@pytest.mark.parametrize("wrong", [{}, {"0040A730": 5}, {"0040A730": {"Value": [None, 5, {}]}}])
def test_what_is_no_report_holds_nothing(wrong: dict[str, Any]) -> None:
    assert values(wrong) == []


@campaign(max_examples=200, deadline=None)
@given(header=st.dictionaries(st.sampled_from(["0040A730", "0040A040"]), JSON, max_size=2))
def test_no_json_makes_a_fault(header: dict[str, Any]) -> None:
    values(header)
