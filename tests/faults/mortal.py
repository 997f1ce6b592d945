"""A service that a test kills and starts again on the same port, and what its clients do meanwhile."""

import hashlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.people import Places, Somebody
from tests.servers import app as service
from tests.servers.app import READY, Running, wait_for_line
from tests.servers.process import free_ports, start
from tests.studies.sent import a_dicom

PASSWORD = "correct horse battery staple"
REFERRAL = {
    "patient": {"family_name": "Otieno", "given_name": "Jane", "birth_date": "1990", "sex": "female"},
    "exam_type": "abdomen",
    "question": "Gallstones?",
    "priority": "asap",
}
TEXT = {"findings": "Several stones with shadows.", "impression": "Gallstones.", "recommendation": "Surgeon."}


@dataclass
class Mortal:
    """`serve` with the faults of faulty.py planted in it."""

    environment: dict[str, str]
    port: int = field(default_factory=lambda: free_ports(1)[0])
    options: tuple[str, ...] = ()
    running: Running | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def folder(self) -> Path:
        return Path(self.environment["SONOPOST_DATA_DIR"])

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self.running
        return self.running.process

    def start(self) -> None:
        log = self.folder / f"serve-{uuid.uuid4().hex[:8]}.log"
        command = [sys.executable, "-m", "tests.faults.faulty", "serve", "--port", str(self.port), *self.options]
        process = start(command, log, signal.SIGKILL, env=service.clean(self.environment), cwd=self.folder)
        self.running = Running(process, log, self.environment, self.base_url)
        wait_for_line(self.running, READY, timeout_s=90)

    def die_at(self, point: str) -> None:
        (self.folder / "die-at").write_text(point)

    def wait_until_dead(self, timeout_s: float = 60) -> None:
        assert self.process.wait(timeout_s) == -signal.SIGKILL

    def end(self) -> None:
        if self.running:
            self.running.end()


@contextmanager
def mortal(environment: dict[str, str], *options: str) -> Iterator[Mortal]:
    """A service that is ready, to be killed; ended at the end."""
    quick = {"SONOPOST_DECODE_CHILDREN": "1", "SONOPOST_ADOPT_EVERY_S": "1", "SONOPOST_SETTLE_QUIET_S": "0"}
    one = Mortal(quick | environment, options=options)
    try:
        one.start()
        yield one
    finally:
        one.end()


def client_of(base_url: str, who: Somebody) -> httpx.Client:
    return httpx.Client(base_url=f"{base_url}/api/v1", headers=who.headers, timeout=60)


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def place(client: httpx.Client, **changed: object) -> str:
    return str(ok(client.post("/referrals", json={**REFERRAL, **changed}), 201)["id"])


def send(
    client: httpx.Client, referral_id: str, body: bytes, name: str = "a.dcm", key: str | None = None
) -> httpx.Response:
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Type": "application/octet-stream",
    }
    if key:
        headers["Idempotency-Key"] = key
    return client.post(f"/referrals/{referral_id}/files", content=body, headers=headers)


def files(client: httpx.Client, referral_id: str) -> list[dict[str, Any]]:
    return list(ok(client.get(f"/referrals/{referral_id}"))["files"])


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def when(condition: Any, timeout_s: float = 40) -> Any:
    """What the condition gives, once it gives something."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return found


@dataclass(frozen=True)
class Drafted:
    """A case that is read and written, and not signed yet."""

    referral_id: str
    review_id: str
    etag: str
    images_sha256: str


def drafted(referrer: httpx.Client, reviewer: httpx.Client) -> Drafted:
    referral_id = place(referrer)
    ok(send(referrer, referral_id, a_dicom()), 201)
    review_id = ok(referrer.post(f"/referrals/{referral_id}/submit"))["review"]["id"]
    ok(reviewer.post(f"/reviews/{review_id}/claim"))
    draft = reviewer.put(f"/reviews/{review_id}/report", json=TEXT)
    return Drafted(referral_id, review_id, draft.headers["etag"], ok(draft)["images_sha256"])


def sign(reviewer: httpx.Client, case: Drafted, key: str) -> httpx.Response:
    proof = {"password": PASSWORD, "images_sha256": case.images_sha256}
    headers = {"If-Match": case.etag, "Idempotency-Key": key}
    return reviewer.post(f"/reviews/{case.review_id}/sign", json=proof, headers=headers)


def clients(base_url: str, places: Places) -> tuple[httpx.Client, httpx.Client]:
    return client_of(base_url, places.referrer), client_of(base_url, places.reviewer)
