"""One element's value as DICOM JSON (PS3.18 F.2.3)."""

import base64
import math
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from app.config import file_limits
from app.dicom import limits
from app.dicom.text import CharacterSet

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_EXACT = 1 << 53  # beyond it a JSON number loses digits
_LINES = re.compile(rb"([\r\n\f\t]+)")
_MARKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Attribute = dict[str, Any]
Order = Literal["big", "little"]


class Charset:
    """Text of one data set; whatever is not certain about it stands in the instance's warnings."""

    def __init__(self, declared: bytes = b"") -> None:
        self._set = CharacterSet(declared)

    def text(self, raw: bytes) -> str:
        """One text with its lines."""
        if raw.isascii() and b"\x1b" not in raw:
            return _MARKS.sub("", raw.decode("ascii"))
        parts = _LINES.split(raw)
        return "".join(part.decode() if at % 2 else self._set.decode(part) for at, part in enumerate(parts))

    def texts(self, raw: bytes) -> list[str]:
        """Values separated by backslashes; decoded first, because two-byte letters may hold one."""
        if len(raw) > limits.TEXT_CHARS:
            return [self.text(part).strip() for part in raw.split(b"\\")]
        return [part.strip() for part in self.text(raw).split("\\")]


def inline(vr: str, raw: bytes, charset: Charset, order: Order, word_bytes: int) -> Attribute:
    """`{"vr", "Value"}`, or `InlineBinary`; what is empty has neither."""
    values = _READERS.get(vr)
    if values is not None:
        return _with(vr, values(vr, raw, charset, order))
    data = turned(raw, word_bytes) if order == "big" else raw
    return {"vr": vr, "InlineBinary": base64.b64encode(data).decode()} if data else {"vr": vr}


def turned(raw: bytes, word_bytes: int) -> bytes:
    """Big-endian words as little-endian ones (PS3.18 8.7.3.3.2: octet streams are little endian)."""
    if word_bytes == 1:
        return raw
    whole = bytearray(raw)
    length = len(raw) // word_bytes * word_bytes
    for at in range(word_bytes):
        whole[at:length:word_bytes] = raw[word_bytes - 1 - at : length : word_bytes]
    return bytes(whole)


def turned_pieces(pieces: Iterable[bytes], word_bytes: int) -> Iterator[bytes]:
    """The same of a stream, whose pieces end anywhere."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        whole = len(data) // word_bytes * word_bytes
        rest = data[whole:]
        yield turned(data[:whole], word_bytes)
    if rest:
        yield rest


def _with(vr: str, values: list[Any]) -> Attribute:
    """Empty values among others are null (PS3.18 F.2.5); none at all is no Value."""
    values = [None if value in ("", {}) else value for value in values]
    return {"vr": vr} if all(value is None for value in values) and len(values) <= 1 else {"vr": vr, "Value": values}


def _codes(_vr: str, raw: bytes, _charset: Charset, _order: Order) -> list[Any]:
    return [_MARKS.sub("", part.decode("latin-1")).strip() for part in raw.split(b"\\")]


def _numbers(vr: str, raw: bytes, _charset: Charset, _order: Order) -> list[Any]:
    return [_number(part.decode("latin-1").strip(" \0"), vr) for part in raw.split(b"\\")]


def _names(_vr: str, raw: bytes, charset: Charset, _order: Order) -> list[Any]:
    """Component groups by their names (PS3.18 F.2.2)."""
    values = [value.split("=") for value in charset.texts(raw)]
    return [{group: part for group, part in zip(GROUPS, value, strict=False) if part} for value in values]


def _texts(_vr: str, raw: bytes, charset: Charset, _order: Order) -> list[Any]:
    return charset.texts(raw)


def _text(_vr: str, raw: bytes, charset: Charset, _order: Order) -> list[Any]:
    return [charset.text(raw).rstrip(" \0")]  # one value: a backslash is a letter


def _tags(_vr: str, raw: bytes, _charset: Charset, order: Order) -> list[Any]:
    halves = [int.from_bytes(raw[at : at + 2], order) for at in range(0, len(raw) - 1, 2)]
    return [f"{group:04X}{element:04X}" for group, element in zip(halves[::2], halves[1::2], strict=False)]


def _binary(vr: str, raw: bytes, _charset: Charset, order: Order) -> list[Any]:
    letter = _FORMATS[vr]
    count = len(raw) // struct.calcsize("=" + letter)
    found = struct.unpack_from(f"{'>' if order == 'big' else '<'}{count}{letter}", raw)
    if letter in "fd":
        return [one if math.isfinite(one) else None for one in found]
    return [one if -_EXACT < one < _EXACT else str(one) for one in found]


def _number(text: str, vr: str) -> float | int | None:
    """NaN, infinity and what is no number are null: JSON has none of them."""
    if len(text) > file_limits().max_dicom_number_chars or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if not math.isfinite(value):
        return None
    is_whole = value.is_integer() and abs(value) < _EXACT  # some machines write fractions as IS: none is cut off
    return int(value) if is_whole and (vr == "IS" or "." not in text) else value


_READERS = (
    dict.fromkeys(_FORMATS, _binary)
    | dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI"), _codes)
    | dict.fromkeys(("LO", "SH", "UC"), _texts)
    | dict.fromkeys(("LT", "ST", "UT", "UR"), _text)
    | dict.fromkeys(("IS", "DS"), _numbers)
    | {"PN": _names, "AT": _tags}
)
