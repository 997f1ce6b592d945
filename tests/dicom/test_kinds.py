"""Files that are not DICOM are known by their content and refused when they are cut off or too large."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from app.dicom.admission import examine
from app.errors import Invalid
from tests.dicom import real


def picture(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 80).save(out, form)
    return out.getvalue()


def box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("a.dcm", b"x" * 100)
    return out.getvalue()


MP4 = box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", bytes(40)) + box(b"mdat", bytes(100))
PDF = b"%PDF-1.7\n1 0 obj\nendobj\nstartxref\n9\n%%EOF\n"
WHOLE: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: picture("JPEG"),
    "png": lambda: picture("PNG"),
    "mp4": lambda: MP4,
    "pdf": lambda: PDF,
    "zip": archive,
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_known_whatever_its_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.dcm"
    path.write_bytes(WHOLE[kind]())
    facts = examine(path)
    assert facts.kind == kind
    assert facts.size_bytes == path.stat().st_size
    if kind in ("jpeg", "png"):
        assert (facts.columns, facts.rows) == (40, 30)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_that_was_cut_off_is_refused(kind: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    data = WHOLE[kind]()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Invalid) as refusal:
        examine(path)
    assert refusal.value.facts["reason_code"] in ("truncated", "damaged", "unknown")


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + bytes(200),
        b"MZ" + bytes(200),
        b"\x7fELF" + bytes(200),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><title>x</title>",
        b"\x1f\x8b\x08" + bytes(200),
        bytes(5000),
        b"x",
    ],
)
def test_other_kinds_are_refused_in_a_sentence(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "IM0001.dcm"
    path.write_bytes(data)
    with pytest.raises(Invalid, match=r"does not know this kind of file\. Send DICOM, JPEG"):
        examine(path)


@pytest.mark.parametrize("brand", [b"heic", b"avif"])
def test_a_photograph_that_few_browsers_show_is_asked_for_as_jpeg(brand: bytes, tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(box(b"ftyp", brand + b"\0\0\0\0mif1") + box(b"meta", bytes(20)))
    with pytest.raises(Invalid, match=r"HEIC or AVIF photograph.* as JPEG"):
        examine(path)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.dcm"
    path.touch()
    with pytest.raises(Invalid, match="This file is empty"):
        examine(path)


def test_pictures_that_say_they_are_huge_are_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IEND\xaeB`\x82")
    with pytest.raises(Invalid, match="the limit is 40,000,000"):
        examine(path)


def test_a_telephones_film_behind_its_photograph_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(picture("JPEG") + MP4 * 100)
    assert examine(path).kind == "jpeg"


@pytest.mark.skipif(not real.MORE, reason="no folder with more real files")
def test_every_real_export_is_taken() -> None:
    kinds = {".jpg": "jpeg", ".png": "png", ".mp4": "mp4", ".dcm": "dicom"}
    for path in real.MORE:
        if path.suffix in kinds:
            assert examine(path).kind == kinds[path.suffix]
