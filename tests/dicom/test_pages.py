"""Pages of a PDF are pictures; what is locked, broken or endless is refused."""

import io
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfWriter
from pypdf.annotations import FreeText

from app.dicom.admission import examine
from app.dicom.pages import page, page_count
from app.errors import Invalid
from tests.dicom import made


def document(path: Path, pages: int = 2, size: tuple[float, float] = (595, 842), password: str = "") -> Path:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(*size)
    if password:
        writer.encrypt(password)
    writer.write(path)
    return path


def test_pages_are_counted_and_shown(tmp_path: Path) -> None:
    path = document(tmp_path / "report.pdf", 3)
    assert page_count(path=str(path)) == {"pages": 3}
    answer = page(path=str(path), number=2, fit=(842, 842))
    image = Image.open(io.BytesIO(answer["body"]))
    assert image.size == (595, 842)
    assert image.convert("L").getextrema() == (255, 255)


def test_what_is_written_on_a_page_is_seen(tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_annotation(0, FreeText(text="gestational sac", rect=(20, 20, 180, 60), font_color="000000"))
    path = tmp_path / "report.pdf"
    writer.write(path)
    image = Image.open(io.BytesIO(page(path=str(path), number=0, form="png")["body"]))
    assert image.convert("L").getextrema()[0] < 100  # type: ignore[operator]  # one band


def test_a_page_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = document(tmp_path / "report.pdf", 1)
    for number in (-1, 1):
        with pytest.raises(Invalid, match="no such page"):
            page(path=str(path), number=number)


def test_a_document_inside_dicom_is_shown_from_there(tmp_path: Path) -> None:
    pdf = document(tmp_path / "report.pdf").read_bytes()
    path = tmp_path / "instance"
    ids = made.element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.1") + made.element(0x00080018, "UI", "1.2.3")
    path.write_bytes(made.file(ids + made.element(0x00420011, "OB", pdf)))
    facts = examine(path)
    assert page_count(path=str(path), document=facts.document)["pages"] == 2
    assert page(path=str(path), number=1, document=facts.document)["media_type"] == "image/webp"


def test_a_locked_document_says_so(tmp_path: Path) -> None:
    path = document(tmp_path / "report.pdf", password="secret")
    with pytest.raises(Invalid, match="locked with a password"):
        page_count(path=str(path))


def test_a_broken_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"nonsense " * 500 + b"%%EOF")
    with pytest.raises(Invalid, match="cannot be opened"):
        page_count(path=str(path))


def test_too_many_pages_and_endless_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="501 pages"):
        page_count(path=str(document(tmp_path / "long.pdf", 501)))
    path = document(tmp_path / "wide.pdf", 1, (20_000, 10))
    try:
        answer = page(path=str(path), number=0)
    except Invalid:
        return
    assert max(answer["columns"], answer["rows"]) <= 1600
