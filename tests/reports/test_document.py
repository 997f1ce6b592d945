"""The printed report: read back by other programs, it says what was signed, whole, in order and the right way round."""

import copy
import io
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pypdf
import pypdfium2
import pytest
from PIL import Image

from app.reports import words
from app.reports.document import letter, render
from app.reports.french import FRENCH
from app.reports.key_images import Key, Printed

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
VERIFY_URL = "https://sonopost.example.org/reports/0190f7c2-4a8b-7c11-9a55-0123456789ab/verify"
SIGNED: dict[str, Any] = {
    "report": {"id": "0190f7c2", "version": 1, "status": "final", "kind": "", "reason": "", "language": "en"},
    "referral": {"code": "K7M-2QX", "exam_type": "abdomen", "question": "Pain for two days. Gallstones?",
                 "clinical_notes": "Fever 38.4 °C, Murphy positive.", "accession_number": "S26-000123",
                 "priority": "asap"},
    "patient": {"family_name": "Otieno", "given_name": "Jane", "name_local": "", "name_unknown": False,
                "identifier": "MRN-004417", "issuer": "Kisumu", "birth_date": "1990-04-03", "age": None,
                "age_stated_on": "2026-04-03", "sex": "female"},
    "site": {"name": "Kisumu clinic", "time_zone": "Africa/Nairobi"},
    "reader": {"organization": "Teaching hospital", "name": "Dr Amina Okello", "time_zone": "Europe/Amsterdam"},
    "referrer": {"name": "Sr Grace Achieng"},
    "exam": {"date": "20260403", "time": "140533", "images": 14, "clips": 3, "documents": 0},
    "findings": "Gallbladder: three stones up to 9 mm, wall 5 mm.\nBile duct 4 mm (≤ 6 mm).",
    "impression": "Acute calculous cholecystitis.",
    "recommendation": "Surgical review within 24 h.",
    "images": [{"id": "0190", "sha256": "0" * 64}], "images_sha256": "ab" * 32,
    "signature": {"printed_name": "Dr Amina Okello", "meaning": "Interpreted and signed",
                  "signed_at": "2026-04-03T12:31:07+00:00"},
}  # fmt: skip


def report(**changes: Any) -> dict[str, Any]:
    """The signed source with some of its members changed."""
    source = copy.deepcopy(SIGNED)
    for name, change in changes.items():
        source[name] = {**source.get(name, {}), **change} if isinstance(change, dict) else change
    return source


def printed(source: dict[str, Any], **options: Any) -> bytes:
    return render(source, sha256=SHA256, signed=source["signature"], **options)


def pages(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def text_of(source: dict[str, Any], **options: Any) -> str:
    """All of it, with the line breaks of the layout taken out."""
    return " ".join("\n".join(pages(printed(source, **options))).split())


def left_edge(pdf: bytes, sign: str) -> float:
    """Where on the first page this sign stands, which is there but once."""
    with pypdfium2.PdfDocument(pdf) as document:
        text = document[0].get_textpage()
        every = [text.get_text_range(at, 1) for at in range(text.count_chars())]
        assert every.count(sign) == 1
        return float(text.get_charbox(every.index(sign))[0])


def test_the_answer_comes_first_then_what_it_comes_from() -> None:
    text = text_of(report(), verify_url=VERIFY_URL)
    order = [
        "K7M-2QX", "Ultrasound report: Abdomen", "Final, version 1", "Otieno, Jane", "MRN-004417 (Kisumu)",
        "3 Apr 1990 (36 y)", "Female", "3 Apr 2026, 14:05 Nairobi (UTC+3) 13:05 Amsterdam (UTC+2)", "Kisumu clinic",
        "Sr Grace Achieng", "S26-000123", "Impression Acute calculous cholecystitis.",
        "Recommendation Surgical review within 24 h.", "Findings Gallbladder: three stones up to 9 mm, wall 5 mm.",
        "Bile duct 4 mm (≤ 6 mm).", "Question Pain for two days. Gallstones?", "History Fever 38.4 °C",
        "Interpreted from 14 images and 3 clips acquired by Kisumu clinic; the reader has not examined the patient.",
        "Signed electronically by Dr Amina Okello Interpreted and signed Teaching hospital",
        "3 Apr 2026, 15:31 Nairobi (UTC+3) · 14:31 Amsterdam (UTC+2)", SHA256, "ab" * 32, VERIFY_URL, "Page 1 of 1",
    ]  # fmt: skip
    found = [text.find(part) for part in order]
    assert -1 not in found, order[found.index(-1)]
    assert found == sorted(found)


def test_impression_is_the_largest_text_after_the_title() -> None:
    sizes: dict[str, float] = {}

    def note(text: str, _cm: Any, _tm: Any, _font: Any, size: float) -> None:
        for start in ("Acute", "Surgical", "Gallbladder"):
            if text.strip().startswith(start):
                sizes[start] = size

    pypdf.PdfReader(io.BytesIO(printed(report()))).pages[0].extract_text(visitor_text=note)
    assert sizes["Acute"] > sizes["Surgical"] > sizes["Gallbladder"]


def test_the_file_is_a_tagged_archive_pdf_with_all_its_fonts_in_it() -> None:
    pdf = pypdf.PdfReader(io.BytesIO(printed(report(), verify_url=VERIFY_URL)))
    root: Any = pdf.trailer["/Root"]
    facts = pdf.metadata
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]
    assert root["/Lang"] == "en"
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert facts is not None
    assert facts.creation_date == datetime(2026, 4, 3, 12, 31, 7, tzinfo=UTC)  # of signing, not of printing
    assert facts.title == "Ultrasound report K7M-2QX, version 1"  # no patient data
    assert str(facts["/Keywords"]) == f"sha256:{SHA256}"
    resources: list[Any] = [page["/Resources"] for page in pdf.pages]
    fonts = [font.get_object() for each in resources for font in each["/Font"].values()]
    descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert len(descriptors) >= 3
    assert all("/FontFile2" in each or "/FontFile3" in each for each in descriptors)


