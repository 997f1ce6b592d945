"""A supervised reader's report by JSON: sent back with a remark that only readers see, and signed anew."""

from uuid import uuid4

import pytest

from app.people.models import Role
from tests import people
from tests.faults.mortal import PASSWORD, client_of, drafted, ok, sign
from tests.people import Places
from tests.servers.app import Running

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_a_report_is_sent_back_once_under_a_key_and_its_reader_finds_the_remark(
    server: Running, places: Places
) -> None:
    people.set_password(places.reviewer, PASSWORD)
    chief = people.somebody(places.hospital, Role.SUPERVISOR)
    people.supervise(places.hospital, places.reviewer)
    with (
        client_of(server.base_url, places.referrer) as clinic,
        client_of(server.base_url, places.reviewer) as trainee,
        client_of(server.base_url, chief) as supervisor,
    ):
        case = drafted(clinic, trainee)
        assert ok(sign(trainee, case, key=str(uuid4())))["status"] == "preliminary"
        path, remarks = f"/reviews/{case.review_id}/send-back", f"/reviews/{case.review_id}/remarks"
        said, key = {"text": "Measure the wall again.", "version": 1}, {"Idempotency-Key": str(uuid4())}
        assert supervisor.post(path, json=said | {"version": 2}).status_code == 409
        assert supervisor.post(path, json={"text": ""}).status_code == 422
        assert trainee.post(path, json=said).status_code == 403
        first, again = (ok(supervisor.post(path, json=said, headers=key)) for _ in range(2))
        assert first == again
        assert (first["status"], first["owner"]["id"]) == ("in-progress", str(places.reviewer.id))
        found = ok(trainee.get(remarks))
        assert [(one["text"], one["version"], one["by"]["name"]) for one in found["items"]] == [
            ("Measure the wall again.", 1, chief.name)
        ]
        row = next(one for one in ok(trainee.get("/worklist"))["items"] if one["review_id"] == case.review_id)
        assert row["mend_by"] == found["mend_by"]
        assert "report.sent-back" in [one["kind"] for one in ok(trainee.get("/notifications"))["items"]]
        assert clinic.get(remarks).status_code == 404
        assert "Measure the wall" not in clinic.get(f"/referrals/{case.referral_id}").text
        tag = trainee.put(f"/reviews/{case.review_id}/report", json={"impression": "Gallstones, wall 3 mm."})
        body = {"password": PASSWORD, "images_sha256": ok(tag)["images_sha256"]}
        anew = trainee.post(f"/reviews/{case.review_id}/sign", json=body, headers={"If-Match": tag.headers["etag"]})
        assert ok(anew)["version"] == 2
        assert ok(supervisor.get(remarks))["mend_by"] is None
