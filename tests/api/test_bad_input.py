"""What no honest client sends is refused with its field, never with a failure of ours."""

import base64
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.studies.sent import a_jpeg

REFERRAL = {"patient": {"name_unknown": True}, "exam_type": "abdomen", "question": "Gallstones?"}
BEFORE_ALL_TIME = "0001-01-01T00:00:00+14:00"  # in UTC it is of the year 0


def door(server: Running, who: Somebody) -> httpx.Client:
    return httpx.Client(base_url=f"{server.base_url}/api/v1", headers=who.headers, timeout=30)


def cursor(of: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(of).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ("question", "exam_type", "priority", "clinical_notes", "callback")),
        {"patient_leaves_at": BEFORE_ALL_TIME},
        {"patient_leaves_at": "2026-01-01T00:00:00"},
    ],
)
def test_what_cannot_be_taken_away_or_meant_is_named(server: Running, places: Places, change: dict[str, Any]) -> None:
    with door(server, places.referrer) as client:
        referral = client.post("/referrals", json=REFERRAL)
        path, headers = f"/referrals/{referral.json()['id']}", {"If-Match": referral.headers["etag"]}
        answer = client.patch(path, json=change, headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (422, next(iter(change)))
        assert client.patch(path, json={"patient_leaves_at": None}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("files", [{"name": "a.dcm", "size_bytes": 10**30}]), ("language", "x" * 200)],
)
def test_what_no_column_holds_is_named(server: Running, places: Places, field: str, value: object) -> None:
    with door(server, places.referrer) as client:
        answer = client.post("/referrals", json={**REFERRAL, field: value})
    assert answer.status_code == 422
    assert answer.json()["field"].startswith(field)


@pytest.mark.parametrize(
    "made_up",
    [
        cursor([BEFORE_ALL_TIME, UUID(int=7).hex]),
        cursor(["2026-01-01T00:00:00+00:00", 5]),
        cursor([5, 5]),
        base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("="),
        "é",
    ],
)
def test_a_made_up_cursor_is_refused(server: Running, places: Places, made_up: str) -> None:
    with door(server, places.referrer) as client:
        answer = client.get("/referrals", params={"cursor": made_up})
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("path", "name"), [("/referrals", "updated_after"), ("/reports", "signed_after"), ("/audit", "since")]
)
@pytest.mark.parametrize("at", [BEFORE_ALL_TIME, "2026-01-01T00:00:00"])
def test_a_time_that_cannot_be_meant_is_named(server: Running, places: Places, path: str, name: str, at: str) -> None:
    with door(server, places.admin if path == "/audit" else places.referrer) as client:
        answer = client.get(path, params={name: at})
    assert (answer.status_code, answer.json()["field"]) == (422, name)


def test_a_still_has_no_film(server: Running, places: Places) -> None:
    with door(server, places.referrer) as client:
        referral_id = client.post("/referrals", json=REFERRAL).json()["id"]
        still = client.post(f"/referrals/{referral_id}/files", content=a_jpeg()).json()
        assert client.get(f"/instances/{still['instance_id']}/proxy").status_code == 404


@pytest.mark.parametrize("given", [b"bytes=\xb2-", b"bytes=0-\xb3", b"bytes=-\xb9"])
def test_a_range_in_other_digits_is_none(server: Running, places: Places, given: bytes) -> None:
    body = a_jpeg()
    with door(server, places.referrer) as client:
        referral_id = client.post("/referrals", json=REFERRAL).json()["id"]
        still = client.post(f"/referrals/{referral_id}/files", content=body).json()
        answer = client.get(f"/instances/{still['instance_id']}/original", headers={b"Range": given})
    assert (answer.status_code, answer.content) == (200, body)


@pytest.mark.parametrize("coding", ["undefined", "idna", "punycode", "no-such"])
def test_a_file_whose_name_cannot_be_read_comes_in(server: Running, places: Places, coding: str) -> None:
    with door(server, places.referrer) as client:
        referral_id = client.post("/referrals", json=REFERRAL).json()["id"]
        headers = {"Content-Disposition": f"attachment; filename*={coding}''%ff"}
        answer = client.post(f"/referrals/{referral_id}/files", content=a_jpeg(), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "stored")


def test_of_whom_to_call_one_part_can_be_changed(server: Running, places: Places) -> None:
    with door(server, places.referrer) as client:
        callback = {"name": "Sr Achieng", "phone": "+254 700 000000"}
        referral = client.post("/referrals", json={**REFERRAL, "callback": callback})
        path, headers = f"/referrals/{referral.json()['id']}", {"If-Match": referral.headers["etag"]}
        answer = client.patch(path, json={"callback": {"phone": "112"}}, headers=headers)
    assert (answer.status_code, answer.json()["callback"]) == (200, {"name": "Sr Achieng", "phone": "112"})
