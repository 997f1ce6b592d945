"""Which fonts the PDF has, and how a text of any script is made fit for them."""

import re
import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from app.errors import Unavailable

if TYPE_CHECKING:
    import typst

FOLDER = Path(__file__).parent / "fonts"
# In the order in which they are asked. Amiri and not a Noto Arabic: text copied from those is scrambled. Math
# has the signs that Noto Sans lacks (≥ ≤ → ↑).
NEEDED = {
    "Noto Sans": ("NotoSans_400Regular", "NotoSans_700Bold"),
    "Amiri": ("Amiri_400Regular", "Amiri_700Bold"),
    "Noto Sans Ethiopic": ("NotoSansEthiopic_400Regular", "NotoSansEthiopic_700Bold"),
    "Noto Sans Devanagari": ("NotoSansDevanagari_400Regular", "NotoSansDevanagari_700Bold"),
    "Noto Sans Math": ("NotoSansMath_400Regular",),
}
LRI, FSI, PDI = "\u2066", "\u2068", "\u2069"
OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e")  # they can turn digits around unseen
ISOLATES = frozenset("\u200e\u200f\u061c\u2066\u2067\u2068\u2069")
JOINERS = frozenset("\u200c\u200d")  # some scripts spell with them
LONGEST_WORD = 40  # characters; what is longer may break anywhere

# Of a line with right-to-left letters: each stretch of Latin letters and numbers, with the sign before it and the
# unit behind it ('BPD: 45 mm', '≥ 7 mm', '-3.5 cm', '120/80', '27w2d'). Over the classes that `_side` gives; the
# script's own digits (٣-٤ سم) are left to run their own way.
PHRASE = re.compile(r"(?:cs?)?(?:(?<![^so])m)?l(?:[lt]|[sicm]{1,4}(?=[lt]))*")
SIDES = {"s": " \u00a0", "c": "<>≤≥≈~", "m": "-−+±", "i": "–—/×*:=.,'’·", "o": "(["}
# The language of a script, for a text whose own language is not known.
SCRIPTS = {"ARABIC": "ar", "HEBREW": "he", "ETHIOPIC": "am", "DEVANAGARI": "hi"}
WRITTEN_IN = {"ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "ps": "ARABIC", "he": "HEBREW", "am": "ETHIOPIC",
              "ti": "ETHIOPIC", "hi": "DEVANAGARI", "ne": "DEVANAGARI", "mr": "DEVANAGARI"}  # fmt: skip


class Run(TypedDict):
    """A line of text with the language it is in and the way it runs."""

    text: str
    lang: str
    dir: str


class Lettering(NamedTuple):
    fonts: "typst.Fonts"
    families: tuple[str, ...]
    covers: tuple[frozenset[int], ...]  # of each family: what both its weights can show


def check_fonts() -> None:
    """Refuse with a sentence where a font is missing, rather than print boxes."""
    missing = [name for names in NEEDED.values() for name in names if not (FOLDER / f"{name}.ttf").is_file()]
    if missing:
        raise Unavailable(f"Reports cannot be printed: {', '.join(missing)} missing in {FOLDER}; run `make setup`.")


@cache
def lettering() -> Lettering:
    import typst

    check_fonts()
    # Never the system's fonts: the same report looks the same everywhere.
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FOLDER)])
    covers: dict[str, frozenset[int]] = {family: frozenset() for family in NEEDED}
    for font in sorted(fonts.fonts(), key=lambda each: (each.family, each.weight)):
        shown = codepoints(Path(str(font.path)).read_bytes())
        covers[font.family] = covers.get(font.family, frozenset()) & shown or shown
    return Lettering(fonts, tuple(covers), tuple(covers.values()))


def codepoints(font: bytes) -> frozenset[int]:
    """What a font can show, from its cmap subtables of formats 12 and 4 (OpenType 1.9, cmap)."""
    tables = _records(font, 12, _u16(font, 4), ">4sIII")
    start = next(offset for tag, _sum, offset, _size in tables if tag == b"cmap")
    shown: set[int] = set()
    for _platform, _encoding, offset in _records(font, start + 4, _u16(font, start + 2), ">HHI"):
        subtable = start + offset
        if _u16(font, subtable) == 12:
            (count,) = struct.unpack_from(">I", font, subtable + 12)
            for first, last, _glyph in _records(font, subtable + 16, count, ">III"):
                shown.update(range(first, last + 1))
        elif _u16(font, subtable) == 4:
            shown.update(_segments(font, subtable))
    return frozenset(shown)


def _segments(font: bytes, subtable: int) -> Iterator[int]:
    count = _u16(font, subtable + 6) // 2
    ends, starts = subtable + 14, subtable + 16 + 2 * count
    deltas, offsets = starts + 2 * count, starts + 4 * count
    for at in range(0, 2 * count, 2):
        delta, offset = _u16(font, deltas + at), _u16(font, offsets + at)
        first, last = _u16(font, starts + at), _u16(font, ends + at)
        for code in range(first, last + 1):
            glyph = _u16(font, offsets + at + offset + 2 * (code - first)) if offset else code + delta & 0xFFFF
            if glyph:
                yield code


