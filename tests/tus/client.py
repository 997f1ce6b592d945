"""tus 1.0 request by request, as the protocol has them, for tests of each rule."""

import base64
import hashlib
from typing import Any

import httpx

from tests.people import Somebody
from tests.web import cases

OCTETS = "application/offset+octet-stream"
TUS = {"Tus-Resumable": "1.0.0"}


def metadata(given: dict[str, str]) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in given.items())


def checksum(body: bytes, algorithm: str = "sha256") -> dict[str, str]:
    digest = hashlib.new(algorithm, body).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


class Tus:
    """One sender at one server."""

    def __init__(self, base_url: str, who: Somebody) -> None:
        self.base_url = base_url
        self.http = httpx.Client(base_url=base_url, headers=who.headers | TUS, timeout=60)
        self.json = httpx.Client(base_url=f"{base_url}/api/v1", headers=who.headers, timeout=60)

    def __enter__(self) -> "Tus":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.json.close()

    def create(
        self, size: int | str, body: bytes | None = None, headers: dict[str, str] | None = None, **given: Any
    ) -> httpx.Response:
        named = {"Upload-Length": str(size)} | ({"Upload-Metadata": metadata(given)} if given else {})
        if body is not None:
            named["Content-Type"] = OCTETS
        return self.http.post("/uploads", content=body, headers=named | (headers or {}))

    def begun(self, size: int, **given: Any) -> str:
        answer = self.create(size, **given)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"])

    def patch(self, url: str, offset: int | str, body: Any, **headers: str) -> httpx.Response:
        given = {"Upload-Offset": str(offset), "Content-Type": OCTETS}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.patch(url, content=body, headers=given)

    def head(self, url: str) -> httpx.Response:
        return self.http.head(url)

    def offset(self, url: str) -> int:
        answer = self.head(url)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["upload-offset"])

    def place(self, **other: Any) -> str:
        return str(cases.ok(self.json.post("/referrals", json=cases.PLAIN | other), 201)["id"])

    def files(self, referral_id: str) -> list[dict[str, Any]]:
        return list(cases.ok(self.json.get(f"/referrals/{referral_id}"))["files"])

    def referral(self, referral_id: str) -> dict[str, Any]:
        return dict(cases.ok(self.json.get(f"/referrals/{referral_id}")))

    def original(self, file: dict[str, Any]) -> bytes:
        return self.json.get(f"/instances/{file['instance_id']}/original").content
