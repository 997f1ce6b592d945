"""Names in every character set come out as they were meant, or say that they are in doubt."""

import unicodedata
from pathlib import Path

import pydicom
import pytest

from app.dicom.admission import examine
from app.dicom.text import CharacterSet

FILES = sorted((Path(pydicom.__file__).parent / "data" / "charset_files").glob("chr*.dcm"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_patients_name_is_read_as_pydicom_reads_it(path: Path) -> None:
    theirs = str(pydicom.dcmread(path, force=True).get("PatientName", ""))
    ours = examine(path).patient.name
    assert ours.rstrip("=") == unicodedata.normalize("NFC", theirs).rstrip("=")


@pytest.mark.parametrize(
    ("declared", "value", "text", "is_certain"),
    [
        (b"", b"Doe^Jane", "Doe^Jane", True),
        (b"ISO_IR 100", b"J\xe9r\xf4me", "Jérôme", True),
        (b"ISO_IR 192", "Müller^Ünal".encode(), "Müller^Ünal", True),
        (b"ISO_IR 192", b"bad \xff utf", "bad \ufffd utf", False),
        (b"ISO_IR", b"Doe", "Doe", False),  # a real handheld's
        (b"ISO_IR 999", "Zoë".encode(), "Zoë", False),
        (b"", "Zoë".encode(), "Zoë", False),
        (b"", b"\xe9", "\ufffd", False),
        (b"GB18030", b"\xcd\xf5^\xd0\xa1\xb6\xab", "王^小东", True),
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED", "山田", True),  # the last escape is missing
        (b"ISO_IR 192", b"a\x00\x1b[31mb\r\n", "a[31mb", True),
        (b"ISO_IR 192", "a\u202ecod.exe\u2066".encode(), "acod.exe", True),
        (b"ISO_IR 192", "e\u0301".encode(), "é", True),
    ],
)
def test_text_is_clean_unicode(declared: bytes, value: bytes, text: str, is_certain: bool) -> None:
    charset = CharacterSet(declared)
    assert charset.decode(value) == text
    assert (charset.doubt is None) == is_certain


def test_a_name_of_64_kilobytes_is_shortened() -> None:
    assert len(CharacterSet(b"ISO_IR 192").decode(b"x" * 65_000)) == 1024
