"""The page cache survives a killed process and not a power cut: so the order of the system calls is watched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import people
from tests.faults.mortal import Mortal, client_of, mortal, ok, place, send
from tests.faults.trace import Call, traced, why_not
from tests.servers.app import bound
from tests.studies.sent import a_dicom

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "ptrace works"),
]

BYTES = "the bytes were not durable before they got their name"
NAME = "the name was not durable before the row was written"
FOLDERS = "a new folder's own name was not durable before the row was written"
COMMIT = "the row was not durable before the answer"


@contextmanager
def served(environment: dict[str, str], left_out: str = "") -> Iterator[tuple[Mortal, httpx.Client]]:
    with (
        mortal(environment | {"LEAVE_OUT": left_out}, "--no-worker") as running,  # a job would write to the same log
        bound(environment),
        client_of(running.base_url, people.places().referrer) as client,
    ):
        yield running, client


def an_upload(environment: dict[str, str], output: Path, left_out: str = "") -> list[Call]:
    with served(environment, left_out) as (running, client):
        referral_id = place(client)
        return traced(running.process.pid, output, lambda: ok(send(client, referral_id, a_dicom()), 201))


def test_bytes_name_folder_and_row_are_durable_before_the_answer(environment: dict[str, str], tmp_path: Path) -> None:
    assert broken(an_upload(environment, tmp_path / "trace")) == []


@pytest.mark.parametrize(("left_out", "seen"), [("bytes", [BYTES]), ("name", [NAME, FOLDERS]), ("commit", [COMMIT])])
def test_a_service_without_one_sync_is_found_out(
    environment: dict[str, str], tmp_path: Path, left_out: str, seen: list[str]
) -> None:
    assert broken(an_upload(environment, tmp_path / "trace", left_out)) == seen


def test_what_is_written_without_a_file_is_durable_before_the_answer(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with served(environment) as (running, client):
        calls = traced(running.process.pid, tmp_path / "trace", lambda: place(client))
    written = [call for call in calls if call.name == "pwrite64" and is_log(call)]
    synced = [call for call in calls if call.name in ("fsync", "fdatasync") and is_log(call)]
    assert written
    assert written[-1].ended < synced[-1].began
    assert synced[-1].ended < the_answer(calls).began


def broken(calls: list[Call]) -> list[str]:
    """Which promises the trace of one upload breaks."""
    (link,) = (call for call in calls if call.name.startswith("link"))
    spooled, stored = (Path(path) for path in link.paths)
    # All of it happens in the thread that serves the request.
    mine = [call for call in calls if call.tid == link.tid]
    syncs = [call for call in mine if call.name in ("fsync", "fdatasync")]
    log = [call for call in mine if call.name == "pwrite64" and is_log(call) and call.began > link.ended]
    assert log, "no row was written after the file was stored"
    answer = the_answer(calls)

    def synced(path: Path, after: int, before: int) -> bool:
        return any(str(path) in call.paths and after < call.began and call.ended < before for call in syncs)

    folders = [Path(call.paths[0]) for call in mine if call.name.startswith("mkdir") and call.text.endswith("= 0")]
    assert folders, "the first file of an organization makes its folders"
    promises = {
        BYTES: synced(spooled, -1, link.began),
        NAME: synced(stored.parent, link.ended, log[0].began),
        FOLDERS: all(synced(made.parent, -1, log[0].began) for made in folders),
        COMMIT: any(is_log(call) and log[-1].ended < call.began and call.ended < answer.began for call in syncs),
    }
    return [promise for promise, holds in promises.items() if not holds]


def is_log(call: Call) -> bool:
    return call.paths[0].endswith("sonopost.db-wal") if call.paths else False


def the_answer(calls: list[Call]) -> Call:
    (answer,) = (call for call in calls if '"HTTP/1.1 201' in call.text)
    return answer