def test_the_same_report_gives_the_same_bytes_and_another_does_not() -> None:
    first = printed(report(), verify_url=VERIFY_URL)
    assert printed(report(), verify_url=VERIFY_URL) == first
    assert printed(report(impression="Normal."), verify_url=VERIFY_URL) != first


def test_a_report_without_images_is_small_enough_for_any_link() -> None:
    every_font = report(findings="ጉበት मुख الكبد → ≥ 7 mm\n" * 20, patient={"name_local": "ሰላም"})
    assert len(printed(every_font, verify_url=VERIFY_URL)) <= 100_000


@pytest.mark.parametrize(
    "name",
    ["Nguyễn Thị Ánh", "Ọlábísí Adéṣínà", "ሰላም ተስፋዬ", "क्षितिज श्रीवास्तव", "Željka Łukaszewska", "Ольга", "Ελένη"],
)
def test_a_name_prints_in_its_own_letters(name: str) -> None:
    for form in ("NFC", "NFD"):
        given = unicodedata.normalize(form, name)
        text = text_of(report(patient={"name_local": given}))
        assert unicodedata.normalize("NFC", name) in unicodedata.normalize("NFC", text)
        assert "[U+" not in text


def test_an_arabic_name_stands_beside_its_latin_form() -> None:
    text = text_of(report(patient={"name_local": "أوتينو"}))
    assert "Otieno, Jane" in text
    assert "أوتينو" in text or "أوتينو"[::-1] in text  # readers differ in the order in which they hand it out


def test_a_measurement_in_arabic_text_stays_the_right_way_round() -> None:
    arabic = printed(report(impression="الكبد طبيعي ~7 mψ ولا حصوات"))
    assert left_edge(arabic, "~") < left_edge(arabic, "ψ")


def test_a_label_stays_with_its_number_in_arabic_text() -> None:
    arabic = printed(report(impression="قياس ΨPD: 4 mψ، ΞC 6 mξ"))  # from right to left: Ψ's measurement, then Ξ's
    assert left_edge(arabic, "Ξ") < left_edge(arabic, "ξ") < left_edge(arabic, "Ψ") < left_edge(arabic, "ψ")


def test_arabic_text_starts_at_the_right() -> None:
    assert left_edge(printed(report(impression="~ الكبد")), "~") > 400
    assert left_edge(printed(report(impression="~ liver")), "~") < 100


@pytest.mark.parametrize(
    "markup",
    ["*bold* _it_ #panic() $x^2$ `code` [a] <label> @ref // gone /* gone */", "= Heading", "- item", "+ item",
     "/ Term: x", "\\u{41} ~ -- ... \"q\"", "#set page(width: 1cm)", "<script>alert(1)</script>", "{{ 7 * 7 }} {n}"],
)  # fmt: skip
def test_markup_in_a_text_stays_text(markup: str) -> None:
    assert markup in text_of(report(findings=markup))
    assert markup in text_of(report(referral={"question": markup}))
    assert markup in text_of(report(report={"reason": markup}))


