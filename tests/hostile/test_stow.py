"""What hostile clients send to DICOMweb: refused in bounded memory, nothing half-stored, the service alive after."""

import gzip
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from app.access.actor import WORKER
from app.config import settings
from app.db import reading
from app.storage.blobs import Blob
from app.studies.models import Instance
from tests.conformance.dicomweb import (
    BOUNDARY,
    DICOM,
    JSON,
    MULTIPART,
    failed,
    files,
    get,
    multipart,
    sequence,
    store,
    stored,
    url,
)
from tests.dicom import made
from tests.hostile import dicom
from tests.people import Places, count
from tests.servers.app import Running
from tests.studies.sent import a_dicom

pytestmark = [pytest.mark.hostile, pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)]
MB = 1 << 20
MEMORY_BYTES = 64 * MB  # by which the service may grow, whatever is sent
PART = f"--{BOUNDARY}\r\nContent-Type: {DICOM}\r\n\r\n".encode()


@pytest.fixture(autouse=True)
def _the_service_is_alive_and_clean_after(server: Running, places: Places) -> Iterator[None]:
    yield
    assert httpx.get(f"{server.base_url}/readyz").status_code == 200
    good = a_dicom()
    assert store(server, places.referrer, files(good)).status_code == 200
    left, until = spooled(), time.monotonic() + 30
    while left := left & spooled():  # jobs use the spool too: what one of them left would stay
        assert time.monotonic() < until
        time.sleep(0.05)


def spooled() -> set[Path]:
    return set(settings().spool_dir.iterdir())


def resident_bytes(server: Running) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def kept(places: Places) -> int:
    return count(Instance, Instance.organization_id == places.clinic)


def test_every_hostile_file_is_a_failed_item_and_fails_no_neighbour(server: Running, places: Places) -> None:
    good, before_bytes = a_dicom(), resident_bytes(server)
    names = list(dicom.REFUSED)
    for at in range(0, len(names), 10):
        batch = [dicom.REFUSED[name][1]() for name in names[at : at + 10]]
        answer = store(server, places.referrer, files(*batch, good))
        assert answer.status_code == 202, names[at : at + 10]
        assert len(failed(answer)) == len(batch)
        assert set(failed(answer)) <= {0xA900, 0xC000}
        assert len(stored(answer)) == 1
    assert kept(places) == 1
    assert resident_bytes(server) - before_bytes < 2 * MEMORY_BYTES  # values of 16 MB are looked at in one piece


@pytest.mark.parametrize("name", list(dicom.HARMLESS) + list(dicom.ODD))
def test_what_is_taken_is_answered_for_in_every_form_or_refused(server: Running, places: Places, name: str) -> None:
    body = dicom.HARMLESS[name]() if name in dicom.HARMLESS else dicom.ODD[name][0]()
    answer = store(server, places.referrer, files(body))
    assert answer.status_code in (200, 409), answer.text
    if answer.status_code == 409:
        return
    place = sequence(answer, "00081199")[0]["00081190"]["Value"][0].partition("/dicom-web")[2]
    single = httpx.get(url(server, place), headers={"Accept": DICOM, **places.referrer.headers})
    assert single.content == body
    assert single.headers["content-type"].startswith(DICOM)
    assert single.headers["x-content-type-options"] == "nosniff"
    for tail, accept in (
        ("/metadata", JSON), ("/frames/1", "*/*"), ("/frames/1", 'multipart/related; type="application/octet-stream"'),
        ("/rendered", "image/jpeg"), ("/frames/1/rendered", "image/png"), ("/thumbnail", "*/*"), ("/frames/99999", "*/*"),
    ):  # fmt: skip
        found = get(server, places.referrer, place + tail, accept)
        assert found.status_code in (200, 404, 406, 409, 422), (tail, found.status_code, found.text)
        if tail == "/frames/99999":
            assert found.status_code == 404
    with reading(WORKER) as session:
        facts = session.query(Instance.facts).filter_by(organization_id=places.clinic).scalar()
    if name in dicom.ODD:
        assert any(dicom.ODD[name][1] in one for one in facts["warnings"])


@pytest.mark.parametrize(
    "tail", [0, 1, 2, 3, len(BOUNDARY), len(BOUNDARY) + 4, len(BOUNDARY) + 8, 200, 900]
)  # of the end: its hyphens, its boundary, the last bytes of the part, more of it
def test_truncated_body_is_refused_and_nothing_of_it_is_stored(server: Running, places: Places, tail: int) -> None:
    whole = files(a_dicom(), a_dicom())[:-2]  # without the line end that may be missing
    assert store(server, places.referrer, whole).status_code == 200
    before = kept(places)
    cut = files(a_dicom(), a_dicom())[: -2 - max(1, tail)]
    answer = store(server, places.referrer, cut)
    assert answer.status_code == 400
    assert "cut off" in answer.json()["detail"]
    assert kept(places) == before


