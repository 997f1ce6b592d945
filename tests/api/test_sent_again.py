"""A file sent again under its key is answered as the first time, and one that is too large has its line."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from app.access.models import IdempotencyKey
from tests import people
from tests.people import Places
from tests.servers.app import Running, bound, serving
from tests.web import cases


class Sender:
    """A referral of its own, to which files are sent by JSON's door."""

    def __init__(self, server: Running, places: Places, **placed: Any) -> None:
        self.who = places.referrer
        self.url = f"{server.base_url}/api/v1/referrals/{cases.place(server, places, **placed).referral_id}"

    def send(self, body: bytes, key: str | None = None, name: str = "a.dcm") -> httpx.Response:
        headers = {**self.who.headers, "Content-Disposition": f'attachment; filename="{name}"'}
        return httpx.post(
            f"{self.url}/files", content=body, headers=headers | ({"Idempotency-Key": key} if key else {}), timeout=60
        )

    def files(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(self.url, headers=self.who.headers).json()["files"]
        return found


def kept(key: str) -> int:
    return people.count(IdempotencyKey, IdempotencyKey.key == key)


def zipped(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return out.getvalue()


def test_a_file_a_refused_one_and_an_archive_are_answered_again_as_the_first_time(
    server: Running, places: Places
) -> None:
    sender = Sender(server, places)
    for name, body, status in (
        ("stored", cases.jpeg(), 201), ("refused", b"nothing of use", 422),
        ("archive", zipped(one=cases.jpeg(), two=cases.pdf(), three=b"nothing"), 201),
        ("damaged", zipped(one=cases.jpeg())[:-30], 422),
    ):  # fmt: skip
        key = f"{name}-{places.clinic}"
        first, again = sender.send(body, key, name), sender.send(body, key, name)
        assert (first.status_code, again.status_code) == (status, status), again.text
        assert kept(key) == 1
        if status == 201:
            assert again.json() == first.json()
            assert again.headers["idempotency-replayed"] == "true"
        else:
            assert [each.json()["file_id"] for each in (first, again)] == [first.json()["file_id"]] * 2
            assert again.json()["detail"] == first.json()["detail"]
    assert len(sender.files()) == 1 + 1 + 4 + 1


def test_a_file_that_was_here_already_keeps_the_key_too(server: Running, places: Places) -> None:
    sender, body, key = Sender(server, places), cases.jpeg(), f"twin-{places.clinic}"
    first = sender.send(body)
    assert sender.send(body, key).json()["id"] == first.json()["id"]
    assert kept(key) == 1


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_a_file_that_is_too_large_is_quarantined_on_its_line_with_the_limit_named(environment: dict[str, str]) -> None:
    with serving(environment | {"SONOPOST_MAX_FILE_BYTES": str(1 << 20)}) as server, bound(environment):
        sender = Sender(server, people.places(), files=[{"name": "a.dcm", "size_bytes": 2 << 20}])
        answers = [sender.send(bytes(2 << 20), "large") for _ in range(2)]
        assert [each.status_code for each in answers] == [413, 413]
        (line,) = sender.files()
        assert (line["status"], line["size_bytes"]) == ("quarantined", 2 << 20)
        assert "larger than 1 MB" in line["reason"]
        assert [each.json()["file_id"] for each in answers] == [line["id"]] * 2
