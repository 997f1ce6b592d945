"""What `examine` says of real files and of files as machines write them."""

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from app.dicom.admission import examine
from app.dicom.facts import Facts
from app.errors import Invalid
from tests.dicom import made, real
from tests.dicom.phantom import TISSUE, phantom

Written = Callable[[bytes], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A file with these bytes, under a name that says nothing."""

    def write(data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    return write


# Kept by pydicom as examples of what is broken, deflated or no instance at all
REFUSED = {
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "JPEG2000-embedded-sequence-delimiter.dcm": "limit",
    "image_dfl.dcm": "deflated",
    "empty_charset_LEI.dcm": "identity",
    "meta_missing_tsyntax.dcm": "identity",
    "nested_priv_SQ.dcm": "identity",
    "no_meta.dcm": "unknown",
}


@pytest.mark.parametrize("path", real.DICOM, ids=lambda path: path.name)
def test_a_real_file_is_taken_or_refused_for_its_known_fault(path: Path) -> None:
    if path.name in REFUSED:
        with pytest.raises(Invalid) as refusal:
            examine(path)
        assert refusal.value.facts["reason_code"] == REFUSED[path.name]
        return
    facts = examine(path)
    header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    assert facts.kind == "dicom"
    assert facts.sop_instance_uid == header.get("SOPInstanceUID", facts.sop_instance_uid)
    assert facts.study_instance_uid == header.get("StudyInstanceUID")
    assert facts.patient.identifier == str(header.get("PatientID") or "").strip()
    assert facts.modality == (header.get("Modality") or "")
    assert (facts.rows, facts.columns) == (header.get("Rows"), header.get("Columns"))
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize("path", real.ULTRASOUND, ids=lambda path: path.name)
def test_every_ultrasound_file_is_taken_with_its_frames_and_regions(path: Path) -> None:
    facts = examine(path)
    header = pydicom.dcmread(path, stop_before_pixels=True)
    assert facts.pixels is not None
    assert facts.frames is not None
    assert facts.frames.count == int(header.get("NumberOfFrames") or 1)
    regions = header.get("SequenceOfUltrasoundRegions") or []
    assert len(facts.regions) == len(regions)
    for ours, theirs in zip(facts.regions, regions, strict=True):
        assert ours["region_location_max_x1"] == theirs.RegionLocationMaxX1
        assert ours["physical_delta_x"] == theirs.PhysicalDeltaX
        assert ours["physical_units_x_direction"] == theirs.PhysicalUnitsXDirection


def test_regions_of_single_frames_are_not_taken_for_those_of_all(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(io.BytesIO(phantom(TISSUE)))
    group = pydicom.Dataset()
    group.SequenceOfUltrasoundRegions = dataset.SequenceOfUltrasoundRegions
    dataset.PerFrameFunctionalGroupsSequence = [group]
    dataset.save_as(tmp_path / "both.dcm")
    assert len(examine(tmp_path / "both.dcm").regions) == 1
    del dataset.SequenceOfUltrasoundRegions
    dataset.save_as(tmp_path / "single.dcm")
    assert examine(tmp_path / "single.dcm").regions == ()


def test_the_frame_index_gives_the_bytes_that_pydicom_gives() -> None:
    path = real.named("color3d_jpeg_baseline.dcm")
    frames = examine(path).frames
    assert frames is not None
    data = path.read_bytes()
    header = pydicom.dcmread(path)
    theirs = list(pydicom.encaps.generate_frames(header.PixelData, number_of_frames=120))
    ours = [b"".join(data[at : at + length] for at, length in frames.ranges(number)) for number in range(120)]
    assert ours == theirs


def test_a_frame_beyond_the_last_is_an_index_error(written: Written) -> None:
    frames = examine(written(made.file(made.picture(frames=3)))).frames
    assert frames is not None
    assert [frames.ranges(number)[0][1] for number in range(3)] == [64, 64, 64]
    for number in (-1, 3):
        with pytest.raises(IndexError):
            frames.ranges(number)


def test_the_facts_of_the_longest_clip_stay_small(written: Written) -> None:
    frame = made.jpeg_stating(8, 8)
    data = made.encapsulated(*[frame] * 20_000)
    facts = examine(written(made.file(made.picture(pixel_data=data, frames=20_000), made.JPEG)))
    assert len(json.dumps(facts.to_json())) < 200_000


def test_the_sop_instance_uid_of_the_meta_information_will_do(written: Written) -> None:
    data_set = made.picture(instead={0x00080018: b""})
    facts = examine(written(made.file(data_set, sop_instance=b"1.9.8")))
    assert facts.sop_instance_uid == "1.9.8"
    assert any("meta information" in warning for warning in facts.warnings)


def test_a_data_set_in_another_encoding_than_declared_is_read_as_it_is(written: Written) -> None:
    implicit = b"".join(
        made.implicit(tag, value)
        for tag, value in (
            (0x00080016, made.US_IMAGE.encode()), (0x00080018, b"1.2.3.4"), (0x00100020, b"P9"),
            (0x00280002, b"\1\0"), (0x00280004, b"MONOCHROME2 "), (0x00280010, b"\2\0"), (0x00280011, b"\2\0"),
            (0x00280100, b"\10\0"), (0x00280101, b"\10\0"), (0x7FE00010, b"\1\2\3\4"),
        )
    )  # fmt: skip
    facts = examine(written(made.file(implicit)))
    assert facts.transfer_syntax_uid == "1.2.840.10008.1.2"
    assert facts.patient.identifier == "P9"
    assert facts.frames is not None
    assert any("encoded in another way" in warning for warning in facts.warnings)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_data_set_without_preamble_and_meta_information_is_taken(written: Written, order: str) -> None:
    data_set = b"".join(
        made.element(tag, vr, value, order=order)
        for tag, vr, value in ((0x00080016, "UI", made.US_IMAGE), (0x00080018, "UI", "1.2.3.4"))
    )
    facts = examine(written(data_set))
    assert facts.sop_instance_uid == "1.2.3.4"
    assert "The file has no DICOM preamble." in facts.warnings


def test_zeros_after_the_data_set_are_harmless_and_anything_else_is_not(written: Written) -> None:
    sound = made.file(made.picture())
    for count in (1, 2, 7, 8, 9, 11, 12, 500):
        assert any("empty bytes" in warning for warning in examine(written(sound + b"\0" * count)).warnings)
    with pytest.raises(Invalid):
        examine(written(sound + b"<script>alert(1)</script>" * 10))


def test_frames_in_several_fragments_are_found_by_the_offset_table_and_without_it(written: Written) -> None:
    frame = made.jpeg_stating(8, 8)
    frame += b"\0" * (len(frame) % 2)
    halves = [frame[:120], frame[120:]]
    offsets = struct.pack("<2I", 0, len(frame) + 16)
    for table in (offsets, b""):
        data = made.encapsulated(*halves, *halves, table=table)
        path = written(made.file(made.picture(pixel_data=data, frames=2), made.JPEG))
        frames = examine(path).frames
        assert frames is not None
        whole = path.read_bytes()
        found = [b"".join(whole[at : at + size] for at, size in frames.ranges(number)) for number in (0, 1)]
        assert found == [frame, frame]


def test_a_wrong_offset_table_is_not_believed(written: Written) -> None:
    frame = made.jpeg_stating(8, 8)
    data = made.encapsulated(frame, frame, table=struct.pack("<2I", 0, 0xFFFFFF))
    facts = examine(written(made.file(made.picture(pixel_data=data, frames=2), made.JPEG)))
    assert facts.frames is not None
    assert facts.frames.count == 2
    assert any("table of frames is wrong" in warning for warning in facts.warnings)


@pytest.mark.parametrize(
    ("extended", "basic", "is_warned"),
    [
        ("right", "none", False), ("right", "wrong", False), ("empty", "right", False), ("wrong", "right", False),
        ("beyond", "right", False), ("wrong", "wrong", True), ("empty", "none", True),
    ],
)  # fmt: skip
def test_extended_offset_table_is_used_where_it_is_right(
    written: Written, extended: str, basic: str, is_warned: bool
) -> None:
    """PS3.3 C.7.6.3.1.8: frames of several fragments; the basic table where the extended one does not lead to them."""
    frame = made.jpeg_stating(8, 8)
    frame += b"\0" * (len(frame) % 2)
    offsets = {"right": [0, len(frame) + 16], "wrong": [0, 6], "beyond": [0, 1 << 62], "empty": [], "none": []}
    table = struct.pack(f"<{len(offsets[basic])}I", *offsets[basic])
    long_table = struct.pack(f"<{len(offsets[extended])}Q", *offsets[extended])
    data = made.element(0x7FE00001, "OV", long_table)
    data += made.encapsulated(*[frame[:120], frame[120:]] * 2, table=table)
    path = written(made.file(made.picture(pixel_data=data, frames=2), made.JPEG))
    facts, whole = examine(path), path.read_bytes()
    assert facts.frames is not None
    for number in (0, 1):
        assert b"".join(whole[at : at + size] for at, size in facts.frames.ranges(number)) == frame
    assert any("table of" in warning for warning in facts.warnings) == is_warned


def test_missing_frames_are_named(written: Written) -> None:
    data = made.encapsulated(*[made.jpeg_stating(8, 8)] * 3)
    with pytest.raises(Invalid, match="3 of 5 frames are here"):
        examine(written(made.file(made.picture(pixel_data=data, frames=5), made.JPEG)))


def test_an_unknown_transfer_syntax_is_kept_and_not_shown(written: Written) -> None:
    facts = examine(written(made.file(made.picture(), "1.2.840.10008.1.2.4.999")))
    assert facts.pixels is None
    assert any("not shown" in warning for warning in facts.warnings)


def test_an_encapsulated_document_is_found(written: Written) -> None:
    pdf = b"%PDF-1.4 here it is %%EOF "
    data_set = (
        made.element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.1")
        + made.element(0x00080018, "UI", "1.2.3.4")
        + made.element(0x00420011, "OB", pdf)
        + made.element(0x00420012, "LO", "application/pdf")
    )
    path = written(made.file(data_set))
    facts = examine(path)
    assert facts.document is not None
    assert path.read_bytes()[facts.document[0] :][: facts.document[1]] == pdf
    assert facts.document_mime_type == "application/pdf"


@pytest.mark.parametrize(
    ("elements", "time_ms", "vector_ms"),
    [
        ([(0x00181063, "DS", "33.333")], 33.333, ()),
        ([(0x00181065, "DS", "0\\20\\20\\20")], 20, ()),
        ([(0x00181065, "DS", "0\\20\\40\\30")], 30, (0, 20, 40, 30)),
        ([(0x00181063, "DS", "0"), (0x00180040, "IS", "25")], 40, ()),
        ([(0x00082144, "IS", "50")], 20, ()),
        ([(0x00181063, "DS", "NaN")], None, ()),
        ([(0x00181063, "DS", "1e300")], None, ()),
        ([(0x00181065, "DS", "0\\-5\\1")], None, ()),
    ],
)
def test_the_time_between_frames(
    written: Written, elements: list[tuple[int, str, str]], time_ms: float | None, vector_ms: tuple[float, ...]
) -> None:
    before = [made.element(*one) for one in elements]
    facts = examine(written(made.file(made.picture(frames=4, before=before))))
    assert facts.frame_time_ms == time_ms
    assert facts.frame_time_vector_ms == vector_ms


def test_raw_data_of_the_machine_may_be_large(written: Written) -> None:
    private = made.element(0x7FE11001, "OB", bytes(17 << 20))
    with pytest.raises(Invalid, match="too many bytes"):
        examine(written(made.file(made.picture(before=[made.element(0x00204000, "UT", bytes(17 << 20))]))))
    facts = examine(written(made.file(made.picture() + private)))
    assert any("raw data" in warning for warning in facts.warnings)


def test_half_colour_that_is_whole_is_seen_by_its_length(written: Written) -> None:
    whole = made.picture(samples=3, photometric="YBR_FULL_422")
    facts = examine(written(made.file(whole)))
    assert facts.pixels is not None
    assert facts.pixels.photometric_interpretation == "YBR_FULL"
    half = made.picture(samples=3, photometric="YBR_FULL_422", pixel_data=made.element(0x7FE00010, "OB", bytes(128)))
    facts = examine(written(made.file(half)))
    assert facts.pixels is not None
    assert facts.pixels.photometric_interpretation == "YBR_FULL_422"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_says_how_much_is_here(written: Written, share: float) -> None:
    whole = made.file(made.picture(1000, 1000, samples=3))
    with pytest.raises(Invalid, match=r"cut off: .* of 3\.0 MB are here|bytes are missing"):
        examine(written(whole[: int(len(whole) * share)]))
