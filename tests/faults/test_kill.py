"""The service is killed at each step of an act: what it acknowledged is there, once, and a retry ends the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import httpx
import pytest

from tests.faults.faulty import INGEST, JOBS, SIGN, SUBMIT
from tests.faults.invariants import check_invariants
from tests.faults.mortal import (
    Mortal,
    client_of,
    clients,
    drafted,
    files,
    ok,
    place,
    send,
    sha256,
    sign,
    when,
)
from tests.people import Places
from tests.studies.sent import a_dicom

pytestmark = pytest.mark.timeout(300)  # a restart takes seconds, and more where other tests run beside it


@pytest.fixture
def referrer(mortal: Mortal, places: Places) -> Iterator[httpx.Client]:
    with client_of(mortal.base_url, places.referrer) as client:
        yield client


@pytest.fixture
def reviewer(mortal: Mortal, places: Places) -> Iterator[httpx.Client]:
    with client_of(mortal.base_url, places.reviewer) as client:
        yield client


@pytest.mark.parametrize("point", INGEST)
def test_a_file_is_there_once_after_a_kill_and_a_retry(mortal: Mortal, referrer: httpx.Client, point: str) -> None:
    referral_id, body = place(referrer), a_dicom()
    mortal.die_at(point)
    with pytest.raises(httpx.TransportError):
        send(referrer, referral_id, body, key=f"key {point}")
    mortal.wait_until_dead()
    mortal.start()
    for seen in files(referrer, referral_id):
        original = referrer.get(f"/instances/{seen['instance_id']}/original")
        assert (seen["status"], original.content) == ("stored", body), "a file is seen whole or not at all"
    first = ok(send(referrer, referral_id, body, key=f"key {point}"), 201)
    assert ok(send(referrer, referral_id, body, key=f"key {point}"), 201)["id"] == first["id"]
    assert [(one["id"], one["status"]) for one in files(referrer, referral_id)] == [(first["id"], "stored")]
    check_invariants({first["id"]: sha256(body)}, worker_runs=True)


@pytest.mark.parametrize("point", SUBMIT)
def test_a_referral_is_submitted_once_after_a_kill_and_a_retry(
    mortal: Mortal, referrer: httpx.Client, point: str
) -> None:
    referral_id = place(referrer)
    mortal.die_at(point)
    key = {"Idempotency-Key": point}
    with pytest.raises(httpx.TransportError):
        referrer.post(f"/referrals/{referral_id}/submit", headers=key)
    mortal.wait_until_dead()
    mortal.start()
    seen = ok(referrer.get(f"/referrals/{referral_id}"))
    assert (seen["status"], seen["review"] is None) == (
        ("draft", True) if point.startswith("before") else ("active", False)
    )
    first = ok(referrer.post(f"/referrals/{referral_id}/submit", headers=key))
    assert ok(referrer.post(f"/referrals/{referral_id}/submit", headers=key))["review"]["id"] == first["review"]["id"]
    check_invariants(worker_runs=True)


@pytest.mark.parametrize("point", SIGN)
def test_a_report_is_signed_once_after_a_kill_and_a_retry(
    mortal: Mortal, referrer: httpx.Client, reviewer: httpx.Client, point: str
) -> None:
    case = drafted(referrer, reviewer)
    mortal.die_at(point)
    with pytest.raises(httpx.TransportError):
        sign(reviewer, case, key=point)
    mortal.wait_until_dead()
    mortal.start()
    seen = ok(referrer.get(f"/referrals/{case.referral_id}"))
    if point.startswith("before"):
        assert (seen["review"]["status"], seen["report"]) == ("in-progress", None)
    else:
        assert (seen["review"]["status"], seen["report"]["status"]) == ("completed", "final")
    first = ok(sign(reviewer, case, key=point))
    again = ok(sign(reviewer, case, key=point))
    assert [(one["version"], one["sha256"], one["signed_at"]) for one in (again,)] == [
        (1, first["sha256"], first["signed_at"])
    ]
    assert ok(referrer.get(f"/reports/{first['report_id']}/verify"))["authentic"] is True
    told = [one for one in ok(referrer.get("/notifications"))["items"] if one["kind"] == "report.signed"]
    assert len(told) == 1
    check_invariants(worker_runs=True)


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)  # with several workers: tests/jobs
@pytest.mark.parametrize("point", JOBS)
def test_a_job_that_a_kill_cut_off_is_done_by_the_next_process(
    mortal: Mortal, referrer: httpx.Client, reviewer: httpx.Client, point: str
) -> None:
    case = drafted(referrer, reviewer)
    body = a_dicom()
    mortal.die_at(point)
    with suppress(httpx.TransportError):  # the job may be there before the answer
        if point == "published":
            sign(reviewer, case, key=point)
        else:
            send(referrer, case.referral_id, body, "late.dcm")
    mortal.wait_until_dead()
    mortal.start()
    if point == "published":
        report_id = ok(sign(reviewer, case, key=point))["report_id"]
        pdf = referrer.get(f"/reports/{report_id}", headers={"Accept": "application/pdf"})
        assert pdf.content.startswith(b"%PDF-")
    else:
        ok(send(referrer, case.referral_id, body, "late.dcm"), 201)
        when(lambda: all(_ready(referrer, one) for one in files(referrer, case.referral_id)))
    check_invariants(worker_runs=True)


def _ready(client: httpx.Client, file: dict[str, Any]) -> bool:
    return bool(ok(client.get(f"/instances/{file['instance_id']}"))["preview"] == "ready")


def test_uploads_go_on_through_kills_at_any_moment(mortal: Mortal, places: Places) -> None:
    _through_kills(mortal, places, kills=4, seed=3)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(5))
def test_uploads_go_on_through_many_kills(mortal: Mortal, places: Places, seed: int) -> None:
    _through_kills(mortal, places, kills=20, seed=seed)


def _through_kills(mortal: Mortal, places: Places, kills: int, seed: int) -> None:
    referrer, reviewer = clients(mortal.base_url, places)
    acknowledged: dict[str, str] = {}
    enough = threading.Event()
    with referrer, reviewer:
        senders = [
            threading.Thread(
                target=_send_on, args=(mortal, places, place(referrer), number, acknowledged, enough), daemon=True
            )  # a test that fails leaves none behind
            for number in range(4)
        ]
        for sender in senders:
            sender.start()
        random = Random(seed)
        for _ in range(kills):
            several = len(acknowledged) + random.randint(2, 9)
            when(lambda: len(acknowledged) >= several)  # noqa: B023 - asked at once
            time.sleep(random.uniform(0, 0.3))
            mortal.process.kill()
            mortal.process.wait()
            mortal.start()
        enough.set()
        for sender in senders:
            sender.join()
    check_invariants(acknowledged, worker_runs=True)


def _send_on(
    mortal: Mortal, places: Places, referral_id: str, number: int, acknowledged: dict[str, str], enough: threading.Event
) -> None:
    """As a patient client does: the next file only when the last one was answered for."""
    sent = 0
    while not enough.is_set():
        body, sent = a_dicom(size=96 + 32 * number), sent + 1
        file = _until_answered(mortal, places, referral_id, body, f"{number}-{sent}.dcm")
        acknowledged[file["id"]] = sha256(body)


def _until_answered(mortal: Mortal, places: Places, referral_id: str, body: bytes, name: str) -> dict[str, Any]:
    while True:
        try:
            with client_of(mortal.base_url, places.referrer) as client:
                answer = send(client, referral_id, body, name, key=f"{referral_id} {name}")
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.status_code == 201:
            return dict(answer.json())
        assert answer.status_code in (409, 503), answer.text
        time.sleep(0.1)
