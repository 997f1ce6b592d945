"""What the reading side drew on its key images: signed with them, and said and drawn alike wherever the report is read."""

import unicodedata
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session, undefer

from app.dicom.measuring import KINDS
from app.languages import first_known
from app.reports.answers import KeyImage
from app.reports.lettering import pieces
from app.reports.words import Gettext, measured_of, with_unit
from app.reviews.models import Review
from app.studies import pictures
from app.studies.measurement import Measurement
from app.studies.models import Instance

DRAWN = tuple(kind for kind in KINDS if kind != "scale")  # a ruler is what others rest on, and no finding
LONGEST = 60  # characters written in the picture; all of them stand beside it
MOST = 50  # of one frame: more would hide it
SHORT = 12  # of a name that stands in the picture, too
# As on the reader's screen (static/say.js)
DIGITS = {"mm": 1, "cm2": 2, "deg": 1, "cm/s": 1}
PIXELS = ("px", "px2")


class Mark(BaseModel):
    """A measurement, an arrow or a word, in pixels of the image as it is shown."""

    kind: str = Field(examples=["length"])
    points: list[tuple[float, float]] = Field(examples=[[[212.0, 140.5], [212.0, 301.0]]])
    quantity: str = Field("", examples=["CBD"])
    fetus: str = Field("", examples=[""])
    side: str = Field("", examples=[""])
    site: str = Field("", examples=[""])
    text: str = Field("", examples=[""])
    value: float | None = Field(None, examples=[48.2])
    unit: str = Field("", examples=["mm"])
    cycles: int | None = Field(None, examples=[None], description="Over which a heart rate was measured")
    approximate: bool = Field(False, examples=[False], description="By the ruler on the screen: printed with '≈'")


class SignedKeyImage(KeyImage):
    """With what was drawn on it when it was signed."""

    marks: list[Mark] = Field(
        [], description="What the reader had drawn on that frame, in the order in which it was drawn"
    )


def signed_with(session: Session, review: Review, key_images: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As they would be signed now; where nothing is drawn, nothing is said of it, so that what was signed before stays
    as it is."""
    ids = {UUID(one["image"]) for one in key_images}
    instances = session.scalars(sa.select(Instance).where(Instance.id.in_(ids)).options(undefer(Instance.facts)))
    # Of a film no exact frame can be printed
    still = [one.id for one in instances if not pictures.is_film(one)]
    made = sa.select(Measurement).where(
        Measurement.instance_id.in_(still), Measurement.organization_id == review.reading_organization_id,
        Measurement.kind.in_(DRAWN), Measurement.removed_at.is_(None),
    )  # fmt: skip
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for one in session.scalars(made.order_by(Measurement.id)):
        found.setdefault((str(one.instance_id), one.frame), []).append(_mark(one))
    drawn = [found.get((one["image"], one["frame"]), [])[-MOST:] for one in key_images]
    return [one | ({"marks": marks} if marks else {}) for one, marks in zip(bare(key_images), drawn, strict=True)]


def bare(key_images: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As they are drafted: the marks are those of the images."""
    return [{name: part for name, part in one.items() if name != "marks"} for one in key_images]


def _mark(made: Measurement) -> dict[str, Any]:
    said = {name: getattr(made, name) for name in Mark.model_fields}
    said |= {name: unicodedata.normalize("NFC", text) for name, text in said.items() if isinstance(text, str)}
    said["value"] = None if made.value is None else round(made.value, 4)  # as the reader was shown it
    return Mark(**said).model_dump(mode="json", exclude_defaults=True)


def lines(marks: Sequence[Mark], language: str, _: Gettext) -> list[str]:
    """'CRL fetus A 54.0 mm' of each that says something: what stands beside the picture."""
    return [_whole(mark, language, _) for mark in marks if _value(mark, language)]


def to_draw(marks: Sequence[Mark], language: str) -> list[dict[str, Any]]:
    """For the picture: the value beside each, and what it is of where that is short."""
    return [{"kind": mark.kind, "points": mark.points, "label": pieces(_short(mark, language))} for mark in marks]


def _whole(mark: Mark, language: str, _: Gettext) -> str:
    name = measured_of(mark.quantity, mark.fetus, mark.side, mark.site, _)
    parts = [f"{name} {_value(mark, language)}".strip()]
    if mark.kind == "heart-rate" and mark.cycles:
        parts.append(_("over 1 beat") if mark.cycles == 1 else _("over {n} beats").format(n=mark.cycles))
    if mark.unit in PIXELS:
        parts.append(_("no valid calibration"))
    return ", ".join(parts)


def _short(mark: Mark, language: str) -> str:
    value = _value(mark, language)
    name = " ".join(part for part in (mark.quantity, mark.fetus) if part)
    return (f"{name} {value}".strip() if value and len(name) <= SHORT else value)[:LONGEST]


def _value(mark: Mark, language: str) -> str:
    """'54.0 mm', '≈ 12.00 cm²', or the words that somebody wrote there."""
    if mark.text or mark.value is None:
        return mark.text
    digits = Decimal(1).scaleb(-DIGITS.get(mark.unit, 0))
    number = str(Decimal(mark.value).quantize(digits, ROUND_HALF_UP))
    return f"{'≈ ' if mark.approximate else ''}{with_unit(number, mark.unit, first_known(language).decimal)}"
