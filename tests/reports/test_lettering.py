"""Any script, any sign: text reaches the page as it was meant, or says what cannot be shown."""

import shutil
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.reports import lettering
from app.reports.lettering import LRI, PDI, measured, printable, run, runs

ARABIC = "الكبد"


def isolated_parts(line: str) -> list[str]:
    return [part.split(PDI)[0] for part in run(line, "ar")["text"].split(LRI)[1:]]


@pytest.mark.parametrize(
    ("said", "kept_together"),
    [
        (f"{ARABIC} (12.5 cm) {ARABIC}", ["12.5 cm"]),
        (f"{ARABIC} -3.5 cm {ARABIC}", ["-3.5 cm"]),
        (f"{ARABIC} 10.8 × 4.2 cm، BPD: 45 mm، HC 160 mm.", ["10.8 × 4.2 cm", "BPD: 45 mm", "HC 160 mm"]),
        (f"{ARABIC} <5% {ARABIC} ≥ 7 mm (CRL ≥ 7 mm)", ["<5%", "≥ 7 mm", "CRL ≥ 7 mm"]),
        (f"{ARABIC} 3–4 {ARABIC}", ["3–4"]),
        (f"{ARABIC} 27w2d، G2P1، 120/80، 38.4 °C", ["27w2d", "G2P1", "120/80", "38.4 °C"]),
        (f"{ARABIC}-19", ["19"]),  # a hyphen after a word is no sign
        (f"{ARABIC} ٣-٤ {ARABIC}", []),  # its own digits run its own way
    ],
)
def test_a_measurement_in_right_to_left_text_is_isolated_with_its_label(said: str, kept_together: list[str]) -> None:
    assert isolated_parts(said) == kept_together


def test_left_to_right_text_is_left_as_it_is() -> None:
    assert run("Liver (12.5 cm), −3 mm, ጉበት, यकृत", "en")["text"] == "Liver (12.5 cm), −3 mm, ጉበት, यकृत"


def test_on_the_page_too_a_measurement_is_isolated_and_everything_else_as_it_was_written() -> None:
    assert (
        measured(f"{ARABIC} 12.5 cm\n\nLiver 12.5 cm 张 <b>") == f"{ARABIC} {LRI}12.5 cm{PDI}\n\nLiver 12.5 cm 张 <b>"
    )


def test_marks_stay_on_their_letter_beside_right_to_left_text() -> None:
    assert "क्षत्रिय" in run(f"क्षत्रिय {ARABIC}", "hi")["text"]


def test_each_line_runs_its_own_way_in_its_own_language() -> None:
    shown = runs(f"{ARABIC} 12.5 cm\nLiver\n\nጉበት\nयकृत", "fr")
    assert [(each["dir"], each["lang"]) for each in shown] == [
        ("rtl", "ar"), ("ltr", "fr"), ("ltr", "fr"), ("ltr", "am"), ("ltr", "hi")
    ]  # fmt: skip
    assert run("جگر", "fa")["lang"] == "fa"


def test_what_no_font_shows_is_named_instead() -> None:
    assert printable("Zhang 张伟") == "Zhang [U+5F20][U+4F1F]"
    assert printable("a\ue000b") == "a[U+E000]b"


def test_a_mark_that_its_letters_font_lacks_is_named_beside_the_letter() -> None:
    assert printable("ክ\u064b") == "ክ[U+064B]"


def test_what_could_turn_or_hide_text_is_dropped() -> None:
    assert printable("\u202e12.5 mc\u202c\x00\x07\ufeff\ud800") == "12.5 mc"
    assert printable("क्\u200dष") == "क्\u200dष"


def test_letters_with_marks_are_composed() -> None:
    assert printable("e\u0301") == "é"


@pytest.mark.parametrize("sign", "≥ ≤ ≈ ≠ → ← ↑ ↓ ± × ° µ ² ³ ½ Ø ♀ ♂ – — • … € é ễ ъ Ω ب ጉ य".split())
def test_signs_that_clinicians_use_are_shown(sign: str) -> None:
    assert printable(sign) == sign


def test_a_missing_font_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for font in lettering.FOLDER.glob("*.ttf"):
        if not font.name.startswith("Amiri"):
            shutil.copy(font, tmp_path)
    monkeypatch.setattr(lettering, "FOLDER", tmp_path)
    with pytest.raises(Unavailable, match=r"Amiri.*make setup"):
        lettering.check_fonts()


def test_the_fonts_that_set_up_brings_are_all_there() -> None:
    lettering.check_fonts()
