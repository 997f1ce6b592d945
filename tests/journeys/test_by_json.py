"""The whole path of a case by `/api/v1`, against a running service, on both columns."""

import hashlib
import io
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from pydicom import examples

from tests import people
from tests.people import Places, Somebody
from tests.servers.app import Running

PASSWORD = "correct horse battery staple"
REFERRAL = {
    "patient": {"family_name": "Otieno", "given_name": "Jane", "birth_date": "1990", "sex": "female"},
    "exam_type": "abdomen",
    "question": "Gallstones?",
    "clinical_notes": "Pain for two days.",
    "priority": "asap",
    "files": [{"name": "rgb.dcm"}, {"name": "clip.dcm"}],
}


def client_of(server: Running, who: Somebody) -> httpx.Client:
    return httpx.Client(base_url=f"{server.base_url}/api/v1", headers=who.headers, timeout=60)


@pytest.fixture
def referrer(server: Running, places: Places) -> Iterator[httpx.Client]:
    with client_of(server, places.referrer) as client:
        yield client


@pytest.fixture
def reviewer(server: Running, places: Places) -> Iterator[httpx.Client]:
    people.set_password(places.reviewer, PASSWORD)
    with client_of(server, places.reviewer) as client:
        yield client


def test_a_referral_goes_from_question_to_acknowledged_answer(referrer: httpx.Client, reviewer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json=REFERRAL), 201)
    assert (referral["status"], referral["declared_count"], referral["arrived_count"]) == ("draft", 2, 0)

    submitted = ok(referrer.post(f"/referrals/{referral['id']}/submit"))
    assert submitted["review"]["status"] == "requested"
    assert submitted["due_at"] is not None

    for name, example in (("rgb.dcm", "rgb_color"), ("clip.dcm", "ybr_color")):
        file = ok(send(referrer, referral["id"], as_patient(example, "Otieno^Jane"), name), 201)
        assert file["status"] == "stored"
        assert file["sha256"] == hashlib.sha256(as_patient(example, "Otieno^Jane")).hexdigest()

    line = ok(reviewer.get("/worklist"))["items"][0]
    assert (line["referral_id"], line["arrived_count"], line["declared_count"]) == (referral["id"], 2, 2)
    assert line["clip_count"] == 1
    review = ok(reviewer.post(f"/reviews/{line['review_id']}/claim"))
    assert review["status"] == "accepted"

    look_at_everything(reviewer, referral["id"])
    draft = write(reviewer, review["id"])
    signed = ok(sign(reviewer, review["id"], draft))
    assert signed["status"] == "final"

    seen = ok(referrer.get(f"/referrals/{referral['id']}"))
    assert seen["review"]["status"] == "completed"
    report = ok(referrer.get(f"/reports/{seen['report']['id']}"))
    assert report["impression"] == "Gallstones."
    pdf = referrer.get(f"/reports/{seen['report']['id']}", headers={"Accept": "application/pdf"})
    assert pdf.content.startswith(b"%PDF-")
    assert ok(referrer.get(f"/reports/{report['id']}/verify"))["authentic"] is True
    assert ok(referrer.post(f"/reports/{report['id']}/acknowledge"))["acknowledged_at"] is not None
    assert ok(referrer.get(f"/referrals/{referral['id']}"))["status"] == "completed"


def test_another_organization_learns_nothing(server: Running, places: Places, referrer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json=REFERRAL), 201)
    ok(referrer.post(f"/referrals/{referral['id']}/submit"))
    file = ok(send(referrer, referral["id"], as_patient("rgb_color", "Otieno^Jane"), "a.dcm"), 201)
    review_id = ok(referrer.get(f"/referrals/{referral['id']}"))["review"]["id"]
    nowhere = "00000000-0000-7000-8000-000000000000"
    paths = (
        "/referrals/{}",
        "/instances/{}",
        "/instances/{}/preview",
        "/instances/{}/original",
        "/reviews/{}",
        "/reports/{}",
    )
    ids = (referral["id"], file["instance_id"], file["instance_id"], file["instance_id"], review_id, referral["id"])
    for stranger in (places.stranger_referrer, places.stranger_reviewer):
        with client_of(server, stranger) as client:
            assert ok(client.get("/worklist"))["items"] == []
            assert ok(client.get("/referrals"))["items"] == []
            for path, known in zip(paths, ids, strict=True):
                answer, absent = client.get(path.format(known)), client.get(path.format(nowhere))
                assert answer.status_code == 404, path
                assert answer.json() == absent.json(), path
            assert client.post(f"/reviews/{review_id}/claim").status_code == 404
            assert send(client, referral["id"], b"x", "a.dcm").status_code == 404


