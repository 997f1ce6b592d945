"""What is no DICOM gets a DICOM encoding when its study settles: once, of this patient, and at nobody else's cost."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app.access.actor import WORKER
from app.db import reading, transaction
from app.dicom.pool import Pool
from app.errors import Invalid
from app.jobs import queue
from app.people.models import Patient
from app.referrals.models import Referral
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies import about, decoding, identity, wrapping
from app.studies.images import documents_of, image_list, instances_of
from app.studies.models import Document, Instance, InstanceHeader, ReferralStudy, Study, StudyName
from app.studies.settle import catch_up, settle, settle_document
from tests.dicom.test_film import recorded
from tests.dicom.test_film_stream import encoded, turned
from tests.dicom.wrapped import jpeg, scan
from tests.faults.invariants import nothing_is_half_visible, nothing_is_orphaned
from tests.people import Places, Somebody, count
from tests.referrals.test_place import placed
from tests.studies.sent import a_dicom, a_jpeg, a_pdf, send

pytestmark = pytest.mark.usefixtures("db")
JANE = {"patient": {"family_name": "Otieno", "given_name": "Jané", "name_local": "ጄን", "birth_date": "1990-01-02",
                    "sex": "female", "identifier": "P-17"}}  # fmt: skip


@pytest.fixture(autouse=True)
def _pool() -> Iterator[None]:
    yield
    decoding.stop()


def settle_all() -> None:
    with reading(WORKER) as session:
        studies, documents = list(session.scalars(sa.select(Study.id))), list(session.scalars(sa.select(Document.id)))
    for document_id in documents:
        settle_document(str(document_id))
    for study_id in studies:
        settle(str(study_id))


def instance(**by: Any) -> Instance:
    query = sa.select(Instance).filter_by(**by).options(joinedload(Instance.blob), joinedload(Instance.dicom_blob))
    with reading(WORKER) as session:
        return session.scalars(query).one()


def wrapped(row: Instance) -> pydicom.Dataset:
    assert row.dicom_blob is not None, row.wrap_reason
    return pydicom.dcmread(io.BytesIO(b"".join(blobs.read(row.dicom_blob))))


def withdraw(who: Somebody, referral: Referral, item_id: Any) -> None:
    with transaction(who.actor) as session:
        identity.withdraw(session, who.actor, referral.id, item_id, "Wrong file.")


def forget_jobs() -> None:
    for job in queue.client().list_workflows(status=["ENQUEUED", "DELAYED"]):
        queue.client().delete_workflow(job.workflow_id)


def waiting(name: str) -> list[str]:
    return [job.workflow_id for job in queue.client().list_workflows(name=name, status=["ENQUEUED", "DELAYED"])]


def test_each_kind_of_upload_is_told_whose_it_is_by_its_referral(places: Places, tmp_path: Path) -> None:
    referral = placed(places.referrer, **JANE)
    bodies = {"jpeg": jpeg(scan()), "mp4": recorded(tmp_path / "film").read_bytes(), "pdf": a_pdf()}
    for kind, body in bodies.items():
        send(places.referrer, referral, body, f"a.{kind}")
    settle_all()
    for number, kind in enumerate(bodies, 1):
        row = instance(kind=kind)
        ds = wrapped(row)
        assert b"".join(blobs.read(row.blob)) == bodies[kind], "the upload stays as it came"
        assert (str(ds.PatientName), ds.PatientID) == ("Otieno^Jané=ጄን", "P-17")
        assert (ds.PatientBirthDate, ds.PatientSex) == ("19900102", "F")
        assert (ds.AccessionNumber, ds.StudyID) == (referral.accession_number, referral.code)
        assert (ds.SOPInstanceUID, ds.SOPClassUID) == (row.sop_instance_uid, row.sop_class_uid)
        assert ds.file_meta.TransferSyntaxUID == row.transfer_syntax_uid
        assert ds.StudyInstanceUID == f"2.25.{referral.id.int}"
        assert (ds.Modality, ds.SeriesNumber) == (("DOC", 2) if kind == "pdf" else ("US", 1))
        assert ds.InstanceNumber == (1 if kind == "pdf" else number)
    with reading(WORKER) as session:
        study = session.scalars(sa.select(Study)).one()
    assert (study.patient_identifier, study.accession_number) == ("P-17", referral.accession_number)
    assert count(StudyName) == 5, "found by either script, whole and by word"
    assert study.settled_version == study.content_version > 0
    nothing_is_half_visible()
    nothing_is_orphaned()


def test_a_document_is_read_as_one_and_found_by_dicom_as_another(places: Places) -> None:
    referral, body = placed(places.referrer), a_pdf()
    send(places.referrer, referral, body, "report.pdf")
    settle_all()
    ds = wrapped(instance(kind="pdf"))
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == body
    with reading(WORKER) as session:
        assert instances_of(session, referral.id) == []
        (document,) = documents_of(session, referral.id)
        assert [one["id"] for one in image_list(session, referral.id)] == [str(document.id)]
    assert document.instance_id == instance(kind="pdf").id


def test_a_study_that_was_detached_still_says_whose_it_is(places: Places) -> None:
    referral = placed(places.referrer, **JANE)
    send(places.referrer, referral, a_jpeg())
    with transaction(WORKER) as session:
        session.execute(sa.delete(ReferralStudy))
    settle_all()
    assert wrapped(instance(kind="jpeg")).PatientID == "P-17"


def test_settling_again_makes_nothing_anew(places: Places) -> None:
    send(places.referrer, placed(places.referrer), a_jpeg())
    settle_all()
    before, blobs_before = instance(kind="jpeg"), count(Blob)
    settle_all()
    assert (instance(kind="jpeg").dicom_blob_id, count(Blob)) == (before.dicom_blob_id, blobs_before)


def test_a_newer_recipe_makes_what_is_kept_anew_under_its_uid(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    send(places.referrer, placed(places.referrer), a_jpeg())
    settle_all()
    before = instance(kind="jpeg")
    forget_jobs()
    catch_up()
    assert waiting("studies.settle") == []
    monkeypatch.setattr(wrapping, "RECIPE", wrapping.RECIPE + 1)
    catch_up()
    catch_up()
    assert waiting("studies.settle") == [f"settle-{before.study_id}-wrap-{wrapping.RECIPE}"]
    settle_all()
    after = instance(kind="jpeg")
    assert after.dicom_blob_id != before.dicom_blob_id
    assert wrapped(after).SOPInstanceUID == before.sop_instance_uid
    assert count(InstanceHeader) == 1
    nothing_is_orphaned()


def test_a_document_from_before_finds_its_place_in_its_study(places: Places) -> None:
    referral = placed(places.referrer)
    send(places.referrer, referral, a_pdf(), "report.pdf")
    uid = instance(kind="pdf").sop_instance_uid
    with transaction(WORKER) as session:
        session.execute(sa.update(Document).values(instance_id=None))
        session.execute(sa.delete(Instance))
    forget_jobs()
    catch_up()
    catch_up()
    (job_id,) = waiting("studies.settle_document")
    assert job_id.startswith("place-")
    settle_all()
    settle_all()
    assert wrapped(instance(kind="pdf")).SOPInstanceUID == uid


def test_a_withdrawn_file_is_no_instance_of_this_patient(places: Places) -> None:
    referral = placed(places.referrer)
    early = send(places.referrer, referral, a_jpeg(), "early.jpg")
    withdraw(places.referrer, referral, early.id)
    items = [send(places.referrer, referral, body) for body in (a_jpeg(), a_pdf(), a_dicom())]
    settle_all()
    assert instance(id=early.instance_id).dicom_blob_id is None
    for item in items:
        withdraw(places.referrer, referral, item.id)
    for kind, is_here in (("pdf", False), ("dicom", True)):
        assert (instance(kind=kind).dicom_blob_id is not None) == is_here
    settle_all()
    assert instance(id=items[0].instance_id).dicom_blob_id is None
    nothing_is_orphaned()


def test_a_document_sent_again_after_it_was_withdrawn_is_an_instance_again(places: Places) -> None:
    referral, body = placed(places.referrer), a_pdf()
    first = send(places.referrer, referral, body)
    withdraw(places.referrer, referral, first.id)
    send(places.referrer, referral, body)
    settle_all()
    with reading(WORKER) as session:
        query = sa.select(Document.id, Instance.dicom_blob_id).join(Instance, Instance.id == Document.instance_id)
        made = {row.id: row.dicom_blob_id is not None for row in session.execute(query)}
    assert len(made) == 2
    assert [document_id for document_id, is_made in made.items() if not is_made] == [first.document_id]


def test_a_film_that_dicom_cannot_hold_is_there_as_browsers_play_it(places: Places, tmp_path: Path) -> None:
    upright = turned(recorded(tmp_path / "upright")).read_bytes()
    send(places.referrer, placed(places.referrer), upright, "a.mp4")
    settle_all()
    row = instance(kind="mp4")
    ds = wrapped(row)
    assert (ds.Rows, ds.Columns, ds.NumberOfFrames) == (96, 64, 30)
    assert (row.rows, row.columns, row.number_of_frames) == (96, 64, 30)
    assert b"".join(blobs.read(row.blob)) == upright


def test_what_dicom_has_no_place_for_says_why_and_stops_nothing_else(places: Places, tmp_path: Path) -> None:
    referral = placed(places.referrer)
    large = encoded(tmp_path / "film", range(0, 400, 40), level="5.1").read_bytes()
    send(places.referrer, referral, large, "a.mp4")
    send(places.referrer, referral, a_jpeg(), "b.jpg")
    settle_all()
    film, photo = instance(kind="mp4"), instance(kind="jpeg")
    assert (film.dicom_blob_id, film.preview) == (None, "ready")
    assert "no place for films" in film.wrap_reason
    assert photo.dicom_blob_id is not None
    forget_jobs()
    catch_up()
    assert waiting("studies.settle") == [], "it is not tried for ever"


@pytest.mark.parametrize(("deaths", "is_made"), [(2, True), (3, False)])
def test_a_child_that_dies_is_given_three_tries(
    places: Places, monkeypatch: pytest.MonkeyPatch, deaths: int, is_made: bool
) -> None:
    tries, run = itertools.count(1), Pool.run

    def dying(pool: Pool, act: str, **given: Any) -> dict[str, Any]:
        if act == "still_frame" and next(tries) <= deaths:
            raise Invalid("This file could not be decoded.", reason_code="died")
        return run(pool, act, **given)

    monkeypatch.setattr(Pool, "run", dying)
    send(places.referrer, placed(places.referrer), a_jpeg())
    settle_all()
    row = instance(kind="jpeg")
    assert (row.dicom_blob_id is not None, row.wrap_reason == "") == (is_made, is_made)
    assert next(tries) == 4
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Study)).one().settled_version > 0


@pytest.mark.parametrize(
    ("given", "name", "age"),
    [
        ({"family_name": "Otieno", "given_name": "Jane", "age_value": 34, "age_unit": "years"}, "Otieno^Jane", "034Y"),
        ({"family_name": "O^T=o", "age_value": 6, "age_unit": "weeks"}, "O T o", "006W"),
        ({"name_local": "ጄን"}, "=ጄን", ""),
        ({"name_unknown": True, "family_name": "x"}, "", ""),
    ],
)
def test_names_and_ages_are_written_as_dicom_has_them(given: dict[str, Any], name: str, age: str) -> None:
    blank = {"family_name": "", "given_name": "", "name_local": "", "name_unknown": False, "sex": "unknown"}
    patient = Patient(**{**blank, **given})
    assert (about.person_name(patient), about._age(patient)) == (name, age)
