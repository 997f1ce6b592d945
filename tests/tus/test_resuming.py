"""An upload goes on: after a cut, after a kill, at another server, and one writer at a time."""

import hashlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.config import settings
from app.db import now, reading, transaction
from app.storage import blobs
from app.storage import sweep as storage
from app.tus import sweep
from app.tus.models import Upload, UploadPart
from app.tus.waiting import STALE_S
from tests import people
from tests.faults.mortal import Mortal
from tests.people import Places, Somebody
from tests.servers.app import Column, Running, bound, serving
from tests.studies.sent import a_dicom
from tests.tus.client import OCTETS, TUS, Tus

pytestmark = pytest.mark.timeout(300)
MB = 1 << 20


def a_large_dicom(size_bytes: int) -> bytes:
    side = int((size_bytes) ** 0.5) + 1
    return a_dicom(size=side)


def half_a_piece(
    base_url: str, who: Somebody, url: str, offset: int, body: bytes, declared: int
) -> http.client.HTTPConnection:
    """A PATCH that says more than it sends, and then is silent."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=30)
    connection.putrequest("PATCH", url)
    given = TUS | who.headers | {"Upload-Offset": str(offset), "Content-Type": OCTETS, "Content-Length": str(declared)}
    for name, value in given.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection


def test_what_came_before_a_cut_stays(server: Running, places: Places, tus: Tus) -> None:
    referral_id, body = tus.place(), a_large_dicom(3 * MB)
    url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm")
    half_a_piece(server.base_url, places.referrer, url, 0, body[: 2 * MB], len(body)).close()
    time.sleep(0.5)
    assert tus.offset(url) == 2 * MB
    assert tus.patch(url, 2 * MB, body[2 * MB :]).status_code == 204
    (file,) = tus.files(referral_id)
    assert (file["status"], tus.original(file) == body) == ("stored", True)


def test_of_a_long_request_every_whole_part_is_safe_while_the_rest_comes(
    server: Running, places: Places, tus: Tus
) -> None:
    referral_id, body = tus.place(), a_large_dicom(20 * MB)
    url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm")
    tus.patch(url, 0, body[:MB])
    going_on = half_a_piece(server.base_url, places.referrer, url, MB, body[MB : 18 * MB], len(body) - MB)
    until, offset = time.monotonic() + 4, 0  # sooner than what is late is made safe
    while offset < 16 * MB and time.monotonic() < until:
        with reading(WORKER) as session:
            upload = session.get_one(Upload, UUID(url[-36:]))
            offset = upload.offset_bytes
            tails = session.scalars(
                sa.select(UploadPart.id).where(UploadPart.upload_id == upload.id, UploadPart.number.is_(None))
            ).all()
    assert (offset, tails) == (16 * MB, [])
    going_on.send(body[18 * MB :])
    assert going_on.getresponse().status == 204
    assert tus.original(tus.files(referral_id)[0]) == body


def test_a_writer_that_is_stuck_lets_go_when_its_client_asks_where_to_go_on(
    server: Running, places: Places, tus: Tus
) -> None:
    referral_id, body = tus.place(), a_large_dicom(2 * MB)
    url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm")
    stuck = half_a_piece(server.base_url, places.referrer, url, 0, body[:MB], len(body))
    time.sleep(0.5)
    assert tus.patch(url, 0, b"1").status_code == 423
    began = time.monotonic()
    assert tus.offset(url) == MB
    assert time.monotonic() - began < 3
    assert stuck.getresponse().status == 423
    assert tus.patch(url, MB, body[MB:]).status_code == 204
    assert tus.original(tus.files(referral_id)[0]) == body


def test_a_piece_with_a_checksum_that_is_cut_counts_for_nothing(server: Running, places: Places, tus: Tus) -> None:
    url = tus.begun(2 * MB)
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
    connection.putrequest("PATCH", url)
    given = {"Upload-Offset": "0", "Content-Type": OCTETS, "Content-Length": "1000000"}
    given |= {"Upload-Checksum": "sha256 " + "A" * 43 + "="}
    for name, value in (TUS | places.referrer.headers | given).items():
        connection.putheader(name, value)
    connection.endheaders(b"x" * 700_000)
    time.sleep(0.5)
    connection.close()
    assert tus.offset(url) == 0


def test_an_upload_goes_on_after_a_kill_and_nothing_acknowledged_is_sent_again(one: Mortal) -> None:
    places = people.places()
    body = a_large_dicom(20 * MB)
    with Tus(one.base_url, places.referrer) as tus:
        referral_id = tus.place()
        url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm", sha256=hashlib.sha256(body).hexdigest())
        assert tus.patch(url, 0, body[: 9 * MB]).headers["upload-offset"] == str(9 * MB)
        stuck = half_a_piece(one.base_url, places.referrer, url, 9 * MB, body[9 * MB : 18 * MB], len(body) - 9 * MB)
        time.sleep(1)
        one.process.kill()
        stuck.close()
        one.process.wait()
        one.start()
    with Tus(one.base_url, places.referrer) as tus:
        offset = tus.offset(url)
        assert 9 * MB <= offset <= 18 * MB
        assert tus.patch(url, offset, body[offset:]).status_code == 204
        (file,) = tus.files(referral_id)
        assert (file["status"], tus.original(file) == body) == ("stored", True)
    assert nothing_is_left()


@pytest.mark.parametrize("point", ["pending", "put", "before:upload.done", "after:upload.done"])
def test_a_kill_while_the_file_is_recorded_leaves_it_recorded_once(one: Mortal, point: str) -> None:
    places, body = people.places(), a_large_dicom(20 * MB)
    with Tus(one.base_url, places.referrer) as tus:
        referral_id = tus.place()
        url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm")
        tus.patch(url, 0, body[: 18 * MB])
        one.die_at(point)
        with pytest.raises(Exception):  # noqa: B017, PT011 - however the line ends
            tus.patch(url, 18 * MB, body[18 * MB :])
        one.wait_until_dead()
        one.start()
    with Tus(one.base_url, places.referrer) as tus:
        offset = tus.offset(url)
        if offset < len(body):
            assert tus.patch(url, offset, body[offset:]).status_code == 204
        assert tus.offset(url) == len(body)
        (file,) = tus.files(referral_id)
        assert (file["status"], tus.original(file) == body) == ("stored", True)
    assert nothing_is_left()


def nothing_is_left() -> bool:
    """After the sweeps: no row that waits, no file, no part, no object beside the blobs'."""
    if not settings().on_s3:
        for path in settings().uploads_dir.iterdir():
            os.utime(path, (time.time() - 2 * STALE_S,) * 2)
    sweep.sweep()
    storage.sweep(WORKER, spared=sweep.waiting_keys())
    kept = set(blobs.store().keys())  # first: a preview that is made meanwhile has its row before its bytes
    with reading(WORKER) as session:
        known = set(session.scalars(sa.select(blobs.Blob.key)))
        parts = session.scalar(sa.select(sa.func.count()).select_from(UploadPart))
        left = session.scalar(sa.select(sa.func.count()).select_from(Upload).where(Upload.has_leftovers))
    assert (parts, left) == (0, 0)
    assert kept <= known
    if not settings().on_s3:
        assert list(settings().uploads_dir.iterdir()) == []
    return True


