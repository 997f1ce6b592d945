"""A device's token sends for its person and is told nothing; what it discards is told, and noted, by those whom it concerns."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.access.models import ApiToken
from app.audit.events import AuditEvent
from app.config import settings
from app.db import now, reading, transaction
from app.http.actor import PLAIN
from app.people.models import Role
from tests import people
from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.tus.client import TUS
from tests.web import cases
from tests.web.conftest import cookie_of

FORM = {
    "family_name": "Otieno", "given_name": "Jane", "birth_year": "1990", "birth_month": "04", "birth_day": "03",
    "exam_type": "abdomen", "question": "Gallstones?", "act": "send",
}  # fmt: skip


@pytest.fixture
def browser(server: Running, places: Places) -> Iterator[httpx.Client]:
    with signed_in(server, places.referrer) as client:
        yield client


def signed_in(server: Running, who: Somebody) -> httpx.Client:
    headers = {"Sec-Fetch-Site": "same-origin"}
    return httpx.Client(base_url=server.base_url, cookies={PLAIN: cookie_of(who)}, headers=headers, timeout=60)


def device(server: Running, browser: httpx.Client, replaces: str | None = None) -> tuple[httpx.Client, Any]:
    """What a browser sends with once its person has gone."""
    made = cases.ok(browser.post("/api/v1/outbox/key", json={"replaces": replaces}), 201)
    headers = {"Authorization": f"Bearer {made['token']}"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=60), made


def test_it_places_a_referral_once_sends_its_file_and_is_shown_nothing(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    sends, made = device(server, browser)
    assert (made["person_id"], made["organizations"][0]["name"]) == (str(places.referrer.id), "Lodwar clinic")
    form = {**FORM, "idempotency_key": "a" * 32}
    placed = [sends.post("/referrals/new", data=form, headers={"Accept": "text/html"}) for _ in range(2)]
    assert [(one.status_code, one.json()) for one in placed] == [(201, {"id": placed[0].json()["id"]})] * 2
    referral_id = placed[0].json()["id"]
    body = cases.jpeg()
    given = {
        "Upload-Length": str(len(body)),
        "Upload-Metadata": f"referral_id {b64(referral_id)},filename {b64('a.jpg')}",
    }
    octets = {"Content-Type": "application/offset+octet-stream"}
    assert sends.post("/uploads", content=body, headers=TUS | octets | given).status_code == 201
    for method, path in [
        ("GET", f"/referrals/{referral_id}"), ("GET", f"/api/v1/referrals/{referral_id}"), ("GET", "/api/v1/me"),
        ("GET", "/"), ("GET", "/referrals/new"), ("POST", "/api/v1/referrals"), ("GET", "/api/v1/tokens"),
        ("POST", f"/api/v1/referrals/{referral_id}/cancel"), ("POST", "/api/v1/outbox/key"), ("POST", "/patients/similar"),
    ]:  # fmt: skip
        answer = sends.request(method, path, headers={"Accept": "text/html"})
        assert answer.status_code == 403, path
        assert "Otieno" not in answer.text
    shown = cases.ok(browser.get(f"/api/v1/referrals/{referral_id}"))
    assert (shown["author"], [one["status"] for one in shown["files"]]) == (places.referrer.name, ["stored"])


def test_a_device_knows_when_its_clinics_line_is_cheap(server: Running, places: Places, browser: httpx.Client) -> None:
    _, made = device(server, browser)
    assert made["organizations"][0]["night"] == {"from": "20:00", "until": "06:00", "zone": "Africa/Nairobi"}
    admin = people.somebody(places.clinic, Role.ADMIN)
    hours = {"time_zone": "Africa/Kinshasa", "clips_from": "21:30", "clips_until": "05:00"}
    with cases.client_of(server, admin) as client:
        path = f"/organizations/{places.clinic}/clock"
        for wrong in ("24:00", "9:00", "at night"):
            assert client.put(path, json=hours | {"clips_from": wrong[:5]}).status_code == 422
        cases.ok(client.put(path, json=hours))
        cases.ok(client.put(path, json={"time_zone": "Africa/Kinshasa"}))  # of the hours nothing is said: they stay
    _, made = device(server, browser)
    assert made["organizations"][0]["night"] == {"from": "21:30", "until": "05:00", "zone": "Africa/Kinshasa"}


def test_whose_number_it_is_is_not_told_to_one_that_only_sends(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    cases.place(server, places, patient={"family_name": "Wanjiru", "given_name": "Mary", "identifier": "77"})
    sends, _ = device(server, browser)
    answer = sends.post("/referrals/new", data={**FORM, "identifier": "77"})
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, ["identifier"])
    assert "Wanjiru" not in answer.text
    assert (
        "Wanjiru"
        in browser.post("/referrals/new", data={**FORM, "identifier": "77"}, headers={"Accept": "text/html"}).text
    )


def test_somebody_of_a_known_name_goes_at_once_as_nobody_can_be_asked(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    cases.place(server, places, patient=cases.PATIENT)
    sends, _ = device(server, browser)
    assert browser.post("/referrals/new", data=FORM, headers={"Accept": "text/html"}).status_code == 422
    assert sends.post("/referrals/new", data=FORM).status_code == 201


def test_what_locks_a_device_is_its_persons_alone_and_not_given_out_once_its_token_is_revoked(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    sends, made = device(server, browser)
    again, renewed = device(server, browser, made["token_id"])
    assert cases.ok(again.get("/api/v1/outbox/lock"))["lock"] == made["lock"] == renewed["lock"]
    assert sends.get("/api/v1/outbox/lock").status_code == 401  # the one that was replaced
    with signed_in(server, people.somebody(places.clinic, Role.REFERRER)) as other:
        assert device(server, other)[1]["lock"] != made["lock"]
    assert browser.post(f"/account/tokens/{renewed['token_id']}/revoke").status_code == 303
    assert again.get("/api/v1/outbox/lock").status_code == 401


def test_a_person_has_no_more_devices_than_allowed_and_they_do_not_count_as_tokens(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    made = [device(server, browser)[1] for _ in range(settings().max_outbox_tokens + 2)]
    good = sa.select(ApiToken.id).where(ApiToken.person_id == places.referrer.id, ApiToken.revoked_at.is_(None),
                                        ApiToken.name != "test")  # fmt: skip
    with reading(WORKER) as session:
        assert {str(one) for one in session.scalars(good)} == {one["token_id"] for one in made[2:]}


def test_a_token_that_is_over_asks_for_its_person(server: Running, places: Places, browser: httpx.Client) -> None:
    sends, made = device(server, browser)
    with transaction(WORKER) as session:
        session.execute(
            sa.update(ApiToken).values(expires_at=now() - timedelta(minutes=1)).where(ApiToken.name != "test")
        )
    assert sends.post("/referrals/new", data=FORM).status_code == 401
    assert sends.head("/uploads/" + made["token_id"], headers=TUS).status_code == 401


def test_a_discard_is_told_once_noted_once_and_is_nobody_elses(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    sends, _ = device(server, browser)
    coordinator = people.somebody(places.clinic, Role.COORDINATOR)
    given = {"key": "k1", "files": 3, "size_bytes": 1200, "written_at": "2026-11-26T09:30:00Z",
             "discarded_at": "2026-11-26T10:30:00Z"}  # fmt: skip
    told = [cases.ok(sends.post("/api/v1/outbox/discards", json=given), 201) for _ in range(2)]
    assert told[0] == told[1]
    discard_id = told[0]["id"]
    with cases.client_of(server, coordinator) as client, cases.client_of(server, places.coordinator) as reads:
        (item,) = cases.ok(client.get("/attention"))["items"]
        assert (item["kind"], item["act"]["path"]) == ("discarded", f"/api/v1/outbox/discards/{discard_id}/note")
        assert [one for one in cases.ok(reads.get("/attention"))["items"] if one["kind"] == "discarded"] == []
        assert reads.post(f"/outbox/discards/{discard_id}/note").status_code == 404
        assert [client.post(f"/outbox/discards/{discard_id}/note").status_code for _ in range(2)] == [204, 204]
        assert cases.ok(client.get("/attention"))["items"] == []
    ours = (AuditEvent.action.startswith("outbox."), AuditEvent.organization_id == places.clinic)
    recorded = sa.select(AuditEvent.action).where(*ours)
    with reading(WORKER) as session:
        assert sorted(session.scalars(recorded)) == ["outbox.discard-noted", "outbox.discarded"]


def test_a_discard_for_another_organization_is_not_found(
    server: Running, places: Places, browser: httpx.Client
) -> None:
    sends, _ = device(server, browser)
    given = {"key": "k2", "files": 0, "size_bytes": 0, "written_at": "2026-11-26T09:30:00Z",
             "discarded_at": "2026-11-26T10:30:00Z"}  # fmt: skip
    for beside in ({"organization_id": str(places.stranger)}, {"referral_id": str(places.stranger)}):
        assert sends.post("/api/v1/outbox/discards", json=given | beside).status_code == 404


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