def test_a_zip_is_unpacked_and_one_bad_file_stops_only_itself(referrer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json={**REFERRAL, "files": []}), 201)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("scan/1.dcm", as_patient("rgb_color", "Otieno^Jane"))
        opened.writestr("scan/photo.jpg", a_jpeg())
        opened.writestr("scan/cut.dcm", as_patient("palette_color", "Otieno^Jane")[:9_000])
        opened.writestr("scan/__MACOSX/.x", b"left over")
        opened.writestr("scan/Thumbs.db", b"left over")
    answer = ok(send(referrer, referral["id"], archive.getvalue(), "scan.zip"), 201)
    states = {file["name"]: file["status"] for file in answer["files"]}
    assert states == {"scan/1.dcm": "stored", "scan/photo.jpg": "stored", "scan/cut.dcm": "quarantined"}
    seen = ok(referrer.get(f"/referrals/{referral['id']}"))
    assert (seen["declared_count"], seen["arrived_count"]) == (3, 2)
    assert "cut off" in next(file["reason"] for file in seen["files"] if file["name"] == "scan/cut.dcm")


def test_a_file_of_another_patient_is_held_until_the_referrer_says_whose_it_is(referrer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json={**REFERRAL, "files": []}), 201)
    file = ok(send(referrer, referral["id"], as_patient("rgb_color", "Wanjiru^Mary"), "a.dcm"), 201)
    assert (file["status"], file["instance_id"]) == ("held", None)
    assert ok(referrer.get(f"/referrals/{referral['id']}"))["instance_ids"] == []
    kept = ok(referrer.post(f"/referrals/{referral['id']}/files/{file['id']}/confirm-identity"))
    assert kept["status"] == "stored"
    assert ok(referrer.get(f"/referrals/{referral['id']}"))["instance_ids"] == [kept["instance_id"]]
    gone = ok(referrer.post(f"/referrals/{referral['id']}/files/{file['id']}/withdraw", json={"reason": "Wrong file"}))
    assert gone["status"] == "withdrawn"
    assert ok(referrer.get(f"/referrals/{referral['id']}"))["instance_ids"] == []


def test_the_same_instance_with_other_bytes_is_a_conflict_and_the_first_stays(referrer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json={**REFERRAL, "files": []}), 201)
    first, other = as_patient("rgb_color", "Otieno^Jane"), as_patient("rgb_color", "Otieno^Jane Akinyi")
    stored = ok(send(referrer, referral["id"], first, "a.dcm"), 201)
    assert ok(send(referrer, referral["id"], first, "again.dcm"), 201)["id"] == stored["id"]
    conflict = ok(send(referrer, referral["id"], other, "b.dcm"), 201)
    assert conflict["status"] == "conflict"
    assert referrer.get(f"/instances/{stored['instance_id']}/original").content == first


def test_of_two_claims_one_wins_and_the_other_is_told_who(
    server: Running, places: Places, referrer: httpx.Client, reviewer: httpx.Client
) -> None:
    referral = ok(referrer.post("/referrals", json=REFERRAL), 201)
    review_id = ok(referrer.post(f"/referrals/{referral['id']}/submit"))["review"]["id"]
    ok(reviewer.post(f"/reviews/{review_id}/claim"))
    with client_of(server, places.second_reviewer) as second:
        lost = second.post(f"/reviews/{review_id}/claim")
    assert lost.status_code == 409
    assert lost.json()["owner"] == places.reviewer.name
    assert places.reviewer.name in lost.json()["detail"]


def test_what_was_not_seen_is_not_signed(referrer: httpx.Client, reviewer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json={**REFERRAL, "files": []}), 201)
    review_id = ok(referrer.post(f"/referrals/{referral['id']}/submit"))["review"]["id"]
    ok(reviewer.post(f"/reviews/{review_id}/claim"))
    draft = write(reviewer, review_id)
    ok(send(referrer, referral["id"], as_patient("rgb_color", "Otieno^Jane"), "late.dcm"), 201)
    assert sign(reviewer, review_id, draft).status_code == 412
    assert sign(reviewer, review_id, write(reviewer, review_id, draft), password="wrong").status_code == 422
    stale = reviewer.put(
        f"/reviews/{review_id}/report", json={"findings": "x"}, headers={"If-Match": draft.headers["etag"]}
    )
    assert stale.status_code == 412
    assert stale.json()["current"]["impression"] == "Gallstones."


