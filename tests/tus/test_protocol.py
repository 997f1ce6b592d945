"""tus 1.0, rule by rule, as a client of a running service sees them."""

import hashlib
import http.client
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.config import settings
from app.db import reading
from app.storage.blobs import STORED, Blob
from tests.people import Places, count
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg
from tests.tus.client import OCTETS, TUS, Tus, checksum, metadata
from tests.web import cases


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_file_comes_in_pieces_and_is_recorded_with_its_last_byte(tus: Tus) -> None:
    referral_id, body = tus.place(), a_dicom()
    url = tus.begun(len(body), referral_id=referral_id, filename="ruq.dcm", filetype="application/dicom")
    third = len(body) // 3
    for begin, end in ((0, third), (third, 2 * third), (2 * third, len(body))):
        answer = tus.patch(url, begin, body[begin:end])
        assert (answer.status_code, answer.headers["upload-offset"], answer.content) == (204, str(end), b"")
    (file,) = tus.files(referral_id)
    assert (file["name"], file["status"], file["sha256"]) == ("ruq.dcm", "stored", sha256(body))
    assert tus.original(file) == body
    said = tus.head(url)
    assert (said.headers["upload-offset"], said.headers["upload-length"]) == (str(len(body)), str(len(body)))


def test_options_says_what_there_is_without_asking_who_asks(server: Running) -> None:
    said = httpx.options(f"{server.base_url}/uploads")
    assert said.status_code == 204
    assert said.headers["tus-version"] == said.headers["tus-resumable"] == "1.0.0"
    assert said.headers["tus-extension"] == "creation,creation-with-upload,checksum,termination,expiration"
    assert said.headers["tus-checksum-algorithm"] == "sha256,sha1"
    assert int(said.headers["tus-max-size"]) == settings().max_file_bytes


def test_head_gives_back_what_was_said_and_when_it_ends_and_is_not_kept_by_anybody(tus: Tus) -> None:
    given = {"referral_id": tus.place(), "filename": "é 1.dcm", "own": "x"}
    url = tus.begun(10, **given)
    tus.patch(url, 0, b"123")
    said = tus.head(url)
    assert (said.status_code, said.headers["upload-offset"], said.headers["upload-length"]) == (200, "3", "10")
    assert said.headers["upload-metadata"] == metadata(given)
    assert said.headers["cache-control"] == "no-store"
    assert said.headers["upload-expires"].endswith("GMT")
    assert said.headers["tus-resumable"] == "1.0.0"


def test_a_small_file_comes_with_its_creation(tus: Tus) -> None:
    referral_id, body = tus.place(), a_jpeg()
    answer = tus.create(len(body), body, referral_id=referral_id, filename="a.jpg")
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(body)))
    assert [one["status"] for one in tus.files(referral_id)] == ["stored"]
    half = tus.create(len(body), body[:100], referral_id=referral_id, filename="b.jpg")
    assert (half.status_code, half.headers["upload-offset"]) == (201, "100")
    assert tus.offset(half.headers["location"]) == 100


def test_a_creation_said_twice_under_one_key_is_one_upload(tus: Tus) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = tus.create(10, headers=key)
    tus.patch(first.headers["location"], 0, b"12345")
    again = tus.create(10, headers=key)
    assert again.headers["location"] == first.headers["location"]
    assert (again.status_code, again.headers["upload-offset"]) == (201, "5")
    assert tus.create(11, headers=key).status_code == 422


@pytest.mark.parametrize("headers", [{}, {"Tus-Resumable": "0.2.2"}])
def test_another_version_is_refused_before_anything_else(tus: Tus, headers: dict[str, str]) -> None:
    url = tus.begun(10)
    del tus.http.headers["tus-resumable"]
    given = {"Upload-Offset": "0", "Content-Type": OCTETS} | headers
    for answer in (tus.http.patch(url, content=b"123", headers=given), tus.http.post("/uploads", headers=headers)):
        assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")
    tus.http.headers.update(TUS)
    assert tus.offset(url) == 0