def pieces(text: str) -> list[tuple[str, str]]:
    """As (piece, font file), for who cannot change fonts by themselves; a line that runs from right to left is one, so
    that its pieces keep their order."""
    _fonts, families, covers = lettering()
    text = printable(text)
    if is_rtl(text):
        shown = [sum(ord(sign) in each for sign in text) for each in covers]
        return [(_isolate_phrases(text), _file(families[shown.index(max(shown))]))]
    found: list[tuple[str, str]] = []
    at = 0
    for sign in text:
        if not found or ord(sign) not in covers[at]:
            at = next((n for n, each in enumerate(covers) if ord(sign) in each), at)
            found.append(("", _file(families[at])))
        found[-1] = (found[-1][0] + sign, found[-1][1])
    return found


def _file(family: str) -> str:
    return str(FOLDER / f"{NEEDED[family][0]}.ttf")


def printable(text: str) -> str:
    """The text with `[U+5F20]` for what no font can show: PDF/A allows no boxes, and a box says nothing."""
    text = unicodedata.normalize("NFC", text).replace("\t", "    ")
    return "".join(_cluster(cluster) for cluster in _clusters(text))


def runs(text: str, language: str) -> list[Run]:
    """A text's lines, each running its own way."""
    return [run(line, language) for line in text.strip("\n").splitlines()]


def measured(text: str) -> str:
    """For the page: any text as it was written, its measurements kept in one piece where it runs from right to left."""
    return "\n".join(_isolate_phrases(line) if is_rtl(line) else line for line in text.split("\n"))


def run(line: str, language: str, longest: int = LONGEST_WORD) -> Run:
    shown = printable(line.rstrip())
    if is_rtl(shown):
        shown = _isolate_phrases(shown)
    return {"text": _breakable(shown, longest), "lang": _language(shown, language), "dir": direction(shown)}


def _isolate_phrases(line: str) -> str:
    """Measurements kept in one piece: by the bidi rules alone '12.5 cm' shows as 'cm 12.5' (UAX 9)."""
    said, end = [], 0
    for found in PHRASE.finditer(_sides(line)):
        said += [line[end : found.start()], LRI, line[found.start() : found.end()], PDI]
        end = found.end()
    return "".join(said) + line[end:]


def _sides(line: str) -> str:
    sides = ""
    for c in line:
        goes_along = unicodedata.bidirectional(c) == "NSM" or c in JOINERS  # with the letter it stands on
        sides += sides[-1:] if goes_along and sides else _side(c)
    return sides


def _side(c: str) -> str:
    kind = unicodedata.bidirectional(c)
    if kind in {"L", "EN"}:
        return "l"
    named = next((side for side, signs in SIDES.items() if c in signs), None)
    return named or ("t" if kind == "ET" else "r")


def isolated(text: str) -> str:
    """For somebody's words within a line of ours: right-to-left ones must not turn what follows around."""
    return f"{FSI}{text}{PDI}" if is_rtl(text) else text


def direction(text: str) -> str:
    """By the first letter that has one (UAX 9, P2)."""
    strong = (unicodedata.bidirectional(c) for c in text)
    return "rtl" if next((kind for kind in strong if kind in {"L", "R", "AL"}), "L") != "L" else "ltr"


def is_rtl(text: str) -> bool:
    return any(unicodedata.bidirectional(c) in {"R", "AL"} for c in text)


def _language(text: str, language: str) -> str:
    """The given one, unless the letters are plainly another's."""
    for letter in text:
        script = unicodedata.name(letter, "").split(" ")[0] if letter.isalpha() else ""
        if script == "LATIN":
            return "en" if language in WRITTEN_IN else language
        if script in SCRIPTS:
            return language if WRITTEN_IN.get(language) == script else SCRIPTS[script]
    return language


def _clusters(text: str) -> Iterator[str]:
    """A letter with all marks on it, which one font must show together."""
    cluster = ""
    for c in text:
        if cluster and not (unicodedata.category(c).startswith("M") or c in JOINERS):
            yield cluster
            cluster = ""
        cluster += c
    if cluster:
        yield cluster


def _cluster(cluster: str) -> str:
    kept = "".join(c for c in cluster if not _is_unseen(c))
    bare = [ord(c) for c in kept if c not in JOINERS and c not in ISOLATES]
    covers = lettering().covers
    if any(all(code in cover for code in bare) for cover in covers):
        return kept
    best = max(covers, key=lambda cover: (bare[0] in cover, sum(code in cover for code in bare)))
    return "".join(c if ord(c) in best or c in JOINERS else f"[U+{ord(c):04X}]" for c in kept)


def _is_unseen(c: str) -> bool:
    if c in JOINERS or c in ISOLATES:
        return False
    return c in OVERRIDES or unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _breakable(text: str, longest: int) -> str:
    """A chance to break in words that would leave the page."""
    return re.sub(rf"[^\s\u200b]{{{longest}}}(?=\w)", "\\g<0>\u200b", text)


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _records(data: bytes, at: int, count: int, layout: str) -> Iterator[tuple[Any, ...]]:
    return struct.iter_unpack(layout, data[at : at + count * struct.calcsize(layout)])
