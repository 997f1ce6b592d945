"""The conformance statement says what the program does: its routes, media types, keys, syntaxes and limits."""

import re
from collections.abc import Iterator
from pathlib import Path

import app.dicomweb
from app.config import Settings
from app.dicom.dictionary import keyword_of
from app.dicom.syntaxes import CODEC, DEFLATED, media_type
from app.dicomweb import answers, retrieve, stow
from app.dicomweb.addresses import ROOT
from app.dicomweb.asked import MOST
from app.dicomweb.keys import KEYS, MORE
from app.dicomweb.rendered import IMAGES
from app.dicomweb.uncompressed import MOST_BYTES
from app.main import create_app

TEXT = (Path(app.dicomweb.__file__).parent / "CONFORMANCE.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of every table under a heading."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def routes() -> Iterator[tuple[str, str]]:
    """As the whole application mounts them, whatever it is nested in."""
    for path, methods in create_app(Settings()).openapi()["paths"].items():
        if path.startswith(ROOT):
            yield from ((method.upper(), path) for method in methods)


def test_every_route_is_in_the_statement_and_every_line_of_it_is_a_route() -> None:
    said = {(method, ROOT + path.strip("`")) for method, path, _name in rows("Transactions")[1:]}
    assert said == set(routes())
    assert len(said) == 22


def test_every_key_is_said_with_its_level_and_whether_it_comes_unasked() -> None:
    said = {tuple(row) for row in rows("Searches")[1:]}
    known = set()
    for key in KEYS.values():
        path = ".".join(keyword_of(int(tag, 16)) for tag in (key.inside, key.tag) if tag)
        known.add((key.level.name.lower(), f"`{path}`", key.vr, "always" if key.is_usual else "by includefield"))
    assert said == known
    assert all(f"`{keyword_of(int(tag, 16))}`" in TEXT for tags in MORE.values() for tag in tags)
    assert f"`limit` ({MOST:,} where" in TEXT.replace("\n", " ")


def test_every_transfer_syntax_that_has_pictures_is_said_with_its_media_type() -> None:
    said = [tuple(row) for row in rows("Transfer syntaxes")[1:]]
    assert said == [(f"`{syntax}`", f"`{media_type(syntax)}`", codec) for syntax, codec in CODEC.items()]
    assert DEFLATED in TEXT


def test_every_media_type_that_is_answered_is_said() -> None:
    said = " ".join(types for _resource, types in rows("Media types")[1:])
    for kind in (stow.DICOM, stow.DICOM_JSON, retrieve.DICOM, answers.DICOM_JSON, "application/json", *IMAGES):
        assert f"`{kind}`" in said or f'"{kind}"' in said


def test_every_failure_reason_is_said() -> None:
    said = {int(row[0].strip("`"), 16) for row in rows("Answers") if row[0].startswith("`0x")}
    known = {stow.OUT_OF_RESOURCES, stow.MISMATCH, stow.CANNOT_UNDERSTAND, stow.DUPLICATE, stow.NOT_AUTHORIZED}
    assert said == known


def test_every_limit_is_said_as_it_is() -> None:
    said = {name.strip("`").removeprefix("SONOPOST_").lower(): default for name, default, _of in rows("Limits")[1:]}
    fields = Settings.model_fields
    assert said == {name: f"{fields[name].default:,}" for name in said}
    used = set(
        re.findall(
            r"settings\(\)\.(max_\w+)", "".join(path.read_text() for path in Path(stow.__file__).parent.glob("*.py"))
        )
    )
    assert used <= set(said)
    assert f"{MOST_BYTES >> 20} MB" in TEXT