@pytest.fixture(scope="module", params=["bucket", "folder"])
def _two(
    request: pytest.FixtureRequest, column: Column, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], tuple[Running, Running]]]:
    folder = tmp_path_factory.mktemp("two")
    with column.fresh(folder / "one") as names, ExitStack() as until_the_end:
        if request.param == "folder":
            names |= {"SONOPOST_STORAGE_URL": f"file:{folder / 'blobs'}"}
        other = folder / "two"
        other.mkdir()
        (other / "secret.key").write_bytes((folder / "one" / "secret.key").read_bytes())
        elsewhere = names | {"SONOPOST_DATA_DIR": str(other)}
        running: dict[str, Running] = {}

        def alive(environment: dict[str, str]) -> Running:
            name = environment["SONOPOST_DATA_DIR"]
            if name not in running or running[name].process.poll() is not None:
                running[name] = until_the_end.enter_context(serving(environment, "--no-worker"))
            return running[name]

        yield lambda: (alive(names), alive(elsewhere))


@pytest.fixture
def two(_two: Callable[[], tuple[Running, Running]]) -> Iterator[tuple[Running, Running]]:
    """Two servers on one database and one bucket or folder, each with a data folder of its own.

    Shared by the module's tests; one that was killed is started again for the next."""
    first, second = _two()
    with bound(first.environment):
        yield first, second


@pytest.mark.parametrize("column", ["postgresql+s3"], indirect=True)
def test_two_servers_take_turns_on_one_upload(two: tuple[Running, Running]) -> None:
    places, body = people.places(), a_large_dicom(36 * MB)
    with Tus(two[0].base_url, places.referrer) as first, Tus(two[1].base_url, places.referrer) as second:
        referral_id = first.place()
        url = first.begun(len(body), referral_id=referral_id, filename="a.dcm", sha256=hashlib.sha256(body).hexdigest())
        offset, turn = 0, 0
        for step in (MB, 3 * MB, 9 * MB, 500_000, 8 * MB, 12 * MB, len(body)):
            tus = (first, second)[turn % 2]
            assert tus.offset(url) == offset
            assert tus.patch(url, offset, body[offset : offset + step]).status_code == 204
            offset, turn = min(len(body), offset + step), turn + 1
        (file,) = first.files(referral_id)
        assert (file["status"], first.original(file) == body) == ("stored", True)
    assert nothing_is_left()


