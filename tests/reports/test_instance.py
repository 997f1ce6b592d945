"""The signed report is an instance of the study it rests on, and counts as no image of it."""

import io
import json
from pathlib import Path
from typing import Any

import pydicom
import pypdf
import pytest
import sqlalchemy as sa
from PIL import Image

from app.access.actor import WORKER, Actor
from app.access.models import Grant
from app.audit.events import AuditEvent
from app.db import new_id, reading, transaction
from app.dicomweb.resolve import Target, instances_of
from app.notifications.models import Notification
from app.reports import instance, key_images, marks, publish
from app.reports.models import Report
from app.reviews import claim as claiming
from app.reviews.models import Review
from app.reviews.step import loaded
from app.storage.blobs import read
from app.studies import read as studies
from app.studies.attach import came_alone
from app.studies.images import image_list
from app.studies.models import Instance, Study
from tests.dicom.test_dciodvfy import judged
from tests.people import Places, count
from tests.referrals.test_place import submitted
from tests.reports.test_signing import Reading, claimed
from tests.studies.sent import send

PDF = "1.2.840.10008.5.1.4.1.1.104.1"


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


def published(case: Reading) -> Report:
    publish.publish(str(case.report().id))
    return case.report()


def served(who: Actor) -> list[Target]:
    """All that DICOMweb gives this actor, but the images."""
    with reading(who) as session:
        return [
            one for study in session.scalars(sa.select(Study).order_by(Study.id))
            for one in instances_of(session, who, study, None) if one.row.sop_class_uid == PDF
        ]  # fmt: skip


def dataset(target: Target) -> Any:
    return pydicom.dcmread(io.BytesIO(b"".join(read(target.blob))))


def said(found: Any) -> str:
    return " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(found.EncapsulatedDocument)).pages)


def test_it_lies_beside_the_images_with_their_patient_and_the_very_pdf(case: Reading, places: Places) -> None:
    case.sign(case.write())
    report = published(case)
    [target] = served(places.referrer.actor)
    found, version = dataset(target), report.versions[0]
    pdf = b"".join(read(publish.pdf(WORKER, report, version)))
    assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == pdf
    with reading(WORKER) as session:
        study = session.get_one(Study, target.study_id)
        image = session.scalars(sa.select(Instance).where(Instance.report_id.is_(None))).one()
        place = instance.place_of(session, version, marks.NONE)
    assert (target.study_id, found.StudyInstanceUID) == (image.study_id, study.study_instance_uid)
    assert (found.PatientName, found.PatientID) == (study.patient_name, study.patient_identifier)
    assert found.DocumentTitle == f"Ultrasound report {case.referral.code}, version 1"
    assert (found.VerificationFlag, found.Modality) == ("VERIFIED", "DOC")
    assert found.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    signed_at = json.loads(version.canonical or "")["signature"]["signed_at"]
    assert found.TimezoneOffsetFromUTC == "+0300"
    assert f"{found.ContentDate}{found.ContentTime}"[8:12] != signed_at[11:16].replace(":", "")  # by the clinic's clock
    assert place is not None
    assert place.sop_instance_uid == found.SOPInstanceUID


def test_it_counts_as_no_image_and_nobody_is_told_of_it(case: Reading, places: Places) -> None:
    case.sign(case.write())
    with reading(WORKER) as session:
        before = image_list(session, case.referral.id)
    told, versions = count(Notification), content_versions()
    published(case)
    published(case)
    with reading(WORKER) as session:
        assert image_list(session, case.referral.id) == before
        whole = studies.whole(session, places.referrer.actor, session.scalars(sa.select(Study.id)).one())
    assert (len(whole.instances), whole.line.instance_count, len(whole.documents)) == (1, 1, 0)
    assert (count(Notification), content_versions()) == (told, versions)
    assert count(Instance, Instance.report_id.is_not(None)) == 1
    assert count(AuditEvent, AuditEvent.action == "report.filed") == 1


def content_versions() -> list[int]:
    with reading(WORKER) as session:
        return list(session.scalars(sa.select(Study.content_version)))


