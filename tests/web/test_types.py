"""The browser's own modules have types, in JSDoc, that fit, and the reading room sends few of them."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "app" / "web" / "static"
SCRIPT_BYTES = 30_000  # until the reader writes; the rest comes to a form that is touched
COMPILER = ROOT / "node_modules" / "typescript" / "bin" / "tsc"


def test_the_scripts_fit_their_types() -> None:
    node = shutil.which("node")
    if node is None or not COMPILER.exists():
        pytest.skip("no tsc here: make types")
    run = subprocess.run(
        [node, str(COMPILER), "-p", str(ROOT / "jsconfig.json")], capture_output=True, text=True, timeout=110
    )
    assert run.returncode == 0, run.stdout


def test_the_scripts_of_the_room_are_small() -> None:
    page = (STATIC.parent / "templates" / "reading.html").read_text()
    begun, sent = set(re.findall(r"/static/([\w/.]+\.js)", page)), set[str]()
    while begun - sent:
        name = (begun - sent).pop()
        sent.add(name)
        begun |= set(re.findall(r'(?:from |import\()"\./(\w+\.js)"', (STATIC / name).read_text())) - {"pair.js"}
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes())) for name in sent}
    assert sum(sizes.values()) <= SCRIPT_BYTES, sizes
