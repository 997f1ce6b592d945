"""The store, the database, the mail server or the disk is away: an honest answer, nothing half, and it works again."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import reading
from app.notifications.models import Notification
from app.referrals.models import ManifestItem, Referral
from app.studies.models import Instance
from tests import people
from tests.faults.gate import gate
from tests.faults.invariants import check_invariants, wait_until_idle
from tests.faults.mortal import (
    PASSWORD,
    REFERRAL,
    client_of,
    drafted,
    files,
    mortal,
    ok,
    place,
    send,
    sha256,
    sign,
    when,
)
from tests.people import count
from tests.servers.app import Column, bound
from tests.servers.smtp import Mailbox
from tests.studies.sent import a_dicom

pytestmark = pytest.mark.timeout(300)
ON_BOTH_SERVERS = pytest.mark.parametrize(
    "column", [pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True
)
ON_SQLITE = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def unavailable(answer: httpx.Response, status: int = 503) -> None:
    assert answer.status_code == status, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


def through(url: str, port: int) -> str:
    return urlsplit(url)._replace(netloc=urlsplit(url).netloc.replace(str(urlsplit(url).port), str(port))).geturl()


@ON_BOTH_SERVERS
def test_a_store_that_is_away_takes_no_file_and_stops_nothing_else(environment: dict[str, str]) -> None:
    endpoint = environment["SONOPOST_S3_ENDPOINT_URL"]
    with gate(urlsplit(endpoint).port or 0) as way, bound(environment):
        by_gate = environment | {"SONOPOST_S3_ENDPOINT_URL": through(endpoint, way.port)}
        with (
            mortal(by_gate, "--no-worker") as running,
            client_of(running.base_url, people.places().referrer) as referrer,
        ):
            referral_id, body = place(referrer), a_dicom()
            before = ok(send(referrer, referral_id, a_dicom(), "before.dcm"), 201)
            way.shut()
            unavailable(send(referrer, referral_id, body, "late.dcm"))
            assert [one["name"] for one in files(referrer, referral_id)] == ["before.dcm"]
            original = referrer.get(f"/instances/{before['instance_id']}/original")
            unavailable(original)
            assert ok(referrer.post(f"/referrals/{referral_id}/submit"))["status"] == "active", "the text goes on"
            ok(referrer.post("/referrals", json=REFERRAL), 201)
            way.open()
            late = ok(send(referrer, referral_id, body, "late.dcm"), 201)
            check_invariants({late["id"]: sha256(body), before["id"]: before["sha256"]})


@ON_BOTH_SERVERS
@pytest.mark.long
def test_a_store_that_never_answers_is_not_waited_for_for_ever(environment: dict[str, str]) -> None:
    endpoint = environment["SONOPOST_S3_ENDPOINT_URL"]
    with gate(urlsplit(endpoint).port or 0) as way, bound(environment):
        by_gate = environment | {"SONOPOST_S3_ENDPOINT_URL": through(endpoint, way.port)}
        with (
            mortal(by_gate, "--no-worker") as running,
            client_of(running.base_url, people.places().referrer) as referrer,
        ):
            referral_id, body = place(referrer), a_dicom()
            way.silence()
            unavailable(send(referrer, referral_id, body))
            way.open()
            file = ok(send(referrer, referral_id, body), 201)
            check_invariants({file["id"]: sha256(body)})


@ON_BOTH_SERVERS
def test_a_database_that_is_away_is_said_so_and_comes_back(environment: dict[str, str]) -> None:
    url = environment["SONOPOST_DATABASE_URL"]
    with gate(urlsplit(url).port or 0) as way, bound(environment):
        places = people.places()
        people.set_password(places.reviewer, PASSWORD)
        by_gate = environment | {"SONOPOST_DATABASE_URL": through(url, way.port)}
        with (
            mortal(by_gate, "--no-worker") as running,
            client_of(running.base_url, places.referrer) as referrer,
            client_of(running.base_url, places.reviewer) as reviewer,
        ):
            case, body = drafted(referrer, reviewer), a_dicom()
            way.shut()
            unavailable(referrer.get(f"/referrals/{case.referral_id}"))
            unavailable(referrer.post("/referrals", json=REFERRAL))
            unavailable(send(referrer, case.referral_id, body))
            unavailable(sign(reviewer, case, key="once"))
            assert httpx.get(f"{running.base_url}/healthz").status_code == 200, "alive"
            assert httpx.get(f"{running.base_url}/readyz").status_code == 503, "and not ready"
            way.open()
            assert ok(sign(reviewer, case, key="once"))["status"] == "final"
            file = ok(send(referrer, case.referral_id, body), 201)
            assert httpx.get(f"{running.base_url}/readyz").status_code == 200
        assert count(Referral) == 1
        check_invariants({file["id"]: sha256(body)})


@ON_SQLITE
def test_a_mail_server_that_is_away_holds_nothing_up_and_gets_the_mail_later(
    environment: dict[str, str], mailbox: Mailbox
) -> None:
    with gate(mailbox.port) as way, bound(environment):
        way.shut()
        by_gate = environment | {"SONOPOST_SMTP_URL": f"smtp://127.0.0.1:{way.port}"}
        places = people.places()
        with mortal(by_gate) as running, client_of(running.base_url, places.referrer) as referrer:
            ok(referrer.post(f"/referrals/{place(referrer)}/submit"))
            when(lambda: count(Notification, Notification.mail_reason.contains("does not answer")) == 3)
            assert states() == {"queued"}
            way.open()
            mails = mailbox.wait_for(3, timeout_s=60)
            when(lambda: states() == {"sent"})
        told = {places.reviewer.email, places.second_reviewer.email, places.coordinator.email}
        assert {mail.recipients[0] for mail in mails} == told
        check_invariants()


def states() -> set[str]:
    with reading(WORKER) as session:
        return set(session.scalars(sa.select(Notification.mail_status)))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() != 0 or (tried := subprocess.run(mount, capture_output=True, text=True)).returncode:
        pytest.skip("no file system can be mounted here: " + ("not root" if os.geteuid() else tried.stderr.strip()))
    yield place
    for _ in range(20):  # SQLite's files may be open a moment longer
        if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
            return
        time.sleep(0.2)
    subprocess.run(["umount", "-l", str(place)], check=True)


@ON_SQLITE
@pytest.mark.parametrize("kept_free", [0, 12 << 20])
def test_a_full_disk_takes_no_file_and_keeps_what_it_has(column: Column, small_disk: Path, kept_free: int) -> None:
    with column.fresh(small_disk / "data") as names, bound(names):
        little = names | {"SONOPOST_MIN_FREE_DISK_BYTES": str(kept_free)}
        with mortal(little) as running, client_of(running.base_url, people.places().referrer) as referrer:
            referral_id, body = place(referrer), a_dicom()
            kept = ok(send(referrer, referral_id, body, "kept.dcm"), 201)
            unavailable(send(referrer, referral_id, a_dicom(size=5000), "large.dcm"), 507)
            unavailable(send_without_length(referrer, referral_id, a_dicom(size=5000)), 507)
            assert [one["name"] for one in files(referrer, referral_id)] == ["kept.dcm"]
            wait_until_idle()  # the making of a preview spools too, and comes again after a minute once it failed thrice
            assert not list((small_disk / "data" / "blobs" / ".spool").iterdir())
            small = ok(send(referrer, referral_id, a_dicom(), "small.dcm"), 201)
            wait_until_idle()
            fill(small_disk)
            full = referrer.post("/referrals", json=REFERRAL)
            assert full.status_code in (201, 503), full.text  # the log may have room of its own left
            unavailable(send(referrer, referral_id, a_dicom(size=1024), "no.dcm"), 507)
            (small_disk / "filler").unlink()
            place(referrer)
            again = ok(send(referrer, referral_id, a_dicom(), "again.dcm"), 201)
            check_invariants({one["id"]: one["sha256"] for one in (kept, small, again)}, worker_runs=True)
        assert count(Instance) == 3
        assert count(ManifestItem) == 3


def send_without_length(client: httpx.Client, referral_id: str, body: bytes) -> httpx.Response:
    """As a stream whose end nobody knows."""
    pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    return client.post(f"/referrals/{referral_id}/files", content=pieces)


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        for size_bytes in (1 << 20, 1 << 12):
            try:
                while file.write(bytes(size_bytes)) == size_bytes:
                    pass
            except OSError:
                continue
