"""What readers give back to who scanned is the operator's, beside the report and never in it."""

from typing import Any

import httpx
import pytest

from app.people.models import Role
from tests.people import Places, Somebody, set_password, somebody
from tests.reports.test_one_source import TEXT, leaves, pdf_text
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import PASSWORD, Placed, client_of, ok

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
OWN = "I think it is a tumour."


@pytest.fixture
def placed(server: Running, places: Places) -> Placed:
    set_password(places.reviewer, PASSWORD)
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), provisional_reading=OWN)
    with client_of(server, places.reviewer) as client:
        ok(client.post(f"/reviews/{placed.review_id}/claim"))
    return placed


def signed(client: httpx.Client, placed: Placed, **feedback: Any) -> httpx.Response:
    saved = client.put(f"/reviews/{placed.review_id}/report", json=TEXT)
    sign = {"password": PASSWORD, "images_sha256": ok(saved)["images_sha256"], "feedback": feedback}
    return client.post(f"/reviews/{placed.review_id}/sign", json=sign, headers={"If-Match": saved.headers["etag"]})


def own_reading(server: Running, who: Somebody, placed: Placed) -> str:
    with client_of(server, who) as client:
        return str(ok(client.get(f"/referrals/{placed.referral_id}"))["provisional_reading"])


def test_the_operator_s_reading_is_hidden_from_readers_until_an_impression_is_written(
    server: Running, places: Places, placed: Placed
) -> None:
    assert own_reading(server, places.referrer, placed) == OWN
    with client_of(server, places.reviewer) as client:
        first = client.put(f"/reviews/{placed.review_id}/report", json={"findings": "Stones."})
        assert own_reading(server, places.reviewer, placed) == own_reading(server, places.coordinator, placed) == ""
        ok(client.put(f"/reviews/{placed.review_id}/report", json=TEXT, headers={"If-Match": first.headers["etag"]}))
    assert own_reading(server, places.reviewer, placed) == OWN


def test_what_the_clinic_changed_does_not_give_its_own_reading_away(
    server: Running, places: Places, placed: Placed
) -> None:
    path = f"/referrals/{placed.referral_id}"
    with client_of(server, places.referrer) as client:
        tag = client.get(path).headers["etag"]
        changes = {"provisional_reading": "", "question": "Stones?"}
        ok(client.patch(path, json=changes, headers={"If-Match": tag}))
        assert client.get(path).json()["revisions"][0]["changes"]["provisional_reading"] == [OWN, ""]
    with client_of(server, places.reviewer) as client:
        assert list(client.get(path).json()["revisions"][0]["changes"]) == ["question"]


def test_score_remark_and_frame_reach_the_operator_and_nobody_else(
    server: Running, places: Places, placed: Placed
) -> None:
    lead, colleague = somebody(places.clinic, Role.QA_LEAD), somebody(places.clinic, Role.REFERRER)
    with client_of(server, places.referrer) as client:
        [image] = ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
    given = {"score": 4, "remark": "A good window.", "agreement": "different", "instance_id": image, "frame": 1}
    with client_of(server, places.reviewer) as client:
        report_id = ok(signed(client, placed, **given))["report_id"]
    seen = {}
    for who in (places.referrer, places.reviewer, lead, colleague, places.second_reviewer):
        with client_of(server, who) as client:
            seen[who.name] = ok(client.get(f"/reports/{report_id}"))
            pdf = client.get(f"/reports/{report_id}", headers={"Accept": "application/pdf"}).content
            assert "A good window." not in pdf_text(pdf)
    for who in (places.referrer, places.reviewer, lead):
        found = seen[who.name]["feedback"]
        assert {name: found[name] for name in given} == given
        assert found["given_by"] == places.reviewer.name
    assert (seen[colleague.name]["feedback"], seen[places.second_reviewer.name]["feedback"]) == (None, None)
    assert "A good window." not in leaves(seen[places.referrer.name]["source"])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"score": 6}, "feedback.score"), ({"instance_id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70"}, "instance_id"),
     ({"frame": 2}, "frame")],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_signed(
    server: Running, places: Places, placed: Placed, wrong: dict[str, Any], field: str
) -> None:
    with client_of(server, places.referrer) as client:
        [image] = ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
    with client_of(server, places.reviewer) as client:
        answer = signed(client, placed, **{"instance_id": image, **wrong})
        assert answer.status_code == 422, answer.text
        assert field in answer.text
        assert ok(client.get(f"/reviews/{placed.review_id}/report"))["status"] == "draft"


def test_a_signature_without_a_word_to_the_operator_makes_nothing(
    server: Running, places: Places, placed: Placed
) -> None:
    with client_of(server, places.reviewer) as client:
        report_id = ok(signed(client, placed))["report_id"]
        assert ok(client.get(f"/reports/{report_id}"))["feedback"] is None