@pytest.mark.parametrize(
    ("offset", "body", "headers", "status"),
    [
        ("4", b"12", {}, 409), ("0", b"12", {}, 409), ("x", b"12", {}, 400), ("-1", b"12", {}, 400),
        ("9" * 30, b"12", {}, 400), ("3", b"12345678", {}, 413), ("3", b"12", {"Content_Type": "image/jpeg"}, 415),
        ("3", b"12", {"Upload_Checksum": "md5 eA=="}, 400), ("3", b"12", {"Upload_Checksum": "sha256 !"}, 400),
        ("3", b"12", {"Upload_Checksum": "sha256"}, 400), ("3", b"12", checksum(b"21"), 460),
        ("3", b"12", checksum(b"21", "sha1"), 460),
    ],
)  # fmt: skip
def test_a_piece_that_does_not_fit_is_refused_and_moves_nothing(
    tus: Tus, offset: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    url = tus.begun(10)
    tus.patch(url, 0, b"123")
    answer = tus.patch(url, offset, body, **headers)
    assert (answer.status_code, answer.headers["tus-resumable"]) == (status, "1.0.0"), answer.text
    assert answer.json()["detail"].endswith(".")
    assert tus.offset(url) == 3


def test_more_bytes_than_declared_without_saying_so_are_refused_as_they_come(tus: Tus) -> None:
    url = tus.begun(10)
    answer = tus.patch(url, 0, iter([b"x" * 8, b"y" * 8]))
    assert answer.status_code == 413
    assert tus.offset(url) in (0, 8)


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_piece_with_its_checksum_counts_when_it_is_right(tus: Tus, algorithm: str) -> None:
    referral_id, body = tus.place(), a_dicom(size=300)
    url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm", sha256=sha256(body))
    assert tus.patch(url, 0, body[:1000], **checksum(body[1:1001], algorithm)).status_code == 460
    assert tus.patch(url, 0, body[:1000], **checksum(body[:1000], algorithm)).status_code == 204
    assert tus.patch(url, 1000, body[1000:], **checksum(body[999:], algorithm)).status_code == 460
    assert tus.patch(url, 1000, body[1000:], **checksum(body[1000:], algorithm)).status_code == 204
    (file,) = tus.files(referral_id)
    assert (file["status"], tus.original(file)) == ("stored", body)


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": ""}, 400), ({"Upload-Length": "-1"}, 400), ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Length": "9" * 25}, 400), ({"Upload-Length": str(1 << 55)}, 413), ({"Upload-Metadata": "a !"}, 400),
        ({"Upload-Metadata": "a YQ==,a YQ=="}, 400), ({"Upload-Metadata": ","}, 400), ({"Upload-Metadata": "é YQ=="}, 400),
        ({"Upload-Metadata": "a /w=="}, 400), ({"Upload-Metadata": "a " + "A" * 5000}, 413),
        ({"Upload-Metadata": metadata({"referral_id": "x"})}, 422), ({"Upload-Metadata": metadata({"sha256": "x"})}, 422),
        ({"Upload-Metadata": metadata({"referral_id": str(uuid4())})}, 404), ({"Upload-Concat": "partial"}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
    ],
)  # fmt: skip
def test_a_creation_that_cannot_be_meant_is_refused(tus: Tus, headers: dict[str, str], status: int) -> None:
    raw = [(name.encode(), value.encode()) for name, value in ({"Upload-Length": "10"} | headers).items()]
    answer = tus.http.post("/uploads", headers=raw)
    assert (answer.status_code, answer.headers["tus-resumable"]) == (status, "1.0.0"), answer.text


def test_an_empty_file_is_refused_at_once_with_its_line(tus: Tus) -> None:
    referral_id = tus.place()
    assert tus.create(0, referral_id=referral_id, filename="a.dcm").status_code == 422
    assert [one["status"] for one in tus.files(referral_id)] == ["quarantined"]


def test_nobody_elses_upload_exists_and_no_byte_of_a_strangers_is_taken(
    server: Running, places: Places, tus: Tus
) -> None:
    url = tus.begun(10, referral_id=tus.place())
    for who in (places.coordinator, places.stranger_referrer, places.reviewer):
        with Tus(server.base_url, who) as other:
            for answer in (other.head(url), other.patch(url, 0, b"123"), other.http.delete(url)):
                assert answer.status_code == 404
            assert other.json.get(url).status_code == 404
            assert other.json.get("/uploads").json()["items"] == []
    without = httpx.patch(
        f"{server.base_url}{url}", content=b"1", headers=TUS | {"Upload-Offset": "0", "Content-Type": OCTETS}
    )
    assert without.status_code == 401
    assert tus.offset(url) == 0


