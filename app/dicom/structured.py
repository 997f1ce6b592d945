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
PLACE = {("G-A1F8", "SRT"), ("106233006", "SCT"), ("125101", "DCM")}  # topographical modifier, vessel branch (TID 5104)
ANATOMY = ("SRT", "SCT", "SNM3", "FMA")  # schemes of a container that is named by what was measured in it (TID 5104)
FETUS = {("11951-1", "LN")}  # Fetus ID (TID 1008)
SUBJECT, SUBJECT_CLASS = {("121030", "DCM")}, {("121024", "DCM")}  # a patient has a Subject ID too (TID 1007)
A_FETUS = "121026"
GROUP = {("125005", "DCM")}  # Biometry Group (TID 5008): one size, with the age and the rank that follow from it
FOLLOWS = {("18185-9", "LN"), ("125012", "DCM"), ("125013", "DCM"), ("125014", "DCM")}
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
    modifiers: str = ""  # of the number itself: end systole, 2D mode
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
    of: str = ""  # the size of this biometry group


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
    context = _under(children, context)
    for number, child in enumerate(children, 1):
        key = f"{path}.{number}" if path else str(number)
        kind = _text(child, "0040A040")
        here = context
        if kind == "CONTAINER":
            here = _entered(child, context)
        elif kind == "NUM" and (made := _number(child, context, key)):
            yield made
            continue
        yield from _within(child, here, key)


def _entered(container: Json, context: _Context) -> _Context:
    """Of a container named by anatomy, that is the site of what it holds (TID 5104)."""
    code, scheme, meaning = _code(container, "0040A043")
    context = replace(context, section=meaning or context.section, of="")
    if scheme in ANATOMY and meaning:
        context = replace(context, site=meaning[:100])
    if (code, scheme) in GROUP:
        sizes = (_code(one, "0040A043") for one in _items(container, "0040A730") if isinstance(one, dict))
        context = replace(
            context, of=next((one[2] for one in sizes if one[2] and one[:2] not in FOLLOWS and one[1] == "LN"), "")
        )
    return context


def _under(children: list[Json], context: _Context) -> _Context:
    """With all that is said of what stands beside it: site, side, fetus."""
    for child in children:
        context = _said(child, context)
    classes = [_code(one, "0040A168")[0] for one in children if _code(one, "0040A043")[:2] in SUBJECT_CLASS]
    if classes and A_FETUS not in classes:
        return replace(context, fetus="")
    named = [
        one for one in children if _code(one, "0040A043")[:2] in (SUBJECT if A_FETUS in classes else set()) | FETUS
    ]
    if named:
        context = replace(context, fetus=(_text(named[-1], "0040A160") or _code(named[-1], "0040A168")[2])[:10])
    return context


def _said(child: Json, context: _Context) -> _Context:
    """A site or a side that is said of all that stands beside it."""
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
    elif concept in PLACE and meaning:
        context = replace(context, site=", ".join(part for part in (context.site, meaning) if part)[:100])
    return context


def _number(item: Json, context: _Context, key: str) -> MachineValue | None:
    measured = next((one for one in _items(item, "0040A300") if isinstance(one, dict)), None)
    value = _real(measured, "0040A30A") if measured else None
    code, scheme, meaning = _code(item, "0040A043")
    if measured is None or value is None or not meaning:
        return None
    children = [one for one in _items(item, "0040A730") if isinstance(one, dict)]
    context = _under(children, context)
    derivation, modifiers, uid, frame = "", [], "", None
    for child in children:
        concept, said = _code(child, "0040A043")[:2], _code(child, "0040A168")[2]
        if concept in DERIVATION:
            derivation = said
        elif said and _text(child, "0040A010") == "HAS CONCEPT MOD" and concept not in SITE | SIDE | PLACE:
            modifiers.append(said)
        for reference in (one for one in _items(child, "00081199") if isinstance(one, dict)):
            uid, frame = _text(reference, "00081155"), _whole(reference, "00081160")
    name = f"{meaning}, {context.of}" if (code, scheme) in FOLLOWS and context.of else meaning
    return MachineValue(
        key=key, name=name[:100], code=code, scheme=scheme, value=value, unit=_code(measured, "004008EA")[0][:30],
        section=context.section[:100], site=context.site, side=context.side, fetus=context.fetus,
        derivation=derivation[:60], modifiers=", ".join(modifiers)[:100], sop_instance_uid=uid, frame=frame,
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
