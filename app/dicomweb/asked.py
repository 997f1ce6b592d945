"""A search's query string: what must match, what is returned, and which page (PS3.18 8.3.4)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dicom.dictionary import keyword_of, tag_of
from app.dicomweb.keys import KEYS, MODALITIES, Key, Level
from app.http.problems import DoorRefusal

MOST = 1_000  # results a page, also where none is asked for
FURTHEST = 1_000_000
MOST_KEYS, MOST_FIELDS, MOST_CHARS = 30, 200, 400  # of a search: attributes matched and included, letters of a value
MOST_VALUES = 1_000  # of a list: UIDs, modalities


@dataclass
class Asked:
    """`include` are tags; `everything` stands for includefield=all."""

    matches: list[tuple[Key, str]] = field(default_factory=list)
    modalities: list[str] = field(default_factory=list)
    include: set[str] = field(default_factory=set)
    everything: bool = False
    fuzzy: bool = False
    limit: int = MOST
    offset: int = 0
    ignored: list[str] = field(default_factory=list)

    def of(self, tag: str) -> str:
        return next((value for key, value in self.matches if key.tag == tag), "")


def asked(parameters: Sequence[tuple[str, str]], level: Level) -> Asked:
    """400 for what cannot be understood; a filter that is not supported is ignored, and said so in Warning."""
    found, seen = Asked(), set[str]()
    for name, value in parameters:
        if name != "includefield" and (name in seen or len(seen) == MOST_KEYS):
            raise DoorRefusal(400, f"Ask for each attribute once, and for {MOST_KEYS} at most.")
        seen.add(name)
        if name == "limit":
            found.limit = min(_whole(name, value), MOST)
        elif name == "offset":
            found.offset = _whole(name, value)
        elif name == "fuzzymatching":
            found.fuzzy = _truth(name, value)
        elif name == "includefield":
            _include(found, value)
        elif name not in ("organization", "accept", "charset"):
            _match(found, name, value, level)
    return found


def _match(found: Asked, name: str, value: str, level: Level) -> None:
    tags = [tag_of(part) for part in name.split(".")]
    if None in tags or len(tags) > 2:
        found.ignored.append(name[:64])
        return
    path = ".".join(f"{tag:08X}" for tag in tags if tag is not None)
    key = KEYS.get(path)
    is_list = path == MODALITIES or (key is not None and key.vr == "UI")
    if (not is_list and len(value) > MOST_CHARS) or len(re.findall(r"[,\\]", value)) >= MOST_VALUES:
        raise DoorRefusal(400, f"The value of {name[:64]} is longer than any.")
    if any(known is key for known, _ in found.matches):
        raise DoorRefusal(400, f"{name[:64]} is asked for twice.")  # once by its keyword, once by its tag
    if path == MODALITIES:
        found.modalities = [one for one in value.replace(",", "\\").split("\\") if one]
        found.include.add(path)
    elif key is None or key.level > level:
        found.ignored.append(keyword_of(tags[-1] or 0))
    else:
        found.include.add(path)
        if value not in ("", "*"):  # universal matching (PS3.4 C.2.2.2.3)
            found.matches.append((key, value))


def _include(found: Asked, value: str) -> None:
    for name in filter(None, value.split(",")):
        if name == "all":
            found.everything = True
            continue
        tags = [tag_of(part) for part in name.split(".")]
        if None in tags:
            raise DoorRefusal(400, f"There is no attribute {name[:64]}.")
        found.include.add(".".join(f"{tag:08X}" for tag in tags if tag is not None))
        if len(found.include) > MOST_FIELDS:
            raise DoorRefusal(400, f"Include {MOST_FIELDS} attributes at most, or all.")


def _whole(name: str, value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 7 or int(value) > FURTHEST:
        raise DoorRefusal(400, f"{name} is a whole number up to {FURTHEST:,}.")
    return int(value)


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise DoorRefusal(400, f"{name} is true or false.")
    return value == "true"
