"""What is drawn on a picture is said in words that the reader has seen, in letters that can be drawn, within the picture."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.dicom.marked import marked
from app.reports.drawn import Mark, lines, to_draw
from app.reports.lettering import FOLDER, ISOLATES, NEEDED, lettering, pieces
from app.reports.words import in_language


def test_a_value_is_said_as_on_the_reader_s_screen() -> None:
    def said(language: str, **mark: Any) -> tuple[str, str]:
        made = Mark(kind="length", points=[(0, 0), (9, 9)], **mark)
        (drawn,) = to_draw([made], language)
        (line,) = lines([made], language, in_language(language))
        return "".join(text for text, _font in drawn["label"]), line

    assert said("en", value=12.25, unit="mm") == ("12.3 mm", "12.3 mm")  # as JavaScript rounds
    assert said("en", value=12, unit="cm2", approximate=True) == ("≈ 12.00 cm²", "≈ 12.00 cm²")
    named = {"quantity": "HC", "fetus": "B", "side": "left", "value": 210.04, "unit": "mm"}
    assert said("en", **named) == ("HC B 210.0 mm", "HC fetus B left 210.0 mm")
    assert said("fr", **named) == ("HC B 210,0 mm", "HC fœtus B gauche 210,0 mm")
    long = {"quantity": "Common hepatic artery", "value": 80, "unit": "cm/s"}
    assert said("en", **long) == ("80.0 cm/s", "Common hepatic artery 80.0 cm/s")
    assert said("en", value=142.6, unit="/min") == ("143/min", "143/min")
    assert said("en", text="Cyst", value=None) == ("Cyst", "Cyst")
    arrow = Mark(kind="arrow", points=[(0, 0), (9, 9)])
    assert (lines([arrow], "en", in_language("en")), to_draw([arrow], "en")[0]["label"]) == ([], [])


def test_what_cannot_be_in_one_font_is_written_in_several() -> None:
    covers = dict(zip(lettering().families, lettering().covers, strict=True))
    files = {str(FOLDER / f"{NEEDED[family][0]}.ttf"): cover for family, cover in covers.items()}
    for text in ("≈ 12.00 cm²", "ጉበት 3 mm", "कोष 7 mm", "كيس 7 mm"):
        found = pieces(text)
        assert "".join(part for part, _font in found).translate(dict.fromkeys(map(ord, ISOLATES))) == text
        assert all(ord(sign) in files[font] for part, font in found for sign in part if sign not in ISOLATES), text


SIDE = 320
AT = [(40.0, 40.0), (120.0, 40.0), (80.0, 20.0), (80.0, 60.0)]


def drawn(side: int, *marks: Mark) -> np.ndarray[Any, Any]:
    """On white, as grey."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(out, "PNG")
    body = marked(data=out.getvalue(), side=SIDE, marks=to_draw(marks, "en"), form="png")["body"]
    return np.asarray(Image.open(io.BytesIO(body)).convert("L"))


# Where the line of each runs, and where none does
SHAPES: dict[str, tuple[int, list[tuple[int, int]], list[tuple[int, int]]]] = {
    "length": (2, [(40, 40), (80, 40), (120, 40)], [(80, 60)]),
    "ellipse": (4, [(40, 40), (80, 20), (80, 60), (108, 54)], [(80, 40), (60, 30)]),
    "area": (3, [(80, 40), (100, 30), (60, 30)], [(80, 60)]),
    "arrow": (2, [(60, 40), (120, 40), (114, 37)], [(40, 36)]),
    "text": (1, [(40, 37), (43, 40)], [(80, 40)]),
}


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("side", [SIDE, 2 * SIDE])
def test_every_mark_is_a_light_line_within_a_dark_one_at_any_size(kind: str, side: int) -> None:
    count, on, off = SHAPES[kind]
    grey, times = drawn(side, Mark(kind=kind, points=AT[:count])), side // SIDE
    around = 4 * times
    for x, y in on:
        near = grey[times * y - around : times * y + around + 1, times * x - around : times * x + around + 1]
        assert near.min() < 40, "legible on white"
        assert grey[times * y - 1 : times * y + 2, times * x - 1 : times * x + 2].max() > 150, "legible on black"
    assert all(grey[times * y, times * x] == 255 for x, y in off)


def test_words_stay_within_the_picture_and_beside_each_other() -> None:
    at_the_edge = Mark(kind="text", points=[(318, 2)], text="Cyst")
    assert drawn(SIDE, at_the_edge)[:40].min() < 40
    long = Mark(kind="text", points=[(10, 160)], text="W" * 200)
    once, twice = drawn(SIDE, long), drawn(SIDE, long, long)
    assert (twice < 100).sum() > 1.6 * (once < 100).sum(), "not over each other"
