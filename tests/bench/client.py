"""One client of the service: a connection that stays open, and a token."""

import http.client
import json
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tests.bench.files import PATIENT


class Client:
    """Sends one request after the other and keeps how long the last one took."""

    def __init__(self, base_url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=600)
        self._headers = {"Authorization": f"Bearer {token}"}
        self.took_ms = 0.0

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def get(self, path: str) -> bytes:
        return self._ask("GET", path, None, {})

    def place(self) -> str:
        """A referral for the files of `files.py`; its id."""
        given = {"patient": PATIENT, "exam_type": "ob-third-trimester", "question": "Is the placenta low?",
                 "callback": {"name": "Naomi Ekai", "phone": "+254700000001"}}  # fmt: skip
        body = json.dumps(given).encode()
        answer: dict[str, Any] = json.loads(
            self._ask("POST", "/api/v1/referrals", body, {"Content-Type": "application/json"})
        )
        return str(answer["id"])

    def send(self, referral_id: str, body: bytes | Iterable[bytes], size_bytes: int) -> None:
        """One file, whose verified state must be `stored`."""
        headers = {"Content-Type": "application/dicom", "Content-Length": str(size_bytes),
                   "Content-Disposition": 'attachment; filename="IMG0001.dcm"'}  # fmt: skip
        answer = json.loads(self._ask("POST", f"/api/v1/referrals/{referral_id}/files", body, headers))
        if answer["status"] != "stored":
            raise RuntimeError(f"the file is {answer['status']}: {answer.get('reason')}")

    def _ask(self, method: str, path: str, body: bytes | Iterable[bytes] | None, headers: dict[str, str]) -> bytes:
        began = time.perf_counter()
        self._connection.request(method, path, body, self._headers | headers)
        answer = self._connection.getresponse()
        data = answer.read()
        self.took_ms = (time.perf_counter() - began) * 1000
        if answer.status not in (http.client.OK, http.client.CREATED):
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500]!r}")
        return data
