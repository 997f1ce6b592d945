"""STOW-RS by the clauses of PS3.18 10.5: what is sent, what is answered, what is kept."""

import base64
import io
import uuid
from typing import Any

import httpx
import pydicom
import pytest

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading, transaction
from app.people.models import Membership, Role
from app.studies.models import Instance, InstanceConflict, InstanceHeader, Study
from tests.conformance import dicomweb
from tests.conformance.dicomweb import DICOM, JSON, failed, files, multipart, sequence, store, stored, url
from tests.dicom import made, real
from tests.people import Places, count, somebody
from tests.referrals.test_place import placed
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg, a_pdf, send


def uid_of(body: bytes) -> str:
    return str(pydicom.dcmread(io.BytesIO(body), force=True).SOPInstanceUID)


def study() -> str:
    return f"2.25.{uuid.uuid4().int}"


def test_instances_of_several_studies_are_stored_and_named_one_by_one(server: Running, places: Places) -> None:
    """PS3.18 10.5.3: 200, ReferencedSOPSequence with class, instance and Retrieve URL."""
    bodies = [a_dicom() for _ in range(3)]
    answer = store(server, places.referrer, files(*bodies))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == JSON
    assert stored(answer) == [uid_of(body) for body in bodies]
    first = sequence(answer, "00081199")[0]
    assert first["00081150"]["Value"] == [made.US_IMAGE]
    assert first["00081190"]["Value"][0].startswith(url(server, "/studies/2.25."))
    assert "00081198" not in answer.json()
    assert "00081190" not in answer.json()
    assert count(Instance, Instance.organization_id == places.clinic) == 3
    assert count(InstanceHeader, InstanceHeader.id.in_(ids_of(places.clinic))) == 3


def ids_of(organization_id: uuid.UUID) -> list[uuid.UUID]:
    with reading(WORKER) as session:
        return [row.id for row in session.query(Instance).filter_by(organization_id=organization_id)]


def test_one_study_is_named_as_a_whole(server: Running, places: Places) -> None:
    uid = study()
    answer = store(server, places.referrer, files(a_dicom(study=uid), a_dicom(study=uid)), path=f"/studies/{uid}")
    assert answer.status_code == 200
    assert answer.json()["00081190"]["Value"] == [url(server, f"/studies/{uid}")]


def test_instance_of_another_study_than_the_one_addressed_is_refused(server: Running, places: Places) -> None:
    """PS3.18 10.5.1: instances that do not belong to the study are not stored; the others are."""
    uid = study()
    answer = store(server, places.referrer, files(a_dicom(study=uid), a_dicom()), path=f"/studies/{uid}")
    assert answer.status_code == 202
    assert failed(answer) == [0xA900]
    assert len(stored(answer)) == 1


def test_single_part_body_is_one_instance(server: Running, places: Places) -> None:
    body = a_dicom()
    answer = store(server, places.referrer, body, content_type=DICOM)
    assert (answer.status_code, stored(answer)) == (200, [uid_of(body)])


def test_refused_instance_never_fails_its_neighbours(server: Running, places: Places) -> None:
    good = a_dicom()
    answer = store(server, places.referrer, files(a_pdf(), good, b"", a_dicom()[:-100], a_jpeg()))
    assert answer.status_code == 202
    assert failed(answer) == [0xC000] * 4
    assert stored(answer) == [uid_of(good)]
    assert "4 of 5 not stored" in answer.headers["warning"]


def test_nothing_but_refused_instances_is_a_conflict(server: Running, places: Places) -> None:
    """PS3.18 table 10.5.3-1: 409 when none was stored."""
    answer = store(server, places.referrer, files(a_pdf(), b"nothing"))
    assert (answer.status_code, failed(answer)) == (409, [0xC000, 0xC000])
    assert "00081199" not in answer.json()


def test_instance_without_its_study_is_refused(server: Running, places: Places) -> None:
    body = made.file(made.picture(instead={0x0020000D: b""}))
    answer = store(server, places.referrer, files(body))
    assert (answer.status_code, failed(answer)) == (409, [0xA900])


