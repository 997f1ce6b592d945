"""A photograph becomes a frame of DICOM: its own scan where the standard takes it, turned as it was taken, nameless."""

import io
import shutil
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydicom.encaps import generate_frames

from app.dicom import jpeg as marks
from app.dicom import jpegtran, syntaxes
from app.dicom.admission import examine
from app.errors import Invalid
from tests.dicom.wrapped import framed, jpeg, png, scan, still_instance, telephone_exif

BASELINE, LOSSLESS = syntaxes.JPEG_BASELINE, syntaxes.JPEG_LS_LOSSLESS
with_jpegtran = pytest.mark.skipif(shutil.which("jpegtran") is None, reason="no jpegtran here (libjpeg-turbo-progs)")


def without_jpegtran(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("app.dicom.jpegtran.shutil.which", lambda _name: None)


def shown(body: bytes) -> NDArray[Any]:
    """As every viewer of photographs shows it."""
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(body))))


def decoded(frame: bytes, said: dict[str, Any]) -> NDArray[Any]:
    if said["transfer_syntax_uid"] == LOSSLESS:
        return np.asarray(imagecodecs.jpegls_decode(frame))
    return np.asarray(Image.open(io.BytesIO(frame)))


def entropy_coded(body: bytes) -> bytes:
    """From the first scan's header to the end of the picture."""
    return body[body.index(b"\xff\xda") : body.rindex(b"\xff\xd9") + 2]


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_baseline_jpeg_keeps_its_scan_bit_for_bit(tmp_path: Path, subsampling: int) -> None:
    body = jpeg(scan(), subsampling=subsampling, comment=b"Jane Doe")
    frame, said = framed(tmp_path, body)
    assert (said["transfer_syntax_uid"], said["photometric_interpretation"]) == (BASELINE, "YBR_FULL_422")
    assert entropy_coded(frame) == entropy_coded(body)
    assert np.array_equal(decoded(frame, said), shown(body))


def test_a_grey_jpeg_and_one_of_rgb_say_what_they_are(tmp_path: Path) -> None:
    _frame, said = framed(tmp_path, jpeg(scan()[:, :, 0]))
    assert (said["samples_per_pixel"], said["photometric_interpretation"]) == (1, "MONOCHROME2")
    body = jpeg(scan(), keep_rgb=True, subsampling=0)
    frame, said = framed(tmp_path, body)
    assert said["photometric_interpretation"] == "RGB"
    assert np.array_equal(decoded(frame, said), shown(body))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_nothing_of_the_telephone_is_in_the_wrapped_copy(
    tmp_path: Path, orientation: int, progressive: bool, form: str
) -> None:
    out = io.BytesIO()
    Image.fromarray(scan()).save(out, form, exif=telephone_exif(orientation), progressive=progressive)
    assert b"Telephone of Jane Doe" in out.getvalue()
    data = still_instance(tmp_path, out.getvalue()).read_bytes()
    for trace in (b"Telephone", b"Exif\0", b"2026:11:26", b"http:"):
        assert trace not in data


def test_a_second_picture_behind_the_first_and_one_within_its_header_are_left_out(tmp_path: Path) -> None:
    """Telephones add pictures with their own EXIF (CIPA DC-007), and films; JFIF has room for a thumbnail."""
    first = jpeg(scan())
    thumbnail = b"\xff\xe0\x00\x13JFIF\0\1\1\0\0\1\0\1\1\1RGB" + b"\xff\xe0\x00\x0aJFXX\0RGB"
    app2 = b"\xff\xe2\x00\x0aMPF\0MM\0*"
    body = first[:2] + thumbnail + app2 + first[20:] + first + b"ftypmp42 film of Jane Doe" + b"\xff\xd9"
    frame, said = framed(tmp_path, body)
    for trace in (b"Telephone", b"MPF", b"JFXX", b"RGB", b"ftyp"):
        assert trace not in frame
    assert entropy_coded(frame) == entropy_coded(first)
    assert np.array_equal(decoded(frame, said), shown(first))


def test_what_stands_between_the_scans_is_left_out_too() -> None:
    body = jpeg(scan())
    end = body.rindex(b"\xff\xd9")
    hidden = body[:end] + b"\xff\xfe\x00\x0aJane Doe" + body[end:]
    assert b"Jane" not in marks.without_metadata(hidden)


@with_jpegtran
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_progressive_jpeg_becomes_a_baseline_one_of_the_same_pixels(tmp_path: Path, subsampling: int) -> None:
    body = jpeg(scan(), progressive=True, subsampling=subsampling)
    frame, said = framed(tmp_path, body)
    assert said["transfer_syntax_uid"] == BASELINE
    assert marks.marks(frame).sof == 0xC0
    assert np.array_equal(decoded(frame, said), shown(body))


