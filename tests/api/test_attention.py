"""The coordinator's and the administrator's acts by JSON: what needs attention, its remedies, deadlines, turn-around."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import transaction
from app.notifications.models import Notification
from app.people.models import Role
from app.referrals.models import Referral
from app.reviews.models import Review
from tests import people
from tests.faults.mortal import client_of, ok, place
from tests.people import Places
from tests.servers.app import Running

Clients = dict[str, httpx.Client]


@pytest.fixture
def doors(server: Running, places: Places) -> Any:
    admin = people.somebody(places.hospital, Role.ADMIN)
    who = {"referrer": places.referrer, "reviewer": places.reviewer, "coordinator": places.coordinator, "admin": admin}
    clients = {name: client_of(server.base_url, one) for name, one in who.items()}
    yield clients
    for client in clients.values():
        client.close()


def sent(doors: Clients, **asked: object) -> dict[str, Any]:
    referral_id = place(doors["referrer"], **asked)
    found: dict[str, Any] = ok(doors["referrer"].post(f"/referrals/{referral_id}/submit"))
    return found


def late(review_id: str) -> None:
    """Its deadline has passed."""
    with transaction(WORKER) as session:
        review = session.get_one(Review, UUID(review_id))
        review.due_at = session.get_one(Referral, review.referral_id).created_at


def test_a_line_names_the_one_call_that_settles_it_and_of_two_coordinators_one_wins(
    doors: Clients, places: Places
) -> None:
    assert ok(doors["coordinator"].get("/attention")) == {"items": [], "next_cursor": None}
    referral = sent(doors)
    late(referral["review"]["id"])
    (line,) = ok(doors["coordinator"].get("/attention"))["items"]
    assert (line["kind"], line["code"], line["owner"]) == ("overdue", referral["code"], None)
    assert line["site"]["time_zone"] == "Africa/Nairobi"
    path = line["act"]["path"].removeprefix("/api/v1")
    body = {"person_id": str(places.reviewer.id), "owned_at": line["owned_at"]}
    assert ok(doors["coordinator"].post(path, json=body))["owner"]["name"] == places.reviewer.name
    second = doors["coordinator"].post(path, json=body | {"person_id": str(places.second_reviewer.id)})
    assert (second.status_code, second.json()["owner"]) == (409, places.reviewer.name)
    (line,) = ok(doors["coordinator"].get("/attention"))["items"]
    body = {"person_id": str(places.second_reviewer.id), "owned_at": line["owned_at"]}
    assert ok(doors["coordinator"].post(path, json=body))["owner"]["name"] == places.second_reviewer.name


def test_a_declined_one_is_left_to_the_clinic(doors: Clients) -> None:
    referral = sent(doors)
    review = f"/reviews/{referral['review']['id']}"
    ok(doors["reviewer"].post(f"{review}/decline", json={"reason": "Blurred.", "advice": "Repeat it."}))
    (line,) = ok(doors["coordinator"].get("/attention"))["items"]
    assert (line["kind"], line["reason"]) == ("declined", "Blurred.")
    key = {"Idempotency-Key": str(uuid4())}
    answers = [ok(doors["coordinator"].post(f"{review}/return", headers=key)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["returned_at"]
    assert doors["reviewer"].post(f"{review}/return").status_code == 403
    assert ok(doors["coordinator"].get("/attention"))["items"] == []


def test_the_clinic_is_reminded_once_under_a_key(doors: Clients) -> None:
    referral = sent(doors)
    review = f"/reviews/{referral['review']['id']}"
    ok(doors["reviewer"].post(f"{review}/claim"))
    held = ok(doors["reviewer"].post(f"{review}/hold", json={"text": "Long axis?"}))
    assert held["reply_due_at"]
    path, key = f"/referrals/{referral['id']}/remind", {"Idempotency-Key": str(uuid4())}
    assert [doors["coordinator"].post(path, headers=key).status_code for _ in range(2)] == [204, 204]
    refused = doors["coordinator"].post(path)
    assert refused.status_code == 409
    assert refused.json()["since"]
    kinds = [one["kind"] for one in ok(doors["referrer"].get("/notifications"))["items"]]
    assert kinds == ["review.question", "review.question"]
    assert doors["reviewer"].post(path).status_code == 403


def test_a_refused_mail_goes_again_and_another_is_nothing(doors: Clients, places: Places) -> None:
    sent(doors)
    mine = sa.select(Notification.id).where(Notification.person_id == places.reviewer.id)
    with transaction(WORKER) as session:
        notification_id = session.scalars(mine).one()
    path = f"/notifications/{notification_id}/send-again"
    assert doors["admin"].post(path).status_code == 404  # it did not fail
    with transaction(WORKER) as session:
        session.get_one(Notification, notification_id).mail_status = "failed"
    (line,) = ok(doors["admin"].get("/attention"))["items"]
    assert line["act"]["path"].endswith(path)
    assert doors["referrer"].post(path).status_code == 404
    assert doors["admin"].post(path).status_code == 204
    assert ok(doors["admin"].get("/attention"))["items"] == []


def test_a_job_that_was_not_given_up_is_nothing(doors: Clients) -> None:
    assert doors["admin"].post("/jobs/timer-1/retry").status_code == 404


def test_an_organization_has_its_own_deadlines(doors: Clients, places: Places) -> None:
    path = f"/organizations/{places.hospital}/deadlines"
    defaults = {"stat_min": 60, "asap_min": 240, "urgent_min": 1440, "routine_min": 4320}
    assert ok(doors["reviewer"].get(path)) == {"organization_id": str(places.hospital), "own": [], **defaults}
    changed = ok(doors["admin"].put(path, json={"asap_min": 90}))
    assert (changed["asap_min"], changed["stat_min"], changed["own"]) == (90, 60, ["asap"])
    referral = sent(doors, priority="asap")
    assert minutes(referral["submitted_at"], referral["due_at"]) == 90
    refused = doors["admin"].put(path, json={"asap_min": 30})
    assert (refused.status_code, refused.json()["field"]) == (422, "stat")
    assert doors["reviewer"].put(path, json={"asap_min": 100}).status_code == 403
    assert doors["referrer"].get(path).status_code == doors["referrer"].put(path, json={}).status_code == 404
    assert ok(doors["admin"].put(path, json={}))["own"] == []


def minutes(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds() / 60


def test_an_organization_has_its_own_clock(doors: Clients, places: Places) -> None:
    path = f"/organizations/{places.hospital}/clock"
    assert ok(doors["admin"].put(path, json={"time_zone": "Africa/Kinshasa"}))["time_zone"] == "Africa/Kinshasa"
    assert sent(doors)["reading_organization"]["time_zone"] == "Africa/Kinshasa"
    for wrong in ("Africa/Nowhere", "../etc", "", "x" * 70):
        refused = doors["admin"].put(path, json={"time_zone": wrong})
        assert (refused.status_code, refused.json()["field"]) == (422, "time_zone")
    assert doors["reviewer"].put(path, json={"time_zone": "UTC"}).status_code == 403
    assert doors["referrer"].put(path, json={"time_zone": "UTC"}).status_code == 404


def test_how_long_cases_take_is_told_of_one_and_of_all(doors: Clients, places: Places) -> None:
    referral = sent(doors)
    review = f"/reviews/{referral['review']['id']}"
    ok(doors["reviewer"].post(f"{review}/claim"))
    ok(doors["reviewer"].post(f"{review}/hold", json={"text": "Long axis?"}))
    ok(doors["referrer"].post(f"{review}/reply", json={"text": "Sent."}))
    course = ok(doors["referrer"].get(f"/referrals/{referral['id']}/turnaround"))
    assert course["claimed_at"] >= course["submitted_at"]
    assert (len(course["pauses"]), set(course["stages_s"])) == (1, {"claim", "pause"})
    found = ok(doors["coordinator"].get(f"/organizations/{places.hospital}/turnaround"))
    assert (found["cases"], found["stages"]) == (0, [])
    assert doors["reviewer"].get(f"/organizations/{places.hospital}/turnaround").status_code == 403
    assert doors["referrer"].get(f"/organizations/{places.hospital}/turnaround").status_code == 404