def test_twenty_pages_carry_patient_and_number_on_each() -> None:
    lines = [f"Line {n}: no abnormality seen in this part of the organ." for n in range(1000)]
    all_pages = pages(printed(report(findings="\n".join(lines))))
    assert len(all_pages) >= 20
    for number, page in enumerate(all_pages, 1):
        assert "MRN-004417" in page
        assert "K7M-2QX" in page
        assert f"Page {number} of {len(all_pages)}" in page
    text = " ".join("\n".join(all_pages).split())
    assert all(line in text for line in lines)


@pytest.mark.parametrize(
    ("changes", "replaced_by", "mark"),
    [
        ({"report": {"status": "preliminary"}}, None, "PRELIMINARY: not the final report"),
        ({}, {"version": 2, "signed_at": "2026-04-04T22:30:00Z"}, "This is version 1, replaced by version 2 on 5 Apr 2026"),
        ({}, {"version": 1, "signed_at": "2026-04-04T08:00:00Z", "status": "entered-in-error"}, "ENTERED IN ERROR: do not use"),
    ],
)  # fmt: skip
def test_what_nobody_may_overlook_stands_on_every_page(
    changes: dict[str, Any], replaced_by: dict[str, Any] | None, mark: str
) -> None:
    source = report(**changes, findings="Liver normal.\n" * 150)
    all_pages = pages(printed(source, replaced_by=replaced_by))
    assert len(all_pages) > 2
    assert [page.count(mark) for page in all_pages] == [1] * len(all_pages)
    assert mark not in text_of(report())


def test_a_preliminary_report_that_was_replaced_says_both() -> None:
    both = text_of(
        report(report={"status": "preliminary"}), replaced_by={"version": 2, "signed_at": "2026-04-04T08:00:00Z"}
    )
    assert "PRELIMINARY" in both
    assert "replaced by version 2" in both


@pytest.mark.parametrize(
    ("status", "said"),
    [("amended", "Amended"), ("corrected", "Corrected"), ("appended", "With an addition")],
)
def test_a_changed_version_says_how_and_why(status: str, said: str) -> None:
    changed = report(report={"version": 2, "status": status, "kind": status, "reason": "The stone was on the left."})
    assert f"{said}, version 2 Why this version: The stone was on the left." in text_of(changed)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"images": 1, "clips": 0, "documents": 0}, "Interpreted from 1 image acquired by"),
        ({"images": 0, "clips": 2, "documents": 1}, "Interpreted from 2 clips and 1 document acquired by"),
        ({"images": 2, "clips": 1, "documents": 2}, "Interpreted from 2 images, 1 clip, and 2 documents acquired by"),
        ({"images": 0, "clips": 0, "documents": 0}, "Written without images; the reader has not examined"),
    ],
)
def test_it_says_what_it_rests_on(files: dict[str, int], said: str) -> None:
    assert said in text_of(report(exam=files))


CRITICAL: dict[str, Any] = {
    "finding": "Ruptured or suspected ectopic pregnancy", "grade": "immediate", "status": "read-back", "method": "telephone",
    "identified_at": "2026-04-03T11:20:00+00:00", "communicated_by": "Dr Amina Okello", "received_by": "Sr Grace Achieng",
    "received_at": "2026-04-03T11:26:00+00:00",
}  # fmt: skip
SEEN = {"total": 19, "exact": 13, "preview": 2, "not_opened": 4}
OUTCOMES = {
    "read-back": "Dr Amina Okello told Sr Grace Achieng by telephone, 3 Apr 2026, 14:26 Nairobi (UTC+3) · 13:26 Amsterdam "
    "(UTC+2); it was said back.",
    "communicated": "Dr Amina Okello told Sr Grace Achieng by telephone, 3 Apr 2026, 14:26 Nairobi (UTC+3) · 13:26 Amsterdam "
    "(UTC+2); it had not been said back when this was signed.",
    "raised": "Nobody had been told in person when this was signed.",
    "withdrawn": "Withdrawn before this was signed.",
}


