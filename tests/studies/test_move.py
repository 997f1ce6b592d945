"""A file that came with the wrong referral goes to the right one, with its examination and nothing else."""

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotFound
from app.notifications.models import Notification
from app.people.models import ReadingRelation, Role
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.reports import regroup
from app.storage.blobs import Blob
from app.studies import identity
from app.studies.images import image_list, seen
from app.studies.models import Document, Instance, ReferralStudy, Study
from app.studies.wrapping import make
from tests import people
from tests.people import Places, Somebody, count
from tests.referrals.test_place import placed, submitted
from tests.reports.test_signing import claimed
from tests.studies.sent import a_dicom, a_jpeg, a_pdf, send

pytestmark = pytest.mark.usefixtures("db")
PETER = {"family_name": "Okoth", "given_name": "Peter", "birth_date": "1985", "identifier": "MRN-2"}


def move(who: Somebody, item: ManifestItem, target: Referral, *, same_patient: bool = False) -> list[ManifestItem]:
    with transaction(who.actor) as session:
        return regroup.move(session, who.actor, item.referral_id, item.id, target.id, same_patient=same_patient)


def shown(referral: Referral) -> list[str]:
    with reading(WORKER) as session:
        return sorted(one["id"] for one in image_list(session, referral.id))


def line(item: ManifestItem) -> ManifestItem:
    with reading(WORKER) as session:
        return session.get_one(ManifestItem, item.id)


def told(who: Somebody, kind: str) -> int:
    return count(Notification, Notification.person_id == who.id, Notification.kind == kind)


def test_a_held_file_joins_the_referral_whose_patient_it_names(places: Places) -> None:
    wrong, right = submitted(places.referrer), submitted(places.referrer, patient=PETER)
    held = send(places.referrer, wrong, a_dicom(patient="Okoth^Peter"))
    assert held.status == FileStatus.HELD
    (there,) = move(places.referrer, held, right)
    assert (there.referral_id, there.status, there.identity) == (right.id, FileStatus.STORED, {"verdict": "match"})
    assert (line(held).status, line(held).identity) == (FileStatus.WITHDRAWN, None)
    assert (shown(wrong), shown(right)) == ([], [str(there.instance_id)])
    assert [told(places.reviewer, kind) for kind in ("file.moved", "file.added")] == [0, 1]  # nobody had looked yet


def test_a_held_file_is_asked_about_again_where_it_names_neither(places: Places) -> None:
    wrong, other = placed(places.referrer), placed(places.referrer, patient=PETER)
    held = send(places.referrer, wrong, a_dicom(patient="Wekesa^Ann"))
    (there,) = move(places.referrer, held, other)
    assert (there.status, (there.identity or {})["differs"]) == (FileStatus.HELD, ["name"])
    with transaction(places.referrer.actor) as session:
        kept = identity.confirm(session, places.referrer.actor, other.id, there.id)
    assert shown(other) == [str(kept.instance_id)]
    assert count(Blob, Blob.state == "stored") == 1


def test_all_of_an_examination_goes_with_a_file_and_what_was_taken_back_stays_so(places: Places) -> None:
    one, other = submitted(places.referrer), submitted(places.referrer)
    study = f"2.25.{uuid4().int}"
    first, second, gone = (send(places.referrer, one, a_dicom(study=study), f"{n}.dcm") for n in range(3))
    with transaction(places.referrer.actor) as session:
        identity.withdraw(session, places.referrer.actor, one.id, gone.id, "Blurred.")
    apart = send(places.referrer, one, a_dicom(), "apart.dcm")
    there = move(places.referrer, second, other)
    assert [(each.name, each.status) for each in there] == [
        ("1.dcm", FileStatus.STORED), ("0.dcm", FileStatus.STORED), ("2.dcm", FileStatus.WITHDRAWN),
    ]  # fmt: skip
    assert shown(one) == [str(apart.instance_id)]
    assert shown(other) == sorted(str(each.instance_id) for each in (first, second))
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Study.study_instance_uid).where(Study.study_instance_uid == study)).one()
    back = move(places.referrer, there[0], one)
    assert (len(back), shown(other)) == (3, [])
    assert shown(one) == sorted(str(each.instance_id) for each in (first, second, apart))


def test_the_other_reader_sees_it_and_the_one_before_no_longer(places: Places) -> None:
    elsewhere = people.organization("Another hospital")
    reader = people.somebody(elsewhere, Role.REVIEWER)
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=elsewhere))
    here = submitted(places.referrer, reading_organization_id=str(places.hospital))
    there = submitted(places.referrer, reading_organization_id=str(elsewhere))
    item = send(places.referrer, here, a_dicom())
    assert item.instance_id

    def sees(who: Somebody) -> bool:
        with reading(who.actor) as session:
            try:
                return seen(session, who.actor, Instance, UUID(str(item.instance_id))) is not None
            except NotFound:
                return False

    assert (sees(places.reviewer), sees(reader)) == (True, False)
    move(places.referrer, item, there)
    assert (sees(places.reviewer), sees(reader)) == (False, True)


