"""The pregnancy by the JSON door: one date, moved by a person only, and numbers of each fetus that are true or absent."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from app.audit.events import AuditEvent
from tests import people
from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import client_of, ok

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
TODAY = datetime.now(ZoneInfo("Africa/Nairobi")).date()  # the clinic's: ages are asked by its calendar
CRL_45 = [[100, 200], [250, 200]]  # 150 px of 0.3 mm: 11w2d, 79 days


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def placed(server: Running, places: Places, days: int | None = None, **obstetric: Any) -> cases.Placed:
    said = {"examined_on": ago(0), **({} if days is None else {"lmp": ago(days)}), **obstetric}
    return cases.place(
        server, places, ("a.dcm", phantom(TISSUE)), exam_type="ob-first-trimester", obstetric=said
    )  # fmt: skip


def measure(client: httpx.Client, placed: cases.Placed, **given: Any) -> Any:
    seen = ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"][0]
    body = {"kind": "length", "points": CRL_45, "quantity": "CRL"} | given
    return ok(client.post(f"/instances/{seen}/measurements", json=body), 201)


def oval(way_mm: float) -> list[list[float]]:
    """A circle on the phantom with that way round."""
    radius = way_mm / 0.3 / 6.283185307179586
    return [[400 - radius, 300], [400 + radius, 300], [400, 300 - radius], [400, 300 + radius]]


def test_a_period_becomes_the_date_and_a_scan_far_from_it_a_proposal(server: Running, places: Places) -> None:
    sent = placed(server, places, days=90)
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.reviewer) as client:
        before = ok(client.get(address))
        assert (before["pregnancy"]["basis"], before["pregnancy"]["edd"]) == ("lmp", ago(90 - 280))
        assert (before["proposal"], before["fetuses"]) == (None, [])
        measure(client, sent)
        found = ok(client.get(address))
        assert found["pregnancy"]["edd"] == ago(90 - 280), "nothing is applied by itself"
        proposal = found["proposal"]
        assert (proposal["act"], proposal["edd"], proposal["differs_days"], proposal["limit_days"]) == (
            "redate", ago(79 - 280), 11, 7,
        )  # fmt: skip
        stale = client.post(f"{address}/accept", json={"edd": proposal["edd"], "number": 7})
        assert stale.status_code == 409
        body = {"edd": proposal["edd"], "number": 1}
        twice = [ok(client.post(f"{address}/accept", json=body, headers={"Idempotency-Key": "k"})) for _ in range(2)]
        assert twice[0] == twice[1]
        after = twice[0]
        assert (after["pregnancy"]["edd"], after["pregnancy"]["basis"]) == (ago(79 - 280), "crl")
        assert after["gestational_age"] == {"weeks": 11, "days": 2, "is_certain": True}
        assert [(one["number"], one["basis"]) for one in after["datings"]] == [(2, "crl"), (1, "lmp")]
        assert after["proposal"] is None
        assert client.post(f"{address}/accept", json=body).status_code == 409
        row = next(one for one in ok(client.get("/worklist"))["items"] if one["referral_id"] == sent.referral_id)
        assert row["gestational_age"] == "11w2d"
    dated = people.count(
        AuditEvent, AuditEvent.action == "pregnancy.dated", AuditEvent.detail["basis"].as_string() == "crl",
        AuditEvent.person_id == places.reviewer.id,
    )  # fmt: skip
    assert dated == 1


def test_the_next_referral_of_the_patient_has_the_same_date(server: Running, places: Places) -> None:
    jane = {**cases.PATIENT, "identifier": "MRN-88"}
    first = cases.place(server, places, patient=jane, obstetric={"lmp": ago(90)})
    with client_of(server, places.reviewer) as client:
        given = {"basis": "art", "transferred_on": ago(70), "embryo_days": 5, "number": 1}
        dated = ok(client.post(f"/referrals/{first.referral_id}/pregnancy", json=given), 201)["pregnancy"]
        assert (dated["edd"], dated["basis"]) == (ago(70 + 5 + 14 - 280), "art")
        again = cases.place(server, places, patient=jane, obstetric={"lmp": ago(92), "examined_on": ago(0)})
        found = ok(client.get(f"/referrals/{again.referral_id}/pregnancy"))
        assert (found["pregnancy"]["id"], found["pregnancy"]["edd"]) == (dated["id"], dated["edd"])
        assert found["gestational_age"]["weeks"] == 12


def test_another_date_by_weeks_is_asked_about_and_never_guessed(server: Running, places: Places) -> None:
    jane = {**cases.PATIENT, "identifier": "MRN-89"}
    first = cases.place(server, places, patient=jane, obstetric={"lmp": ago(160)})
    second = cases.place(server, places, patient=jane, obstetric={"lmp": ago(60)})
    address = f"/referrals/{second.referral_id}/pregnancy"
    with client_of(server, places.referrer) as client:
        known = ok(client.get(f"/referrals/{first.referral_id}/pregnancy"))["pregnancy"]
        found = ok(client.get(address))
        assert (found["pregnancy"], found["other"]["id"], found["proposal"]) == (None, known["id"], None)
        other = ok(client.post(address, json={"basis": "clinic", "another": True}), 201)
        assert (other["pregnancy"]["edd"], other["other"]) == (ago(60 - 280), None)
        joined = ok(client.post(f"{address}/join", json={"pregnancy_id": known["id"]}))
        assert joined["pregnancy"]["id"] == known["id"]


def test_two_who_date_at_once_do_not_overwrite_each_other(server: Running, places: Places) -> None:
    sent = placed(server, places, days=90)
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.reviewer) as reader, client_of(server, places.referrer) as clinic:
        given = {"basis": "crl", "crl_mm": 45, "examined_on": ago(10), "number": 1}
        ok(reader.post(address, json=given), 201)
        assert clinic.post(address, json=given | {"examined_on": ago(20)}).status_code == 409
        assert ok(clinic.get(address))["pregnancy"]["edd"] == ago(10 + 79 - 280)


def test_the_clinics_correction_moves_its_own_date_and_no_others(server: Running, places: Places) -> None:
    sent = placed(server, places, days=90)
    address = f"/referrals/{sent.referral_id}"
    with client_of(server, places.referrer) as clinic:
        tag = clinic.get(address).headers["etag"]
        ok(clinic.patch(address, json={"obstetric": {"lmp": ago(83)}}, headers={"If-Match": tag}))
        assert ok(clinic.get(f"{address}/pregnancy"))["pregnancy"]["edd"] == ago(83 - 280)
        with client_of(server, places.reviewer) as reader:
            ok(reader.post(f"{address}/pregnancy", json={"basis": "art", "conceived_on": ago(70), "number": 2}), 201)
        tag = clinic.get(address).headers["etag"]
        ok(clinic.patch(address, json={"obstetric": {"lmp": ago(100)}}, headers={"If-Match": tag}))
        assert ok(clinic.get(f"{address}/pregnancy"))["pregnancy"]["basis"] == "art"


def test_each_fetus_has_its_sizes_and_weights(server: Running, places: Places) -> None:
    sent = placed(server, places, edd=ago(224 - 280), edd_basis="CRL")
    with client_of(server, places.reviewer) as client:
        for name, head in (("A", 172.0), ("b", 168.0)):
            measure(client, sent, quantity="hc", kind="ellipse", points=oval(head), fetus=name)
        measure(client, sent, quantity="AC", kind="ellipse", points=oval(160), fetus="A")
        measure(client, sent, quantity="FL", points=[[100, 100], [100, 210]], fetus="A")
        first, second = ok(client.get(f"/referrals/{sent.referral_id}/pregnancy"))["fetuses"]
    assert [one["quantity"] for one in first["sizes"]] == ["HC", "AC", "FL"]
    assert first["sizes"][0]["corresponds"]["words"] == "19w5d"
    assert first["sizes"][0]["millimetres"] == pytest.approx(172, rel=0.005)
    assert (second["name"], [one["quantity"] for one in second["sizes"]]) == ("B", ["HC"])
    assert [(one["missing"], one["reason"]) for one in first["weights"]] == [(["BPD"], "sizes"), ([], "")]
    assert first["weights"][1]["grams"] == pytest.approx(456, abs=8)
    assert first["weights"][1]["centile"] == pytest.approx(0, abs=0.1), "by the age of 32w0d, not by its own size"


def test_a_nearly_true_size_counts_only_once_confirmed(server: Running, places: Places) -> None:
    sent = cases.place(server, places, ("photo.jpg", cases.jpeg()), obstetric={"lmp": ago(90), "examined_on": ago(0)})
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.reviewer) as client:
        scale = measure(client, sent, kind="scale", millimetres=100, points=[[100, 100], [300, 100]])
        made = measure(client, sent, points=[[100, 200], [190, 200]])
        assert (made["value"], made["approximate"], made["corresponds_to"]) == (45, True, None)
        assert ok(client.get(address))["fetuses"] == []
        measured = f"/instances/{made['instance_id']}/measurements"
        confirmed = [ok(client.post(f"{measured}/{made['id']}/confirm")) for _ in range(2)]
        assert (confirmed[0]["approximate"], confirmed[0]["corresponds_to"]) == (True, "11w2d")
        assert confirmed[0] == confirmed[1]
        assert client.post(f"{measured}/{scale['id']}/confirm").status_code == 409
        size = ok(client.get(address))["fetuses"][0]["sizes"][0]
        assert (size["quantity"], size["approximate"]) == ("CRL", True)


def test_a_day_that_cannot_be_the_examinations_dates_nothing(server: Running, places: Places) -> None:
    """The phantom's own StudyDate is years ago."""
    sent = cases.place(server, places, ("a.dcm", phantom(TISSUE)), obstetric={"lmp": ago(90)})
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.reviewer) as client:
        measure(client, sent)
        found = ok(client.get(address))
        assert (found["examined_on"], found["gestational_age"], found["proposal"]) == (None, None, None)
        assert found["images_say"] is not None
        said = ok(client.get(address, params={"on": ago(1)}))
        assert (said["examined_on"], said["examined_by"], said["gestational_age"]["weeks"]) == (ago(1), "said", 12)
        assert said["proposal"]["act"] == "redate"
        assert ok(client.get(address))["examined_on"] is None, "asking is not saying"
        assert client.post(f"{address}/day", json={"examined_on": ago(-2)}).status_code == 422
        assert ok(client.post(f"{address}/day", json={"examined_on": ago(1)}))["proposal"] == said["proposal"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"basis": "lmp"}, ""),
        ({"basis": "art", "embryo_days": 5}, ""),
        ({"basis": "crl", "crl_mm": 45}, ""),
        ({"basis": "crl", "crl_mm": 99, "examined_on": ago(0)}, "crl_mm"),
        ({"basis": "lmp", "lmp": ago(-3)}, "lmp"),
        ({"basis": "lmp", "lmp": ago(900)}, "lmp"),
        ({"basis": "lmp", "lmp": ago(90), "edd": ago(-1)}, "edd"),
        ({"basis": "guess"}, "basis"),
    ],
)
def test_what_is_no_date_is_named(server: Running, places: Places, given: dict[str, Any], field: str) -> None:
    sent = cases.place(server, places)
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.reviewer) as client:
        refused = client.post(address, json=given)
        assert (refused.status_code, refused.json().get("field") or "") == (422, field), refused.text
        assert ok(client.get(address))["pregnancy"] is None


