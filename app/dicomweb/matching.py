"""One key and its value as a condition (PS3.4 C.2.2.2): single value, list, wildcard, range."""

import re
from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa

from app.dicomweb.keys import Key
from app.http.problems import DoorRefusal
from app.studies.headers import folded, folded_groups, words

Condition = sa.ColumnElement[bool]
NameTest = Callable[[Any], Condition]
MOST_WORDS = 10
_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
_WILD = re.compile(r"[*?]")
LAST = "\U0010ffff"  # after every other character, in code point order


def condition(key: Key, value: str) -> Condition:
    """Of a key whose column is matched itself; a patient's name goes by `name_tests`."""
    if key.vr == "UI":
        return key.column.in_([uid.strip() for uid in value.replace("\\", ",").split(",")])
    if key.vr in ("DA", "TM"):
        return _range(key, value)
    if key.vr in ("IS", "US"):
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", value):
            raise DoorRefusal(400, f"{value[:20]} is no number.")
        return key.column == sa.literal(int(value), sa.BigInteger())  # beyond a narrower column too
    if key.vr == "PN":
        return _named(key, value)
    if _WILD.search(value):
        return _wild(key.column, value)
    return key.column == value


def like(pattern: str) -> str:
    """DICOM's wildcards as SQL's."""
    plain = re.sub(r"([\\%_])", r"\\\1", pattern)
    return plain.replace("*", "%").replace("?", "_")


def _wild(column: Any, pattern: str) -> Condition:
    return cast("Condition", column.like(like(pattern), escape="\\"))  # with case on SQLite too (`app.db`)


def _named(key: Key, value: str) -> Condition:
    """Of a PN that has one folded column beside it, `key.folded`."""
    pattern = "=".join(_folded_pattern(group) for group in value.split("="))
    column: Any = key.folded
    return _wild(column, pattern) if _WILD.search(pattern) else cast("Condition", column == folded_groups(value))


def _range(key: Key, value: str) -> Condition:
    """A date or time, or two with a hyphen between, either of which may be missing."""
    first, dash, last = value.partition("-")
    form = _DATE if key.vr == "DA" else _TIME
    if not (first or last) or not all(form.fullmatch(one) for one in (first, last) if one):
        raise DoorRefusal(400, f"{value[:40]} is no {'date' if key.vr == 'DA' else 'time'} and no range of two.")
    if not dash:
        return key.column == first if key.vr == "DA" else key.column.like(f"{first}%")
    column: Any = key.column
    parts: list[Condition] = [column > ""]
    if key.vr == "TM":  # digits alone, or PostgreSQL would compare by its language's rules
        column, first, last = sa.func.replace(column, ".", ""), first.replace(".", ""), last.replace(".", "")
    if first:
        parts = [column >= first]
    if last:
        parts.append((column if key.vr == "DA" else sa.func.substr(column, 1, len(last))) <= last)
    return sa.and_(*parts)


def name_tests(value: str, *, fuzzy: bool) -> list[NameTest]:
    """Of StudyName or an alias of it: whole names, or with fuzzy matching the beginning of each word."""
    if fuzzy:
        asked = sorted(words(_WILD.sub(" ", value)), key=len, reverse=True)
        if len(asked) > MOST_WORDS:
            raise DoorRefusal(400, f"Search for at most {MOST_WORDS} words of a name.")
        return [_has_word(word) for word in asked] or [lambda _names: sa.false()]
    pattern = _folded_pattern(value)
    first = _WILD.search(pattern)

    def test(names: Any) -> Condition:
        parts = [names.is_word.is_(False)]
        if first is None:
            return sa.and_(*parts, names.name == folded(value))
        if first.start():
            parts.append(_begins(names.name, pattern[: first.start()]))
        if pattern[first.start() :] != "*":
            parts.append(names.name.like(like(pattern), escape="\\"))
        return sa.and_(*parts)

    return [test]


def _has_word(word: str) -> NameTest:
    return lambda names: sa.and_(names.is_word.is_(True), _begins(names.name, word))


def _folded_pattern(value: str) -> str:
    return "".join(part if part in ("*", "?") else _folded_part(part) for part in re.split(r"([*?])", value))


def _folded_part(part: str) -> str:
    """Folded as names are, but for a separator at its end, which the pattern goes on after."""
    end = part[len(part.rstrip("^ ")) :].replace(" ", "")
    return folded(part) + end


def _begins(column: Any, beginning: str) -> Condition:
    return sa.and_(column >= beginning, column < beginning + LAST)
