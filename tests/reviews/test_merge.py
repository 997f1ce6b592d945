"""Two records of one patient become one, and apart again, with those who read them told."""

import json
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.notifications.models import Notification
from app.people.models import Patient, PatientAlias, PatientMerge, PatientWord, ReadingRelation, Role
from app.referrals.models import Referral
from app.referrals.similar import by_number_or_code, similar
from app.reviews import claim, merge, step
from app.reviews.models import Review
from app.studies.models import Study
from tests import people
from tests.people import Places, Somebody, count
from tests.referrals.test_place import JANE, placed, submitted
from tests.reports.test_signing import claimed
from tests.studies.sent import a_dicom, send

pytestmark = pytest.mark.usefixtures("db")
JAINE = {"family_name": "Otieno", "given_name": "Jaine Awuor", "birth_date": "1990"}


def merged(who: Somebody, gone: Referral, kept: Referral) -> PatientMerge:
    with transaction(who.actor) as session:
        return merge.merge(session, who.actor, gone.patient_id, kept.patient_id)


def undone(who: Somebody, row: PatientMerge) -> None:
    with transaction(who.actor) as session:
        merge.undo(session, who.actor, row.id)


def patient_of(referral: Referral) -> UUID:
    with reading(WORKER) as session:
        return session.get_one(Referral, referral.id).patient_id


def claim_it(who: Somebody, referral: Referral) -> None:
    with transaction(who.actor) as session:
        review_id = session.scalars(sa.select(Review.id).where(Review.referral_id == referral.id)).one()
        claim.claim(session, who.actor, step.for_reader(session, who.actor, review_id))


def told(kind: str) -> set[UUID]:
    with reading(WORKER) as session:
        return set(session.scalars(sa.select(Notification.person_id).where(Notification.kind == kind)))


@pytest.fixture
def coordinator(places: Places) -> Somebody:
    return people.somebody(places.clinic, Role.COORDINATOR)


def test_cases_and_studies_go_over_and_both_names_and_numbers_find_the_one(
    places: Places, coordinator: Somebody
) -> None:
    kept, gone = submitted(places.referrer), submitted(places.referrer, patient=JAINE)
    send(places.referrer, gone, a_dicom(patient="Otieno^Jaine"))
    merged(coordinator, gone, kept)
    assert patient_of(gone) == kept.patient_id
    with reading(WORKER) as session:
        assert set(session.scalars(sa.select(Study.patient_id))) == {kept.patient_id}
        assert set(session.scalars(sa.select(Study.patient_name))) == {"Otieno^Jaine"}  # as the file says
        for typed in ("jaine", "awuor otieno", "jane"):
            assert [one.patient.id for one in similar(session, places.clinic, typed)] == [kept.patient_id], typed
        for number in ("MRN-1", f"T-{gone.code}"):
            assert getattr(by_number_or_code(session, places.clinic, number), "id", None) == kept.patient_id
    again = placed(places.referrer, patient={**JAINE, "identifier": f"T-{gone.code}"})
    assert again.patient_id == kept.patient_id


def test_undone_exactly_what_moved_goes_back(places: Places, coordinator: Somebody) -> None:
    kept, gone = submitted(places.referrer), submitted(places.referrer, patient=JAINE)
    send(places.referrer, gone, a_dicom(patient="Otieno^Jaine"))
    child = placed(places.referrer, patient={"name_unknown": True, "mother_patient_id": str(gone.patient_id)})
    words = count(PatientWord)
    row = merged(coordinator, gone, kept)
    since = placed(places.referrer)
    for _ in range(2):
        undone(coordinator, row)
    assert [patient_of(one) for one in (kept, gone, since)] == [kept.patient_id, gone.patient_id, kept.patient_id]
    with reading(WORKER) as session:
        assert set(session.scalars(sa.select(Study.patient_id))) == {gone.patient_id}
        assert session.get_one(Patient, child.patient_id).mother_patient_id == gone.patient_id
        assert session.get_one(Patient, gone.patient_id).merged_into_id is None
    assert (count(PatientAlias), count(PatientWord)) == (0, words)
    assert count(AuditEvent, AuditEvent.action == "patient.unmerged") == 2  # one a record
    merged(coordinator, gone, kept)
    assert patient_of(gone) == kept.patient_id