def test_same_instance_twice_is_stored_once(server: Running, places: Places) -> None:
    body = a_dicom()
    first = store(server, places.referrer, files(body, body))
    again = store(server, places.referrer, files(body))
    assert (first.status_code, again.status_code) == (200, 200)
    assert stored(first) == [uid_of(body)] * 2
    assert count(Instance, Instance.organization_id == places.clinic) == 1


def test_other_bytes_under_a_known_uid_are_kept_aside_and_said(server: Running, places: Places) -> None:
    uid = study()
    store(server, places.referrer, files(a_dicom(uid)))
    answer = store(server, places.referrer, files(a_dicom(uid, patient="Someone^Else")))
    assert (answer.status_code, failed(answer)) == (409, [0x0111])
    assert count(InstanceConflict, InstanceConflict.organization_id == places.clinic) == 1
    assert count(Study, Study.organization_id == places.clinic, Study.patient_name == "Otieno^Jane") == 1


def test_equal_uids_of_two_organizations_know_nothing_of_each_other(server: Running, places: Places) -> None:
    uid = study()
    ours = store(server, places.referrer, files(a_dicom(uid)))
    theirs = store(server, places.stranger_referrer, files(a_dicom(uid, patient="Someone^Else")))
    assert (ours.status_code, theirs.status_code) == (200, 200)
    assert count(Instance, Instance.sop_instance_uid == uid) == 2


def test_what_is_stored_is_on_the_record(server: Running, places: Places) -> None:
    store(server, places.referrer, files(a_dicom(), a_dicom()))
    received = (AuditEvent.action == "study.received", AuditEvent.organization_id == places.clinic)
    assert count(AuditEvent, *received) == 2


def test_more_than_a_batch_is_stored_whole(server: Running, places: Places) -> None:
    uid = study()
    answer = store(server, places.referrer, files(*[a_dicom(study=uid) for _ in range(130)]))
    assert (answer.status_code, len(stored(answer))) == (200, 130)
    assert count(Instance, Instance.organization_id == places.clinic) == 130


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/related; type="application/dicom+xml"; boundary=of-parts',
        "application/dicom+xml", "application/json", "text/plain", "multipart/form-data; boundary=of-parts", "",
        "application/zip", 'multipart/related; type="image/jpeg"; boundary=of-parts',
    ],
)  # fmt: skip
def test_other_payloads_are_refused_with_what_is_taken(server: Running, places: Places, content_type: str) -> None:
    """PS3.18 10.5.2: 415, and Accept says what could be sent."""
    answer = store(server, places.referrer, files(a_dicom()), content_type=content_type)
    assert answer.status_code == 415
    assert DICOM in answer.headers["accept"]


def test_stranger_is_refused_before_the_body_is_read(server: Running) -> None:
    def never() -> Any:
        yield b"--of-parts"
        raise AssertionError("the body was read")

    with pytest.raises((AssertionError, httpx.WriteError)):
        httpx.post(url(server, "/studies"), content=never(), headers={"Content-Type": dicomweb.MULTIPART})
    answer = httpx.post(url(server, "/studies"), content=files(a_dicom()), headers={"Content-Type": dicomweb.MULTIPART})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_does_not_send_may_not_store(server: Running, places: Places) -> None:
    assert store(server, places.reviewer, files(a_dicom())).status_code == 403


def test_who_sends_for_several_organizations_says_for_which(server: Running, places: Places) -> None:
    both = somebody(places.clinic, Role.REFERRER)
    with transaction(WORKER) as session:
        session.add(Membership(person_id=both.id, organization_id=places.stranger, role=Role.REFERRER))
    answer = store(server, both, files(a_dicom()))
    assert answer.status_code == 409
    assert set(answer.json()["organizations"]) == {str(places.clinic), str(places.stranger)}
    path = f"/studies?organization={places.stranger}"
    assert store(server, both, files(a_dicom()), path=path).status_code == 200
    assert count(Study, Study.organization_id == places.stranger) == 1
    assert store(server, both, files(a_dicom()), path=f"/studies?organization={places.hospital}").status_code == 404


