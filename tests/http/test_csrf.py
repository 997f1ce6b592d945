"""Another site cannot make a signed-in browser act."""

import httpx
import pytest
from starlette.datastructures import Headers

from app import config
from app.http.csrf import is_forged
from tests.access.accounts import account
from tests.http.conftest import Door, token_rows
from tests.http.test_actor import cookie

OURS, OTHER = "https://post.example.org", "https://evil.example"
SENT_BY_A_BROWSER = [
    # Sec-Fetch-Site, Origin, forged?
    ("same-origin", OURS, False),
    ("none", None, False),
    ("same-origin", None, False),
    ("same-site", OURS.replace("post", "shop"), True),
    ("cross-site", OTHER, True),
    ("cross-site", OURS, True),
    ("cross-site", "null", True),
    (None, OURS, False),
    (None, "https://post.example.org:8443", True),
    (None, "http://post.example.org.evil.example", True),
    (None, "http://post.example.org", True),
    (None, OTHER, True),
    (None, "null", True),
    (None, "http://[", True),
    (None, "", True),
    (None, None, True),
]


@pytest.fixture
def _public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_current", None)
    config.load(public_url=OURS)


@pytest.mark.usefixtures("_public")
@pytest.mark.parametrize(("site", "origin", "forged"), SENT_BY_A_BROWSER)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "BREW"])
def test_what_changes_something_comes_from_our_own_pages(
    method: str, site: str | None, origin: str | None, forged: bool
) -> None:
    given = {"host": "post.example.org", "cookie": "__Host-sonopost=x"}
    given |= {name: value for name, value in (("sec-fetch-site", site), ("origin", origin)) if value is not None}
    assert is_forged(method, Headers(given)) is forged


@pytest.mark.usefixtures("_public")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_is_allowed_from_anywhere(method: str) -> None:
    assert not is_forged(method, Headers({"cookie": "a=b", "origin": OTHER, "sec-fetch-site": "cross-site"}))


@pytest.mark.usefixtures("_public")
def test_a_token_is_never_sent_by_a_browser_on_its_own() -> None:
    assert not is_forged("POST", Headers({"authorization": "Bearer spt_x", "origin": OTHER, "cookie": "a=b"}))
    assert is_forged("POST", Headers({"authorization": "Basic eA==", "origin": OTHER}))


@pytest.mark.usefixtures("_public")
def test_a_program_without_cookie_is_no_browser() -> None:
    assert not is_forged("POST", Headers({"host": "post.example.org"}))


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": OTHER}, {"Origin": "null"}, {}, {"Sec-Fetch-Site": "same-site"}],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_a_forged_request_with_a_good_cookie_does_nothing(
    door: Door, headers: dict[str, str], content_type: str
) -> None:
    with door.client(cookies=cookie(account())) as client:
        body = b'{"name": "stolen", "scopes": ["write"], "password": "a wet red fox under ferns"}'
        answer = client.post("/api/v1/tokens", content=body, headers={"Content-Type": content_type, **headers})
        assert answer.status_code == 403
    assert token_rows() == 0


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_a_token_does_not_lend_its_exemption_to_a_cookie(door: Door) -> None:
    with door.client(cookies=cookie(account())) as client:
        answer = client.post("/test/organizations", headers={"Authorization": "Bearer spt_nonsense", "Origin": OTHER})
        assert answer.status_code == 401
        assert client.post("/test/organizations", headers={"Origin": door.url}).status_code == 201


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_no_door_lets_other_sites_read_by_script(door: Door) -> None:
    for method in ("GET", "OPTIONS"):
        answer = httpx.request(
            method, f"{door.url}/healthz", headers={"Origin": OTHER, "Access-Control-Request-Method": "GET"}
        )
        assert not [name for name in answer.headers if name.startswith("access-control-")]