@pytest.mark.parametrize("status", OUTCOMES)
def test_a_critical_finding_stands_after_the_answer_with_who_told_whom(status: str) -> None:
    text = text_of(report(critical=[{**CRITICAL, "status": status}], seen=SEEN))
    order = [
        "Surgical review within 24 h.", "Critical finding Ruptured or suspected ectopic pregnancy",
        "Immediate: within minutes, spoken. Seen 3 Apr 2026, 14:20 Nairobi (UTC+3) · 13:20 Amsterdam (UTC+2).",
        OUTCOMES[status], "Findings Gallbladder", "4 of 19 not opened, 2 seen as preview only",
    ]  # fmt: skip
    found = [text.find(part) for part in order]
    assert -1 not in found, order[found.index(-1)]
    assert found == sorted(found)
    assert "Critical finding" not in text_of(report(critical=[]))


def test_a_critical_finding_is_framed_and_nothing_is_said_by_colour() -> None:
    plain, framed = printed(report()), printed(report(critical=[CRITICAL] * 3))
    with pypdfium2.PdfDocument(framed) as document:
        pixels = document[0].render(scale=1).to_numpy()
    assert (pixels.max(axis=2) - pixels.min(axis=2)).max() == 0, "legible where nobody prints in colour"
    assert dark_share(framed) > dark_share(plain) + 0.005


def test_a_critical_finding_is_said_in_the_report_s_language_and_own_words_as_written() -> None:
    own = {**CRITICAL, "finding": "Foreign body", "grade": "urgent", "status": "raised"}
    text = text_of(report(report={"language": "fr"}, critical=[CRITICAL, own]))
    assert "Constatation critique Grossesse extra-utérine rompue ou suspectée" in text
    assert "Dr Amina Okello a prévenu Sr Grace Achieng par téléphone, 3 avr. 2026" in text
    assert "Foreign body" in text
    assert "Immediate" not in text


def test_the_expected_date_of_delivery_stands_beside_the_exam() -> None:
    known = {"edd": "2026-12-07", "basis": "crl", "is_certain": True}
    assert "Expected delivery 7 Dec 2026, by CRL" in text_of(report(pregnancy=known))
    assert "7 Dec 2026, by last period, not certain" in text_of(
        report(pregnancy=known | {"basis": "lmp", "is_certain": False})
    )
    assert "Accouchement prévu 7 déc. 2026" in text_of(report(report={"language": "fr"}, pregnancy=known))
    assert "Expected delivery" not in text_of(report())
    long = report(pregnancy=known, findings="Liver normal.\n" * 150)
    marked = pages(printed(long, edd_now=date(2026, 12, 20)))
    assert [page.count("EDD changed since: it is 20 Dec 2026 now") for page in marked] == [1] * len(marked)


def test_who_read_it_stands_beside_who_counter_signed_it() -> None:
    both = {"organization": "Teaching Hospital", "time_zone": "Europe/Paris", "name": "Prof B", "first": "Dr A"}
    assert "Read by Dr A, counter-signed by Prof B" in text_of(report(reader=both))
    assert "Lu par Dr A, contresigné par Prof B" in text_of(report(report={"language": "fr"}, reader=both))


def test_people_come_without_name_date_or_age() -> None:
    nobody = {"family_name": "", "given_name": "", "name_unknown": True, "birth_date": None, "sex": "unknown"}
    text = text_of(report(patient=nobody, exam={"date": "", "time": ""}))
    assert "Name unknown" in text
    assert "Born Not known" in text
    assert "Examined Not known" in text
    doubted = text_of(report(exam={"date": "", "time": "", "images_say": "20990101"}))
    assert "The images say 1 Jan 2099, which is in doubt." in doubted


def test_what_cannot_be_printed_is_named_and_explained() -> None:
    text = text_of(report(patient={"name_local": "张伟"}))
    assert "[U+5F20][U+4F1F]" in text
    assert "the report's page shows them" in text
    assert "the report's page shows them" not in text_of(report())


def test_no_sign_of_unicode_stops_a_report() -> None:
    every = [chr(code) for code in [*range(0x10000), *range(0x10000, 0x30000, 61), 0xE0001, 0xF0000, 0x10FFFF]]
    lines = ["".join(every[at : at + 50]) for at in range(0, len(every), 50)]
    for start in range(0, len(lines), 100):
        assert printed(report(findings="\n".join(lines[start : start + 100]))).startswith(b"%PDF")


def test_a_word_as_long_as_a_page_stays_on_the_page() -> None:
    with pypdfium2.PdfDocument(printed(report(findings="a" * 500 + "\n" + "م" * 500))) as document:
        text = document[0].get_textpage()
        boxes = [text.get_charbox(at) for at in range(text.count_chars())]
        width = document[0].get_width()
    assert min(left for left, _bottom, right, _top in boxes if right > left) > 40
    assert max(right for _left, _bottom, right, _top in boxes) < width - 40


