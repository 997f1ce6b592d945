"""One key and its value as a condition (PS3.4 C.2.2.2): single value, list, wildcard, range."""

import re
from typing import Any

import sqlalchemy as sa

from app.dicomweb.keys import Key
from app.http.problems import DoorRefusal
from app.studies.headers import folded, words

Condition = sa.ColumnElement[bool]
_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
_WILD = re.compile(r"[*?]")
LAST = "\U0010ffff"  # after every other character, in code point order


def condition(key: Key, value: str) -> Condition:
    """Of a key whose column is matched itself; a patient's name goes by `name_range`."""
    if key.vr == "UI":
        return key.column.in_([uid.strip() for uid in value.replace("\\", ",").split(",")])
    if key.vr in ("DA", "TM"):
        return _range(key, value)
    if key.vr in ("IS", "US"):
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", value):
            raise DoorRefusal(400, f"{value[:20]} is no number.")
        return key.column == int(value)
    if key.vr == "PN":
        return sa.func.lower(key.column).like(like(value.lower()), escape="\\")
    if _WILD.search(value):
        return key.column.like(like(value), escape="\\")
    return key.column == value


def like(pattern: str) -> str:
    """DICOM's wildcards as SQL's."""
    plain = re.sub(r"([\\%_])", r"\\\1", pattern)
    return plain.replace("*", "%").replace("?", "_")


def _range(key: Key, value: str) -> Condition:
    """A date or time, or two with a hyphen between, either of which may be missing."""
    first, dash, last = value.partition("-")
    form = _DATE if key.vr == "DA" else _TIME
    if not (first or last) or not all(form.fullmatch(one) for one in (first, last) if one):
        raise DoorRefusal(400, f"{value[:40]} is no {'date' if key.vr == 'DA' else 'time'} and no range of two.")
    if not dash:
        return key.column == first if key.vr == "DA" else key.column.like(f"{first}%")
    parts: list[Condition] = [key.column >= first if first else key.column > ""]
    if last:
        parts.append(key.column <= last if key.vr == "DA" else key.column < last + ":")  # ':' comes after every digit
    return sa.and_(*parts)


def name_conditions(names: Any, value: str, *, fuzzy: bool) -> list[Condition]:
    """On StudyName or an alias of it: whole names, or with fuzzy matching the beginning of each word."""
    if fuzzy:
        asked = sorted(words(_WILD.sub(" ", value)), key=len, reverse=True)
        return [sa.and_(names.is_word.is_(True), _begins(names.name, word)) for word in asked] or [sa.false()]
    pattern = "".join(part if part in ("*", "?") else _folded_part(part) for part in re.split(r"([*?])", value))
    first = _WILD.search(pattern)
    if first is None:
        return [sa.and_(names.is_word.is_(False), names.name == folded(value))]
    parts = [names.is_word.is_(False)]
    if first.start():
        parts.append(_begins(names.name, pattern[: first.start()]))
    if pattern[first.start() :] != "*":
        parts.append(names.name.like(like(pattern), escape="\\"))
    return [sa.and_(*parts)]


def _folded_part(part: str) -> str:
    """Folded as names are, but for a separator at its end, which the pattern goes on after."""
    end = part[len(part.rstrip("^ ")) :].replace(" ", "")
    return folded(part) + end


def _begins(column: Any, beginning: str) -> Condition:
    return sa.and_(column >= beginning, column < beginning + LAST)
