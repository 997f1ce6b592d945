"""A file's header as DICOM JSON (PS3.18 F.2), bulk data by reference, made once in one pass over what was admitted."""

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.config import file_limits
from app.dicom import syntaxes
from app.dicom.dictionary import vr_of
from app.dicom.facts import Facts
from app.dicom.json_values import GROUPS, Charset, inline
from app.dicom.refusals import beyond, damaged
from app.dicom.source import Source
from app.dicom.walk import INLINE_BYTES, ITEM, ITEM_END, LONG, OPAQUE, PIXEL_DATA, SEQUENCE_END, SHORT, UNDEFINED

CHARACTER_SET, PIXEL_REPRESENTATION = 0x00080005, 0x00280103
AVAILABLE_TRANSFER_SYNTAX = "00083002"
# PS3.18 F.2.2: these may stand outside as bulk data
MAY_BE_BULK = frozenset("DS FL FD IS LT OB OD OF OL OV OW SL SS ST SV UC UL UN US UT UV".split())
WORDS = {
    "OW": 2,
    "OF": 4,
    "OL": 4,
    "OD": 8,
    "OV": 8,
    "US": 2,
    "SS": 2,
    "UL": 4,
    "SL": 4,
    "FL": 4,
    "FD": 8,
    "SV": 8,
    "UV": 8,
}

Bulk = tuple[int, int, int]  # offset, length, and the bytes of a word that must be turned round (big endian), else 1


@dataclass(frozen=True)
class Header:
    """`text` is a JSON object whose BulkDataURIs are names (`00091010`, `0040A730.2.00420011`); `bulk` says where each lies."""

    text: bytes
    bulk: dict[str, Bulk]
    referring_physician_name: str = ""
    performed_start_date: str = ""
    performed_start_time: str = ""
    scheduled_step_id: str = ""
    requested_procedure_id: str = ""


@dataclass
class _Level:
    """A data set, a sequence or an item that is open."""

    end: int
    implicit: bool
    delimited: bool
    path: str
    charset: Charset
    data: dict[str, Any] = field(default_factory=dict)  # of a data set
    items: list[dict[str, Any]] | None = None  # of a sequence
    signed: bool = False  # PixelRepresentation, for 'US or SS'