def test_a_stranger_is_told_before_any_byte_of_the_body_comes(server: Running) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    connection.putrequest("PATCH", f"/uploads/{uuid4()}")
    for name, value in (TUS | {"Upload-Offset": "0", "Content-Type": OCTETS, "Content-Length": "1000000"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 401


def test_an_upload_that_its_sender_ends_is_gone_and_its_line_counts_no_more(tus: Tus) -> None:
    referral_id = tus.place()
    url = tus.begun(10, referral_id=referral_id, filename="a.dcm")
    tus.patch(url, 0, b"123")
    assert tus.referral(referral_id)["declared_count"] == 1
    assert tus.http.delete(url).status_code == 204
    for answer in (tus.head(url), tus.patch(url, 3, b"4"), tus.http.delete(url)):
        assert answer.status_code == 410
    assert tus.referral(referral_id)["declared_count"] == 0
    assert tus.json.get(url).json()["status"] == "ended"


def test_what_has_arrived_is_withdrawn_and_not_ended(tus: Tus) -> None:
    referral_id, body = tus.place(), a_jpeg()
    url = tus.create(len(body), body, referral_id=referral_id).headers["location"]
    assert tus.http.delete(url).status_code == 409
    assert tus.patch(url, len(body), b"").status_code == 410
    assert [one["status"] for one in tus.files(referral_id)] == ["stored"]


def test_clients_that_can_only_post_say_what_they_mean(tus: Tus) -> None:
    url = tus.begun(10)
    given = {"Upload-Offset": "0", "Content-Type": OCTETS, "X-HTTP-Method-Override": "PATCH"}
    assert tus.http.post(url, content=b"123", headers=given).headers["upload-offset"] == "3"
    assert tus.http.post(url, headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert tus.http.post(url).status_code == 405


def test_a_file_of_another_digest_than_declared_is_named_and_comes_again(tus: Tus) -> None:
    referral_id, body = tus.place(), a_dicom()
    wrong = body[:-1] + bytes([body[-1] ^ 1])
    given: dict[str, Any] = {"referral_id": referral_id, "filename": "a.dcm", "sha256": sha256(body)}
    refused = tus.create(len(wrong), wrong, **given)
    assert (refused.status_code, refused.json()["reason_code"]) == (422, "digest")
    (file,) = tus.files(referral_id)
    assert (file["status"], file["instance_id"]) == ("quarantined", None)
    assert "SHA-256" in file["reason"]
    kept_aside = (Blob.sha256 == sha256(wrong), Blob.state == STORED)
    assert count(Blob, *kept_aside) == 1
    assert tus.create(len(body), body, **given).status_code == 201
    assert count(Blob, *kept_aside) == 0  # the right bytes are here
    assert [(one["status"], one["sha256"]) for one in tus.files(referral_id)] == [("stored", sha256(body))]


def test_the_manifest_says_the_digest_where_the_upload_does_not(tus: Tus) -> None:
    body = a_dicom()
    declared = {"files": [{"name": "a.dcm", "size_bytes": len(body), "sha256": sha256(b"another")}]}
    referral_id = cases.ok(tus.json.post("/referrals", json=cases.PLAIN | declared), 201)["id"]
    assert tus.create(len(body), body, referral_id=referral_id, filename="a.dcm").status_code == 422
    assert [one["status"] for one in tus.files(referral_id)] == ["quarantined"]


def test_what_is_no_picture_is_refused_with_its_line_and_stops_nothing_else(tus: Tus) -> None:
    referral_id, body = tus.place(), b"no picture at all" * 100
    answer = tus.create(len(body), body, referral_id=referral_id, filename="bad.dcm")
    assert (answer.status_code, "DICOM, JPEG, PNG, MP4, PDF or a ZIP" in answer.json()["detail"]) == (422, True)
    good = a_jpeg()
    assert tus.create(len(good), good, referral_id=referral_id, filename="good.jpg").status_code == 201
    assert {one["name"]: one["status"] for one in tus.files(referral_id)} == {
        "bad.dcm": "quarantined", "good.jpg": "stored",
    }  # fmt: skip


def test_another_patients_file_is_held_and_answers_as_arrived(tus: Tus) -> None:
    referral_id, body = tus.place(), a_dicom(patient="Wanjiru^Mary")
    answer = tus.create(len(body), body, referral_id=referral_id, filename="a.dcm")
    assert answer.status_code == 201
    (file,) = tus.files(referral_id)
    said = tus.json.get(answer.headers["location"]).json()
    assert (file["status"], said["status"], said["file_id"]) == ("held", "done", file["id"])
    assert "patient" in said["reason"]


def test_who_was_asked_about_the_name_before_it_left_is_not_asked_again(tus: Tus) -> None:
    referral_id, body, study = tus.place(), a_dicom(patient="Wanjiru^Mary"), "2.25.77"
    answer = tus.create(len(body), body, referral_id=referral_id, filename="a.dcm", same_patient="true")
    said = tus.json.get(answer.headers["location"]).json()
    assert (said["status"], said["reason"], [one["status"] for one in tus.files(referral_id)]) == (
        "done",
        "",
        ["stored"],
    )
    with reading(WORKER) as session:
        confirmed = sa.select(AuditEvent.person_id).where(
            AuditEvent.action == "file.identity-confirmed", AuditEvent.entity_id == UUID(said["file_id"])
        )
        assert len(session.scalars(confirmed).all()) == 1

    uid = "2.25.78"  # another file under this identifier is here: that is said all the same
    for size in (32, 48):
        body = a_dicom(uid=uid, patient="Wanjiru^Mary", size=size)
        answer = tus.create(len(body), body, referral_id=referral_id, filename=f"{size}.dcm", same_patient="true")
    assert "Both are kept" in tus.json.get(answer.headers["location"]).json()["reason"]

    known = a_dicom(study=study)  # with this examination lies another patient's already
    assert tus.create(len(known), known, referral_id=tus.place(), filename="known.dcm").status_code == 201
    other = tus.place(patient={"family_name": "Wanjiru", "given_name": "Mary"})
    body = a_dicom(study=study)
    tus.create(len(body), body, referral_id=other, filename="b.dcm", same_patient="true")
    assert [one["status"] for one in tus.files(other)] == ["held"]


def test_a_file_without_a_referral_goes_to_the_unmatched_studies(tus: Tus) -> None:
    body = a_dicom()
    url = tus.create(len(body), body, filename="a.dcm").headers["location"]
    assert tus.json.get(url).json()["status"] == "done"
    assert len(tus.json.get("/studies?unmatched=true").json()["items"]) == 1
    jpeg = a_jpeg()
    assert tus.create(len(jpeg), jpeg, filename="a.jpg").status_code == 422


def test_the_same_bytes_twice_are_one_file(tus: Tus) -> None:
    referral_id, body = tus.place(), a_dicom()
    for _ in range(2):
        assert tus.create(len(body), body, referral_id=referral_id, filename="a.dcm").status_code == 201
    named = tus.create(len(body), body, referral_id=referral_id, filename="b.dcm", sha256=sha256(body))
    assert named.status_code == 201
    assert [one["status"] for one in tus.files(referral_id) if one["status"] != "withdrawn"] == ["stored"]
    assert tus.referral(referral_id)["declared_count"] == 1


def test_uploads_that_go_on_are_listed_for_their_sender(tus: Tus) -> None:
    referral_id = tus.place()
    urls = [tus.begun(10, referral_id=referral_id, filename=f"{number}.dcm") for number in range(3)]
    tus.patch(urls[1], 0, b"12345")
    first = tus.json.get("/uploads", params={"referral_id": referral_id, "limit": "2"}).json()
    assert [(one["url"], one["offset_bytes"], one["status"]) for one in first["items"]] == [
        (urls[0], 0, "receiving"), (urls[1], 5, "receiving"),
    ]  # fmt: skip
    rest = tus.json.get("/uploads", params={"referral_id": referral_id, "cursor": first["next_cursor"]}).json()
    assert [one["url"] for one in rest["items"]] == urls[2:]


def test_files_said_to_come_are_counted_once(tus: Tus) -> None:
    referral_id, body = tus.place(), a_jpeg()
    files = [{"name": "a.jpg", "size_bytes": len(body), "sha256": sha256(body)}, {"name": "b.jpg"}]
    for _ in range(2):
        said = cases.ok(tus.json.post(f"/referrals/{referral_id}/expect", json={"files": files}))["items"]
        assert [(one["name"], one["status"]) for one in said] == [("a.jpg", "declared"), ("b.jpg", "declared")]
    tus.create(len(body), body, referral_id=referral_id, filename="a.jpg")
    seen = tus.referral(referral_id)
    assert (seen["arrived_count"], seen["declared_count"]) == (1, 2)
    again = cases.ok(tus.json.post(f"/referrals/{referral_id}/expect", json={"files": files}))["items"]
    assert [one["status"] for one in again] == ["stored", "declared"]


def test_a_cancelled_referral_takes_no_bytes_any_more(tus: Tus) -> None:
    referral_id = tus.place()
    url = tus.begun(10, referral_id=referral_id)
    cases.ok(tus.json.post(f"/referrals/{referral_id}/cancel", json={"reason": "Went to the district hospital."}))
    assert tus.patch(url, 0, b"123").status_code == 410
    assert tus.create(10, referral_id=referral_id).status_code == 409
