"""Every real file that there is: stored, read back byte for byte, shown, and looked at with tools of others."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.conformance.dicomweb import DICOM, failed, files, get, parts_of, sequence, store, value
from tests.dicom import real
from tests.people import Places
from tests.servers.app import Running

ANY = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
EXPLICIT = "1.2.840.10008.1.2.1"
DEID = ("deid_data", "data", "ultrasounds")


@dataclass(frozen=True)
class File:
    """A file by its name; its bytes are read when a test comes to it."""

    name: str
    read: Callable[[], bytes]

    def __str__(self) -> str:
        return self.name


def of(paths: list[Path]) -> list[File]:
    return [File(path.name, path.read_bytes) for path in paths]


def zipped(path: Path) -> File:
    def read() -> bytes:
        with zipfile.ZipFile(path) as archive:
            return archive.read(archive.infolist()[0])

    return File(path.name, read)


def or_skip(found: list[File], why: str) -> list[Any]:
    """The files as parameters, or one that is skipped with its reason."""
    return [*found] or [pytest.param(None, marks=pytest.mark.skip(reason=why), id="none")]


FILES = [
    *of([path for path in real.ULTRASOUND if path not in real.MORE]),
    *or_skip(of(real.inside("pynetdicom", "tests", "dicom_files")), "pynetdicom brings no files"),
    *or_skip([*of(real.inside(*DEID)), *map(zipped, real.inside(*DEID, ending=".zip"))], "deid-data is not installed"),
    *or_skip(
        of([path for path in real.MORE if path.suffix == ".dcm"]), f"no folder {real.FOLDER.name} with more files"
    ),
]


def place_of(server: Running, places: Places, body: bytes) -> str:
    answer = store(server, places.referrer, files(body))
    assert (answer.status_code, failed(answer)) == (200, []), answer.text
    return str(value(sequence(answer, "00081199")[0], "00081190")).partition("/dicom-web")[2]


# What is refused for what it is; the conformance statement says so.
REFUSED = {"SCImageStorage_Deflated.dcm"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_file_comes_back_as_it_went_and_is_shown(server: Running, places: Places, file: File) -> None:
    body = file.read()
    if file.name in REFUSED:
        assert failed(store(server, places.referrer, files(body))) == [0xC000]
        return
    place = place_of(server, places, body)
    ((_kind, back),) = parts_of(get(server, places.referrer, place, ANY))
    assert back == body
    header = pydicom.dcmread(io.BytesIO(body), stop_before_pixels=True)
    (metadata,) = get(server, places.referrer, f"{place}/metadata").json()
    assert value(metadata, "00080016") == header.SOPClassUID
    shown = get(server, places.referrer, f"{place}/rendered", "image/png")
    assert shown.status_code == 200, shown.text
    assert Image.open(io.BytesIO(shown.content)).size == (header.Columns, header.Rows)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: apt-get install dcmtk")
    return found


def ran(name: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([tool(name), *map(str, arguments)], capture_output=True, timeout=60)


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    "name", ["examples_ybr_color.dcm", "examples_palette.dcm", "US1_J2KR.dcm", "ExplVR_BigEnd.dcm"]
)
def test_dcmtk_reads_what_was_retrieved(server: Running, places: Places, tmp_path: Path, name: str) -> None:
    place = place_of(server, places, real.named(name).read_bytes())
    path = tmp_path / name
    path.write_bytes(get(server, places.referrer, place, DICOM).content)
    assert ran("dcmftest", path).stdout.startswith(b"yes:")
    done = ran("dcmdump", "+P", "SOPInstanceUID", path)
    assert done.returncode == 0
    assert str(pydicom.dcmread(path).SOPInstanceUID).encode() in done.stdout


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("name", ["ExplVR_BigEnd.dcm", "examples_palette.dcm", "US1_UNCR.dcm", "OBXXXX1A.dcm"])
def test_metadata_say_what_dcmtk_reads(server: Running, places: Places, tmp_path: Path, name: str) -> None:
    """PS3.18 F.2: attribute for attribute, but for group lengths and bulk data."""
    path = real.named(name)
    place = place_of(server, places, path.read_bytes())
    done = ran("dcm2json", path)
    assert done.returncode == 0, done.stderr
    (ours,) = get(server, places.referrer, f"{place}/metadata").json()
    theirs = {tag: one for tag, one in json.loads(done.stdout).items() if not tag.endswith("0000")}
    compared = [tag for tag in theirs if not {"InlineBinary", "BulkDataURI"} & {*theirs[tag], *ours.get(tag, {})}]
    assert len(compared) > 15
    assert {tag: plain(ours.get(tag)) for tag in compared} == {tag: plain(theirs[tag]) for tag in compared}


def plain(data: Any) -> Any:
    """Numbers to the digits that dcmtk writes, text without padding and empty components; an empty value is none."""
    if isinstance(data, dict):
        found = {name: plain(one) for name, one in data.items()}
        return {name: one for name, one in found.items() if one not in ([], [None], None)}
    if isinstance(data, list):
        return [plain(one) for one in data]
    try:
        return float(f"{float(data):.13g}")
    except (TypeError, ValueError):
        return data.strip("\0 ").rstrip("^") if isinstance(data, str) else data


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    "name",
    ["examples_ybr_color.dcm", "color3d_jpeg_baseline.dcm", "examples_palette.dcm", "examples_rgb_color.dcm",
     "US1_UNCI.dcm", "ExplVR_BigEnd.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "OBXXXX1A.dcm"],
)  # fmt: skip
def test_picture_is_what_dcmtk_shows(server: Running, places: Places, tmp_path: Path, name: str) -> None:
    """Palettes, subsampled colour, both byte orders and lossless JPEG, by a decoder that shares no code with ours."""
    path = real.named(name)
    place = place_of(server, places, path.read_bytes())
    done = ran("dcmj2pnm", "--write-png", "--frame", 1, path, tmp_path / "theirs.png")
    assert done.returncode == 0, done.stderr
    answer = get(server, places.referrer, f"{place}/frames/1/rendered", "image/png")
    ours, theirs = (
        np.asarray(Image.open(one).convert("RGB"), int) for one in (io.BytesIO(answer.content), tmp_path / "theirs.png")
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 1.5


def test_instance_decoded_here_is_one_that_dcmtk_decodes_alike(server: Running, places: Places, tmp_path: Path) -> None:
    """PS3.18 8.7.3: the uncompressed file beside what dcmdjpeg makes of the stored one."""
    path = real.named("examples_ybr_color.dcm")
    place = place_of(server, places, path.read_bytes())
    asked = f'multipart/related; type="{DICOM}"; transfer-syntax={EXPLICIT}'
    (tmp_path / "ours.dcm").write_bytes(parts_of(get(server, places.referrer, place, asked))[0][1])
    assert ran("dcmftest", tmp_path / "ours.dcm").returncode == 0
    assert ran("dcmdjpeg", path, tmp_path / "theirs.dcm").returncode == 0
    ours, theirs = (pydicom.dcmread(tmp_path / name) for name in ("ours.dcm", "theirs.dcm"))
    assert (ours.PhotometricInterpretation, ours.NumberOfFrames) == (theirs.PhotometricInterpretation, 30)
    assert np.abs(ours.pixel_array.astype(int) - theirs.pixel_array.astype(int)).mean() < 1.5
