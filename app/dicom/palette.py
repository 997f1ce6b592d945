"""Segmented palette tables (PS3.3 C.7.9.2) taken apart within the limit of a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.dicom import limits
from app.dicom.refusals import damaged

DISCRETE, LINEAR, INDIRECT = 0, 1, 2


class Segment(NamedTuple):
    """Entries copied from `words[at : at + entries]`, or on a line from the last entry to `words[at]`."""

    is_line: bool
    at: int
    entries: int


def segments(words: Sequence[int]) -> Iterator[Segment]:
    """The segments in order, references resolved; Invalid when they make more entries than a table has."""
    at = total = 0
    while at + 1 < len(words):
        if words[at] != INDIRECT:
            found = [_one(words, at, total)]
            at = found[0].at + (1 if found[0].is_line else found[0].entries)
        elif at + 3 < len(words):
            # A copy of segments further up: how many, then where in bytes, low word first.
            found = list(_copied(words, (words[at + 2] | words[at + 3] << 16) // 2, words[at + 1], at, total))
            at += 4
        else:
            raise damaged("its colour table breaks off")
        total += sum(segment.entries for segment in found)
        yield from found


def _copied(words: Sequence[int], start: int, copies: int, before: int, total: int) -> Iterator[Segment]:
    for _ in range(copies):
        if start + 1 >= before or words[start] == INDIRECT:
            raise damaged("its colour table refers to what is not there")
        segment = _one(words, start, total)
        total += segment.entries
        start = segment.at + (1 if segment.is_line else segment.entries)
        yield segment


def _one(words: Sequence[int], at: int, total: int) -> Segment:
    kind, count = words[at], words[at + 1]
    if kind not in (DISCRETE, LINEAR) or count == 0 or total + count > limits.LUT_ENTRIES:
        raise damaged("its colour table is impossible")
    if at + 2 + (count if kind == DISCRETE else 1) > len(words) or (kind == LINEAR and total == 0):
        raise damaged("its colour table breaks off")
    return Segment(kind == LINEAR, at + 2, count)