@with_jpegtran
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_without_being_encoded_again(tmp_path: Path, orientation: int) -> None:
    """Its coefficients move; decoders round them by rows and columns, hence the last bits."""
    body = jpeg(scan(), exif=telephone_exif(orientation), subsampling=2)
    frame, said = framed(tmp_path, body)
    assert said["transfer_syntax_uid"] == BASELINE
    right = shown(body)
    assert (said["rows"], said["columns"]) == right.shape[:2]
    off = np.abs(decoded(frame, said).astype(int) - right.astype(int))
    assert off.max() <= 6
    assert off.mean() < 0.5
    back = {6: 8, 8: 6}.get(orientation, orientation)
    undone = jpegtran.baseline(frame, back)
    assert undone
    upright = jpeg(scan(), exif=Image.Exif(), subsampling=2)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(undone))), np.asarray(Image.open(io.BytesIO(upright))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_what_cannot_keep_its_scan_keeps_its_pixels(
    tmp_path: Path, orientation: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_jpegtran(monkeypatch)
    exif = telephone_exif(orientation)
    body = jpeg(scan(), exif=exif, progressive=True) if form == "JPEG" else png(Image.fromarray(scan()), exif=exif)
    frame, said = framed(tmp_path, body)
    assert said["transfer_syntax_uid"] == LOSSLESS
    assert np.array_equal(decoded(frame, said), shown(body))
    assert bool(said["lossy_method"]) == (form == "JPEG")


@pytest.mark.parametrize("orientation", [2, 3, 4, 6, 7, 8])
def test_a_side_that_is_no_multiple_of_its_blocks_keeps_its_pixels_when_turned(
    tmp_path: Path, orientation: int
) -> None:
    body = jpeg(scan(61, 97), exif=telephone_exif(orientation))
    frame, said = framed(tmp_path, body)
    assert said["transfer_syntax_uid"] == LOSSLESS
    assert np.array_equal(decoded(frame, said), shown(body))


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "RGBA", "LA"])
def test_a_png_keeps_every_pixel_that_is_shown(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(scan()).convert(mode)
    path = still_instance(tmp_path, png(image))
    ds, facts = pydicom.dcmread(path), examine(path)
    assert facts.pixels
    assert not facts.warnings
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    wanted = np.asarray(image.convert("L" if mode in ("L", "1", "LA") else "RGB"))
    found = imagecodecs.jpegls_decode(frame)
    assert np.array_equal(found if found.ndim == wanted.ndim else found[:, :, 0], wanted)
    assert "LossyImageCompression" not in ds


def test_noise_that_grows_when_packed_is_kept_too(tmp_path: Path) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (64, 96, 3), np.uint8)
    frame, said = framed(tmp_path, png(Image.fromarray(noise)))
    assert len(frame) > noise.nbytes
    assert np.array_equal(decoded(frame, said), noise)
    assert b"SPIFF" not in frame


def test_grey_of_sixteen_bits_keeps_them_and_is_no_ultrasound_image(tmp_path: Path) -> None:
    """PS3.3 C.8.5.6 has 8 bits alone."""
    deep = (np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10).astype(np.uint16)
    ds = pydicom.dcmread(still_instance(tmp_path, png(Image.fromarray(deep))))
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert (ds.BitsStored, ds.Modality) == (16, "US")
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    assert np.array_equal(imagecodecs.jpegls_decode(frame), deep)


def test_colours_of_sixteen_bits_are_refused_rather_than_rounded(tmp_path: Path) -> None:
    body = imagecodecs.png_encode(np.full((8, 8, 3), 40_000, np.uint16))
    with pytest.raises(Invalid, match="16 bits"):
        framed(tmp_path, bytes(body))


@pytest.mark.parametrize("cut", [0.3, 0.6])
def test_a_broken_picture_is_no_frame(tmp_path: Path, cut: float) -> None:
    body = jpeg(scan(), progressive=True)
    with pytest.raises((Invalid, OSError, ValueError)):
        framed(tmp_path, body[: int(len(body) * cut)])


def test_the_header_says_whose_it_is_and_that_it_was_lossy(tmp_path: Path) -> None:
    ds = pydicom.dcmread(still_instance(tmp_path, jpeg(scan())))
    assert (str(ds.PatientName), ds.PatientID, ds.IssuerOfPatientID) == ("Otieno^Jane=ጄን", "P-17", "Lodwar clinic")
    assert (ds.PatientBirthDate, ds.PatientSex, ds.PatientAge) == ("19900102", "F", "036Y")
    assert (ds.AccessionNumber, ds.StudyID, ds.StudyDescription) == ("A-1", "K7M-2QX", "abdomen")
    assert (ds.SeriesNumber, ds.InstanceNumber, ds.Modality) == (1, 3, "US")
    assert (ds.BurnedInAnnotation, ds.LossyImageCompression) == ("YES", "01")
    assert ds.LossyImageCompressionMethod == "ISO_10918_1"
    assert ds.StudyDate == ""  # the day of an upload is not that of the exam
    assert (ds.InstanceCreationDate, ds.InstanceCreationTime) == ("20261126", "093000")
