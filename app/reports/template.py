"""A report's template: sections of items that somebody ticks, as data that is checked word by word when it is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.languages import PSEUDO, stretched
from app.referrals.given import clean
from app.referrals.models import EXAM_TYPES

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Words = Annotated[str, BeforeValidator(clean), Field(min_length=1, max_length=500)]
Spoken = Annotated[dict[Annotated[str, Field(pattern="^[a-z]{2,3}$")], Words], Field(max_length=20)]
Coded = Annotated[str, Field(pattern=r"^(LN|SCT|DCM) [0-9-]{3,20}$")]  # a scheme as DICOM abbreviates it (PS3.16 8)
Kind = Literal["choice", "choices", "number", "size", "text"]
Offered = Literal["", "ga", "edd", "edd-basis", "efw", "efw-centile", "tirads"]


MAX_LINES = 600  # to be ticked in one template


class Part(BaseModel):
    """An unknown field is a misspelt one, and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def said(words: Spoken, language: str) -> str:
    """In that language, else in English."""
    return stretched(words["en"]) if language == PSEUDO else words.get(language) or words["en"]


class Condition(Part):
    """One thing that holds, of an item or of what the clinic said."""

    item: Name | None = None
    fact: Literal["pregnancy-test"] | None = None
    one_of: list[Name] = Field([], max_length=20, alias="is")
    at_least: float | None = None
    on: Literal["clip"] | None = None  # what it was seen on

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> Self:
        if (self.item is None) == (self.fact is None):
            raise ValueError("A condition names an item or a fact.")
        if not self.one_of and self.at_least is None and self.on is None:
            raise ValueError("A condition says what has to hold.")
        return self


All = Annotated[list[Condition], Field(min_length=1, max_length=10)]
AnyOf = Annotated[list[All], Field(max_length=10)]


class Option(Part):
    code: Name
    label: Spoken
    says: Spoken | None = None  # a sentence of its own; else 'Item: option.'
    normal: bool = False
    needs: AnyOf = []  # may be said only where one of these groups holds
    otherwise: Spoken | None = None  # what is said, and advised, where none does
    never: AnyOf = []  # may not be said where one of these groups holds, whatever else does
    on: Literal["clip"] | None = None  # has to be told, as what it was seen on
    second_reader: bool = False  # whoever says this is offered one
    codes: list[Coded] = Field([], max_length=5)


class Place(Part):
    """Where: a side, a zone, a vein; each is ticked by itself."""

    code: Name
    label: Spoken
    when: list[Condition] = Field([], max_length=5)  # is asked for only where all hold


class Item(Part):
    code: Name
    label: Spoken
    kind: Kind = "choice"
    options: list[Option] = Field([], max_length=30)
    options_of: Name | None = None  # a set of options that several items share
    places: Name | None = None
    required: bool | None = None  # None: as its section
    detail: bool = False  # is not listed as 'not assessed'
    view: bool = False  # normal only with an image that it was seen on
    when: list[Condition] = Field([], max_length=5)  # makes sense only where all hold
    unit: Literal["mm", "cm", "cm2", "ml", "g", "/min", "cm/s", "m/s", "deg", "%", "d", ""] = ""
    at_least: float | None = None
    at_most: float | None = None
    not_below: list[Name] = Field([], max_length=10)  # items of which this is the largest
    quantity: Annotated[str, Field(max_length=20)] = ""  # of a measurement, as the reading room names it
    offers: Offered = ""  # what is known otherwise says of it
    codes: list[Coded] = Field([], max_length=5)

    @property
    def is_choice(self) -> bool:
        return self.kind in ("choice", "choices")


class Section(Part):
    code: Name
    title: Spoken
    items: list[Item] = Field(min_length=1, max_length=60)
    required: bool = False
    repeats: int = Field(1, ge=1, le=9)
    each: Spoken | None = None  # 'Nodule {n}'
    counted_by: Name | None = None  # the item whose number says how many there are to look at
    folded: bool = False  # closed until wanted, and not named where nothing of it is ticked
    codes: list[Coded] = Field([], max_length=5)


class Advice(Part):
    """What is always said where it applies, and cannot be left out."""

    code: Name
    when: AnyOf = Field(min_length=1)
    says: Spoken


@dataclass(frozen=True)
class Line:
    """One item at one place, in one repetition: what an answer answers."""

    key: str
    section: Section
    item: Item
    place: Place | None
    n: int
    options: tuple[Option, ...]
    required: bool

    def label(self, language: str) -> str:
        name = said(self.item.label, language)
        return f"{name}, {said(self.place.label, language)}" if self.place else name

    @property
    def when(self) -> list[Condition]:
        """The item makes sense, and is asked for at this place, only where all hold."""
        return [*self.item.when, *(self.place.when if self.place else ())]

    def option(self, code: str | None) -> Option | None:
        return next((one for one in self.options if one.code == code), None)