@pytest.mark.parametrize("column", ["postgresql+s3"], indirect=True)
def test_a_dead_servers_upload_goes_on_at_another_within_three_seconds(two: tuple[Running, Running]) -> None:
    places, body = people.places(), a_large_dicom(12 * MB)
    with Tus(two[0].base_url, places.referrer) as first, Tus(two[1].base_url, places.referrer) as second:
        referral_id = first.place()
        url = first.begun(len(body), referral_id=referral_id, filename="a.dcm")
        assert first.patch(url, 0, body[: 3 * MB]).status_code == 204
        stuck = half_a_piece(two[0].base_url, places.referrer, url, 3 * MB, body[3 * MB : 4 * MB], 9 * MB)
        time.sleep(1)
        assert second.patch(url, 3 * MB, b"1").status_code == 423
        two[0].kill()
        began = time.monotonic()
        offset = second.offset(url)  # waits for the lease to run out
        assert time.monotonic() - began <= 3
        assert offset >= 3 * MB
        assert second.patch(url, offset, body[offset:]).status_code == 204
        assert second.original(second.files(referral_id)[0]) == body
        stuck.close()
    assert nothing_is_left()


@pytest.mark.parametrize("column", ["postgresql+s3"], indirect=True)
def test_a_stuck_writer_at_another_server_lets_go(two: tuple[Running, Running]) -> None:
    places, body = people.places(), a_large_dicom(2 * MB)
    with Tus(two[0].base_url, places.referrer) as first, Tus(two[1].base_url, places.referrer) as second:
        url = first.begun(len(body), referral_id=first.place(), filename="a.dcm")
        stuck = half_a_piece(two[0].base_url, places.referrer, url, 0, body[:MB], len(body))
        time.sleep(0.5)
        assert second.offset(url) == MB
        assert stuck.getresponse().status == 423
        assert second.patch(url, MB, body[MB:]).status_code == 204


@pytest.mark.parametrize("column", ["postgresql+s3"], indirect=True)
def test_a_server_that_was_stopped_and_goes_on_moves_nothing_any_more(two: tuple[Running, Running]) -> None:
    places, body = people.places(), a_large_dicom(12 * MB)
    with Tus(two[0].base_url, places.referrer) as first, Tus(two[1].base_url, places.referrer) as second:
        referral_id = first.place()
        url = first.begun(len(body), referral_id=referral_id, filename="a.dcm", sha256=hashlib.sha256(body).hexdigest())
        stuck = half_a_piece(two[0].base_url, places.referrer, url, 0, body[: 2 * MB], len(body))
        time.sleep(0.5)
        two[0].process.send_signal(signal.SIGSTOP)
        stuck.send(b"\0" * MB)  # other bytes than those that are sent to the second one
        offset = second.offset(url)
        assert second.patch(url, offset, body[offset : 9 * MB]).headers["upload-offset"] == str(9 * MB)
        two[0].process.send_signal(signal.SIGCONT)
        stuck.close()
        time.sleep(2)
        assert second.offset(url) == 9 * MB
        assert second.patch(url, 9 * MB, body[9 * MB :]).status_code == 204
        assert second.original(second.files(referral_id)[0]) == body
    assert nothing_is_left()


def test_only_one_of_many_that_write_at_once_moves_the_offset(server: Running, places: Places, tus: Tus) -> None:
    url = tus.begun(64 * MB)
    answers: list[int] = []

    def write() -> None:
        with Tus(server.base_url, places.referrer) as mine:
            answers.append(mine.patch(url, 0, b"x" * MB).status_code)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert answers.count(204) == 1
    assert set(answers) <= {204, 409, 423}
    assert tus.offset(url) == MB


def test_expired_uploads_say_so_and_leave_nothing(server: Running, tus: Tus) -> None:
    referral_id = tus.place()
    url = tus.begun(20 * MB, referral_id=referral_id, filename="a.dcm")
    tus.patch(url, 0, b"x" * (9 * MB))
    with transaction(WORKER) as session:
        mine = sa.update(Upload).where(Upload.id == UUID(url.rpartition("/")[2]))
        session.execute(mine.values(expires_at=now()))
    assert tus.patch(url, 9 * MB, b"1").status_code == 410
    sweep.sweep()
    assert tus.head(url).status_code == 410
    refused = tus.patch(url, 9 * MB, b"1")
    assert (refused.status_code, "POST /uploads" in refused.json()["detail"]) == (410, True)
    (file,) = tus.files(referral_id)
    assert (file["status"], "not finished in time" in file["reason"]) == ("declared", True)
    with reading(WORKER) as session:
        upload = session.get_one(Upload, UUID(url.rpartition("/")[2]))
        assert (upload.state, upload.has_leftovers) == ("expired", False)
        assert session.scalar(sa.select(sa.func.count()).where(UploadPart.upload_id == upload.id)) == 0
    assert not any(upload.id.hex in key.replace("-", "") for key in blobs.store().keys())
