"""What holds for every request: bodies are capped, nothing arrives compressed, every answer is hardened."""

import gzip
import zlib
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.config import load
from app.http.headers import ALWAYS
from app.http.limits import STREAMED, Limits
from tests.access.accounts import account
from tests.http.conftest import Door, listening
from tests.http.test_actor import bearer

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
OPEN_TO_ALL = {"/api/v1/openapi.json", "/api/v1/exam-types"}


def parts(size_bytes: int) -> Iterator[bytes]:
    for _ in range(size_bytes // 65536):
        yield bytes(65536)


def routes(door: Door) -> list[tuple[str, str]]:
    """Every method and path there is, with ids that are nobody's."""
    found = []
    for route in iter_route_contexts(door.app.routes):
        for method in sorted(getattr(route, "methods", None) or ["GET"]):
            path = "/".join(str(uuid4()) if part.startswith("{") else part for part in (route.path or "").split("/"))
            found.append((method, path))
    return found


@pytest.mark.parametrize("path", ["/api/v1/tokens", "/api/v1/referrals", "/nowhere", "/test/given"])
def test_a_body_beyond_the_limit_is_refused_whether_its_length_is_declared_or_not(door: Door, path: str) -> None:
    too_much = door.settings.max_body_bytes + 65536
    for content in (bytes(too_much), parts(too_much)):
        try:
            answer = httpx.post(f"{door.url}{path}", content=content, headers={"Content-Type": "application/json"})
        except (httpx.WriteError, httpx.ReadError):
            continue  # closed on us while we were sending
        assert answer.status_code == 413 or (path == "/nowhere" and answer.status_code == 404)
        if answer.status_code == 413:
            assert "1,048,576 bytes" in answer.json()["detail"]


def test_a_body_up_to_the_limit_is_taken(door: Door) -> None:
    body = b'{"patient": {"sex": "male", "weeks": 12}}'
    body += b" " * (door.settings.max_body_bytes - len(body))
    for content in (body, iter([body[:1000], body[1000:]])):
        answer = httpx.post(f"{door.url}/test/given", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (200, "male")


def test_a_declared_length_that_lies_is_counted(door: Door) -> None:
    raw = (
        b"POST /test/given HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n"
    )
    for lie in (b"99999999999999999999", b"-1", b"1e9", b"0x10"):
        answer = exchange(door, raw % lie)
        assert answer.split(b" ", 2)[1] in {b"413", b"400"}


def test_streaming_doors_have_a_limit_of_their_own(db: object) -> None:
    limits = Limits(lambda *_: None)  # type: ignore[arg-type]  # never called
    scopes = {
        ("POST", "/api/v1/referrals/0190/files"): True, ("POST", "/referrals/0190/files"): True, ("PATCH", "/uploads/0190"): True,
        ("POST", "/dicom-web/studies"): True, ("POST", "/api/v1/referrals"): False, ("PUT", "/api/v1/referrals/0190/files"): False,
        ("POST", "/api/v1/referrals/0190/files/1/withdraw"): False, ("POST", "/x/api/v1/referrals/0190/files"): False,
        ("POST", "/api/v1/referrals/a/b/files"): False, ("POST", "/reviews/0190/say"): True,
        ("POST", "/api/v1/reviews/0190/messages/0191/files"): True, ("POST", "/api/v1/reviews/0190/say"): False,
    }  # fmt: skip
    assert {key: limits._is_streamed({"method": key[0], "path": key[1]}) for key in scopes} == scopes
    assert len(STREAMED) == len(set(STREAMED))


def test_a_streamed_body_is_taken_beyond_the_limit_of_the_others(door: Door) -> None:
    answer = httpx.post(
        f"{door.url}/api/v1/referrals/{uuid4()}/files", content=parts(3 << 20), headers=bearer(account(), "write")
    )
    assert answer.status_code == 404  # there is no such referral, but it was not the size


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "identity, gzip", "unheard-of"])
def test_a_compressed_body_is_refused(door: Door, coding: str) -> None:
    bomb = gzip.compress(bytes(20 << 20)) if "gzip" in coding.lower() else zlib.compress(bytes(20 << 20))
    for path in ("/test/given", f"/api/v1/referrals/{uuid4()}/files"):
        answer = httpx.post(f"{door.url}{path}", content=bomb, headers={"Content-Encoding": coding})
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


def test_every_route_answers_with_the_whole_set_of_headers(door: Door) -> None:
    seen = set()
    with door.client() as client:
        for method, path in [*routes(door), ("GET", "/nowhere"), ("POST", "/nowhere"), ("TRACE", "/healthz")]:
            if path in {"/test/broken-in-the-middle", "/test/slow"}:
                continue
            answer = client.request(method, path, headers={"Sec-Fetch-Site": "same-origin"})
            missing = [name for name in [*ALWAYS, "Cache-Control", "X-Request-Id"] if name not in answer.headers]
            assert missing == [], (method, path, answer.status_code)
            assert answer.status_code < 500 or path.startswith("/test/"), (method, path, answer.text)
            assert "server" not in answer.headers or "sonopost" not in answer.headers["server"]
            seen.add(answer.headers["X-Request-Id"])
    assert len(seen) > 40  # each has an id of its own, and there were many


def test_nothing_under_the_api_answers_a_stranger(door: Door) -> None:
    answered = []
    with door.client() as client:
        for method, path in routes(door):
            if path.startswith("/api/v1") and path not in OPEN_TO_ALL:
                answer = client.request(method, path, headers={"Content-Type": "application/json"})
                if answer.status_code != 401:
                    answered.append((method, path, answer.status_code))
    assert answered == []


def test_refusals_before_any_door_are_hardened_too(door: Door) -> None:
    for headers in ({"Content-Encoding": "gzip"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
        answer = httpx.post(f"{door.url}/test/given", headers=headers)
        assert answer.status_code in {403, 415, 421}
        assert answer.headers["content-security-policy"]
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_policy_runs_no_script_but_our_own(door: Door) -> None:
    policy = httpx.get(f"{door.url}/healthz").headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["object-src"] == directives["base-uri"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_door_may_say_otherwise_for_its_own_answer(door: Door) -> None:
    answer = httpx.get(f"{door.url}/test/kept")
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert httpx.get(f"{door.url}/healthz").headers["cache-control"] == "no-store"


def test_only_https_promises_https(door: Door) -> None:
    assert "strict-transport-security" not in httpx.get(f"{door.url}/healthz").headers
    settings = load(**{**door.settings.model_dump(), "public_url": "https://127.0.0.1"})
    with listening(settings) as secure:
        assert "max-age=" in httpx.get(f"{secure.url}/healthz").headers["strict-transport-security"]


def test_an_id_sent_along_is_not_taken_over(door: Door) -> None:
    answer = httpx.get(f"{door.url}/healthz", headers={"X-Request-Id": "forged\tline"})
    assert len(answer.headers["x-request-id"]) == 32


def exchange(door: Door, request: bytes) -> bytes:
    import socket

    host, port = door.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65536)
