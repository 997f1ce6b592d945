"""Frames come out as pydicom decodes them, and browsers get the original JPEG wherever it is right."""

import io
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from app.dicom import jpeg
from app.dicom.admission import examine
from app.dicom.raw import raw
from app.dicom.render import Form, encode, frame, smaller
from app.errors import Invalid
from tests.dicom import made, real

Picture = NDArray[Any]
COLOURS = np.array([[200, 30, 40], [30, 200, 40], [40, 30, 200], [128, 128, 128]], np.uint8)
BARS: Picture = np.repeat(np.repeat(COLOURS[None, :, :], 32, axis=0), 16, axis=1)  # 32 rows, 64 columns
GREY: Picture = np.linspace(0, 255, 64, dtype=np.uint8)[None, :].repeat(32, axis=0)


def asked_for(path: Path, number: int = 0, **given: Any) -> dict[str, Any]:
    facts = examine(path)
    assert facts.pixels
    assert facts.frames
    whole = path.read_bytes()

    def joined(ranges: Any) -> bytes:
        return b"".join(whole[at : at + size] for at, size in ranges)

    table = joined(facts.pixels.palette.ranges) if facts.pixels.palette else b""
    data = joined(facts.frames.ranges(number))
    return frame(data=data, pixels=facts.pixels.to_json(), palette=table, **given)


def shown(path: Path, number: int = 0, **given: Any) -> Picture:
    answer = asked_for(path, number, **({"form": "png"} | given))
    return np.asarray(Image.open(io.BytesIO(answer["body"])))


def by_pydicom(path: Path, number: int) -> Picture:
    """Its own decoder's frame as 8 bits; RuntimeError where it has no decoder."""
    header = pydicom.dcmread(path)
    many = int(header.get("NumberOfFrames") or 1) > 1
    found: Picture = pixel_array(header, index=number if many else None)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        found = apply_color_lut(found, header)
    return np.asarray(found >> 8 if found.dtype.itemsize == 2 else found, np.uint8)


@pytest.mark.parametrize("path", real.ULTRASOUND, ids=lambda path: path.name)
def test_an_ultrasound_frame_is_what_pydicom_decodes(path: Path) -> None:
    facts = examine(path)
    assert facts.frames
    number = facts.frames.count // 2
    ours = shown(path, number)
    assert ours.shape[:2] == (facts.rows, facts.columns)
    if path.name == "JPGLosslessP14SV1_1s_1f_8b.dcm":  # pydicom has a decoder for this with a GPL package only
        assert ours.std() > 10
        return
    # pydicom takes a big endian palette for a little endian one; the same picture exists in both
    same = path.with_name(path.name.replace("_expb", ""))
    with warnings.catch_warnings(action="ignore"):
        theirs = by_pydicom(same, number)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 2


@pytest.mark.parametrize("form", ["jpeg", "webp"])
@pytest.mark.parametrize("path", real.ULTRASOUND, ids=lambda path: path.name)
def test_a_lossy_picture_looks_like_the_lossless_one(path: Path, form: str) -> None:
    answer = asked_for(path, form=form)
    exact = np.asarray(Image.fromarray(shown(path)).convert("RGB"), dtype=int)
    lossy = np.asarray(Image.open(io.BytesIO(answer["body"])).convert("RGB"), dtype=int)
    assert lossy.shape == exact.shape
    assert np.abs(lossy - exact).mean() < 5
    assert answer["media_type"] == f"image/{form}"


