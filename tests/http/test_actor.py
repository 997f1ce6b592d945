"""Who a request acts as: cookie, token, scopes, and what a missing second factor leaves open."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import time_machine

from app.access import tokens
from app.access.actor import OPERATOR
from app.access.administer import disable
from app.access.login import Entered
from app.access.models import SignIn
from app.config import Settings, load
from app.db import now, reading, transaction
from app.http.actor import PLAIN, SECURE, give_cookie, take_cookie
from app.people.models import Person
from tests.access.accounts import PASSWORD, Account, account
from tests.http.conftest import Door

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def bearer(who: Account, *scopes: str, days: int = 1) -> dict[str, str]:
    with transaction(who.actor) as session:
        _row, secret = tokens.make(session, who.actor, "test", scopes, days=days)
    return {"Authorization": f"Bearer {secret}"}


def proven(who: Account) -> Entered:
    """A sign-in that has its second factor."""
    entered = who.enter()
    with transaction(who.actor) as session:
        session.get_one(SignIn, entered.sign_in.id).second_factor_at = now()
    return entered


def cookie(who: Account) -> dict[str, str]:
    return {PLAIN: proven(who).secret}


def as_header(cookies: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


@pytest.fixture
def me(door: Door) -> Iterator[httpx.Client]:
    with door.client() as client:
        yield client


def test_a_stranger_is_asked_to_sign_in(me: httpx.Client) -> None:
    answer = me.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_cookie_and_token_act_as_their_person(me: httpx.Client) -> None:
    amina = account()
    by_cookie = me.get("/api/v1/me", headers=as_header(cookie(amina))).json()
    by_token = me.get("/api/v1/me", headers=bearer(amina, "read")).json()
    assert by_cookie["person_id"] == by_token["person_id"] == str(amina.id)
    assert by_token["memberships"] == [
        {"organization_id": str(amina.organization_id), "organization": "Lodwar clinic", "role": "referrer"}
    ]
    assert (by_cookie["scopes"], by_token["scopes"]) == ([], ["read"])


@pytest.mark.parametrize("header", ["Bearer", "Bearer spt_", "bearer x", "Basic eDp5", "Bearer \xe9"])
def test_what_is_no_good_token_is_401(me: httpx.Client, header: str) -> None:
    assert me.get("/api/v1/me", headers={b"Authorization": header.encode("latin-1")}).status_code == 401


def test_a_bad_token_is_not_made_good_by_a_cookie(me: httpx.Client) -> None:
    me.cookies.update(cookie(account()))
    assert me.get("/api/v1/me").status_code == 200
    assert me.get("/api/v1/me", headers={"Authorization": "Bearer spt_nonsense"}).status_code == 401


def test_a_reading_token_changes_nothing_and_a_writing_one_reads_too(me: httpx.Client) -> None:
    amina = account()
    read, write = bearer(amina, "read"), bearer(amina, "write")
    assert me.get("/api/v1/tokens", headers=read).status_code == 200
    assert me.head("/healthz", headers=read).status_code in (200, 405)
    refused = me.post("/test/organizations", headers=read)
    assert (refused.status_code, refused.json()["scope"]) == (403, "write")
    assert me.post("/test/organizations", headers=write).status_code == 201
    assert me.get("/api/v1/tokens", headers=write).status_code == 200


def test_tokens_and_cookies_of_a_disabled_person_are_dead_at_the_next_request(me: httpx.Client) -> None:
    amina = account()
    ways = [bearer(amina, "read"), as_header(cookie(amina))]
    assert [me.get("/api/v1/me", headers=way).status_code for way in ways] == [200, 200]
    with transaction(OPERATOR) as session:
        disable(session, OPERATOR, amina.id)
    assert [me.get("/api/v1/me", headers=way).status_code for way in ways] == [401, 401]


def test_an_expired_token_is_401(me: httpx.Client) -> None:
    headers = bearer(account(), "read", days=1)
    with time_machine.travel(now() + timedelta(days=1, seconds=1)):
        assert me.get("/api/v1/me", headers=headers).status_code == 401


def test_without_second_factor_nothing_is_open_but_setting_it_up(me: httpx.Client) -> None:
    me.cookies.set(PLAIN, account().enter().secret)
    for path in ("/api/v1/me", "/api/v1/tokens", "/api/v1/worklist"):
        answer = me.get(path)
        assert (answer.status_code, answer.json()["needs_second_factor"]) == (403, True)


def test_a_token_is_made_by_somebody_present_and_shown_once(me: httpx.Client, door: Door) -> None:
    me.cookies.update(cookie(account()))
    headers = {"Origin": door.url, "Idempotency-Key": "once"}
    given = {"name": "room 2", "scopes": ["read"], "password": PASSWORD}
    wrong = me.post("/api/v1/tokens", json={**given, "password": "wrong"}, headers=headers)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "password")
    made = me.post("/api/v1/tokens", json=given, headers=headers)
    assert made.status_code == 201
    secret = made.json()["token"]
    assert secret.startswith("spt_")
    again = me.post("/api/v1/tokens", json=given, headers=headers)
    assert (again.status_code, again.json()["id"], again.json()["token"]) == (201, made.json()["id"], None)
    listed = me.get("/api/v1/tokens")
    assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]
    assert secret not in listed.text
    assert httpx.get(f"{door.url}/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert me.delete(f"/api/v1/tokens/{made.json()['id']}", headers=headers).status_code == 204
    assert httpx.get(f"{door.url}/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_a_stolen_token_can_neither_make_another_nor_guess_the_password(me: httpx.Client) -> None:
    stolen = bearer(account(), "read", "write")
    for password in (PASSWORD, "wrong"):
        given = {"name": "mine", "scopes": ["write"], "password": password}
        answer = me.post("/api/v1/tokens", json=given, headers=stolen)
        assert answer.status_code == 403
        assert "token cannot" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/second-factor/begin", "/second-factor", "/sign-out"])
def test_a_stolen_token_changes_nothing_of_how_one_gets_in(me: httpx.Client, path: str) -> None:
    amina = account()
    entered = amina.enter()
    answer = me.post(path, headers=bearer(amina, "read", "write"), data={"code": "123456"})
    assert answer.status_code in {303, 403}
    with reading(OPERATOR) as session:
        assert session.get_one(Person, amina.id).totp_secret is None
        assert session.get(SignIn, entered.sign_in.id) is not None


def test_guessing_the_password_is_told_to_wait(me: httpx.Client, door: Door) -> None:
    me.cookies.update(cookie(account()))
    given = {"name": "room 2", "scopes": ["read"], "password": "wrong"}
    answers = [
        me.post("/api/v1/tokens", json=given, headers={"Origin": door.url})
        for _ in range(door.settings.sign_in_tries + 1)
    ]
    assert {answer.status_code for answer in answers[:-1]} == {422}
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900


def test_using_a_token_is_noted_but_not_at_every_request(me: httpx.Client) -> None:
    headers = bearer(account(), "read")
    assert me.get("/api/v1/tokens", headers=headers).json()["items"][0]["used_at"] is not None
    first = me.get("/api/v1/tokens", headers=headers).json()["items"][0]["used_at"]
    assert me.get("/api/v1/tokens", headers=headers).json()["items"][0]["used_at"] == first


def test_a_strangers_body_is_not_read_by_a_streaming_door(door: Door) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 300 << 20:
            sent += 65536
            yield bytes(65536)

    try:
        answer = httpx.post(f"{door.url}/api/v1/referrals/{'0' * 32}/files", content=endless(), timeout=20)
        assert answer.status_code == 401
    except httpx.WriteError:
        pass  # refused and closed while we were still sending
    assert sent < 16 << 20  # what fits into the buffers between us


def test_the_cookie_cannot_be_read_by_script_nor_sent_by_other_sites(db: Settings) -> None:
    from starlette.responses import Response

    cookies = {}
    for url in ("http://127.0.0.1:8080", "https://post.example.org"):
        load(**{**db.model_dump(), "public_url": url})
        given, taken = Response(), Response()
        give_cookie(given, "secret")
        take_cookie(taken)
        cookies[url[:5]] = given.headers["set-cookie"], taken.headers["set-cookie"]
    for given_cookie, taken_cookie in cookies.values():
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(given_cookie.split("; "))
        assert "Domain" not in given_cookie
        assert "Max-Age=0" in taken_cookie
    assert cookies["https"][0].startswith(f"{SECURE}=secret;")
    assert cookies["https"][0].endswith("Secure")
    assert cookies["http:"][0].startswith(f"{PLAIN}=secret;")
