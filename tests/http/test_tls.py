"""The service on its own certificate, and behind a proxy that ends TLS: who is believed about the client."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.people.models import Role
from tests import people
from tests.servers.app import Running, bound, serving
from tests.servers.proxy import PROXY, certificate, forwarding

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
PASSWORD = "seven otters cross the ford"
NAME = "sonopost.example"
TRIES = 3
HERE, THERE, DIRECT = "127.0.0.5", "127.0.0.6", "127.0.0.7"


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path]:
    return certificate(tmp_path)


@contextmanager
def somebody_in(environment: dict[str, str]) -> Iterator[str]:
    with bound(environment):
        who = people.somebody(people.organization("Lodwar clinic"), Role.REFERRER)
        people.set_password(who, PASSWORD)
    yield who.email


@pytest.fixture
def email(environment: dict[str, str]) -> Iterator[str]:
    with somebody_in(environment) as email:
        yield email


@pytest.fixture
def behind(environment: dict[str, str], email: str) -> Iterator[Running]:
    """A service that believes the proxy's address and no other."""
    given = {
        "SONOPOST_PUBLIC_URL": f"https://{NAME}", "SONOPOST_TRUSTED_PROXIES": PROXY,
        "SONOPOST_SIGN_IN_TRIES": str(TRIES), "SONOPOST_REQUIRE_SECOND_FACTOR": "false",
    }  # fmt: skip
    with serving(environment | given, "--no-worker") as running:
        yield running


@pytest.fixture
def proxy(behind: Running, tls: tuple[Path, Path]) -> Iterator[str]:
    with forwarding(urlsplit(behind.base_url).port or 0, tls) as address:
        yield address


def browser(address: str, tls: tuple[Path, Path] | None, *, source: str = HERE, host: str = "") -> httpx.Client:
    """A client at an address of its own; a `host` of "" is the one that the address names."""
    verify = ssl.create_default_context(cafile=tls[0]) if tls else False
    transport = httpx.HTTPTransport(local_address=source, verify=verify)
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"} | ({"Host": host} if host else {})
    return httpx.Client(base_url=address, transport=transport, headers=headers, timeout=30)


def sign_in(client: httpx.Client, email: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/sign-in", data={"email": email, "password": password}, headers=given)


def statuses(client: httpx.Client, email: str, *forwarded: str) -> list[int]:
    """Of wrong passwords, one for each address that the client says it comes from."""
    return [sign_in(client, email, "not this one at all", X_Forwarded_For=each).status_code for each in forwarded]


def test_its_own_certificate_serves_https_and_marks_the_cookie(
    environment: dict[str, str], email: str, tls: tuple[Path, Path]
) -> None:
    options = ("--no-worker", "--tls-cert", str(tls[0]), "--tls-key", str(tls[1]))
    with serving(environment | {"SONOPOST_REQUIRE_SECOND_FACTOR": "false"}, *options) as running:
        assert running.base_url.startswith("https://")
        with browser(running.base_url, tls) as client:
            answer = sign_in(client, email)
            cookie = answer.headers["set-cookie"]
            assert answer.status_code == 303
            assert cookie.startswith("__Host-sonopost=")
            parts = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert {"secure", "httponly", "path=/", "samesite=lax"} <= parts
            assert not [part for part in parts if part.startswith("domain")]
            assert answer.headers["strict-transport-security"] == "max-age=63072000"
            assert client.get("/referrals/new").status_code == 200
        with browser(running.base_url.replace("https:", "http:"), tls) as client, pytest.raises(httpx.TransportError):
            client.get("/healthz")
        with httpx.Client() as strict, pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            strict.get(f"{running.base_url}/healthz")


def test_behind_a_proxy_the_cookie_is_secure_whatever_the_request_says_of_itself(
    behind: Running, proxy: str, email: str, tls: tuple[Path, Path]
) -> None:
    with browser(proxy, tls, host=NAME) as client:
        answer = sign_in(client, email)
        assert (answer.status_code, answer.headers["set-cookie"].startswith("__Host-sonopost=")) == (303, True)
        assert "strict-transport-security" in answer.headers
    with browser(behind.base_url, None, source=DIRECT) as client:
        answer = sign_in(client, email, X_Forwarded_Proto="http")
        assert answer.headers["set-cookie"].startswith("__Host-sonopost=")


def test_a_forged_form_is_refused_behind_the_proxy_too(proxy: str, email: str, tls: tuple[Path, Path]) -> None:
    with browser(proxy, tls, host=NAME) as client:
        assert sign_in(client, email, Sec_Fetch_Site="cross-site").status_code == 403
        del client.headers["sec-fetch-site"]
        for origin, status in ((f"https://{NAME}", 303), (f"http://{NAME}", 403), ("https://evil.example", 403)):
            assert sign_in(client, email, Origin=origin).status_code == status


def test_another_host_is_refused_whatever_is_forwarded(behind: Running, proxy: str, tls: tuple[Path, Path]) -> None:
    for address, trust in ((proxy, tls), (behind.base_url, None)):
        with browser(address, trust, host="evil.example") as client:
            assert client.get("/sign-in", headers={"X-Forwarded-Host": NAME}).status_code == 421
        with browser(address, trust, host=NAME) as client:
            assert client.get("/sign-in", headers={"X-Forwarded-Host": "evil.example"}).status_code == 200


def test_tries_are_counted_by_the_address_that_the_proxy_saw(proxy: str, email: str, tls: tuple[Path, Path]) -> None:
    """What a client writes into X-Forwarded-For before the proxy does is not believed."""
    spoofed = [f"198.51.100.{number}" for number in range(TRIES + 1)]
    with browser(proxy, tls, host=NAME) as client:
        assert statuses(client, email, *spoofed) == [422] * TRIES + [429]
    with browser(proxy, tls, source=THERE, host=NAME) as client:
        assert sign_in(client, email).status_code == 303


def test_nobody_but_the_proxy_is_believed(behind: Running, proxy: str, email: str, tls: tuple[Path, Path]) -> None:
    """Whoever reaches the port directly cannot pretend to be many, nor lock out somebody behind the proxy."""
    with browser(behind.base_url, None, source=DIRECT) as client:
        assert statuses(client, email, *[HERE] * (TRIES + 1)) == [422] * TRIES + [429]
        assert statuses(client, email, "198.51.100.1") == [429]
    with browser(proxy, tls, host=NAME) as client:
        assert sign_in(client, email).status_code == 303