def test_connection_cut_in_the_middle_stores_nothing(server: Running, places: Places) -> None:
    body = files(a_dicom(), a_dicom())
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {MULTIPART}\r\n"
        f"Authorization: {places.referrer.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body[:-40])
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert kept(places) == 0


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ('multipart/related; type="application/dicom"', files(b"x"), 400),
        ('multipart/related; type="application/dicom"; boundary=', files(b"x"), 400),
        ('multipart/related; type="application/dicom"; boundary=other', files(b"x"), 400),
        (f'multipart/related; type="application/dicom"; boundary={"b" * 71}', files(b"x"), 400),
        (f'multipart/related; type="application/dicom"; boundary={"b" * 5000}', files(b"x"), 400),
        ("multipart/related; boundary=of-parts; boundary=of-parts", b"", 400),
        (MULTIPART, b"", 400),
        (MULTIPART, b"--of-parts--\r\n", 400),
        (MULTIPART, b"nothing", 400),
        (MULTIPART, b"\r\n" * 1000, 400),
        (MULTIPART, files(b"x").replace(b"\r\n", b"\n"), 400),
        (MULTIPART, b"--of-parts\r\n" + b"X: y\r\n" * 20 + b"\r\nx\r\n--of-parts--\r\n", 400),
        (MULTIPART, b"--of-parts\r\nX: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--of-parts--\r\n", 400),
        (MULTIPART, b"--of-parts\r\n" + b"X" * 100_000 + b": y\r\n\r\nx\r\n--of-parts--\r\n", 400),
        (MULTIPART, b"--of-parts\r\nno colon\r\n\r\nx\r\n--of-parts--\r\n", 400),
        (MULTIPART, b"--of-parts\r\nX: \xff\0\r\n\r\nx\r\n--of-parts--\r\n", (400, 409)),
        (MULTIPART, b"--of-parts\r\n\r\n" * 3 + b"\r\n--of-parts--\r\n", (400, 409)),
        (MULTIPART, b"\r\n" + b"-" * (20 * MB), 400),
        (MULTIPART, files(b"x") + b"epilogue" * (2 * MB), 409),
    ],
    ids=range(19),
)  # fmt: skip
def test_what_is_no_multipart_is_refused_in_bounded_memory(
    server: Running, places: Places, content_type: str, body: bytes, status: int | tuple[int, ...]
) -> None:
    before_bytes = resident_bytes(server)
    answer = store(server, places.referrer, body, content_type=content_type)
    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert kept(places) == 0
    assert resident_bytes(server) - before_bytes < MEMORY_BYTES


def test_compressed_body_is_refused_before_it_is_unpacked(server: Running, places: Places) -> None:
    bomb = gzip.compress(files(a_dicom() + bytes(50 * MB)))
    before_bytes = resident_bytes(server)
    headers = {"Content-Encoding": "gzip"}
    answer = httpx.post(url(server, "/studies"), content=bomb,
                        headers={"Content-Type": MULTIPART, **places.referrer.headers, **headers})  # fmt: skip
    assert answer.status_code == 415
    assert resident_bytes(server) - before_bytes < MEMORY_BYTES
    assert kept(places) == 0


@pytest.mark.parametrize("coding", ["Content-Encoding: gzip", "Content-Transfer-Encoding: base64"])
def test_compressed_part_is_a_failed_item(server: Running, places: Places, coding: str) -> None:
    body = multipart([(f"Content-Type: {DICOM}\r\n{coding}", gzip.compress(a_dicom()))])
    answer = store(server, places.referrer, body)
    assert (answer.status_code, failed(answer)) == (409, [0xC000])


def test_large_part_of_nothing_takes_no_memory(server: Running, places: Places) -> None:
    def chunks() -> Iterator[bytes]:
        yield PART
        for _ in range(200):
            yield bytes(MB)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    before_bytes = resident_bytes(server)
    answer = httpx.post(url(server, "/studies"), content=chunks(), timeout=60,
                        headers={"Content-Type": MULTIPART, **places.referrer.headers})  # fmt: skip
    assert answer.status_code == 409
    assert resident_bytes(server) - before_bytes < MEMORY_BYTES


HOSTILE_UIDS = ["../../../etc/passwd", "..", "%2e%2e%2f", "1.2\0", "1.2\n3", "1" * 300, "*", "'; drop table study; --",
                "con", "é", "{0}", "1.2.3?x=y#z"]  # fmt: skip


@pytest.mark.parametrize("uid", HOSTILE_UIDS)
def test_uid_in_an_address_is_only_looked_up(server: Running, places: Places, uid: str) -> None:
    name = quote(uid, safe="")
    for path in (
        f"/studies/{name}",
        f"/studies/1.2/series/{name}/instances",
        f"/studies/1.2/series/1.3/instances/{name}/frames/1",
    ):
        assert get(server, places.referrer, path, "*/*").status_code in (200, 204, 400, 404), path
    answer = store(server, places.referrer, files(a_dicom()), path=f"/studies/{name}")
    assert answer.status_code in (404, 405, 409)
    assert kept(places) == 0


def test_no_identifier_of_a_file_is_in_a_key_or_path(server: Running, places: Places) -> None:
    body = a_dicom(patient="Very^Unusual")
    uids = [item["00081155"]["Value"][0] for item in sequence(store(server, places.referrer, files(body)), "00081199")]
    with reading(WORKER) as session:
        keys = [key for (key,) in session.query(Blob.key).filter_by(organization_id=places.clinic)]
    paths = [str(path) for path in Path(settings().data_dir).rglob("*")]
    assert keys
    for told in (*uids, "Unusual", "2.25."):
        assert not [one for one in keys + paths if told in one]


def test_part_over_the_limit_of_a_value_in_implicit_encoding_is_refused(server: Running, places: Places) -> None:
    """As metadata it would be a million numbers."""
    answer = store(server, places.referrer, files(dicom.implicit_many_values(), made.file(made.picture())))
    assert failed(answer)[0] == 0xC000