def test_key_images_are_printed_with_their_names_and_the_letter_stays_small() -> None:
    out = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(out, "JPEG")
    pictures = [
        Printed(Key(3, 1, note="Widest place."), out.getvalue()),
        Printed(Key(5, 12, is_clip=True), out.getvalue()),
        Printed(Key(6, 1, note="W" * 90), out.getvalue()),
        Printed(Key(7, 1, note="Withdrawn since."), None),
    ]
    pdf = printed(report(), pictures=pictures)
    text = " ".join("\n".join(pages(pdf)).split())
    order = ["What this report rests on", "Key images", "Image 3", "Clip 5, frame 12", "Image 6", "Image 7",
             "Signed electronically by"]  # fmt: skip
    assert [text.find(part) for part in order] == sorted(text.find(part) for part in order)
    assert -1 not in [text.find(part) for part in order]
    assert "Widest place." in text
    assert "Withdrawn since." in text, "what is written beside a picture is said without it, too"
    with pypdfium2.PdfDocument(pdf) as document:
        letters = document[0].get_textpage()
        right = max(letters.get_charbox(at)[2] for at in range(letters.count_chars()))
        assert right < document[0].get_width() - 40
    assert out.getvalue() in pdf  # as it was made: nothing is encoded twice


def test_the_check_address_is_a_link_and_a_code_to_photograph() -> None:
    plain, checked = printed(report()), printed(report(), verify_url=VERIFY_URL)
    page = pypdf.PdfReader(io.BytesIO(checked)).pages[0]
    notes: Any = page["/Annots"]
    assert [note.get_object()["/A"]["/URI"] for note in notes] == [VERIFY_URL]
    assert VERIFY_URL not in " ".join(pages(plain))
    assert dark_share(checked) > dark_share(plain) + 0.002


def dark_share(pdf: bytes) -> float:
    with pypdfium2.PdfDocument(pdf) as document:
        grey = document[0].render(scale=1, grayscale=True).to_numpy()
    return float((grey < 100).mean())


def test_the_fixed_words_follow_the_report_s_language() -> None:
    text = text_of(report(report={"language": "fr-CA"}))
    assert "Compte rendu d’échographie : Abdomen" in text
    assert "Conclusion Acute" in text
    assert "Interprété et signé" in text
    assert "3 avr. 2026, 15:31" in text
    assert "14 images et 3 séquences vidéo" in text
    assert "Page 1 sur 1" in text
    assert "Impression Acute" in text_of(report(report={"language": "sw"}))


def test_every_fixed_word_has_its_french() -> None:
    asked: set[str] = set()

    def noting(text: str) -> str:
        asked.add(text)
        return text

    asking: Callable[[str], str] = noting
    seen = {"total": 3, "exact": 1, "preview": 1, "not_opened": 1}
    for source in (report(), report(seen=seen, exam={"missing": 1}),
                   report(seen={**seen, "exact": 3}, exam={"missing": 2}),
                   report(patient={"name_unknown": True, "birth_date": None}, report={"reason": "x"}),
                   report(exam={"images": 0, "clips": 0}), report(report={"status": "preliminary"}),
                   *(report(critical=[{**CRITICAL, "status": status}]) for status in OUTCOMES),
                   *(report(pregnancy={"edd": "2026-12-07", "basis": "lmp", "is_certain": sure}) for sure in (True, False)),
                   report(patient={"birth_date": None, "age": {"value": 3, "unit": "days"}}),
                   report(patient={"birth_date": "2026", "name_local": "张"})):  # fmt: skip
        for replaced_by in (None, {"version": 2, "signed_at": "2026-04-05T08:00:00Z"}, {"status": "entered-in-error"}):  # fmt: skip
            render(source, sha256=SHA256, signed={**SIGNED["signature"], "meaning": "Preliminary reading"},
                   replaced_by=replaced_by, edd_now=date(2026, 12, 20), verify_url=VERIFY_URL, gettext=asking)  # fmt: skip
    named = [Printed(Key(1, 1), b""), Printed(Key(1, 1, is_clip=True), b"")]
    letter(report(), SHA256, SIGNED["signature"], None, None, asking, named)
    french = words.in_language("fr")
    assert {text for text in asked - FRENCH.keys() if french(text) == text} == set()
    places = re.compile(r"{\w+}")
    assert [text for text in FRENCH if set(places.findall(text)) != set(places.findall(FRENCH[text]))] == []
    assert set(words.LANGUAGES) == {"en", "fr"}