def test_a_second_post_with_the_same_key_gives_the_first_answer(referrer: httpx.Client) -> None:
    key = {"Idempotency-Key": "made-once"}
    first = ok(referrer.post("/referrals", json=REFERRAL, headers=key), 201)
    again = ok(referrer.post("/referrals", json=REFERRAL, headers=key), 201)
    assert again["id"] == first["id"]
    other = referrer.post("/referrals", json={**REFERRAL, "question": "Else?"}, headers=key)
    assert other.status_code == 422


def test_a_wrong_field_is_named(referrer: httpx.Client) -> None:
    wrong = referrer.post("/referrals", json={**REFERRAL, "patient": {"family_name": "X", "birth_date": "2090-01-01"}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "patient.birth_date"


def test_a_question_comes_back_to_the_same_reader(referrer: httpx.Client, reviewer: httpx.Client) -> None:
    referral = ok(referrer.post("/referrals", json=REFERRAL), 201)
    review_id = ok(referrer.post(f"/referrals/{referral['id']}/submit"))["review"]["id"]
    ok(reviewer.post(f"/reviews/{review_id}/claim"))
    assert ok(reviewer.post(f"/reviews/{review_id}/hold", json={"text": "Long axis?"}))["status"] == "on-hold"
    assert ok(referrer.get(f"/referrals/{referral['id']}"))["messages"][0]["text"] == "Long axis?"
    replied = ok(referrer.post(f"/reviews/{review_id}/reply", json={"text": "Sent."}))
    assert (replied["status"], replied["owner"]) == ("in-progress", ok(reviewer.get(f"/reviews/{review_id}"))["owner"])


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def send(client: httpx.Client, referral_id: str, body: bytes, name: str) -> httpx.Response:
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Type": "application/octet-stream",
    }
    return client.post(f"/referrals/{referral_id}/files", content=body, headers=headers)


def write(client: httpx.Client, review_id: str, before: httpx.Response | None = None) -> httpx.Response:
    text = {
        "findings": "Several stones with shadows.",
        "impression": "Gallstones.",
        "recommendation": "Surgical opinion.",
    }
    headers = {"If-Match": before.headers["etag"]} if before is not None else {}
    answer = client.put(f"/reviews/{review_id}/report", json=text, headers=headers)
    ok(answer)
    return answer


def sign(client: httpx.Client, review_id: str, draft: httpx.Response, password: str = PASSWORD) -> httpx.Response:
    proof = {"password": password, "images_sha256": draft.json()["images_sha256"]}
    return client.post(f"/reviews/{review_id}/sign", json=proof, headers={"If-Match": draft.headers["etag"]})


def look_at_everything(client: httpx.Client, referral_id: str) -> None:
    for instance_id in ok(client.get(f"/referrals/{referral_id}"))["instance_ids"]:
        instance = ok(client.get(f"/instances/{instance_id}"))
        assert client.get(f"/instances/{instance_id}/preview").content[8:12] == b"WEBP"
        frame = client.get(f"/instances/{instance_id}/frames/1")
        assert Image.open(io.BytesIO(frame.content)).size == (instance["columns"], instance["rows"])
        if instance["is_clip"]:
            film = when_ready(client, f"/instances/{instance_id}/proxy")
            assert film.content[4:8] == b"ftyp"
            part = client.get(f"/instances/{instance_id}/proxy", headers={"Range": "bytes=4-7"})
            assert (part.status_code, part.content) == (206, b"ftyp")


def when_ready(client: httpx.Client, path: str) -> httpx.Response:
    for _ in range(120):
        answer = client.get(path)
        if answer.status_code != 503:
            return answer
        time.sleep(0.25)
    raise AssertionError(f"{path} never became ready: {answer.text}")


def as_patient(example: str, name: str) -> bytes:
    dataset = getattr(examples, example)
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientID = name, "19900403", ""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def a_jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()
