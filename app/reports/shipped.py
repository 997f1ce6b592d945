"""The templates that come with the service, a file each; whatever the files say is checked when they are read."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785

from app.reports.template import Template

FOLDER = Path(__file__).parent / "templates"
COMMON = Path(__file__).with_name("common.toml")


@cache
def shipped() -> dict[str, Template]:
    """By code, in the order of their files."""
    found = [Template.model_validate(_with_common(_read(path))) for path in sorted(FOLDER.glob("*.toml"))]
    return {one.code: one for one in found}


def _with_common(body: dict[str, Any]) -> dict[str, Any]:
    """Ends with the section that is the same in all; another version of that one is another of each."""
    common = _read(COMMON)
    own = {item["code"] for section in body["sections"] for item in section["items"]}
    fit = [one for one in common["items"] if body["code"] in one.pop("only", [body["code"]])]
    items = [one for one in fit if one["code"] not in own]
    sections = [*body["sections"], {**common["section"], "items": items}]
    return {**body, "version": body["version"] + common["version"], "sections": sections}


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def body_of(template: Template) -> dict[str, Any]:
    """As JSON, without what is as usual."""
    return template.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def sha256_of(template: Template) -> str:
    return hashlib.sha256(rfc8785.dumps(body_of(template))).hexdigest()