def test_after_its_end_no_weeks_are_counted_and_others_may_not_date(server: Running, places: Places) -> None:
    sent = placed(server, places, days=90)
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.coordinator) as client:
        assert client.post(f"{address}/end", json={"ended_on": ago(0)}).status_code == 403
        assert ok(client.get(address))["pregnancy"]["number"] == 1
    with client_of(server, places.referrer) as client:
        assert client.post(f"{address}/end", json={"ended_on": ago(-2)}).status_code == 422
        ended = ok(client.post(f"{address}/end", json={"ended_on": ago(1)}))
        assert (ended["pregnancy"]["ended_on"], ended["gestational_age"]) == (ago(1), None)


def test_the_pregnancy_of_a_wrong_patient_never_was(server: Running, places: Places) -> None:
    sent = placed(server, places, days=90)
    with client_of(server, places.referrer) as client:
        wrong = ok(client.get(f"/referrals/{sent.referral_id}"))["patient"]["id"]
        assert [one["edd"] for one in ok(client.get(f"/patients/{wrong}"))["pregnancies"]] == [ago(90 - 280)]
        right = {"patient": {"family_name": "Wanjiru", "given_name": "Mary"}, "same_patient": True}
        again = ok(client.post(f"/referrals/{sent.referral_id}/right-patient", json=right), 201)
        assert ok(client.get(f"/patients/{wrong}"))["pregnancies"] == []
        assert ok(client.get(f"/referrals/{sent.referral_id}/pregnancy"))["gestational_age"] is None
        assert ok(client.get(f"/referrals/{again['id']}/pregnancy"))["pregnancy"]["edd"] == ago(90 - 280)


def test_scans_of_one_pregnancy_stand_in_a_row_and_another_organizations_do_not(
    server: Running, places: Places
) -> None:
    jane = {**cases.PATIENT, "identifier": "MRN-91"}
    first = cases.place(server, places, ("a.dcm", phantom(TISSUE)), patient=jane,
                        obstetric={"edd": ago(80 - 280), "edd_basis": "IVF", "examined_on": ago(1)})  # fmt: skip
    second = cases.place(server, places, patient=jane, obstetric={"examined_on": ago(0)})
    address = f"/referrals/{second.referral_id}/pregnancy/series"
    with client_of(server, places.reviewer) as client:
        measure(client, first)
        (found,) = ok(client.get(address))["items"]
    assert (found["referral_id"], found["examined_on"], found["gestational_age"]["weeks"]) == (
        first.referral_id,
        ago(1),
        11,
    )
    assert found["fetuses"][0]["sizes"][0]["quantity"] == "CRL"
    with client_of(server, places.referrer) as client:
        assert ok(client.get(address))["items"] == []
