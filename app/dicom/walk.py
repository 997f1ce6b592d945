"""One linear pass over a data set (PS3.5 7), without recursion, that stops at the first limit broken."""

import re
from typing import Literal, NamedTuple

from app.config import file_limits
from app.dicom import limits
from app.dicom.dictionary import vr_of
from app.dicom.refusals import bad_uid, beyond, cut_off, damaged
from app.dicom.source import Source
from app.errors import Sentence

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
REGIONS = 0x00186011
OPAQUE = {PIXEL_DATA, 0x7FE00008, 0x7FE00009, 0x00420011}  # pixel data of any kind, encapsulated document
LUT_DATA = {0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223, 0x00283006, 0x00281408}
SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())  # PS3.5 7.1.2
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
BINARY = frozenset((b"OB", b"OW", b"UN", b"OF", b"OD", b"OL", b"OV", b""))
WORD_BYTES = {b"US": 2, b"SS": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8, b"AT": 4, b"SV": 8, b"UV": 8}
LISTS = frozenset(b"AE AS CS DA DS DT IS LO PN SH TM UC UI".split())  # values separated by a backslash
# Values up to here stand in the header as JSON, longer ones beside it as bulk data, but for these (PS3.18 F.2.2)
INLINE_BYTES = 1024
NEVER_BULK = frozenset(b"AE AS AT CS DA DT LO PN SH TM UI UR".split())
SAFE_UID = re.compile(rb"[0-9A-Za-z.]{0,64}[\0 ]*")


class Span(NamedTuple):
    """Where an element's value lies."""

    vr: bytes  # empty in implicit VR
    offset: int
    length: int


class Level(NamedTuple):
    """A data set, a sequence or an item that is still open."""

    is_sequence: bool
    end: int  # nothing inside may go beyond
    is_delimited: bool  # of undefined length: a delimiter closes it
    tag: int
    implicit: bool