def test_a_signed_report_stays_as_it_was_signed_and_its_reader_is_told(places: Places, coordinator: Somebody) -> None:
    case, kept = claimed(places), submitted(places.referrer, patient=JAINE)
    case.sign(case.write())
    row = merged(coordinator, case.referral, kept)
    assert json.loads(case.report().versions[0].canonical or "")["patient"]["given_name"] == "Jane"
    assert case.verdict().authentic
    assert places.reviewer.id in told("patient.merged")
    undone(coordinator, row)
    assert places.reviewer.id in told("patient.unmerged")


def test_two_readers_of_open_cases_are_told_before(places: Places, coordinator: Somebody) -> None:
    kept, gone = submitted(places.referrer), submitted(places.referrer, patient=JAINE)
    claim_it(places.reviewer, kept)
    claim_it(places.second_reviewer, gone)
    with pytest.raises(Conflict, match="Tell them first") as refused:
        merged(coordinator, gone, kept)
    assert refused.value.facts["readers"] == sorted([places.reviewer.name, places.second_reviewer.name])
    assert patient_of(gone) == gone.patient_id
    for _ in range(2):
        with transaction(coordinator.actor) as session:
            merge.announce(session, coordinator.actor, gone.patient_id, kept.patient_id)
    assert told("patient.merging") == {places.reviewer.id, places.second_reviewer.id}
    assert count(Notification, Notification.kind == "patient.merging") == 2
    merged(coordinator, gone, kept)
    assert (patient_of(gone), count(PatientMerge)) == (kept.patient_id, 1)


def test_one_reader_of_both_need_not_be_told_before(places: Places, coordinator: Somebody) -> None:
    kept, gone = submitted(places.referrer), submitted(places.referrer, patient=JAINE)
    for one in (kept, gone):
        claim_it(places.reviewer, one)
    merged(coordinator, gone, kept)
    assert patient_of(gone) == kept.patient_id


def test_a_preview_shows_what_differs_and_moves_nothing(places: Places, coordinator: Somebody) -> None:
    kept, gone = (
        submitted(places.referrer),
        submitted(places.referrer, patient={**JANE, "identifier": "7", "birth_date": "1955"}),
    )
    with reading(coordinator.actor) as session:
        seen = merge.preview(session, coordinator.actor, gone.patient_id, kept.patient_id)
    assert (seen.differs, seen.must_announce) == (["birth_date", "identifier"], False)
    assert ([one.id for one in seen.moving], [one.id for one in seen.staying]) == ([gone.id], [kept.id])


def test_the_only_readers_coordinator_may_where_all_of_both_is_seen(places: Places) -> None:
    kept, gone = submitted(places.referrer), submitted(places.referrer, patient=JAINE)
    row = merged(places.coordinator, gone, kept)
    undone(places.coordinator, row)
    placed(places.referrer, patient={"id": str(gone.patient_id)})  # a draft, which the hospital does not see
    with pytest.raises(Forbidden):
        merged(places.coordinator, gone, kept)


def test_nobody_else_merges_and_strangers_learn_nothing(places: Places, coordinator: Somebody) -> None:
    kept, gone = submitted(places.referrer), submitted(places.referrer, patient=JAINE)
    for who in (places.referrer, places.reviewer):
        with pytest.raises(Forbidden):
            merged(who, gone, kept)
    elsewhere = people.somebody(places.stranger, Role.COORDINATOR)
    with pytest.raises(NotFound):
        merged(elsewhere, gone, kept)
    with pytest.raises(Invalid):
        merged(coordinator, kept, kept)
    row = merged(coordinator, gone, kept)
    with pytest.raises(NotFound):
        undone(elsewhere, row)
    with pytest.raises(Conflict, match="merged into another"):
        merged(coordinator, gone, kept)
    hospital = people.organization("Third")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.stranger, reading_organization_id=hospital))
    foreign = placed(places.stranger_referrer)
    with pytest.raises(NotFound):
        merged(coordinator, foreign, kept)