def test_a_replaced_version_is_served_with_its_mark_and_no_longer_without(case: Reading, places: Places) -> None:
    case.sign(case.write())
    published(case)
    [before] = served(places.referrer.actor)
    case.sign(case.write(case.amend().revision))
    published(case)
    old, new = sorted((dataset(one) for one in served(places.referrer.actor)), key=lambda one: one.InstanceNumber)
    assert "replaced by version 2" in said(old)
    assert "replaced by" not in said(new)
    assert old.SeriesInstanceUID == new.SeriesInstanceUID == before.series_uid
    assert len({before.uid, old.SOPInstanceUID, new.SOPInstanceUID}) == 3  # what is under a UID never changes


def test_one_entered_in_error_is_served_no_more_at_once_and_not_made_again(case: Reading, places: Places) -> None:
    """Its images may be another patient's from now on."""
    case.sign(case.write())
    published(case)
    case.enter_in_error()
    assert served(places.referrer.actor) == []
    published(case)
    assert served(places.referrer.actor) == []


def test_who_reads_the_same_images_for_another_question_does_not_see_it(case: Reading, places: Places) -> None:
    case.sign(case.write())
    published(case)
    [target] = served(places.reviewer.actor)
    with transaction(WORKER) as session:  # the study is shown to a third organization, the question is not
        session.add(Grant(organization_id=places.stranger, study_id=target.study_id))
    assert served(places.stranger_reviewer.actor) == []
    with transaction(WORKER) as session:
        session.add(Grant(organization_id=places.stranger, referral_id=case.referral.id))
    assert [one.uid for one in served(places.stranger_reviewer.actor)] == [target.uid]


def test_without_images_it_lies_in_a_study_of_the_referral_s_own(db: object, places: Places) -> None:
    referral = submitted(places.referrer)
    with transaction(places.reviewer.actor) as session:
        review_id = session.scalars(sa.select(Review.id).where(Review.referral_id == referral.id)).one()
        claiming.claim(session, places.reviewer.actor, loaded(session, places.reviewer.actor, review_id))
    case = Reading(places.reviewer, referral, review_id)
    case.sign(case.write(), preliminary=True)
    published(case)
    [target] = served(places.reviewer.actor)
    found = dataset(target)
    with reading(WORKER) as session:
        assert came_alone(session, referral.id) == []
    assert found.StudyInstanceUID == f"2.25.{referral.id.int}"
    assert (found.PatientName, found.VerificationFlag) == ("Otieno^Jane", "UNVERIFIED")


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_dciodvfy_finds_no_error_in_it(case: Reading, places: Places, tmp_path: Path) -> None:
    case.sign(case.write())
    published(case)
    [target] = served(places.referrer.actor)
    path = tmp_path / "report.dcm"
    path.write_bytes(b"".join(read(target.blob)))
    errors, _warnings = judged(path)
    assert errors == set()


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_marked_images_are_printed_small_enough_for_any_link(db: object, places: Places) -> None:
    referral = submitted(places.referrer)
    sent = [send(places.referrer, referral, noise(n), f"{n}.jpg").instance_id for n in range(8)]
    images = [{"id": str(one)} for one in sent]
    arrow = {"kind": "arrow", "points": [[10, 10], [300, 300]]}
    keys = [{"image": one["id"], "frame": 1} | ({"marks": [arrow]} if n % 2 else {}) for n, one in enumerate(images)]
    source = {"report": {"language": "en"}, "images": images, "key_images": keys}
    found = key_images.printed(source)
    assert [one.key.number for one in found] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [one.body is not None for one in found] == [True] * 6 + [False] * 2
    assert 20_000 < sum(len(one.body or b"") for one in found) <= key_images.LIMIT_BYTES
    assert key_images.printed(source | {"key_images": [{"image": str(new_id()), "frame": 1}]}) == []
    assert key_images.printed({"report": {"language": "en"}, "images": images}) == []


def noise(shade: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((800, 600), 50 + shade).convert("RGB").save(out, "JPEG")
    return out.getvalue()