class Walk:
    """The state of one pass: what is open, what was found, how much of each limit is used."""

    def __init__(self, source: Source, start: int, *, implicit: bool, big_endian: bool) -> None:
        self.source = source
        self._most = file_limits()
        self.order = ">" if big_endian else "<"
        self.byte_order: Literal["big", "little"] = "big" if big_endian else "little"
        self.found: dict[int, Span] = {}  # elements of the data set itself
        self.regions: list[dict[int, Span]] = []
        self.fragments: list[tuple[int, int]] | None = None  # of the pixel data, the offset table first
        self.warnings: dict[str, None] = {}
        self._position = start
        self._levels = [Level(False, source.size, False, 0, implicit)]
        self._elements = self._items = self._fragments = self._header_bytes = 0
        self._last_tag = 0

    def run(self) -> None:
        levels = self._levels
        while levels:
            level = levels[-1]
            if self._position >= level.end:
                if level.is_delimited:
                    raise self._runs_out(self._position + 8)
                levels.pop()
            elif self._position + 8 > level.end:
                if not self._only_zeros_left():
                    raise self._runs_out(self._position + 8)
            elif level.is_sequence:
                self._read_item(level)
            else:
                self._read_element(level)

    def warn(self, sentence: str) -> None:
        if len(self.warnings) < limits.WARNINGS:
            self.warnings[sentence] = None

    def _runs_out(self, needed: int) -> Exception:
        """Something needs bytes up to `needed`: the file ends before, or what encloses it does."""
        if needed > self.source.size:
            return cut_off(self.source.size, needed)
        return damaged("a part of its header is longer than what holds it")

    def _only_zeros_left(self) -> bool:
        """Padding after the data set: nothing but zeros, and not many (PS3.10 7.2 has an element for it)."""
        left = self.source.size - self._position
        if len(self._levels) > 1 or left > limits.PADDING_BYTES or any(self.source.read(self._position, left)):
            return False
        self.warn("There are empty bytes after the end of the data set.")
        self._position = self.source.size
        return True

    def _tag_at(self, at: int) -> int:
        block = self.source.block
        if self.order == "<":
            return block[at + 1] << 24 | block[at] << 16 | block[at + 3] << 8 | block[at + 2]
        return int.from_bytes(block[at : at + 4], "big")

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self.source.block[at : at + size], self.byte_order)

    def _read_item(self, level: Level) -> None:
        at = self.source.seek(self._position, 8)
        tag, length = self._tag_at(at), self._number(at + 4, 4)
        self._position += 8
        if tag == SEQUENCE_END and (level.is_delimited or self._position == level.end):
            self._levels.pop()
            return
        if tag != ITEM:
            raise damaged("a list in its header is not closed")
        self._items += 1
        if self._items > self._most.max_dicom_items:
            raise beyond("its header has too many items", self._most.max_dicom_items)
        end = level.end if length == UNDEFINED else self._position + length
        if end > level.end:
            raise self._runs_out(end)
        self._levels.append(Level(False, end, length == UNDEFINED, level.tag, level.implicit))
        if level.tag == REGIONS and len(self._levels) == 3:
            self.regions.append({})

    def _read_element(self, level: Level) -> None:
        at = self.source.seek(self._position, 12)
        tag = self._tag_at(at)
        if tag == 0 and len(self._levels) == 1 and self._only_zeros_left():
            return
        if tag == ITEM_END and len(self._levels) > 1:
            self._position += 8
            if not level.is_delimited and self._position != level.end:
                raise damaged("an item of its header is closed twice")
            self._levels.pop()
            return
        vr, length, header_bytes = self._vr_and_length(at, level, tag)
        self._position += header_bytes
        self._count(tag)
        if self._is_sequence(tag, vr, length):
            self._open_sequence(level, tag, vr, length)
        elif length == UNDEFINED:
            self._read_fragments(level, tag, vr)
        else:
            self._take(level, tag, vr, length)

    def _vr_and_length(self, at: int, level: Level, tag: int) -> tuple[bytes, int, int]:
        if tag >> 16 == 0xFFFE:
            raise damaged("a list in its header is not closed")
        if level.implicit:
            return b"", self._number(at + 4, 4), 8
        vr = self.source.block[at + 4 : at + 6]
        if vr in SHORT:
            return vr, self._number(at + 6, 2), 8
        if vr not in LONG:
            raise damaged(Sentence("element ({tag}) is of no known type", tag=f"{tag >> 16:04X},{tag & 0xFFFF:04X}"))
        if self._position + 12 > level.end:
            raise self._runs_out(self._position + 12)
        return vr, self._number(at + 8, 4), 12

    def _count(self, tag: int) -> None:
        self._elements += 1
        if self._elements > self._most.max_dicom_elements:
            raise beyond("its header has too many elements", self._most.max_dicom_elements)
        if len(self._levels) == 1:
            if tag <= self._last_tag:
                self.warn("Elements of the header are out of order.")
            self._last_tag = tag

    def _is_sequence(self, tag: int, vr: bytes, length: int) -> bool:
        """SQ; or, without a VR, what is of undefined length (PS3.5 6.2.2) or begins with an item."""
        if vr == b"SQ":
            return True
        if vr not in (b"", b"UN") or tag in OPAQUE:
            return False
        if length == UNDEFINED:
            return True
        if length < 8 or tag >> 16 & 1 or self._position + 8 > self.source.size:
            return False
        return self._tag_at(self.source.seek(self._position, 4)) == ITEM

    def _open_sequence(self, level: Level, tag: int, vr: bytes, length: int) -> None:
        if len(self._levels) >= 2 * self._most.max_dicom_depth:
            raise beyond("its header is nested too deeply", self._most.max_dicom_depth)
        end = level.end if length == UNDEFINED else self._position + length
        if end > level.end:
            raise self._runs_out(end)
        self._levels.append(Level(True, end, length == UNDEFINED, tag, level.implicit or vr == b"UN"))

    def _read_fragments(self, level: Level, tag: int, vr: bytes) -> None:
        """Encapsulated pixel data (PS3.5 A.4): only the headers of its items are read."""
        if vr not in BINARY:
            raise damaged("an element has no length")
        found: list[tuple[int, int]] = []
        while True:
            header = self.source.read(self._position, 8)
            if len(header) < 8 or self._position + 8 > level.end:
                raise self._runs_out(max(self._position + 8, self.source.size + 1))
            group_element, length = header[:4], int.from_bytes(header[4:], "little")
            self._position += 8
            if group_element == b"\xfe\xff\xdd\xe0":
                break
            if group_element != b"\xfe\xff\x00\xe0" or length == UNDEFINED:
                raise damaged("its picture data are not where they should be")
            self._fragments += 1
            if self._fragments > self._most.max_dicom_fragments:
                raise beyond("its picture data are in too many pieces", self._most.max_dicom_fragments)
            if self._position + length > level.end:
                raise self._runs_out(self._position + length)
            found.append((self._position, length))
            self._position += length
        if tag == PIXEL_DATA and len(self._levels) == 1:
            if self.fragments is not None or tag in self.found:
                raise damaged("it holds two sets of picture data")
            self.fragments = found

    def _take(self, level: Level, tag: int, vr: bytes, length: int) -> None:
        end = self._position + length
        if end > level.end:
            raise self._runs_out(end)
        if length > self._most.max_dicom_value_bytes and tag not in OPAQUE:
            self._allow_large(tag, vr, length)
        self._check_value(tag, vr, length)
        span = Span(vr, self._position, length)
        if len(self._levels) == 1:
            self._keep(tag, span)
        elif len(self._levels) == 3 and level.tag == REGIONS and len(self.regions) <= limits.REGIONS:
            self.regions[-1][tag] = span
        self._position = end

    def _keep(self, tag: int, span: Span) -> None:
        before = self.found.get(tag)
        if before is not None:
            read = self.source.read
            is_large = tag in OPAQUE or span.length > self._most.max_dicom_value_bytes
            is_equal = not is_large and span.length == before.length
            if not is_equal or read(before.offset, before.length) != read(span.offset, span.length):
                raise damaged(
                    Sentence(
                        "element ({tag}) is there twice, with two values", tag=f"{tag >> 16:04X},{tag & 0xFFFF:04X}"
                    )
                )
            return
        if tag == PIXEL_DATA and self.fragments is not None:
            raise damaged("it holds two sets of picture data")
        self.found[tag] = span

    def _allow_large(self, tag: int, vr: bytes, length: int) -> None:
        is_private_data = tag >> 16 & 1 and vr in BINARY
        limit = self._most.max_dicom_private_value_bytes if is_private_data else self._most.max_dicom_value_bytes
        if length > limit:
            raise beyond("one value of its header has too many bytes", limit)
        self.warn("The machine's own raw data are in the file; they are kept, not shown.")

    def _check_value(self, tag: int, vr: bytes, length: int) -> None:
        word_bytes = WORD_BYTES.get(vr)
        if word_bytes and length % word_bytes:
            raise damaged(
                Sentence("element ({tag}) has an impossible length", tag=f"{tag >> 16:04X},{tag & 0xFFFF:04X}")
            )
        if word_bytes and length // word_bytes > self._most.max_dicom_values and tag not in LUT_DATA:
            raise beyond("one element of its header has too many values", self._most.max_dicom_values)
        if vr in (b"", b"UN") and length:  # the attribute's own kind decides how others take it
            vr = vr_of(tag).encode() if tag not in OPAQUE else b""
        if length <= INLINE_BYTES or vr in NEVER_BULK:
            self._header_bytes += length
            if self._header_bytes > self._most.max_dicom_header_bytes:
                raise beyond("its header has too many bytes", self._most.max_dicom_header_bytes)
        if vr == b"UI":
            if length and not tag >> 16 & 1:
                self._check_uids(length)
        elif length > self._most.max_dicom_number_chars and vr in LISTS:
            self._check_list(vr, length)

    def _check_uids(self, length: int) -> None:
        value = self.source.read(self._position, length)
        if value.count(b"\\") >= self._most.max_dicom_values:
            raise beyond("one element of its header has too many values", self._most.max_dicom_values)
        if not all(SAFE_UID.fullmatch(uid) for uid in value.split(b"\\")):
            raise bad_uid()

    def _check_list(self, vr: bytes, length: int) -> None:
        value = self.source.read(self._position, length)
        if value.count(b"\\") >= self._most.max_dicom_values:
            raise beyond("one element of its header has too many values", self._most.max_dicom_values)
        if vr in (b"IS", b"DS") and max(map(len, value.split(b"\\"))) > self._most.max_dicom_number_chars:
            raise beyond("a number of its header has too many digits", self._most.max_dicom_number_chars)
