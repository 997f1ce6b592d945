"""Other bytes under a UID that is taken wait for somebody's word, by whichever door they came, and move nothing else."""

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.cases import attention
from app.cases.attention import Item
from app.db import reading, transaction
from app.errors import Forbidden, NotFound
from app.people.models import Role
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.reports import regroup
from app.reviews import files
from app.studies import conflicts
from app.studies.images import instances_of
from app.studies.ingest import ingest
from app.studies.models import InstanceConflict
from tests import people
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, count
from tests.referrals.test_place import submitted
from tests.studies.sent import a_dicom, arrivals, send

pytestmark = pytest.mark.usefixtures("db")


def waiting(who: Somebody) -> list[Item]:
    with reading(who.actor) as session:
        return [one for one in attention.page(session, who.actor, ()).items if one.kind == "conflict"]


def settled(who: Somebody, conflict_id: UUID) -> None:
    with transaction(who.actor) as session:
        conflicts.settle(session, who.actor, conflict_id)


def line_of(item: ManifestItem) -> ManifestItem:
    with reading(WORKER) as session:
        return session.get_one(ManifestItem, item.id)


def two(places: Places, referral: Referral) -> ManifestItem:
    """The line of the second file under one UID."""
    uid = f"2.25.{uuid4().int}"
    send(places.referrer, referral, a_dicom(uid))
    return send(places.referrer, referral, a_dicom(uid, size=33), "b.dcm")


def test_what_a_machine_sent_under_a_taken_uid_is_seen_and_settled_once(places: Places) -> None:
    clinics, uid = people.somebody(places.clinic, Role.COORDINATOR), f"2.25.{uuid4().int}"
    with arrivals(a_dicom(uid), a_dicom(uid, size=33)) as came:
        for one in came:
            ingest(places.referrer.actor, places.clinic, [one])
    (line,) = waiting(clinics)
    assert (line.referral, len(waiting(places.admin)), waiting(places.coordinator)) == (None, 1, [])
    with pytest.raises(NotFound):
        settled(places.stranger_referrer, line.subject.id)
    with pytest.raises(Forbidden):
        settled(people.somebody(places.clinic, Role.REVIEWER), line.subject.id)
    for _ in range(2):
        settled(clinics, line.subject.id)
    assert waiting(clinics) == []
    assert count(AuditEvent, AuditEvent.action == "conflict.settled") == 1
    check_invariants()


def test_of_a_referral_it_names_the_case_and_taking_its_line_off_settles_it(places: Places) -> None:
    referral, clinics = submitted(places.referrer), people.somebody(places.clinic, Role.COORDINATOR)
    one, other = two(places, referral), two(places, referral)
    assert one.status == FileStatus.CONFLICT
    first, second = waiting(clinics)
    assert {one.referral and one.referral.id for one in (first, second)} == {referral.id}
    with transaction(places.referrer.actor) as session:
        files.withdraw(session, places.referrer.actor, referral.id, one.id, conflicts.FIRST_STAYS)
    (left,) = waiting(clinics)
    settled(clinics, left.subject.id)
    assert {line_of(one).status, line_of(other).status} == {FileStatus.WITHDRAWN}
    assert line_of(other).reason == "The first one stays."
    with reading(WORKER) as session:
        assert len(instances_of(session, referral.id)) == 2, "the first ones are shown as before"


def test_it_moves_alone_and_the_first_one_stays_where_it_is(places: Places) -> None:
    referral, target = submitted(places.referrer), submitted(places.referrer)
    item = two(places, referral)
    with transaction(places.referrer.actor) as session:
        (line,) = regroup.move(session, places.referrer.actor, referral.id, item.id, target.id)
    assert (line.referral_id, line_of(line).status) == (target.id, FileStatus.CONFLICT)
    assert line_of(item).status == FileStatus.WITHDRAWN
    with reading(WORKER) as session:
        assert (len(instances_of(session, referral.id)), instances_of(session, target.id)) == (1, [])
        row = session.scalars(sa.select(InstanceConflict)).one()
        assert [one.id for one in conflicts.lines_of(session, row)] == [line.id]
    check_invariants()
