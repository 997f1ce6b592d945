"""When an answer is due: by the table of who asks, else of who reads, else the default; before the patient leaves."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.access.actor import OPERATOR, WORKER
from app.audit.events import AuditEvent
from app.db import reading, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.people.models import Organization, Role
from app.referrals import deadlines
from app.referrals.models import DEADLINES, Priority, Referral
from tests import people
from tests.people import Places, count
from tests.referrals.test_place import revised, submitted

pytestmark = pytest.mark.usefixtures("db")
P = Priority


def set_table(organization_id: UUID, **minutes: int | None) -> None:
    with transaction(OPERATOR) as session:
        deadlines.change(session, OPERATOR, organization_id, {P(name): given for name, given in minutes.items()})


def time_of(places: Places, **asked: object) -> timedelta:
    referral = submitted(places.referrer, **asked)
    assert referral.due_at
    assert referral.submitted_at
    return referral.due_at - referral.submitted_at


def test_without_a_table_the_defaults_count(places: Places) -> None:
    assert {each: time_of(places, priority=each) for each in P} == DEADLINES


def test_the_senders_own_table_counts_before_the_readers_and_each_entry_by_itself(places: Places) -> None:
    set_table(places.hospital, stat=90, asap=300)
    assert time_of(places, priority="stat") == timedelta(minutes=90)
    set_table(places.clinic, asap=120)
    assert time_of(places, priority="stat") == timedelta(minutes=90)
    assert time_of(places, priority="asap") == timedelta(hours=2)
    assert time_of(places, priority="routine") == timedelta(hours=72)
    set_table(places.clinic, asap=None)
    assert time_of(places, priority="asap") == timedelta(hours=5)


def test_never_later_than_the_patient_leaves(places: Places) -> None:
    leaves = datetime.now(UTC) + timedelta(minutes=50)
    assert submitted(places.referrer, patient_leaves_at=leaves.isoformat()).due_at == leaves


def test_what_is_sent_keeps_its_deadline_until_its_urgency_changes(places: Places) -> None:
    referral = submitted(places.referrer)
    assert referral.submitted_at
    set_table(places.clinic, asap=30, stat=20)
    revised(places.referrer, referral.id, clinical_notes="Fever since noon.")
    assert due_now(referral.id) == referral.submitted_at + timedelta(hours=4)
    revised(places.referrer, referral.id, priority="stat")
    assert due_now(referral.id) == referral.submitted_at + timedelta(minutes=20)


def due_now(referral_id: UUID) -> datetime | None:
    with reading(WORKER) as session:
        return session.get_one(Referral, referral_id).due_at


@pytest.mark.parametrize(
    ("minutes", "field"),
    [({"stat": 4}, "stat"), ({"routine": 31 * 24 * 60}, "routine"), ({"stat": 300}, "stat"), ({"urgent": 100}, "asap")],
)
def test_an_impossible_table_is_refused_by_its_field(places: Places, minutes: dict[str, int], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_table(places.clinic, **minutes)
    assert refused.value.field == field
    with reading(WORKER) as session:
        assert session.get_one(Organization, places.clinic).deadlines_min == {}


def test_only_the_organizations_administrator_changes_it_and_it_is_on_record(places: Places) -> None:
    hours = {P.STAT: 30}
    for who, refusal in (
        (places.referrer, Forbidden),
        (places.stranger_reviewer, NotFound),
        (places.reviewer, NotFound),
    ):
        with pytest.raises(refusal), transaction(who.actor) as session:
            deadlines.change(session, who.actor, places.clinic, hours)
    admin = people.somebody(places.clinic, Role.ADMIN)
    for _ in range(2):
        with transaction(admin.actor) as session:
            deadlines.change(session, admin.actor, places.clinic, hours)
    assert count(AuditEvent, AuditEvent.action == "deadlines.changed", AuditEvent.organization_id == places.clinic) == 1
