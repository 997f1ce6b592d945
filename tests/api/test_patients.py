"""Patients, files and studies by the JSON door: each act once under its key, rebuilt from what it made."""

from uuid import uuid4

import pytest

from app.people.models import Role
from tests import people
from tests.conformance.dicomweb import files, store
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web.cases import client_of, ok, place, send

PETER = {"family_name": "Okoth", "given_name": "Peter", "birth_date": "1985"}


def test_a_file_moves_once_under_a_key(server: Running, places: Places) -> None:
    wrong, right = place(server, places), place(server, places, patient=PETER)
    held = send(server, places, wrong.referral_id, "a.dcm", a_dicom(patient="Okoth^Peter"))
    path, key = f"/referrals/{wrong.referral_id}/files/{held['id']}/move", {"Idempotency-Key": str(uuid4())}
    with client_of(server, places.referrer) as sender, client_of(server, places.reviewer) as reader:
        assert ok(reader.get(f"/referrals/{wrong.referral_id}"))["held_count"] == 1
        first = ok(sender.post(path, json={"referral_id": right.referral_id}, headers=key))
        again = ok(sender.post(path, json={"referral_id": right.referral_id}, headers=key))
        assert (first["id"], first["status"], again["id"]) == (again["id"], "stored", first["id"])
        assert ok(reader.get(f"/referrals/{right.referral_id}"))["instance_ids"] == [first["instance_id"]]
        assert ok(reader.get(f"/referrals/{wrong.referral_id}"))["held_count"] == 0
        refused = sender.post(path, json={"referral_id": right.referral_id})
        assert (refused.status_code, refused.json()["status"]) == (409, 409)


def test_a_study_is_attached_and_detached(server: Running, places: Places) -> None:
    placed = place(server, places, patient=PETER)
    store(server, places.referrer, files(a_dicom(patient="Okoth^Petra")))
    with client_of(server, places.referrer) as client:
        (study,) = ok(client.get("/studies?unmatched=true"))["items"]
        (candidate,) = ok(client.get(f"/studies/{study['id']}/candidates"))["items"]
        assert (candidate["referral_id"], candidate["differs"]) == (placed.referral_id, ["name"])
        attach = f"/studies/{study['id']}/attach"
        asked = client.post(attach, json={"referral_id": placed.referral_id})
        assert (asked.status_code, asked.json()["differs"]) == (409, ["name"])
        done = ok(client.post(attach, json={"referral_id": placed.referral_id, "same_patient": True}))
        assert done["referral_ids"] == [placed.referral_id]
        assert ok(client.get("/studies?unmatched=true"))["items"] == []
        assert ok(client.post(f"/studies/{study['id']}/detach"))["referral_ids"] == []
        assert client.post(f"/studies/{study['id']}/detach").status_code == 409


def test_a_patient_is_found_named_and_merged(server: Running, places: Places) -> None:
    known, unknown = place(server, places), place(server, places, patient={"name_unknown": True})
    coordinator = people.somebody(places.clinic, Role.COORDINATOR)
    with client_of(server, places.referrer) as client, client_of(server, coordinator) as merging:
        (found,) = ok(client.post("/patients/search", json={"name": "OTIÉ ja", "birth_date": "1990"}))["items"]
        jane = found["patient"]["id"]
        assert (found["is_likely"], found["seen_at"] is not None) == (False, True)
        nobody = ok(client.get(f"/referrals/{unknown.referral_id}"))["patient"]["id"]
        named = ok(client.post(f"/patients/{nobody}/name", json={"family_name": "Otieno", "given_name": "Jaine"}))
        assert (named["patient"]["name_unknown"], len(named["aliases"])) == (False, 1)
        assert merging.post(f"/patients/{nobody}/merge", json={"into_patient_id": nobody}).status_code == 422
        preview = ok(merging.get(f"/patients/{nobody}/merge/{jane}"))
        assert (preview["moving_referral_ids"], preview["must_announce"]) == ([unknown.referral_id], False)
        key = {"Idempotency-Key": str(uuid4())}
        merged = [
            ok(merging.post(f"/patients/{nobody}/merge", json={"into_patient_id": jane}, headers=key)) for _ in range(2)
        ]
        assert merged[0] == merged[1]
        assert set(ok(client.get(f"/patients/{jane}"))["referral_ids"]) == {known.referral_id, unknown.referral_id}
        assert client.post(f"/merges/{merged[0]['id']}/undo").status_code == 403
        undone = ok(merging.post(f"/merges/{merged[0]['id']}/undo"))
        assert undone["undone_at"]
        assert ok(client.get(f"/patients/{jane}"))["referral_ids"] == [known.referral_id]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"patient": {"family_name": "Otieno", "birth_date": "2999"}}, "patient.birth_date"),
        ({"obstetric": {"lmp": "2999-01-01"}}, "obstetric.lmp"), ({"obstetric": {"lmp": "2020-01-01"}}, "obstetric.lmp"),
    ],
)  # fmt: skip
def test_an_impossible_date_is_asked_about_at_its_field(
    server: Running, places: Places, changed: dict[str, object], field: str
) -> None:
    given = {"patient": {"family_name": "Otieno"}, "exam_type": "ob-first-trimester", "question": "Viable?", **changed}
    with client_of(server, places.referrer) as client:
        answer = client.post("/referrals", json=given)
    problem = answer.json()
    assert (answer.status_code, problem.get("field") or problem["errors"][0]["field"]) == (422, field)


def test_a_wrong_patient_is_put_right_as_a_new_referral(server: Running, places: Places) -> None:
    placed = place(server, places)
    with client_of(server, places.referrer) as client:
        answer = client.post(f"/referrals/{placed.referral_id}/right-patient", json={"patient": PETER})
        made = ok(answer, 201)
        assert answer.headers["location"] == f"/api/v1/referrals/{made['id']}"
        assert (made["patient"]["family_name"], made["review"]["status"]) == ("Okoth", "requested")
        assert ok(client.get(f"/referrals/{placed.referral_id}"))["status"] == "entered-in-error"