def test_a_picture_moves_to_the_other_referrals_own_study_under_a_new_uid(places: Places) -> None:
    one, other = placed(places.referrer), placed(places.referrer, patient=PETER)
    item = send(places.referrer, one, a_jpeg(), "a.jpg")
    assert item.instance_id
    make(item.instance_id)
    with reading(WORKER) as session:
        before = session.get_one(Instance, item.instance_id)
    assert before.dicom_blob_id is not None
    (there,) = move(places.referrer, item, other)
    with reading(WORKER) as session:
        after = session.get_one(Instance, item.instance_id)
        study = session.get_one(Study, after.study_id)
    assert (there.instance_id, study.study_instance_uid, study.patient_id) == (
        after.id, f"2.25.{other.id.int}", other.patient_id,
    )  # fmt: skip
    assert (after.dicom_blob_id, after.blob_id) == (None, before.blob_id)
    assert after.sop_instance_uid != before.sop_instance_uid
    make(item.instance_id)
    with reading(WORKER) as session:
        assert session.get_one(Study, after.study_id).patient_name == "Okoth^Peter"
    assert (shown(one), shown(other)) == ([], [str(after.id)])


def test_a_document_moves_with_its_place(places: Places) -> None:
    one, other = placed(places.referrer), placed(places.referrer)
    item = send(places.referrer, one, a_pdf(), "letter.pdf")
    move(places.referrer, item, other)
    assert (shown(one), shown(other)) == ([], [str(item.document_id)])
    with reading(WORKER) as session:
        document = session.get_one(Document, item.document_id)
        study = session.get_one(Study, session.get_one(Instance, document.instance_id).study_id)
    assert (document.referral_id, study.study_instance_uid) == (other.id, f"2.25.{other.id.int}")


def test_files_that_name_somebody_else_move_only_when_that_is_said_to_be_right(places: Places) -> None:
    one, other = placed(places.referrer), placed(places.referrer, patient=PETER)
    item = send(places.referrer, one, a_dicom())
    with pytest.raises(Conflict, match="another patient") as refused:
        move(places.referrer, item, other)
    assert refused.value.facts["differs"] == ["name"]
    assert shown(one) == [str(item.instance_id)]
    move(places.referrer, item, other, same_patient=True)
    assert shown(other) == [str(item.instance_id)]


def test_what_a_signed_report_rests_on_stays_until_the_report_is_in_error(places: Places) -> None:
    case = claimed(places)
    item = send(places.referrer, case.referral, a_dicom())
    case.sign(case.write())
    other = submitted(places.referrer)
    with pytest.raises(Conflict, match="rests on this") as refused:
        move(places.referrer, item, other)
    assert refused.value.facts["code"] == case.referral.code
    late = send(places.referrer, case.referral, a_dicom(), "late.dcm")
    move(places.referrer, late, other)  # it came after signing
    case.enter_in_error("Wrong patient.")
    move(places.referrer, item, other)
    assert shown(other) == sorted(str(each.instance_id) for each in (item, late))
    assert told(places.reviewer, "file.moved") == 2


def test_a_file_goes_nowhere_that_is_not_the_senders(places: Places) -> None:
    item = send(places.referrer, placed(places.referrer), a_dicom())
    theirs = people.organization("Another clinic", read_by=places.hospital)
    foreign = submitted(people.somebody(theirs, Role.REFERRER))
    for who, target in (
        (places.referrer, foreign.id),
        (places.referrer, uuid4()),
        (places.stranger_referrer, foreign.id),
    ):
        with pytest.raises(NotFound), transaction(who.actor) as session:
            regroup.move(session, who.actor, item.referral_id, item.id, target)
    with pytest.raises(Invalid), transaction(places.referrer.actor) as session:
        regroup.move(session, places.referrer.actor, item.referral_id, item.id, item.referral_id)


def test_an_examination_that_another_patients_referral_asks_about_stays(places: Places) -> None:
    first, second, target = (placed(places.referrer) for _ in range(3))
    body = a_dicom()
    item = send(places.referrer, first, body)
    send(places.referrer, second, body)
    other = placed(places.referrer, patient=PETER)
    with pytest.raises(Conflict, match=second.code):
        move(places.referrer, item, other, same_patient=True)
    move(places.referrer, item, target)
    assert count(ReferralStudy, ReferralStudy.referral_id == first.id) == 0
    assert shown(target) == shown(second) == [str(item.instance_id)]