@pytest.mark.parametrize("side", [1024, 320])
def test_a_preview_is_small_and_keeps_its_shape(side: int) -> None:
    path = real.named("JPGLosslessP14SV1_1s_1f_8b.dcm")  # 1024 × 768
    answer = asked_for(path, form="webp", max_side=side)
    assert (answer["columns"], answer["rows"]) == (side, side * 3 // 4)
    assert len(answer["body"]) < 60_000


def test_a_preview_is_never_larger_than_the_picture() -> None:
    answer = asked_for(real.named("ExplVR_BigEnd.dcm"), form="webp", max_side=1024)
    assert (answer["columns"], answer["rows"]) == (80, 60)


def test_the_original_jpeg_goes_to_the_browser_untouched() -> None:
    path = real.named("color3d_jpeg_baseline.dcm")
    facts = examine(path)
    assert facts.frames
    at, size = facts.frames.ranges(7)[0]
    answer = asked_for(path, 7, form="jpeg")
    assert answer["is_original"]
    assert answer["body"] == path.read_bytes()[at : at + size]


def written(
    tmp_path: Path, stream: bytes, syntax: str, like: Picture, *, photometric: str | None = None, **given: Any
) -> Path:
    samples = like.shape[2] if like.ndim == 3 else 1
    bits = like.dtype.itemsize * 8
    data_set = made.picture(
        like.shape[0], like.shape[1], made.encapsulated(stream), samples=samples, photometric=photometric, bits=bits, **given
    )  # fmt: skip
    path = tmp_path / "picture"
    path.write_bytes(made.file(data_set, syntax))
    return path


@pytest.mark.parametrize("label", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("marks", ["jfif", "adobe rgb", "adobe ycc"])
def test_a_jpegs_own_marks_are_believed_before_the_label(tmp_path: Path, marks: str, label: str) -> None:
    if marks == "adobe rgb":
        stream = bytes(imagecodecs.jpeg8_encode(BARS, 95, colorspace="RGB", outcolorspace="RGB"))
    else:
        stream = simplejpeg.encode_jpeg(BARS, 95, "RGB", "422" if marks == "jfif" else "444")
    if marks == "adobe ycc":
        stream = with_adobe(stream, transform=1)
    path = written(tmp_path, stream, made.JPEG, BARS, photometric=label)
    assert np.abs(shown(path)[:, 8::16].astype(int) - BARS[:, 8::16]).max() < 12
    answer = asked_for(path, form="jpeg")
    assert answer["is_original"]
    browser = np.asarray(Image.open(io.BytesIO(answer["body"])).convert("RGB"))
    assert np.abs(browser[:, 8::16].astype(int) - BARS[:, 8::16]).max() < 12


def with_adobe(stream: bytes, *, transform: int) -> bytes:
    """Its JFIF segment replaced by Adobe's."""
    end = 4 + int.from_bytes(stream[4:6], "big")
    assert stream[2:4] == b"\xff\xe0"
    return b"\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + bytes((transform,)) + stream[end:]


def test_a_jpeg_without_any_mark_is_what_its_label_says(tmp_path: Path) -> None:
    """RGB kept as it is, without a marker: decoders and browsers would take it for YCbCr."""
    marked = bytes(imagecodecs.jpeg8_encode(BARS, 95, colorspace="RGB", outcolorspace="RGB"))
    at = marked.index(b"\xff\xee")
    bare = marked[:at] + marked[at + 2 + int.from_bytes(marked[at + 2 : at + 4], "big") :]
    bare = bytes(renumbered(bytes(bare)))
    assert jpeg.marks(bare).adobe_transform is None
    path = written(tmp_path, bare, made.JPEG, BARS, photometric="RGB")
    answer = asked_for(path, form="jpeg")
    browser = np.asarray(Image.open(io.BytesIO(answer["body"])).convert("RGB"))
    assert np.abs(browser[:, 8::16].astype(int) - BARS[:, 8::16]).max() < 12
    assert np.array_equal(browser, shown(path))


def renumbered(stream: bytes) -> bytearray:
    """Components 1, 2, 3 instead of 'R', 'G', 'B'."""
    data = bytearray(stream)
    frame_header, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    for number in range(3):
        data[frame_header + 10 + 3 * number] = data[scan + 5 + 2 * number] = number + 1
    return data


def test_exif_in_a_frame_does_not_turn_it_under_the_measurements(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.fromarray(BARS).save(out, "JPEG", quality=95, exif=exif)
    answer = asked_for(written(tmp_path, out.getvalue(), made.JPEG, BARS), form="jpeg")
    image = Image.open(io.BytesIO(answer["body"]))
    assert image.getexif().get(0x0112) is None
    assert image.size == (64, 32)
    assert answer["is_original"]


GREY_12 = (GREY.astype(np.uint16) << 4) | 7


def jpeg_lossless(like: Picture) -> bytes:
    colours = 0 if like.ndim == 2 else "RGB"
    return bytes(imagecodecs.jpeg8_encode(like, lossless=True, colorspace=colours, outcolorspace=colours))


def jpeg_2000(like: Picture) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(like, codecformat="j2k", reversible=True, level=0))


LOSSLESS: list[tuple[str, Any, str]] = [
    ("1.2.840.10008.1.2.4.57", jpeg_lossless, "lossless"),
    (made.JPEG_LS, imagecodecs.jpegls_encode, "ls"),
    (made.JPEG_2000, jpeg_2000, "2000"),
    (made.HTJ2K, imagecodecs.htj2k_encode, "ht"),
    (made.JPEG_XL, lambda like: imagecodecs.jpegxl_encode(like, lossless=True), "xl"),
]


@pytest.mark.parametrize("like", [GREY, BARS], ids=["grey", "colour"])
@pytest.mark.parametrize(("syntax", "encode", "name"), LOSSLESS, ids=[one[2] for one in LOSSLESS])
def test_every_lossless_codec_gives_the_picture_back(
    tmp_path: Path, syntax: str, encode: Any, name: str, like: Picture
) -> None:
    assert np.array_equal(shown(written(tmp_path, encode(like), syntax, like)), like)


@pytest.mark.parametrize(("syntax", "encode", "name"), [one for one in LOSSLESS if one[2] in ("ls", "2000")])
def test_twelve_bits_are_shown_by_the_window(tmp_path: Path, syntax: str, encode: Any, name: str) -> None:
    window = [made.element(0x00281050, "DS", "2047.5"), made.element(0x00281051, "DS", "4096")]
    stored = {0x00280101: made.element(0x00280101, "US", 12), 0x00280102: made.element(0x00280102, "US", 11)}
    path = written(tmp_path, encode(GREY_12), syntax, GREY_12, before=window, instead=stored)
    assert np.abs(shown(path).astype(int) - GREY).max() <= 1
    narrow = shown(path, window=[2048, 2])
    assert set(np.unique(narrow)) <= {0, 255} | set(range(120, 136))


def test_twelve_bit_jpeg_is_shown() -> None:
    ours = shown(real.named("JPGExtended.dcm"))
    assert ours.dtype == np.uint8
    assert ours.std() > 1


def test_monochrome1_is_inverted_and_then_no_longer_the_original(tmp_path: Path) -> None:
    stream = simplejpeg.encode_jpeg(np.ascontiguousarray(GREY[:, :, None]), 95, "GRAY", "Gray")
    path = written(tmp_path, stream, made.JPEG, GREY, photometric="MONOCHROME1")
    assert not asked_for(path, form="jpeg")["is_original"]
    assert np.abs(shown(path).astype(int) - (255 - GREY.astype(int))).max() < 6


def test_a_window_over_everything_leaves_the_original_and_a_narrow_one_does_not(tmp_path: Path) -> None:
    stream = simplejpeg.encode_jpeg(np.ascontiguousarray(GREY[:, :, None]), 95, "GRAY", "Gray")
    for center, width, is_original in (("128", "256", True), ("127", "255", True), ("60", "40", False)):
        window = [made.element(0x00281050, "DS", center), made.element(0x00281051, "DS", width)]
        path = written(tmp_path, stream, made.JPEG, GREY, before=window)
        assert asked_for(path, form="jpeg")["is_original"] == is_original


def test_signed_and_high_bits_are_read_as_stored(tmp_path: Path) -> None:
    values = np.array([[-100, 0, 100, 200]] * 4, np.int16)
    with_overlay = (values & 0x0FFF) | np.int16(0x1000)  # an old overlay bit above the twelve stored
    stored = {
        0x00280101: made.element(0x00280101, "US", 12), 0x00280102: made.element(0x00280102, "US", 11),
        0x00280103: made.element(0x00280103, "US", 1),
    }  # fmt: skip
    pixel_data = made.element(0x7FE00010, "OW", with_overlay.astype("<i2").tobytes())
    path = tmp_path / "picture"
    path.write_bytes(made.file(made.picture(4, 4, pixel_data, bits=16, instead=stored)))
    row = shown(path)[0].astype(int)
    assert row[0] == 0
    assert row[3] == 255
    assert abs(row[1] - 85) <= 1


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [(made.JPEG_LS, imagecodecs.jpegls_encode), ("1.2.840.10008.1.2.4.70", jpeg_lossless)],
    ids=["jpeg-ls", "jpeg-lossless"],
)
@pytest.mark.parametrize("bits_stored", [12, 16])
def test_sign_that_the_codestream_does_not_know_is_read(
    tmp_path: Path, syntax: str, encode: Any, bits_stored: int
) -> None:
    """PS3.5 8.2.1, 8.2.3: such an encoder is given the bits stored as if there were no sign."""
    values = np.array([[-100, 0, 100, 200]] * 4, np.int16).repeat(4, axis=0)
    bits = values.view(np.uint16) & np.uint16((1 << bits_stored) - 1)
    stored = {
        0x00280101: made.element(0x00280101, "US", bits_stored), 0x00280102: made.element(0x00280102, "US", bits_stored - 1),
        0x00280103: made.element(0x00280103, "US", 1),
    }  # fmt: skip
    path = written(tmp_path, encode(bits), syntax, bits, instead=stored)
    row = shown(path)[0].astype(int)
    assert (row[0], row[3]) == (0, 255)
    assert abs(row[1] - 85) <= 1
    facts = examine(path)
    assert facts.pixels
    assert facts.frames
    ((at, size),) = facts.frames.ranges(0)
    unpacked = raw(data=path.read_bytes()[at : at + size], pixels=facts.pixels.to_json())
    assert np.array_equal(np.frombuffer(unpacked["body"], "<i2").reshape(values.shape), values)


@pytest.mark.parametrize("by_plane", [0, 1])
def test_colours_by_pixel_and_by_plane(tmp_path: Path, by_plane: int) -> None:
    data = (BARS.transpose(2, 0, 1) if by_plane else BARS).tobytes()
    planar = {0x00280006: made.element(0x00280006, "US", by_plane)}
    path = tmp_path / "picture"
    path.write_bytes(made.file(made.picture(32, 64, made.element(0x7FE00010, "OB", data), samples=3, instead=planar)))
    assert np.array_equal(shown(path), BARS)


def test_values_outside_a_palette_take_its_ends(tmp_path: Path) -> None:
    table = bytes(range(100, 116))
    before = [made.element(0x00281101 + number, "US", [16, 4, 8]) for number in range(3)]
    before += [made.element(0x00281201 + number, "OW", table) for number in range(3)]
    pixel_data = made.element(0x7FE00010, "OB", bytes([0, 4, 19, 255]))
    path = tmp_path / "picture"
    path.write_bytes(made.file(made.picture(2, 2, pixel_data, photometric="PALETTE COLOR", before=before)))
    assert shown(path)[:, :, 0].ravel().tolist() == [100, 100, 115, 115]


def test_bits_above_those_stored_are_no_part_of_a_palette_index(tmp_path: Path) -> None:
    """PS3.5 8.1.1: old machines keep overlays there."""
    before = [made.element(0x00281101 + number, "US", [4, 0, 8]) for number in range(3)]
    before += [made.element(0x00281201 + number, "OW", bytes((10, 20, 30, 40))) for number in range(3)]
    stored = {0x00280101: made.element(0x00280101, "US", 2), 0x00280102: made.element(0x00280102, "US", 1)}
    pixel_data = made.element(0x7FE00010, "OB", bytes((0x80, 0x01, 0xFE, 0x13)))
    path = tmp_path / "picture"
    data = made.picture(2, 2, pixel_data, photometric="PALETTE COLOR", before=before, instead=stored)
    path.write_bytes(made.file(data))
    assert shown(path)[:, :, 0].ravel().tolist() == [10, 20, 30, 40]


def test_picture_is_no_larger_than_its_form_can_say() -> None:
    """WebP has 14 bits for a side."""
    wide = np.zeros((4, 20_000, 3), np.uint8)
    forms: list[tuple[Form, int]] = [("webp", 16_383), ("png", 20_000), ("jpeg", 20_000)]
    for form, columns in forms:
        assert encode(wide, form, None, None)["columns"] == columns


def test_poster_is_made_smaller_in_the_form_that_is_wanted() -> None:
    poster = encode(np.repeat(BARS, 16, axis=1), "webp", None, None)["body"]
    forms: list[Form] = ["webp", "png", "jpeg"]
    for form in forms:
        answer = smaller(data=poster, form=form, max_side=320)
        image = Image.open(io.BytesIO(answer["body"]))
        assert (image.format, image.size[0]) == (form.upper(), 320)


def test_two_renderings_of_a_frame_are_equal() -> None:
    path = real.named("gdcm-US-ALOKA-16.dcm")
    for form in ("jpeg", "png", "webp"):
        assert asked_for(path, form=form)["body"] == asked_for(path, form=form)["body"]


def test_a_frame_of_another_size_than_promised_is_refused(tmp_path: Path) -> None:
    """The check sees to it before; the decoder's answer is not believed either."""
    stream = bytes(imagecodecs.jpegls_encode(GREY))
    pixels = {"transfer_syntax_uid": made.JPEG_LS, "rows": 16, "columns": 16}
    with pytest.raises(Invalid, match="not what its header says"):
        frame(data=stream, pixels=pixels, form="png")
