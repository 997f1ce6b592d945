"""The templates that come with the service, a file each; whatever the files say is checked when they are read."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785

from app.reports.template import Template

FOLDER = Path(__file__).parent / "templates"


@cache
def shipped() -> dict[str, Template]:
    """By code, in the order of their files."""
    found = [Template.model_validate(tomllib.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.toml"))]
    return {one.code: one for one in found}


def body_of(template: Template) -> dict[str, Any]:
    """As JSON, without what is as usual."""
    return template.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def sha256_of(template: Template) -> str:
    return hashlib.sha256(rfc8785.dumps(body_of(template))).hexdigest()