def metadata_of(path: str, uid: str) -> dict[str, Any]:
    """A real file's header as a client makes it, with its pixel data elsewhere."""
    data = pydicom.dcmread(real.named(path))
    data.SOPInstanceUID = uid
    found: dict[str, Any] = data.to_json_dict(1024, lambda element: f"bulk/{element.tag:08X}")
    return found


def test_compressed_frames_come_as_parts_of_one_place(server: Running, places: Places) -> None:
    path = real.named("examples_ybr_color.dcm")
    data = pydicom.dcmread(path)
    frames = list(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames)))
    sent = metadata_of("examples_ybr_color.dcm", study())
    body = multipart([
        (f"Content-Type: {JSON}", dicomweb.dumped(sent)),
        *[("Content-Type: image/jpeg\r\nContent-Location: bulk/7FE00010", frame) for frame in frames],
        *[(f"Content-Type: application/octet-stream\r\nContent-Location: bulk/{tag}", b"<xml/>") for tag in bulk_tags(sent)],
    ])  # fmt: skip
    kind = f'multipart/related; type="{JSON}"; boundary={dicomweb.BOUNDARY}'
    answer = store(server, places.referrer, body, content_type=kind)
    assert answer.status_code == 200, answer.text
    with reading(WORKER) as session:
        row = session.query(Instance).filter_by(organization_id=places.clinic).one()
    assert (row.number_of_frames, row.transfer_syntax_uid) == (len(frames), str(data.file_meta.TransferSyntaxUID))


def bulk_tags(data: dict[str, Any]) -> list[str]:
    return [tag for tag, one in data.items() if "BulkDataURI" in one and tag != "7FE00010"]


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        (b"no json", 400), (b"[]", 400), (b"7", 400), (b"[" * 100_000, 400), (b"{}", 409),
        (b'{"00080018": {"vr": "UI", "Value": ["../../etc"]}, "00080016": {"vr": "UI", "Value": ["1.2"]}}', 409),
        (b'{"00080018": {"vr": "ZZ"}, "00080016": {"vr": "UI", "Value": ["1.2"]}}', 409),
        (b'{"0008": 1, "00080016": "x"}', 409),
        (base64.b64encode(b"x" * 100), 400),
    ],
)  # fmt: skip
def test_metadata_that_are_no_instance_are_refused(
    server: Running, places: Places, metadata: bytes, status: int
) -> None:
    kind = f'multipart/related; type="{JSON}"; boundary={dicomweb.BOUNDARY}'
    body = multipart([(f"Content-Type: {JSON}", metadata)])
    assert store(server, places.referrer, body, content_type=kind).status_code == status


def test_bulk_data_from_elsewhere_are_never_fetched(server: Running, places: Places) -> None:
    sent = metadata_of("US1_UNCI.dcm", study())
    sent["7FE00010"]["BulkDataURI"] = f"{server.base_url}/healthz"
    kind = f'multipart/related; type="{JSON}"; boundary={dicomweb.BOUNDARY}'
    answer = store(
        server, places.referrer, multipart([(f"Content-Type: {JSON}", dicomweb.dumped(sent))]), content_type=kind
    )
    assert (answer.status_code, failed(answer)) == (409, [0xC000])


def test_instance_of_another_patient_than_the_referral_that_asks_is_refused(server: Running, places: Places) -> None:
    """Never shown silently: Failure Reason A900 and the sentence that says why; its neighbour is stored."""
    uid, jane = study(), {"family_name": "Otieno", "given_name": "Jane", "birth_date": "1990-04-03"}
    send(places.referrer, placed(places.referrer, patient=jane), a_dicom(study=uid))
    answer = store(server, places.referrer, files(a_dicom(study=uid, patient="Someone^Else"), a_dicom(study=uid)))
    assert (answer.status_code, failed(answer), len(stored(answer))) == (202, [0xA900], 1)
    assert "another patient" in answer.headers["warning"]
