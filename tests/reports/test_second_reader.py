"""The printed report by a second reader of PDF: its tags in reading order, its fonts whole, and what it claims to be."""

import io
from collections.abc import Iterator
from typing import Any

import pikepdf
import pytest
from PIL import Image

from app.reports.drawn import Mark
from app.reports.key_images import Key, Printed
from tests.reports.tagged import drawn, elements, fonts_of, kids, marks, spoken
from tests.reports.test_document import CRITICAL, SEEN, SHA256, VERIFY_URL, printed, report


def full() -> bytes:
    """Everything that a report can hold, over several pages."""
    out = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(out, "JPEG")
    source = report(
        report={"status": "corrected", "kind": "corrected", "reason": "Left, not right.", "version": 2},
        patient={"name_local": "أوتينو"}, critical=[CRITICAL], seen=SEEN, findings="Liver normal, 12 cm.\n" * 120,
        pregnancy={"edd": "2026-12-07", "basis": "crl", "is_certain": True},
    )  # fmt: skip
    cyst = Mark(kind="text", points=[(9, 9)], text="كيس 7 mm")
    key = Key(
        3, 1, note="Widest place.", marks=(cyst, Mark(kind="length", points=[(0, 0), (9, 9)], value=7, unit="mm"))
    )
    replaced = {"version": 3, "signed_at": "2026-04-05T08:00:00Z"}
    return printed(source, replaced_by=replaced, verify_url=VERIFY_URL, pictures=[Printed(key, out.getvalue())])


@pytest.fixture(scope="module")
def pdf() -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(full())) as opened:
        yield opened


def test_a_screen_reader_is_told_the_answer_first_and_in_order(pdf: pikepdf.Pdf) -> None:
    said = " ".join(" ".join(text for _tag, text in spoken(pdf)).split())
    order = [
        "This is version 2, replaced by version 3", "Teaching hospital", "K7M-2QX", "Ultrasound report: Abdomen",
        "Why this version: Left, not right.", "Otieno, Jane", "MRN-004417", "Examined", "by CRL Impression",
        "Acute calculous cholecystitis.", "Recommendation", "Surgical review within 24 h.", "Critical finding",
        "Ruptured or suspected ectopic pregnancy", "it was said back.", "Findings", "Liver normal, 12 cm.", "Question",
        "4 of 19 not opened, 2 seen as preview only", "Key images", "Image 3", "7 mm", "Widest place.",
        "Signed electronically by Dr Amina Okello", SHA256,
    ]  # fmt: skip
    found = [said.find(part) for part in order]
    assert -1 not in found, order[found.index(-1)]
    assert found == sorted(found)
    assert said.count("Liver normal, 12 cm.") == 120
    assert "\ufffd" not in said
    assert "Page 1 of" not in said, "what repeats on each page is an artifact"


def test_everything_drawn_is_tagged_once_or_an_artifact(pdf: pikepdf.Pdf) -> None:
    in_tree = [mark for _tag, mark in marks(pdf.Root.StructTreeRoot)]
    on_pages = {(page.obj.objgen[0], mark) for page in pdf.pages for mark in drawn(page).marked}
    assert len(in_tree) == len(set(in_tree))
    assert on_pages <= set(in_tree)
    assert [one for page in pdf.pages for one in drawn(page).unmarked] == []
    assert all("/StructParents" in page.obj for page in pdf.pages)


def test_tags_are_headings_pictures_with_words_and_a_link_that_says_where_it_leads(pdf: pikepdf.Pdf) -> None:
    tree = list(elements(pdf.Root.StructTreeRoot))
    tags = [str(one.S) for one in tree]
    assert tags.count("/H1") == 1
    assert tags.count("/H2") == 8
    assert {tag for tag, text in spoken(pdf) if text.strip()} == {"/H1", "/H2", "/P", "/Link"}, (
        "no text without a part to play"
    )
    assert next(str(one.Alt) for one in tree if one.S == "/Figure") == "Image 3"
    assert all("/Alt" in one for one in tree if one.S == "/Figure")
    assert "/Lang" in pdf.Root
    (link,) = [one for page in pdf.pages for one in page.obj.get("/Annots", [])]
    assert str(link.A.URI) == VERIFY_URL
    assert str(link.Contents)
    assert any(
        "/Obj" in kid for one in tree if one.S == "/Link" for kid in kids(one) if isinstance(kid, pikepdf.Dictionary)
    )
    assert all(page.obj.get("/Tabs") == "/S" for page in pdf.pages if "/Annots" in page.obj)
    assert {str(one.Lang) for one in tree if "/Lang" in one} >= {"ar"}, "Arabic is read as Arabic"


def test_every_font_is_in_it_with_the_meaning_of_its_signs(pdf: pikepdf.Pdf) -> None:
    fonts = {font.objgen: font for page in pdf.pages for font in fonts_of(page).values()}
    assert len(fonts) >= 3
    for font in fonts.values():
        (below,) = font.DescendantFonts
        held = below.FontDescriptor
        assert "/FontFile2" in held or "/FontFile3" in held
        assert "/ToUnicode" in font
        assert str(font.BaseFont)[7] == "+", "only the signs that it needs"


def test_what_it_claims_to_be_stands_beside_what_that_asks_for(pdf: pikepdf.Pdf) -> None:
    assert pdf.check_pdf_syntax() == []
    assert not pdf.is_encrypted
    with pdf.open_metadata() as said:
        assert (said["pdfaid:part"], said["pdfaid:conformance"], said["pdfuaid:part"]) == ("2", "A", "1")
        assert said["dc:title"] == str(pdf.docinfo.Title) == "Ultrasound report K7M-2QX, version 2"
        assert said["xmp:CreateDate"].startswith("2026-04-03T12:31:07")
    root: Any = pdf.Root
    assert root.MarkInfo.Marked
    assert root.ViewerPreferences.DisplayDocTitle
    (intent,) = root.OutputIntents
    assert intent.S == "/GTS_PDFA1"
    assert len(intent.DestOutputProfile.read_bytes()) > 100
    assert len(pdf.trailer.ID) == 2
    assert not {"/JavaScript", "/EmbeddedFiles"} & set(root.get("/Names", {}).keys())
    assert not {"/AA", "/OpenAction", "/AcroForm"} & set(root.keys())
