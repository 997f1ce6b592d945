"""Segmented palette tables (PS3.3 C.7.9.2) taken apart within the limit of a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.config import file_limits
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
    most, end = file_limits().max_lut_entries, len(words)
    while at + 1 < end:
        if words[at] != INDIRECT:
            segment = _one(words, at, total, most)
            at = segment.at + (1 if segment.is_line else segment.entries)
            total += segment.entries
            yield segment
        elif at + 3 < end:
            # A copy of segments further up: how many, then where in bytes, low word first.
            start, copies = (words[at + 2] | words[at + 3] << 16) // 2, words[at + 1]
            for segment in _copied(words, start, copies, at, total, most):
                total += segment.entries
                yield segment
            at += 4
        else:
            raise damaged("its colour table breaks off")


def _copied(words: Sequence[int], start: int, copies: int, before: int, total: int, most: int) -> Iterator[Segment]:
    for _ in range(copies):
        if start + 1 >= before or words[start] == INDIRECT:
            raise damaged("its colour table refers to what is not there")
        segment = _one(words, start, total, most)
        total += segment.entries
        start = segment.at + (1 if segment.is_line else segment.entries)
        yield segment


def _one(words: Sequence[int], at: int, total: int, most: int) -> Segment:
    kind, count = words[at], words[at + 1]
    if kind not in (DISCRETE, LINEAR) or count == 0 or total + count > most:
        raise damaged("its colour table is impossible")
    if at + 2 + (count if kind == DISCRETE else 1) > len(words) or (kind == LINEAR and total == 0):
        raise damaged("its colour table breaks off")
    return Segment(kind == LINEAR, at + 2, count)
