"""A PDF as a screen reader has it: what its tags hold, in their order, and what is drawn outside of them (ISO 32000-1 14.7)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf

HEX = re.compile(rb"<([0-9A-Fa-f]*)>")
Mark = tuple[int, int]  # a page's object, and a number on it


@dataclass
class Drawn:
    """What one page's content draws: by its marks, and what has none."""

    marked: dict[int, str] = field(default_factory=dict)
    unmarked: list[str] = field(default_factory=list)  # neither tagged nor an artifact


def spoken(pdf: pikepdf.Pdf) -> list[tuple[str, str]]:
    """Each text with the tag that holds it, in the order of the tags."""
    texts = {(page.obj.objgen[0], mark): text for page in pdf.pages for mark, text in drawn(page).marked.items()}
    return [(tag, texts.get(mark, "")) for tag, mark in marks(pdf.Root.StructTreeRoot)]


def elements(of: Any) -> Iterator[Any]:
    """Every structure element below, itself first."""
    for kid in kids(of):
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            yield kid
            yield from elements(kid)


def kids(of: Any) -> list[Any]:
    found = of.get("/K", [])
    return list(found) if isinstance(found, pikepdf.Array) else [found]


def marks(of: Any, page: Any = None) -> Iterator[tuple[str, Mark]]:
    page = of.get("/Pg", page)
    for kid in kids(of):
        if isinstance(kid, int):
            yield str(of.S), (page.objgen[0], kid)
        elif "/MCID" in kid:
            yield str(of.S), (kid.get("/Pg", page).objgen[0], int(kid.MCID))
        elif "/S" in kid:
            yield from marks(kid, page)


def drawn(page: pikepdf.Page) -> Drawn:
    """Text as its fonts' ToUnicode says it; an image counts as drawn, too."""
    found, fonts = Drawn(), {name: letters(font) for name, font in fonts_of(page).items()}
    within: list[int | str | None] = []  # a mark's number, 'artifact', or neither
    letters_now: dict[bytes, str] = {}
    for each in pikepdf.parse_content_stream(page):
        operands, name = each.operands, str(each.operator)
        if name in ("BMC", "BDC"):
            within.append(_kind(operands))
        elif name == "EMC":
            within.pop()
        elif name == "Tf":
            letters_now = fonts[str(operands[0])]
        elif name in ("Tj", "TJ", "Do", "sh"):
            said = _text(operands, letters_now) if name in ("Tj", "TJ") else ""
            mark = next((one for one in reversed(within) if one is not None), None)
            if isinstance(mark, int):
                found.marked[mark] = found.marked.get(mark, "") + said
            elif mark is None:
                found.unmarked.append(f"{name} {said}")
    return found


def fonts_of(page: pikepdf.Page) -> dict[str, Any]:
    return dict(page.obj.Resources.get("/Font", {}).items())


def letters(font: Any) -> dict[bytes, str]:
    """Two bytes of a code, and what they stand for (9.10.3)."""
    said: dict[bytes, str] = {}
    table = font.ToUnicode.read_bytes()
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        codes = [bytes.fromhex(one.decode()) for one in HEX.findall(block)]
        said |= {code: to.decode("utf-16-be") for code, to in zip(codes[::2], codes[1::2], strict=True)}
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, to in re.findall(rb"<(\w+)>\s*<(\w+)>\s*(<\w+>|\[.*?\])", block, re.DOTALL):
            start, targets = int(first, 16), [bytes.fromhex(one.decode()) for one in HEX.findall(to)]
            for at in range(int(last, 16) - start + 1):
                target = targets[at] if to.startswith(b"[") else _after(targets[0], at)
                said[(start + at).to_bytes(2, "big")] = target.decode("utf-16-be")
    return said


def _after(target: bytes, by: int) -> bytes:
    return target[:-2] + (int.from_bytes(target[-2:], "big") + by).to_bytes(2, "big")


def _kind(operands: Any) -> int | str | None:
    if str(operands[0]) == "/Artifact":
        return "artifact"
    held: Any = operands[1] if len(operands) > 1 and isinstance(operands[1], pikepdf.Dictionary) else {}
    return int(held["/MCID"]) if "/MCID" in held else None


def _text(operands: Any, said: dict[bytes, str]) -> str:
    parts = operands[0] if isinstance(operands[0], pikepdf.Array) else [operands[0]]
    codes = b"".join(bytes(part) for part in parts if isinstance(part, pikepdf.String))
    return "".join(said.get(codes[at : at + 2], "\ufffd") for at in range(0, len(codes), 2))
