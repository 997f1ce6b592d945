"""The statement on tus says what the program does: its methods, extensions, algorithms and settings."""

import re
from pathlib import Path

import app.tus
from app.config import Settings
from app.storage.s3 import PART_BYTES
from app.tus import begin, finish, protocol, routes

TEXT = (Path(app.tus.__file__).parent / "CONFORMANCE.md").read_text()


def test_every_method_is_said_and_every_line_is_one() -> None:
    said = set(re.findall(r"^\| ([A-Z]+) \| `(/uploads[^`]*)`", TEXT, re.MULTILINE))
    there = {
        (method, route.path.replace("upload_id", "id"))  # type: ignore[attr-defined]  # they are all APIRoutes
        for route in routes.router.routes
        for method in route.methods  # type: ignore[attr-defined]  # as above
    }
    assert said == there - {("OPTIONS", "/uploads/{id}")}


def test_every_extension_and_algorithm_is_said() -> None:
    said = re.findall(r"^\| ([a-z-]+) \| (?!no)", TEXT.partition("| extension |")[2].partition("## ")[0], re.MULTILINE)
    assert said == protocol.EXTENSIONS.split(",")
    assert all(f"`{name}`" in TEXT for name in protocol.ALGORITHMS)


def test_every_setting_that_is_named_exists_with_its_default() -> None:
    named = re.findall(r"`SONOPOST_([A-Z_]+)`", TEXT)
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    defaults = Settings()
    assert f"{defaults.upload_kept_h / 24:.0f} days after" in TEXT
    assert (
        f"every {defaults.upload_commit_bytes >> 20} MB (on S3 every part: {PART_BYTES >> 20} MB, more of files beyond"
        in TEXT
    )
    assert f"or {defaults.upload_commit_s:.0f} s on its way" in TEXT
    assert f"silent for {defaults.upload_lease_s} s" in TEXT
    assert f"at most {defaults.max_preview_bytes >> 20} MB" in TEXT


def test_every_key_that_is_read_is_said_and_every_line_is_one() -> None:
    said = set(re.findall(r"^\| `(\w+)` \|", TEXT.partition("## Upload-Metadata")[2].partition("## ")[0], re.MULTILINE))
    source = Path(begin.__file__).read_text()
    assert said == set(re.findall(r'metadata(?:\.get\(|, )"(\w+)"', source)) | {begin.PREVIEW_OF, finish.SAME_PATIENT}
