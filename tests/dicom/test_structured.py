"""The machine's own numbers come out of its report with value, unit, site, side and fetus."""

import io
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import settings as campaign
from hypothesis import strategies as st
from pydicom import examples
from pydicom.dataset import Dataset

from app.dicom.structured import MachineValue, values
from tests.dicom import highdicom_report
from tests.dicom.highdicom_report import written
from tests.dicom.machine_report import echo, obstetric, report, vascular
from tests.dicom.real import named

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


def read(body: bytes) -> list[MachineValue]:
    return values(pydicom.dcmread(io.BytesIO(body)).to_json_dict())


def test_twins_written_by_another_hand_and_the_mothers_number_is_no_fetus() -> None:
    found = read(written(highdicom_report.obstetric()))
    assert [(one.quantity, one.value, one.unit, one.fetus) for one in found] == [
        ("Patient Height", 162, "cm", ""),
        ("BPD", 52.1, "mm", "A"), ("Gestational Age, Biparietal Diameter", 154, "d", "A"),
        ("BPD", 49.8, "mm", "B"), ("Gestational Age, Biparietal Diameter", 154, "d", "B"),
    ]  # fmt: skip
    assert (found[1].derivation, found[1].frame) == ("Mean", 1)
    assert found[1].sop_instance_uid == examples.rgb_color.SOPInstanceUID


def test_a_vessel_by_the_name_of_its_group_how_far_along_and_on_which_side() -> None:
    (found,) = read(written(highdicom_report.vascular()))
    assert (found.value, found.unit) == (92.4, "cm/s")
    assert (found.site, found.side) == ("Common Carotid Artery, Proximal", "left")


def test_one_name_twice_is_told_apart_by_its_modifiers() -> None:
    found = read(written(highdicom_report.echo()))
    assert [(one.value, one.unit, one.site, one.modifiers) for one in found] == [
        (48, "mm", "Left Ventricle", "End diastole"), (31, "mm", "Left Ventricle", "End systole"),
    ]  # fmt: skip


def test_a_general_measurement_report_says_site_and_side() -> None:
    (found,) = read(written(highdicom_report.general()))
    assert (found.name, found.value, found.unit, found.site, found.side) == ("Length", 101.5, "mm", "Kidney", "left")


def test_a_real_report_holds_its_two_diameters() -> None:
    """Of pydicom's own files, written by DCMTK."""
    found = values(pydicom.dcmread(named("test-SR.dcm")).to_json_dict())
    assert [(one.name, one.value, one.unit) for one in found] == [("Diameter", 3, "cm")] * 2
