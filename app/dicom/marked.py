"""A picture that was made here, with what a reader drew on it: light lines within dark ones, legible without colour."""

import io
import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from app.dicom.measuring import Point, half_axes
from app.dicom.render import Form, encode

# Of the picture's longer side, so that they are the same on paper at any size
LINE, HALO, ARM, BARB, LETTERS = 1 / 200, 1 / 70, 1 / 65, 1 / 40, 1 / 22
FINER = 3  # times larger than it is shown: Pillow draws lines in steps
LIGHT, DARK = (255, 224, 138, 255), (0, 0, 0, 255)
ROUND = 72  # corners of an ellipse
Box = tuple[float, float, float, float]


def marked(*, data: bytes, side: float, marks: list[dict[str, Any]], form: Form) -> dict[str, Any]:
    """Each mark is {kind, points, label}, a label its pieces of (text, font file); `side` is the longer one of the picture
    that the points are on."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        picture = image.convert("RGBA")
    layer = Image.new("RGBA", (picture.width * FINER, picture.height * FINER))
    longer, taken = max(layer.size), list[Box]()
    for mark in marks:
        points = [(x * longer / side, y * longer / side) for x, y in mark["points"]]
        _draw(layer, mark["kind"], points, longer)
    for mark in marks:  # over all lines: what is written can be read
        if mark["label"] and _can_write(mark["label"]):
            x, y = mark["points"][-1]
            _write(layer, mark["label"], (x * longer / side, y * longer / side), taken)
    picture.alpha_composite(layer.resize(picture.size, Image.Resampling.LANCZOS))
    return encode(np.asarray(picture.convert("RGB")), form, None, None)


def _can_write(label: list[tuple[str, str]]) -> bool:
    """Without the system's fribidi Pillow joins no letters and orders none; the words stand beside the picture, too."""
    is_shaped = any(unicodedata.bidirectional(sign) in ("R", "AL") for text, _font in label for sign in text)
    return not is_shaped or bool(features.check("fribidi"))


def _draw(layer: Image.Image, kind: str, points: list[Point], longer: int) -> None:
    pen = ImageDraw.Draw(layer)
    lines = list(_lines(kind, points, longer))
    for width, ink in ((HALO, DARK), (LINE, LIGHT)):
        for line in lines:
            pen.line(line, fill=ink, width=max(1, round(width * longer)), joint="curve")


def _lines(kind: str, points: list[Point], longer: int) -> Iterator[list[Point]]:
    """As on the reader's screen (static/marks.js)."""
    ends = points
    if kind == "area":
        yield [*points, points[0]]
        return
    if kind == "arrow":
        yield from _arrow(points[0], points[1], BARB * longer)
        return
    if kind == "ellipse":
        yield _ellipse(points)
        ends = points[:2]
    elif len(points) > 1:
        yield points
    arm = ARM * longer
    for x, y in ends:
        yield [(x - arm, y), (x + arm, y)]
        yield [(x, y - arm), (x, y + arm)]


def _arrow(foot: Point, tip: Point, barb: float) -> Iterator[list[Point]]:
    turn = math.atan2(foot[1] - tip[1], foot[0] - tip[0])
    one, other = [(tip[0] + barb * math.cos(turn + by), tip[1] + barb * math.sin(turn + by)) for by in (0.45, -0.45)]
    yield [foot, tip]
    yield [one, tip, other]


def _ellipse(points: Sequence[Point]) -> list[Point]:
    """By conjugate half diameters, which need no turning."""
    u, v = half_axes(points)
    x, y = (points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2
    turns = (2 * math.pi * n / ROUND for n in range(ROUND + 1))
    return [(x + u[0] * math.cos(t) + v[0] * math.sin(t), y + u[1] * math.cos(t) + v[1] * math.sin(t)) for t in turns]


def _write(layer: Image.Image, label: list[tuple[str, str]], at: Point, taken: list[Box]) -> None:
    """Beside the point, within the picture, and where nothing is written yet."""
    pen, longer = ImageDraw.Draw(layer), max(layer.size)
    height, around = round(LETTERS * longer), round(HALO * longer / 2)
    runs = [
        (text, ImageFont.truetype(font, height)) for text, font in _fitting(label, height, layer.width - 2 * around)
    ]
    width = sum(font.getlength(text) for text, font in runs)
    x = max(around, min(at[0] + 2 * ARM * longer, layer.width - around - width))
    steps = (at[1] - ARM * longer + step * 1.2 * height for step in (0, 1, -1, 2, -2, 3, -3))
    ys = [max(height, min(y, layer.height - 0.4 * height)) for y in steps]
    boxes = [(x, y - height, x + width, y + 0.2 * height) for y in ys]
    free = next((n for n, box in enumerate(boxes) if not any(_meet(box, each) for each in taken)), 0)
    taken.append(boxes[free])
    for ink, stroke in ((DARK, around), (LIGHT, 0)):
        start = x
        for text, font in runs:
            pen.text((start, ys[free]), text, ink, font, "ls", stroke_width=stroke)
            start += font.getlength(text)


def _fitting(label: list[tuple[str, str]], height: int, width: float) -> list[tuple[str, str]]:
    """What is too long is written in full beside the picture."""
    found: list[tuple[str, str]] = []
    for text, name in label:
        font = ImageFont.truetype(name, height)
        if font.getlength(text) <= width:
            found.append((text, name))
            width -= font.getlength(text)
            continue
        cut = next(n for n in range(len(text), -1, -1) if n == 0 or font.getlength(f"{text[:n]}…") <= width)
        return [*found, (f"{text[:cut].rstrip()}…", name)]
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
