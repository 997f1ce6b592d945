"""THE door: a batch is one, each file is by itself, and no bytes are here twice."""

import itertools

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading
from app.errors import Invalid, Unavailable
from app.storage import blobs
from app.storage.blobs import PENDING, STORED, Blob
from app.studies.ingest import ingest
from app.studies.models import Instance, InstanceConflict, Series, Study
from app.studies.record import Recorded
from tests.faults.invariants import check_invariants
from tests.people import Places, count
from tests.referrals.test_place import at_once
from tests.studies.sent import a_dicom, a_jpeg, arrivals

pytestmark = pytest.mark.usefixtures("db")


def test_a_batch_is_recorded_in_one_go_and_each_file_has_its_outcome(places: Places) -> None:
    study = "2.25.77"
    bodies = [
        a_dicom(study=study),
        a_dicom(study=study)[:600],
        a_dicom(study=study),
        a_jpeg(),
        b"",
        a_dicom(study=study),
    ]
    with arrivals(*bodies) as sent:
        outcomes = ingest(places.referrer.actor, places.clinic, sent)
    assert [isinstance(one, Recorded) for one in outcomes] == [True, False, True, False, False, True]
    assert all(isinstance(one, Invalid) for one in outcomes if not isinstance(one, Recorded))
    assert (count(Study), count(Series), count(Instance), count(Blob)) == (1, 1, 3, 3)
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Study.content_version)).one() == 1
        received = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "study.received")).one()
    assert received.detail["count"] == 3
    check_invariants()


def test_same_instance_twice_is_stored_once(places: Places) -> None:
    body = a_dicom()
    with arrivals(body) as sent:
        first = ingest(places.referrer.actor, places.clinic, sent)[0]
        again = ingest(places.referrer.actor, places.clinic, sent)[0]
    assert isinstance(first, Recorded)
    assert isinstance(again, Recorded)
    assert (again.instance_id, first.is_new, again.is_new) == (first.instance_id, True, False)
    assert (count(Instance), count(Blob)) == (1, 1)
    check_invariants()


def test_the_same_instance_twice_in_one_batch_is_stored_once(places: Places) -> None:
    body = a_dicom()
    with arrivals(body, body) as sent:
        outcomes = ingest(places.referrer.actor, places.clinic, sent)
    assert [isinstance(one, Recorded) and one.is_new for one in outcomes] == [True, False]
    assert (count(Instance), count(Blob, Blob.state == STORED)) == (1, 1)
    check_invariants()


def test_the_same_uid_with_other_bytes_is_kept_aside_once_and_never_served(places: Places) -> None:
    first, other = a_dicom("2.25.5"), a_dicom("2.25.5", patient="Otieno^Jane^Akinyi")
    for body, is_conflict in ((first, False), (other, True), (other, True), (first, False)):
        with arrivals(body) as sent:
            outcome = ingest(places.referrer.actor, places.clinic, sent)[0]
        assert isinstance(outcome, Recorded)
        assert outcome.is_conflict == is_conflict
    assert (count(Instance), count(InstanceConflict), count(Blob, Blob.state == STORED)) == (1, 1, 2)
    assert count(AuditEvent, AuditEvent.action == "instance.kept_aside") == 1
    with reading(WORKER) as session:
        served = session.scalars(sa.select(Blob).join(Instance, Instance.blob_id == Blob.id)).one()
    assert b"".join(blobs.read(served)) == first
    check_invariants()


def test_an_equal_uid_of_another_organization_is_neither_the_same_nor_a_conflict(places: Places) -> None:
    body = a_dicom("2.25.5")
    with arrivals(body) as sent:
        mine = ingest(places.referrer.actor, places.clinic, sent)[0]
        theirs = ingest(places.stranger_referrer.actor, places.stranger, sent)[0]
    assert isinstance(mine, Recorded)
    assert isinstance(theirs, Recorded)
    assert mine.is_new
    assert theirs.is_new
    assert mine.instance_id != theirs.instance_id
    assert count(Blob) == 2


def test_of_eight_doors_with_the_same_instance_at_once_one_makes_it(places: Places) -> None:
    body = a_dicom()

    def door_of_its_own() -> Recorded:
        with arrivals(body) as sent:
            (outcome,) = ingest(places.referrer.actor, places.clinic, sent)
        assert isinstance(outcome, Recorded), outcome
        return outcome

    outcomes = at_once(8, door_of_its_own)
    assert {type(one) for one in outcomes} == {Recorded}, outcomes
    assert sorted(one.is_new for one in outcomes) == [False] * 7 + [True]
    assert len({one.instance_id for one in outcomes}) == 1
    check_invariants()


def test_of_eight_doors_with_one_new_study_at_once_all_instances_are_in_it(places: Places) -> None:
    numbers = itertools.count()

    def door_of_its_own() -> Recorded:
        with arrivals(a_dicom(f"2.25.8{next(numbers)}", study="2.25.88")) as sent:
            (outcome,) = ingest(places.referrer.actor, places.clinic, sent)
        assert isinstance(outcome, Recorded), outcome
        return outcome

    outcomes = at_once(8, door_of_its_own)
    assert {type(one) for one in outcomes} == {Recorded}, outcomes
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Study.content_version)).one() == 8
    assert (count(Study), count(Series), count(Instance)) == (1, 1, 8)
    check_invariants()


def test_batches_that_cross_each_other_do_not_lock_each_other_out(places: Places) -> None:
    bodies = [a_dicom(f"2.25.9{number}", study="2.25.99") for number in range(6)]
    turn = itertools.count()

    def batch() -> list[object]:
        mine = bodies if next(turn) % 2 else bodies[::-1]
        with arrivals(*mine) as sent:
            return list(ingest(places.referrer.actor, places.clinic, sent))

    outcomes = at_once(6, batch)
    assert all(isinstance(one, Recorded) for many in outcomes for one in many), outcomes
    assert count(Instance) == 6
    check_invariants()


def test_a_store_that_refuses_one_file_of_a_batch_stops_only_that_one(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [a_dicom() for _ in range(4)]
    store, real = blobs.store(), blobs.store().put

    def put(key: str, spooled: object) -> None:
        if spooled.sha256 == poisoned:  # type: ignore[attr-defined]  # Spooled
            raise Unavailable("The store does not answer.")
        real(key, spooled)  # type: ignore[arg-type]  # handed through

    with arrivals(*bodies) as sent:
        poisoned = sent[2].spooled.sha256
        monkeypatch.setattr(store, "put", put)
        outcomes = ingest(places.referrer.actor, places.clinic, sent)
        monkeypatch.undo()
        again = ingest(places.referrer.actor, places.clinic, sent)
    assert [type(one).__name__ for one in outcomes] == ["Recorded", "Recorded", "Unavailable", "Recorded"]
    assert [isinstance(one, Recorded) and one.is_new for one in again] == [False, False, True, False]
    assert count(Instance) == 4
    check_invariants()


def test_nothing_is_begun_for_a_file_that_is_not_admitted(places: Places) -> None:
    with arrivals(b"\0" * 1000, b"<html>", a_dicom()[:300]) as sent:
        outcomes = ingest(places.referrer.actor, places.clinic, sent)
    assert {type(one) for one in outcomes} == {Invalid}
    assert count(Blob, Blob.state == PENDING) == 0
