"""`sonopost send` through lines that fail and servers that die: the file arrives whole, and little is sent twice."""

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.pieces import LARGEST_CHECKED
from app.storage.s3 import PART_BYTES
from tests import people
from tests.bench import files as cart
from tests.bench.processes import Watch, rss_mb
from tests.faults.chaos import Chaos, chaos, trouble
from tests.faults.mortal import Mortal, client_of, files, mortal, place
from tests.people import Somebody
from tests.servers import app as service
from tests.servers.app import bound
from tests.studies.sent import a_jpeg
from tests.tus.test_resuming import nothing_is_left

MB = 1 << 20
FRAME_BYTES = cart.STILL_ROWS * cart.STILL_COLUMNS * 3
REQUEST_BYTES = 2_000  # of headers, beside the bytes of one request


@pytest.fixture
def one(environment: dict[str, str]) -> Iterator[Mortal]:
    with mortal(environment | {"SONOPOST_UPLOAD_COMMIT_S": "1"}) as running, bound(environment):
        yield running


def send(folder: Path, base_url: str, who: Somebody, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "app", "send", str(folder), "--to", base_url, "--token", who.token, *options]
    return subprocess.Popen(
        command, env=service.clean({}), cwd=service.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(sending: "subprocess.Popen[str]", timeout_s: float = 120) -> tuple[int, str, str]:
    try:
        out, err = sending.communicate(timeout=timeout_s)
    finally:
        sending.kill()
    return sending.returncode, out, err


def a_clip(path: Path, size_bytes: int) -> tuple[int, str]:
    """A film as a cart writes it, without compression, of about this size; its size and digest."""
    size_bytes, pieces = cart.rgb_clip(cart.new_uid(), max(1, size_bytes // FRAME_BYTES))
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return size_bytes, digest.hexdigest()


def test_a_folder_arrives_over_a_line_that_is_cut_and_at_a_server_that_dies(one: Mortal, tmp_path: Path) -> None:
    _campaign(one, tmp_path, size_bytes=24 * MB, troubles=8, kills=1, bytes_per_s=4 * MB)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_gigabyte_arrives_through_fifty_cuts_and_five_kills(one: Mortal, tmp_path: Path) -> None:
    _campaign(one, tmp_path, size_bytes=1 << 30, troubles=50, kills=5, bytes_per_s=12 * MB)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_memory_grows_by_no_more_than_two_parts(one: Mortal, tmp_path: Path) -> None:
    places, sent = people.places(), tmp_path / "sent"
    sent.mkdir()
    with client_of(one.base_url, places.referrer) as client:
        referral_id = place(client, patient=cart.PATIENT)
    for name, size_bytes in (("first.dcm", 12 * MB), ("second.dcm", 256 * MB)):  # what the first one loads stays
        (sent / name).unlink(missing_ok=True)
        a_clip(sent / name, size_bytes)
        before_mb = rss_mb(one.process.pid)
        with Watch(one.process.pid) as watch:
            code, _, err = ended(send(sent, one.base_url, places.referrer, "--referral", referral_id), 600)
        assert code == 0, err
        (sent / name).unlink()
        grown_mb = watch.most_rss_mb - before_mb
    print(f"grown by {grown_mb:.1f} MB")
    assert grown_mb <= 2 * PART_BYTES / 1e6


def _campaign(one: Mortal, folder: Path, size_bytes: int, troubles: int, kills: int, bytes_per_s: float) -> None:
    places, sent = people.places(), folder / "sent"
    sent.mkdir()
    size_bytes, digest = a_clip(sent / "clip.dcm", size_bytes)
    (sent / "still.jpg").write_bytes(a_jpeg())
    with client_of(one.base_url, places.referrer) as client:
        referral_id = place(client, patient=cart.PATIENT)
    rng = random.Random(11)
    with chaos(one.port, bytes_per_s=bytes_per_s) as line:
        sending = send(sent, line.base_url, places.referrer, "--referral", referral_id)
        _misfortunes(one, line, sending, rng, troubles, kills, size_bytes / bytes_per_s)
        code, _out, err = ended(sending, timeout_s=1800)
        assert code == 0, err
        again = line.up_bytes - size_bytes
        requests = line.connections + size_bytes / (64 << 10)
        assert again <= (troubles + kills) * LARGEST_CHECKED + requests * REQUEST_BYTES
    with client_of(one.base_url, places.referrer) as client:
        found = {each["name"]: each for each in files(client, referral_id)}
        assert {name: each["status"] for name, each in found.items()} == {"clip.dcm": "stored", "still.jpg": "stored"}
        assert found["clip.dcm"]["sha256"] == digest
        stored = hashlib.sha256()
        with client.stream("GET", f"/instances/{found['clip.dcm']['instance_id']}/original") as answer:
            for chunk in answer.iter_bytes():
                stored.update(chunk)
        assert stored.hexdigest() == digest
    assert nothing_is_left()


def _misfortunes(
    one: Mortal,
    line: Chaos,
    sending: "subprocess.Popen[str]",
    rng: random.Random,
    troubles: int,
    kills: int,
    seconds: float,
) -> None:
    """Spread over the time that the sending takes by itself; it takes longer by them."""
    acts = ["trouble"] * troubles + ["kill"] * kills
    rng.shuffle(acts)
    for act in acts:
        time.sleep(rng.uniform(0.2, 1.8) * seconds / len(acts))
        if sending.poll() is not None:
            return
        if act == "trouble":
            trouble(line, rng)
        else:
            one.process.kill()
            one.process.wait()
            one.start()
