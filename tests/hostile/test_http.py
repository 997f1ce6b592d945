"""Requests that proxies and servers read differently, over raw sockets: one answer each, never a second request's."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web import cases

pytestmark = [pytest.mark.hostile, pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)]
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
SMUGGLED = b"GET /healthz?smuggled HTTP/1.1\r\nHost: %s\r\n\r\n"
POST = b"POST /api/v1/referrals HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def _the_service_is_alive_after(server: Running) -> Iterator[None]:
    yield
    assert httpx.get(f"{server.base_url}/healthz").status_code == 200


def address(server: Running) -> tuple[str, int]:
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    return host, int(port)


def exchange(server: Running, request: bytes) -> bytes:
    """All that comes back until the server closes, or until it is silent."""
    answer = b""
    with socket.create_connection(address(server), timeout=5) as connection:
        connection.settimeout(1.5)
        try:
            connection.sendall(request)
            while data := connection.recv(65536):
                answer += data
        except OSError:  # it closed on us while we were sending, or waits for more
            pass
    return answer


def host(server: Running) -> bytes:
    return "{}:{}".format(*address(server)).encode()


def statuses(answer: bytes) -> list[int]:
    return [int(found) for found in STATUS.findall(answer)]


def test_a_head_behind_an_answer_that_is_on_its_way_has_the_same_limit(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.referrer) as client:
        sent = cases.ok(client.post(f"/referrals/{placed.referral_id}/files", content=a_dicom(size=4000)), 201)
        path = f"/api/v1/instances/{sent['instance_id']}/original"
    with socket.create_connection(address(server), timeout=5) as connection:
        ask = b"GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n"
        connection.sendall(ask % (path.encode(), host(server), places.referrer.token.encode()))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")  # and the rest of 16 MB waits
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * (64 << 20))


def test_a_field_after_the_body_signs_nobody_in(server: Running, places: Places) -> None:
    token = places.referrer.token.encode()
    body = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer %s\r\n\r\n" % token
    assert statuses(exchange(server, POST % host(server) + body)) == [401]


def test_fields_after_the_body_have_the_limit_of_a_head(server: Running) -> None:
    request = b"POST /sign-in HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n" % host(
        server
    )
    with socket.create_connection(address(server), timeout=5) as connection:
        connection.sendall(request + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(b"a:b\r\n" * (8 << 20))


@pytest.mark.parametrize("second", [b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"GET \0 nonsense\r\n\r\n"])
def test_what_is_wrong_with_a_second_request_is_not_the_answer_to_the_first(server: Running, second: bytes) -> None:
    first = b"GET /readyz HTTP/1.1\r\nHost: %s\r\n\r\n" % host(server)
    assert statuses(exchange(server, first + second))[:1] in ([], [200])


# Name → (request, statuses that are right); at most one answer each, unless two requests were rightly sent.
# %(host)s is the service's own.
AMBIGUOUS = {
    "CL and TE": (POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, {400}),
    "TE and CL": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED, {400}),
    "two lengths": (POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED, {400}),
    "two lengths in one": (POST + b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED, {400}),
    "length with a sign": (POST + b"Content-Length: +4\r\n\r\nabcd", {400}),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED, {400}),
    "length in hex": (POST + b"Content-Length: 0x4\r\n\r\nabcd", {400}),
    "endless length": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", {400, 413}),
    "TE of another kind": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400, 401, 501}),
    "TE twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED, {400}),
    "TE with a space before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", {400}),
    "TE after a tab": (POST + b"Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + SMUGGLED, {400}),
    "chunk size that is none": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", {400}),
    "chunk size of 64 bits and more": (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n", {400}),
    "chunk size with a sign": (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nab\r\n0\r\n\r\n", {400}),
    "header folded": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX: y\r\n z: q\r\n\r\n", {200, 400}),
    "header without colon": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nnonsense\r\n\r\n", {400}),
    "NUL in a header": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX: a\0b\r\n\r\n", {400}),
    "NUL in a header's name": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX\0: b\r\n\r\n", {400}),
    "CR in a header": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX: a\rY: b\r\n\r\n", {400}),
    "NUL in the path": (b"GET /healthz\0 HTTP/1.1\r\nHost: %s\r\n\r\n", {400, 404}),
    "no host": (b"GET /login HTTP/1.1\r\n\r\n", {400, 421}),
    "two hosts": (b"GET /login HTTP/1.1\r\nHost: %s\r\nHost: evil.example\r\n\r\n", {400, 421}),
    "host with a path": (b"GET /login HTTP/1.1\r\nHost: %s/evil\r\n\r\n", {400, 421}),
    "host with another's name before it": (b"GET /login HTTP/1.1\r\nHost: evil.example@%s\r\n\r\n", {400, 421}),
    "another host": (b"GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n", {421}),
    "absolute address of another host": (b"GET http://evil.example/login HTTP/1.1\r\nHost: evil.example\r\n\r\n", {400, 404, 421}),
    "method in lower case": (b"get /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", {400, 405}),
    "method that is none": (b"GE\xffT /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", {400}),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\nHost: %s\r\nX-Secret: 7\r\n\r\n", {405}),
    "CONNECT": (b"CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: %s\r\n\r\n", {400, 404, 405}),
    "another method by header": (b"GET /api/v1/tokens HTTP/1.1\r\nHost: %s\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", {401}),
    "version 2 in clear": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "version 9": (b"GET /healthz HTTP/9.9\r\nHost: %s\r\n\r\n", {400, 505}),
    "TLS in clear": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200), {400}),
    "noise": (bytes(range(256)) * 10, {400}),
    "header of a megabyte": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n", {400, 431}),
    "20,000 headers": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", {400, 431}),
    "address of 100 kB": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: %s\r\n\r\n", {400, 404, 414, 431}),
    "10,000 ranges": (b"GET /static/app.css HTTP/1.1\r\nHost: %s\r\nRange: bytes=" + b"0-1," * 9_999 + b"0-1\r\n\r\n",
                      {200, 206, 400, 404, 416, 431}),
    "path upwards": (b"GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: %s\r\n\r\n", {400, 404}),
    "path upwards, escaped": (b"GET /static/%%2e%%2e/%%2e%%2e/etc/passwd HTTP/1.1\r\nHost: %s\r\n\r\n", {400, 404}),
}  # fmt: skip


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_request_is_refused_and_lets_nothing_through(server: Running, name: str) -> None:
    request, right = AMBIGUOUS[name]
    answer = exchange(server, request.replace(b"%s", host(server)).replace(b"%%", b"%"))
    found = statuses(answer)
    assert set(found) <= right, answer[:500]
    assert len(found) <= 1, answer[:2000]
    assert b"smuggled" not in answer
    assert b"X-Secret" not in answer


def test_length_that_is_short_leaves_no_request_for_another(server: Running) -> None:
    """What is beyond the declared length is a request of its own, and this one is no request."""
    body = b'{"a": 1}'
    head = POST.replace(b"%s", host(server)) + b"Content-Length: 4\r\n\r\n"
    assert [status for status in statuses(exchange(server, head + body)) if status not in (400, 401)] == []


def test_length_that_is_long_waits_and_is_given_up(server: Running) -> None:
    head = POST.replace(b"%s", host(server)) + b"Content-Length: 12\r\n\r\n"
    assert statuses(exchange(server, head + b'{"a": 1}')) in ([], [401])


def test_chunk_extensions_and_trailers_say_nothing(server: Running, places: Places) -> None:
    body = b"4;x=y\r\n{   \r\n1\r\n}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    token = places.referrer.headers["Authorization"].encode()
    head = POST.replace(b"%s", host(server)) + b"Authorization: " + token + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert statuses(exchange(server, head + body)) in ([422], [400])


def test_requests_in_a_row_are_answered_in_their_order(server: Running) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n".replace(b"%s", host(server))
    two = b"GET /nowhere HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n".replace(b"%s", host(server))
    assert statuses(exchange(server, one + two)) == [200, 404]
