"""What a machine measured itself, of its structured report (TID 5000, 5100, 5200) as DICOM JSON."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
STORAGE = "1.2.840.10008.5.1.4.1.1.88."  # the root of all SR classes (PS3.6 A)
MOST = 2_000  # a long obstetric report has about two hundred
# Concepts by code and scheme; SRT is what SNOMED codes were called before 2019 (PS3.16 8.1.1)
SITE = {("G-C0E3", "SRT"), ("363698007", "SCT")}
SIDE = {("G-C171", "SRT"), ("272741003", "SCT")}
DERIVATION = {("121401", "DCM")}
FETUS = {("11951-1", "LN"), ("121030", "DCM")}  # Fetus ID, Subject ID (TID 1008)
SIDES = {
    "G-A100": "right",
    "24028007": "right",
    "G-A101": "left",
    "7771000": "left",
    "G-A102": "both",
    "51440002": "both",
}
# By which a reader's measurement of the same thing stands beside it
SHORT = {"11820-8": "BPD", "11984-2": "HC", "11979-2": "AC", "11963-6": "FL", "11957-8": "CRL", "11727-5": "EFW"}


@dataclass(frozen=True)
class MachineValue:
    """One number of the machine's; `key` is its place in the content tree."""

    key: str
    name: str
    code: str
    scheme: str
    value: float
    unit: str  # UCUM, as the machine says
    section: str = ""
    site: str = ""
    side: str = ""
    fetus: str = ""
    derivation: str = ""  # mean, and the like
    sop_instance_uid: str = ""  # of the image that it was measured on
    frame: int | None = None

    @property
    def quantity(self) -> str:
        return SHORT.get(self.code, self.name)


@dataclass(frozen=True)
class _Context:
    """What the items above say, until one below says otherwise (PS3.3 C.17.3.2.4)."""

    section: str = ""
    site: str = ""
    side: str = ""
    fetus: str = ""


def values(header: Json) -> list[MachineValue]:
    """In the order of the report; what is no number, or no report at all, is left out."""
    found = []
    for one in _within(header, _Context(), ""):
        found.append(one)
        if len(found) >= MOST:
            break
    return found


def _within(item: Json, context: _Context, path: str) -> Iterator[MachineValue]:
    children = [child for child in _items(item, "0040A730") if isinstance(child, dict)]
    for child in children:
        context = _said(child, context)
    for number, child in enumerate(children, 1):
        key = f"{path}.{number}" if path else str(number)
        kind = _text(child, "0040A040")
        here = context
        if kind == "CONTAINER":
            here = replace(context, section=_meaning(child) or context.section)
        elif kind == "NUM" and (made := _number(child, context, key)):
            yield made
            continue
        yield from _within(child, here, key)


def _said(child: Json, context: _Context) -> _Context:
    """A site, a side or a fetus that is said of all that stands beside it."""
    if _text(child, "0040A010") not in ("HAS CONCEPT MOD", "HAS OBS CONTEXT", "CONTAINS"):
        return context
    concept = _code(child, "0040A043")[:2]
    code, _scheme, meaning = _code(child, "0040A168")
    if concept in SITE and meaning:
        context = replace(context, site=meaning[:100])
        for modifier in _items(child, "0040A730"):  # the side of the site stands below it (TID 5100)
            context = _said(modifier, context) if isinstance(modifier, dict) else context
    elif concept in SIDE:
        context = replace(context, side=SIDES.get(code, ""))
    elif concept in FETUS:
        context = replace(context, fetus=(_text(child, "0040A160") or meaning)[:10])
    return context


def _number(item: Json, context: _Context, key: str) -> MachineValue | None:
    measured = next((one for one in _items(item, "0040A300") if isinstance(one, dict)), None)
    value = _real(measured, "0040A30A") if measured else None
    code, scheme, meaning = _code(item, "0040A043")
    if measured is None or value is None or not meaning:
        return None
    derivation, uid, frame = "", "", None
    for child in (one for one in _items(item, "0040A730") if isinstance(one, dict)):
        context = _said(child, context)
        if _code(child, "0040A043")[:2] in DERIVATION:
            derivation = _code(child, "0040A168")[2]
        for reference in (one for one in _items(child, "00081199") if isinstance(one, dict)):
            uid, frame = _text(reference, "00081155"), _whole(reference, "00081160")
    return MachineValue(
        key=key, name=meaning[:100], code=code, scheme=scheme, value=value, unit=_code(measured, "004008EA")[0][:30],
        section=context.section[:100], site=context.site, side=context.side, fetus=context.fetus,
        derivation=derivation[:60], sop_instance_uid=uid, frame=frame,
    )  # fmt: skip


def _items(of: Json, tag: str) -> list[Any]:
    attribute = of.get(tag)
    value = attribute.get("Value") if isinstance(attribute, dict) else None
    return value if isinstance(value, list) else []


def _text(of: Json, tag: str) -> str:
    first = next(iter(_items(of, tag)), "")
    return first.strip() if isinstance(first, str) else ""


def _real(of: Json, tag: str) -> float | None:
    first = next(iter(_items(of, tag)), None)
    try:
        value = float(first)  # type: ignore[arg-type]  # what it is not is a TypeError
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _whole(of: Json, tag: str) -> int | None:
    value = _real(of, tag)
    return int(value) if value is not None and 0 < value < 1e6 else None


def _code(of: Json, tag: str) -> tuple[str, str, str]:
    """Value, scheme and meaning of the first code."""
    first = next((one for one in _items(of, tag) if isinstance(one, dict)), {})
    return _text(first, "00080100"), _text(first, "00080102"), _text(first, "00080104")


def _meaning(of: Json) -> str:
    return _code(of, "0040A043")[2]
