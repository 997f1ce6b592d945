"""Files of a referral: each is stored, held, kept aside or quarantined, said so, and counted once."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.config import Settings
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotFound, TooLarge
from app.referrals import manifest
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.storage.blobs import STORED, Blob
from app.studies import identity, ingest
from app.studies.images import image_list, image_list_sha256
from app.studies.models import Document, Instance, Study
from app.studies.receive import OTHER_PATIENT, OTHER_PATIENT_BOTH, STUDY_OF_ANOTHER
from app.studies.record import Recorded
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once, placed, submitted
from tests.studies.sent import a_dicom, a_jpeg, a_pdf, arrivals, send

pytestmark = pytest.mark.usefixtures("db")
UNKNOWN = {"name_unknown": True}


def confirm(who: Somebody, referral: Referral, item: ManifestItem) -> ManifestItem:
    with transaction(who.actor) as session:
        return identity.confirm(session, who.actor, referral.id, item.id)


def withdraw(who: Somebody, referral: Referral, item: ManifestItem, reason: str = "Wrong file") -> ManifestItem:
    with transaction(who.actor) as session:
        return identity.withdraw(session, who.actor, referral.id, item.id, reason)


def shown(referral: Referral) -> list[str]:
    with reading(WORKER) as session:
        return sorted(one["id"] for one in image_list(session, referral.id))


def digest(referral: Referral) -> str:
    with reading(WORKER) as session:
        return image_list_sha256(image_list(session, referral.id))


def counted(referral: Referral) -> tuple[int, int]:
    with reading(WORKER) as session:
        found = manifest.counts(session, [referral.id])[referral.id]
    return found.declared, found.arrived


def test_a_declared_file_is_found_again_by_digest_or_name_and_others_are_added(places: Places) -> None:
    referral = placed(places.referrer, files=[{"name": "a.dcm"}, {"name": "b.dcm"}])
    assert counted(referral) == (2, 0)
    send(places.referrer, referral, a_dicom(), "b.dcm")
    assert counted(referral) == (2, 1)
    send(places.referrer, referral, a_dicom(), "c.dcm")
    assert counted(referral) == (3, 2)


def test_a_declared_file_is_found_again_however_its_name_is_spelled(places: Places) -> None:
    composed, decomposed = "\u00e9cho.dcm", "e\u0301cho\u202e.dcm\0"
    referral = placed(places.referrer, files=[{"name": composed}])
    assert send(places.referrer, referral, a_dicom(), decomposed).name == composed
    assert counted(referral) == (1, 1)


@pytest.mark.parametrize("make", [a_dicom, a_jpeg, a_pdf])
def test_same_bytes_twice_are_one_file(places: Places, make: object) -> None:
    referral, body = placed(places.referrer), make()  # type: ignore[operator]  # one of three functions
    first = send(places.referrer, referral, body)
    assert send(places.referrer, referral, body, "again").id == first.id
    assert (counted(referral), count(Blob)) == ((1, 1), 1)
    check_invariants({str(first.id): first.sha256 or ""})


@pytest.mark.parametrize("make", [a_dicom, a_jpeg, a_pdf])
def test_same_bytes_eight_times_at_once_are_one_file(places: Places, make: object) -> None:
    """A client that gave up waiting and tries again, while the first try is still under way."""
    referral, body = placed(places.referrer), make()  # type: ignore[operator]  # one of three functions
    outcomes = at_once(8, lambda: send(places.referrer, referral, body))
    assert {type(one) for one in outcomes} == {ManifestItem}, outcomes
    assert len({one.id for one in outcomes}) == 1
    assert (counted(referral), count(Blob, Blob.state == STORED)) == ((1, 1), 1)
    check_invariants({str(outcomes[0].id): outcomes[0].sha256})


def test_two_files_of_one_name_at_once_are_two(places: Places) -> None:
    referral = placed(places.referrer, files=[{"name": "a.dcm"}])
    outcomes = at_once(4, lambda: send(places.referrer, referral, a_dicom(), "a.dcm"))
    assert len({one.id for one in outcomes}) == 4
    assert counted(referral) == (4, 4)
    check_invariants({str(one.id): one.sha256 for one in outcomes})


def test_a_file_of_another_patient_is_held_and_joins_when_the_referrer_says_so(places: Places) -> None:
    referral = submitted(places.referrer)
    held = send(places.referrer, referral, a_dicom(patient="Wanjiru^Mary"))
    assert (held.status, held.instance_id, shown(referral)) == (FileStatus.HELD, None, [])
    assert held.identity
    assert held.identity["differs"] == ["name"]
    assert counted(referral) == (1, 1)
    kept = confirm(places.referrer, referral, held)
    assert (kept.status, shown(referral)) == (FileStatus.STORED, [str(kept.instance_id)])
    with pytest.raises(Conflict, match="not held"):
        confirm(places.referrer, referral, held)
    check_invariants({str(kept.id): kept.sha256 or ""})


def test_a_held_file_that_came_by_another_way_meanwhile_is_one_instance_and_no_bytes_are_left_over(
    places: Places,
) -> None:
    jane = placed(places.referrer)
    mary = placed(places.referrer, patient={"family_name": "Wanjiru", "given_name": "Mary"})
    body = a_dicom(patient="Wanjiru^Mary")
    held = send(places.referrer, jane, body)
    stored = send(places.referrer, mary, body)
    kept = confirm(places.referrer, jane, held)
    assert kept.instance_id == stored.instance_id
    assert count(Instance) == 1
    check_invariants()


def test_a_study_of_another_patient_is_held_even_when_the_file_names_nobody(places: Places) -> None:
    jane = placed(places.referrer)
    other = placed(places.referrer, patient={"family_name": "Wanjiru", "given_name": "Mary"})
    assert send(places.referrer, jane, a_dicom(study="2.25.4")).status == FileStatus.STORED
    assert send(places.referrer, other, a_dicom(patient="", study="2.25.4")).status == FileStatus.HELD
    said = {send(places.referrer, other, a_dicom(patient=name, study="2.25.4")).reason for name in ("", "Otieno^Jane")}
    assert said == {STUDY_OF_ANOTHER, OTHER_PATIENT_BOTH}  # who says 'same patient' knows both
    assert send(places.referrer, other, a_dicom(patient="Otieno^Jane", study="2.25.5")).reason == OTHER_PATIENT


@pytest.mark.parametrize("patient", ["", "TEST", "ANON^", "Otieno^Jane"])
def test_who_cannot_be_compared_is_not_held(places: Places, patient: str) -> None:
    assert send(places.referrer, placed(places.referrer), a_dicom(patient=patient)).status == FileStatus.STORED
    nameless = placed(places.referrer, patient=UNKNOWN)
    assert send(places.referrer, nameless, a_dicom(patient=patient)).status == FileStatus.STORED


def test_a_withdrawn_file_is_no_longer_shown_and_sent_again_it_is(places: Places) -> None:
    referral, body = submitted(places.referrer), a_dicom()
    stored = send(places.referrer, referral, body)
    before = digest(referral)
    assert withdraw(places.referrer, referral, stored).status == FileStatus.WITHDRAWN
    assert withdraw(places.referrer, referral, stored, "again").reason == "Wrong file"
    assert (shown(referral), counted(referral)) == ([], (0, 0))
    assert digest(referral) != before
    again = send(places.referrer, referral, body)
    assert again.status == FileStatus.STORED
    assert (shown(referral), counted(referral)) == ([str(again.instance_id)], (1, 1))
    check_invariants()


def test_a_withdrawn_document_sent_again_is_shown(places: Places) -> None:
    referral, body = submitted(places.referrer), a_pdf()
    withdraw(places.referrer, referral, send(places.referrer, referral, body))
    assert shown(referral) == []
    again = send(places.referrer, referral, body)
    assert shown(referral) == [str(again.document_id)]
    check_invariants()


def test_a_held_file_can_be_withdrawn_and_then_not_confirmed(places: Places) -> None:
    referral = placed(places.referrer)
    held = send(places.referrer, referral, a_dicom(patient="Wanjiru^Mary"))
    withdraw(places.referrer, referral, held)
    with pytest.raises(Conflict):
        confirm(places.referrer, referral, held)
    with pytest.raises(Invalid):
        withdraw(places.referrer, referral, held, "")
    assert shown(referral) == []


def test_a_quarantined_file_says_why_stops_nothing_and_its_second_try_takes_its_place(places: Places) -> None:
    referral, whole = placed(places.referrer, files=[{"name": "a.dcm"}]), a_dicom()
    with pytest.raises(Invalid, match="cut off") as refused:
        send(places.referrer, referral, whole[:-200])
    assert counted(referral) == (1, 0)
    with reading(WORKER) as session:
        item = session.get_one(ManifestItem, UUID(str(refused.value.facts["file_id"])))
    assert (item.status, bool(item.reason)) == (FileStatus.QUARANTINED, True)
    assert send(places.referrer, referral, a_dicom(), "other.dcm").status == FileStatus.STORED
    again = send(places.referrer, referral, whole)
    assert (again.id, again.status, again.reason) == (item.id, FileStatus.STORED, "")
    assert counted(referral) == (2, 2)


def test_a_jpeg_comes_into_a_study_of_the_referrals_own(places: Places) -> None:
    referral = placed(places.referrer)
    first, second = (send(places.referrer, referral, a_jpeg(), f"{number}.jpg") for number in (1, 2))
    assert first.instance_id != second.instance_id
    with reading(WORKER) as session:
        study = session.scalars(sa.select(Study)).one()
    assert study.study_instance_uid == f"2.25.{referral.id.int}"
    assert count(Instance) == 2


def test_the_same_jpeg_in_two_referrals_is_two_instances(places: Places) -> None:
    body = a_jpeg()
    for _ in range(2):
        assert send(places.referrer, placed(places.referrer, patient=UNKNOWN), body).status == FileStatus.STORED
    assert count(Instance) == 2
    check_invariants()


def test_a_pdf_is_a_document(places: Places) -> None:
    referral = placed(places.referrer)
    item = send(places.referrer, referral, a_pdf(), "letter.pdf")
    assert (item.status, item.instance_id) == (FileStatus.STORED, None)
    assert count(Document, Document.id == item.document_id) == 1


def test_only_so_many_files_are_taken(db: Settings, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    referral = placed(places.referrer)
    monkeypatch.setattr("app.config._current", db.model_copy(update={"max_files_per_referral": 2}))
    for _ in range(2):
        send(places.referrer, referral, a_dicom())
    with pytest.raises(TooLarge, match="at most 2 files"):
        send(places.referrer, referral, a_dicom())
    check_invariants()


def test_nobody_else_sends_confirms_or_withdraws(places: Places) -> None:
    referral = submitted(places.referrer)
    held = send(places.referrer, referral, a_dicom(patient="Wanjiru^Mary"))
    for who in (places.stranger_referrer, places.stranger_reviewer, places.reviewer):
        with pytest.raises(NotFound):
            send(who, referral, a_dicom())
        with pytest.raises(NotFound):
            confirm(who, referral, held)
        with pytest.raises(NotFound):
            withdraw(who, referral, held)
    other = placed(places.referrer)
    with pytest.raises(NotFound):
        confirm(places.referrer, other, held)


def test_withdrawing_a_conflict_leaves_the_first_image_where_it_came_by_another_referral(places: Places) -> None:
    uid, study = "2.25.4711", "2.25.4712"
    patient = {"family_name": "Otieno", "given_name": "Jane", "identifier": "MRN-9"}
    first, second = (placed(places.referrer, patient=patient) for _ in range(2))
    send(places.referrer, first, a_dicom(uid, study=study))
    send(places.referrer, second, a_dicom(study=study))
    before = shown(second)
    conflict = send(places.referrer, second, a_dicom(uid, study=study, size=48))
    assert (conflict.status, len(before)) == (FileStatus.CONFLICT, 2)
    withdraw(places.referrer, second, conflict)
    assert shown(second) == before


def by_itself(who: Somebody, *bodies: bytes) -> list[object]:
    """As STOW does."""
    with arrivals(*bodies) as arrived:
        return [*ingest.ingest(who.actor, who.actor.organization_ids[0], arrived)]


def test_what_comes_by_itself_for_another_patient_never_joins_an_asked_study(places: Places) -> None:
    referral, study = placed(places.referrer), "2.25.8801"
    item = send(places.referrer, referral, a_dicom(study=study))
    same, other = a_dicom(study=study), a_dicom(study=study, patient="Someone^Else")
    first, second = by_itself(places.referrer, other, same)
    assert isinstance(first, Invalid)
    assert isinstance(second, Recorded)
    assert shown(referral) == sorted([str(item.instance_id), str(second.instance_id)])
    assert count(Instance) == 2
    (alone,) = by_itself(places.referrer, other)
    assert isinstance(alone, Invalid)
    assert send(places.referrer, referral, other, "other.dcm").status == FileStatus.HELD


def test_the_rest_of_a_study_that_the_referrer_confirmed_joins_it(places: Places) -> None:
    referral, study = placed(places.referrer), "2.25.8802"
    held = send(places.referrer, referral, a_dicom(study=study, patient="Otieno-Wekesa^J"))
    confirm(places.referrer, referral, held)
    (rest,) = by_itself(places.referrer, a_dicom(study=study, patient="Otieno-Wekesa^J"))
    assert isinstance(rest, Recorded)
    assert len(shown(referral)) == 2


@pytest.mark.parametrize("before", [["Someone^Else"], ["Otieno^Jane", "Someone^Else"]])
def test_a_file_whose_study_is_here_with_another_patient_is_held(places: Places, before: list[str]) -> None:
    referral, study = placed(places.referrer), "2.25.8803"
    by_itself(places.referrer, *(a_dicom(study=study, patient=name) for name in before))
    item = send(places.referrer, referral, a_dicom(study=study))
    assert (item.status, shown(referral)) == (FileStatus.HELD, [])
    assert (item.identity or {})["file"]["name"] == "Someone^Else"
    assert "another patient" in item.reason
    confirm(places.referrer, referral, item)
    assert len(shown(referral)) == len(before) + 1


def test_a_file_joins_its_study_that_came_by_itself_with_the_same_patient(places: Places) -> None:
    referral, study = placed(places.referrer), "2.25.8804"
    by_itself(places.referrer, a_dicom(study=study), a_dicom(study=study, patient=""))
    assert send(places.referrer, referral, a_dicom(study=study)).status == FileStatus.STORED
    assert len(shown(referral)) == 3


def test_a_second_try_of_a_refused_file_takes_its_line_and_a_namesake_elsewhere_does_not(places: Places) -> None:
    referral = placed(places.referrer)
    for name in ("a/IM1", "b/IM1"):
        with pytest.raises(Invalid):
            send(places.referrer, referral, b"nothing in " + name.encode(), name)
    send(places.referrer, referral, a_dicom(), "c/IM1")
    assert counted(referral) == (3, 1)
    send(places.referrer, referral, a_dicom(), "a/IM1")
    assert counted(referral) == (3, 2)


def test_a_file_declared_without_its_folder_is_found_again(places: Places) -> None:
    referral = placed(places.referrer, files=[{"name": "IM1"}, {"name": "s/IM2"}])
    for name in ("s/IM1", "s/IM2"):
        send(places.referrer, referral, a_dicom(), name)
    assert counted(referral) == (2, 2)
