"""A critical finding by JSON: raised once under a key, communicated, said back by the clinic."""

from uuid import uuid4

import pytest

from tests.faults.mortal import client_of, ok
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_it_is_raised_once_and_the_line_that_needs_attention_names_the_call_that_settles_it(
    server: Running, places: Places
) -> None:
    placed = cases.place(server, places)
    with (
        client_of(server.base_url, places.reviewer) as reader,
        client_of(server.base_url, places.coordinator) as coordinator,
        client_of(server.base_url, places.referrer) as clinic,
    ):
        key, path = {"Idempotency-Key": str(uuid4())}, f"/reviews/{placed.review_id}/critical-findings"
        first, again = (ok(reader.post(path, json={"code": "tamponade"}, headers=key), 201) for _ in range(2))
        assert first == again
        assert (first["grade"], first["status"], first["method"]) == ("immediate", "raised", None)
        (told,) = ok(clinic.get("/notifications"))["items"]
        assert (told["kind"], told["subject"].split(":")[0]) == ("critical.raised", "CRITICAL")
        (line,) = ok(coordinator.get("/attention"))["items"]
        assert (line["kind"], line["code"]) == ("critical", placed.code)
        act = line["act"]["path"].removeprefix("/api/v1")
        spoken = ok(coordinator.post(act, json={"received_by": "Sr Achieng", "method": "telephone"}))
        assert (spoken["status"], spoken["communicated_by"]) == ("communicated", places.coordinator.name)
        assert [one["id"] for one in ok(clinic.get("/critical-findings"))["items"]] == [first["id"]]
        back = f"/critical-findings/{first['id']}/read-back"
        assert ok(clinic.post(back, json={"text": "Tamponade, we drain it."}))["status"] == "read-back"
        assert clinic.post(back, json={"text": "Again."}).status_code == 409
        assert ok(clinic.get("/critical-findings"))["items"] == ok(coordinator.get("/attention"))["items"] == []
        (kept,) = ok(reader.get(f"/referrals/{placed.referral_id}/critical-findings"))["items"]
        assert kept["said_back"] == "Tamponade, we drain it."
        listed = ok(reader.get(f"/organizations/{places.hospital}/critical-list"))["items"]
        assert {one["grade"] for one in listed} == {"immediate", "urgent", "significant"}