def header(path: Path, facts: Facts) -> Header:
    """Of a file that `examine` admitted: its structure is believed, its values are not."""
    with Source(path) as source:
        reader = _Reader(source, facts)
        try:
            reader.run()
        except (IndexError, struct.error) as wrong:
            raise damaged("its header cannot be read") from wrong
    data = reader.data
    if facts.sop_instance_uid:  # some files say it only in the meta information
        data["00080018"] = {"vr": "UI", "Value": [facts.sop_instance_uid]}
    if facts.sop_class_uid:
        data["00080016"] = {"vr": "UI", "Value": [facts.sop_class_uid]}
    data["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # JSON is UTF-8 (PS3.18 F.2)
    if facts.transfer_syntax_uid:
        data[AVAILABLE_TRANSFER_SYNTAX] = {"vr": "UI", "Value": [facts.transfer_syntax_uid]}
    text = json.dumps(_sorted(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _described(text.encode("utf-8", "replace"), reader.bulk, data)


def kept(text: bytes) -> Header:
    """One that was kept, without where its bulk data lie."""
    return _described(text, {}, json.loads(text))


def _described(text: bytes, bulk: dict[str, Bulk], data: dict[str, Any]) -> Header:
    request = (data.get("00400275", {}).get("Value") or [{}])[0]
    return Header(
        text, bulk,
        referring_physician_name="=".join(_first(data, "00080090", {}).get(group, "") for group in GROUPS).rstrip("="),
        performed_start_date=_first(data, "00400244", ""), performed_start_time=_first(data, "00400245", ""),
        scheduled_step_id=_first(request, "00400009", ""), requested_procedure_id=_first(request, "00401001", ""),
    )  # fmt: skip


def least(facts: Facts) -> Header:
    """Who and what a file is, where no more of its header can be had."""
    known = {
        "00080016": facts.sop_class_uid, "00080018": facts.sop_instance_uid, "0020000D": facts.study_instance_uid,
        "0020000E": facts.series_instance_uid, AVAILABLE_TRANSFER_SYNTAX: facts.transfer_syntax_uid,
    }  # fmt: skip
    data = {tag: {"vr": "UI", "Value": [uid]} for tag, uid in known.items() if uid}
    return Header(json.dumps(_sorted(data), separators=(",", ":")).encode(), {})


def _first(data: dict[str, Any], tag: str, otherwise: Any) -> Any:
    """The first value if it is of the kind that the standard gives the attribute."""
    value = (data.get(tag, {}).get("Value") or [otherwise])[0]
    return value if isinstance(value, type(otherwise)) else otherwise


class _Reader:
    """One pass, without recursion; its limits were checked when the file was admitted."""

    def __init__(self, source: Source, facts: Facts) -> None:
        head = source.read(facts.dataset_offset, 6)
        implicit = not (head[4:6] in SHORT or head[4:6] in LONG)
        self.is_big = facts.transfer_syntax_uid == syntaxes.EXPLICIT_BE and head[0] == 0
        self.order: Literal["big", "little"] = "big" if self.is_big else "little"
        self.source = source
        self.bulk: dict[str, Bulk] = {}
        self.data: dict[str, Any] = {}
        self._at = facts.dataset_offset
        self._spent_bytes, self._most_bytes = 0, file_limits().max_dicom_header_bytes
        top = _Level(source.size, implicit, delimited=False, path="", charset=Charset(), data=self.data)
        self._levels = [top]

    def run(self) -> None:
        while self._levels:
            level = self._levels[-1]
            if self._at >= level.end or self.source.size - self._at < 8:
                self._levels.pop()
            elif level.items is not None:
                self._item(level)
            elif not self._element(level):
                self._levels.pop()

    def _tag(self, at: int) -> int:
        block, order = self.source.block, self.order
        return int.from_bytes(block[at : at + 2], order) << 16 | int.from_bytes(block[at + 2 : at + 4], order)

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self.source.block[at : at + size], self.order)

    def _item(self, level: _Level) -> None:
        at = self.source.seek(self._at, 8)
        tag, length = self._tag(at), self._number(at + 4, 4)
        self._at += 8
        if tag != ITEM or level.items is None:
            self._levels.pop()
            return
        end = level.end if length == UNDEFINED else self._at + length
        path = f"{level.path}.{len(level.items) + 1}."
        inside = _Level(end, level.implicit, length == UNDEFINED, path, level.charset, signed=level.signed)
        level.items.append(inside.data)
        self._levels.append(inside)

    def _element(self, level: _Level) -> bool:
        """False at the end of what is open."""
        at = self.source.seek(self._at, 12)
        tag = self._tag(at)
        if tag in (ITEM_END, SEQUENCE_END):
            self._at += 8
            return False
        if tag == 0:  # padding
            return False
        vr, length, head_bytes = self._vr_and_length(at, level.implicit, tag, signed=level.signed)
        self._at += head_bytes
        if vr == "SQ" and level.implicit and length and not self._begins_with_item(length):
            vr = "UN"  # the admission check, which knows no VR here, has taken it for a value
        if vr == "SQ" or self._is_hidden_sequence(tag, vr, length):
            self._open(level, tag, vr, length)
        elif length == UNDEFINED:
            self._fragments(level, tag)
        else:
            self._value(level, tag, vr, length)
        return True

    def _vr_and_length(self, at: int, implicit: bool, tag: int, *, signed: bool) -> tuple[str, int, int]:
        if implicit:
            return _definite(vr_of(tag), signed=signed), self._number(at + 4, 4), 8
        vr = self.source.block[at + 4 : at + 6]
        if vr in SHORT:
            return vr.decode(), self._number(at + 6, 2), 8
        length = self._number(at + 8, 4)
        known = vr_of(tag) if vr == b"UN" else ""
        if known not in ("", "SQ"):  # UN of a known attribute is implicit little endian (PS3.5 6.2.2)
            return _definite(known, signed=signed), length, 12
        return vr.decode("latin-1"), length, 12

    def _is_hidden_sequence(self, tag: int, vr: str, length: int) -> bool:
        """UN that is one (PS3.5 6.2.2), as the admission check has it."""
        if vr != "UN" or tag in OPAQUE:
            return False
        return (length == UNDEFINED or not tag >> 16 & 1) and self._begins_with_item(length)

    def _begins_with_item(self, length: int) -> bool:
        return length == UNDEFINED or (length >= 8 and self._tag(self.source.seek(self._at, 4)) == ITEM)

    def _open(self, level: _Level, tag: int, vr: str, length: int) -> None:
        end = level.end if length == UNDEFINED else self._at + length
        name = f"{tag:08X}"
        implicit = level.implicit or vr == "UN"
        inside = _Level(
            end, implicit, length == UNDEFINED, level.path + name, level.charset, items=[], signed=level.signed
        )
        self._levels.append(inside)
        self._keep(level, tag, {"vr": "SQ", "Value": inside.items})

    def _fragments(self, level: _Level, tag: int) -> None:
        """Encapsulated pixel data: of the picture its frames are served one by one, of an icon the stream."""
        begin = self._at
        while True:
            at = self.source.seek(self._at, 8)
            group_element = self.source.block[at : at + 4]
            length = int.from_bytes(self.source.block[at + 4 : at + 8], "little")
            self._at += 8
            if group_element != b"\xfe\xff\x00\xe0":
                break
            self._at += length
        self._by_reference(level, tag, "OB", begin, self._at - begin)

    def _value(self, level: _Level, tag: int, vr: str, length: int) -> None:
        begin = self._at
        self._at += length
        if tag & 0xFFFF == 0:  # group lengths say nothing here
            return
        if tag == PIXEL_DATA or (length > INLINE_BYTES and vr in MAY_BE_BULK):
            self._by_reference(level, tag, vr, begin, length)
            return
        self._spent_bytes += length
        if self._spent_bytes > self._most_bytes:
            raise beyond("its header has too many bytes", self._most_bytes)
        raw = self.source.read(begin, length)
        if tag == CHARACTER_SET:
            level.charset = Charset(raw)
            return
        if tag == PIXEL_REPRESENTATION:
            level.signed = raw[:1] == b"\1" or raw[1:2] == b"\1"
        self._keep(level, tag, inline(vr, raw, level.charset, self.order, WORDS.get(vr, 1)))

    def _by_reference(self, level: _Level, tag: int, vr: str, offset: int, length: int) -> None:
        name = f"{level.path}{tag:08X}"
        self.bulk[name] = (offset, length, WORDS.get(vr, 1) if self.is_big else 1)
        self._keep(level, tag, {"vr": vr, "BulkDataURI": name})

    def _keep(self, level: _Level, tag: int, attribute: dict[str, Any]) -> None:
        level.data[f"{tag:08X}"] = attribute


def _definite(vr: str, *, signed: bool) -> str:
    """The VR of implicit little endian where the standard allows several (PS3.5 A.1)."""
    if " or " not in vr:
        return vr
    if vr.startswith("US or SS"):
        return "SS" if signed else "US"
    return "OW"


def _sorted(data: dict[str, Any]) -> dict[str, Any]:
    """In the order of tags; nested ones are, in all but odd files."""
    return dict(sorted(data.items()))
