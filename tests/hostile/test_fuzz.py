"""Campaigns against what reads a stranger's bytes: a short one by hypothesis, ten minutes each by atheris with `make test-long`."""

import base64
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as campaign
from hypothesis import strategies as st

from app.api.referring import file_name
from app.config import load
from app.dicom.json_values import Charset
from app.dicom.text import CharacterSet
from app.dicomweb import accept
from app.dicomweb.parts import Parts
from app.errors import Refusal
from app.http.problems import DoorRefusal

pytestmark = pytest.mark.hostile
ROOT = Path(__file__).parents[2]
SECONDS = 600
MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'
DECLARED = st.sampled_from(
    [b"", b"ISO_IR 100", b"ISO_IR 192", b"GB18030", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"\\ISO 2022 IR 149"]
)
PIECES = st.sampled_from([b"--b", b"--b--", b"\r\n", b"\n", b"\r", b"-", b"--", b"Content-Type: application/dicom", b": ", b"abc",
                          b"\r\n--b\r\n\r\n", b"\r\n\r\n", b"\0", b"\xff" * 40])  # fmt: skip


@pytest.fixture(scope="module", name="spool")
def _spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spool = load(data_dir=tmp_path_factory.mktemp("fuzz"), min_free_disk_bytes=0).spool_dir
    spool.mkdir(parents=True)
    return spool


def parted(body: bytes, size: int, spool: Path) -> list[str] | int:
    """Digests of the parts, or the status of the refusal; nothing else, and nothing left."""
    parts = Parts(MULTIPART)
    try:
        for at in range(0, len(body), size):
            parts.feed(bytearray(body[at : at + size]))
        return [part.file().sha256 for part in parts.close()] or 400  # the door's answer where there is none
    except (Refusal, DoorRefusal) as refusal:
        return refusal.status_code if isinstance(refusal, DoorRefusal) else 413
    finally:
        parts.discard()
        assert not list(spool.iterdir())


@campaign(max_examples=300, deadline=2_000, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(PIECES | st.binary(max_size=20), max_size=30), size=st.integers(1, 40))
@example(pieces=[b"--b\r\n\r\n", b"x\r\n--b\r\n\r\ny", b"\r\n--b--\r\n"], size=1)
@example(pieces=[b"\r\0 junk ", b"--b\r\n\r\nx", b"\r\n--b--\r\n"], size=4)  # found by the ten minutes below
def test_multipart_is_read_alike_in_whatever_pieces_it_comes(spool: Path, pieces: list[bytes], size: int) -> None:
    body = b"".join(pieces)
    assert parted(body, size, spool) == parted(body, max(1, len(body)), spool)


@campaign(max_examples=500, deadline=2_000)
@given(declared=DECLARED | st.binary(max_size=30), value=st.binary(max_size=200))
def test_text_in_whatever_character_set_has_no_controls(declared: bytes, value: bytes) -> None:
    shown = CharacterSet(declared).decode(value)
    assert not any(ord(letter) < 32 or letter in "\u202e\u2066" for letter in shown)
    Charset(declared).texts(value)


@campaign(max_examples=500, deadline=2_000)
@given(header=st.text(st.characters(max_codepoint=255), max_size=120))
@example(header="attachment; filename*=utf-16''%00/%00")
@example(header="attachment; filename*=a; filename*0*=b")
@example(header="attachment; filename*=idna''%ff")
@example(header="attachment; filename*0*=UTF-8''a; filename*1=b")
@example(header=f"attachment; filename=a/x../{'y' * 997}")
def test_headers_of_whatever_letters_are_read_or_left(header: str) -> None:
    name = file_name(header)
    assert name
    assert not {"", ".", ".."} & set(name.split("/")), "it leads nowhere"
    accept._ranges(header)


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine")
@pytest.mark.parametrize("target", ["admission", "multipart", "text"])
def test_ten_minutes_of_crafted_input_find_no_other_answer_than_a_refusal(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hostile.fuzz", target, str(SECONDS), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    said = [line for line in done.stderr.splitlines() if not line.startswith(("INFO", "#"))]
    last = (tmp_path / "last").read_bytes()
    assert done.returncode == 0, "\n".join([*said, f"The input, in base64: {base64.b64encode(last).decode()}"])