class Template(Part):
    code: Name
    version: int = Field(1, ge=1, le=100_000)
    title: Spoken
    exam_types: list[str] = Field([], max_length=20)
    codes: list[Coded] = Field([], max_length=5)
    sets: dict[Name, list[Option]] = Field({}, max_length=20)
    places: dict[Name, list[Place]] = Field({}, max_length=20)
    sections: list[Section] = Field(min_length=1, max_length=40)
    advice: list[Advice] = Field([], max_length=20)

    def lines(self) -> Iterator[Line]:
        for section in self.sections:
            for n in range(1, section.repeats + 1):
                for item in section.items:
                    yield from self._of_item(section, item, n)

    def _of_item(self, section: Section, item: Item, n: int) -> Iterator[Line]:
        options = tuple(self.sets[item.options_of] if item.options_of else item.options)
        required = section.required if item.required is None else item.required
        for place in self.places[item.places] if item.places else [None]:
            key = key_of(item.code, place.code if place else "", n)
            yield Line(key, section, item, place, n, options, required)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        items = [item for section in self.sections for item in section.items]
        if (
            sum(
                one.repeats * len(self.places.get(item.places or "", "1"))
                for one in self.sections
                for item in one.items
            )
            > MAX_LINES
        ):
            raise ValueError(f"A template has {MAX_LINES} lines to tick at most.")
        _once("item", [item.code for item in items])
        _once("section", [section.code for section in self.sections])
        for item in items:
            _whole(item, self)
        known = {item.code: item for item in items}
        for condition in self._conditions():
            if condition.item is not None:
                _known(condition, known, self)
        named = [name for item in items for name in item.not_below]
        named += [one.counted_by for one in self.sections if one.counted_by is not None]
        strange = [name for name in named if name not in known or known[name].kind != "number"]
        if strange:
            raise ValueError(f"{strange[0]} is counted on, and is no number here")
        for words in _spoken(self):
            if "en" not in words:
                raise ValueError(f"Say it in English too: {next(iter(words.values()), '')}")
        unknown = [code for code in self.exam_types if code not in EXAM_TYPES]
        if unknown:
            raise ValueError(f"There is no such exam type: {unknown[0]}")
        return self

    def _conditions(self) -> Iterator[Condition]:
        options = [one for section in self.sections for item in section.items for one in item.options]
        options += [one for each in self.sets.values() for one in each]
        yield from (one for section in self.sections for item in section.items for one in item.when)
        yield from (one for places in self.places.values() for place in places for one in place.when)
        yield from (one for option in options for group in (*option.needs, *option.never) for one in group)
        yield from (one for advice in self.advice for group in advice.when for one in group)


def key_of(item: str, place: str = "", n: int = 1) -> str:
    """'flow', 'flow.left', 'crl~2', 'sliding.right~2'."""
    return item + (f".{place}" if place else "") + (f"~{n}" if n > 1 else "")


def parts_of(key: str) -> tuple[str, str, int]:
    """(item, place, repetition)"""
    name, _, n = key.partition("~")
    item, _, place = name.partition(".")
    return item, place, int(n or 1)


def _once(what: str, codes: list[str]) -> None:
    twice = next((code for code in codes if codes.count(code) > 1), None)
    if twice:
        raise ValueError(f"Two of one code: {what} {twice}")


def _whole(item: Item, template: Template) -> None:
    if item.options_of is not None and item.options_of not in template.sets:
        raise ValueError(f"{item.code}: there is no set of options called {item.options_of}")
    if item.places is not None and not template.places.get(item.places):
        raise ValueError(f"{item.code}: there are no places called {item.places}")
    options = template.sets[item.options_of] if item.options_of else item.options
    if item.is_choice != bool(options):
        raise ValueError(f"{item.code}: a choice has options, and nothing else has")
    _once(f"{item.code}, option", [one.code for one in options])


def _known(condition: Condition, items: dict[str, Item], template: Template) -> None:
    item = items.get(condition.item or "")
    if item is None:
        raise ValueError(f"A condition names {condition.item}, which is no item here")
    options = template.sets[item.options_of] if item.options_of else item.options
    missing = set(condition.one_of) - {one.code for one in options}
    if missing:
        raise ValueError(f"A condition wants {condition.item} to be {min(missing)}, which it cannot be")


def _spoken(part: object) -> Iterator[Spoken]:
    """Every text of it, in all its languages."""
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            value = getattr(part, name)
            if name in ("title", "label", "says", "otherwise", "each") and value is not None:
                yield value
            yield from _spoken(value)
    elif isinstance(part, list | dict):
        for one in part.values() if isinstance(part, dict) else part:
            yield from _spoken(one)
