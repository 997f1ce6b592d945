"""The values of a data set's elements, by tag, each read with what may be wrong about it."""

import math
import re

from app.dicom import limits
from app.dicom.refusals import damaged
from app.dicom.text import CharacterSet
from app.dicom.walk import Span, Walk
from app.errors import Sentence

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Values:
    """The values of one data set by tag; what they lacked is in the walk's warnings."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.warn = walk.warn
        self.charset = CharacterSet(self.raw(0x00080005))

    def span(self, tag: int) -> Span | None:
        return self.walk.found.get(tag)

    def raw(self, tag: int) -> bytes:
        span = self.walk.found.get(tag)
        return self.walk.source.read(span.offset, span.length) if span else b""

    def text(self, tag: int) -> str:
        return self.charset.decode(self.raw(tag))

    def code(self, tag: int) -> str:
        """A value of the default repertoire: CS, DA, TM, UI."""
        value = self.raw(tag)[: limits.TEXT_CHARS]
        return "".join(map(chr, filter(lambda byte: 32 <= byte < 127, value))).strip()

    def numbers(self, tag: int) -> list[float]:
        """Values of an IS or DS; what is no finite number is left out with a warning."""
        found = []
        for part in self.raw(tag).split(b"\\"):
            value = part.decode("latin-1").strip(" \0")
            if value and _NUMBER.fullmatch(value) and math.isfinite(float(value)):
                found.append(float(value))
            elif value:
                self.warn("A number in the header is none; it was left out.")
        return found

    def whole(self, tag: int) -> int | None:
        found = self.numbers(tag)
        return int(found[0]) if found and abs(found[0]) < 1 << 53 else None

    def short(self, tag: int, default: int | None = None) -> int | None:
        """One US; another length is refused, since other readers take what does not fit as something else."""
        value = self.raw(tag)
        if not value:
            return default
        if len(value) != 2:
            raise damaged(Sentence("element ({tag}) is no number", tag=f"{tag >> 16:04X},{tag & 0xFFFF:04X}"))
        return int.from_bytes(value, self.walk.byte_order)
