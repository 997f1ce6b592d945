"""Needs attention: empty on a good day; each kind of line comes, to whom it concerns, and goes by its one act."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER, Actor, Member
from app.cases import attention
from app.cases.attention import Item
from app.cases.slipped import Kind
from app.db import engine, new_id, now, reading, transaction
from app.errors import Forbidden, Invalid
from app.jobs.parked import Parked
from app.notifications.models import Notification
from app.people.models import Role
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.reports.remind import remind
from app.reviews import claim as claiming
from app.reviews import decline as declining
from app.reviews import hold as holding
from app.reviews import submit
from app.studies.models import Study
from tests import people
from tests.passing import passes, worked
from tests.people import Places, Somebody
from tests.referrals.test_place import submitted
from tests.reports.test_chase import read
from tests.reports.test_signing import Reading
from tests.reviews.test_clocks import act, review_of

pytestmark = pytest.mark.usefixtures("db")


def lines(who: Somebody, given_up: Any = (), **asked: Any) -> list[Item]:
    with reading(who.actor) as session:
        return attention.page(session, who.actor, given_up, **asked).items


def kinds(who: Somebody) -> list[str]:
    return [str(one.kind) for one in lines(who)]


def reminded(who: Somebody, referral_id: UUID) -> None:
    with transaction(who.actor) as session:
        remind(session, who.actor, submit.for_change(session, who.actor, referral_id))


def test_it_is_empty_on_a_good_day(places: Places) -> None:
    case = review_of(submitted(places.referrer).id)
    act(places.reviewer, case, claiming.claim)
    act(places.reviewer, case, holding.hold, "Long axis?")
    review_of(submitted(places.referrer).id)
    clinics = people.somebody(places.clinic, Role.COORDINATOR)
    for who in (places.coordinator, clinics, places.admin):
        assert lines(who) == []


def test_unclaimed_for_half_of_its_time_then_overdue_and_assigning_settles_both(places: Places) -> None:
    case = review_of(submitted(places.referrer).id)
    passes(hours=1.9)
    assert kinds(places.coordinator) == []
    passes(hours=0.2)
    (line,) = lines(places.coordinator)
    assert (line.kind, line.subject.id, line.reads) == (Kind.UNCLAIMED, case.id, True)
    passes(hours=2)
    assert kinds(places.coordinator) == ["overdue"]
    late = review_of(submitted(places.referrer).id)
    passes(hours=2.1)
    assert kinds(places.coordinator) == ["overdue", "unclaimed"]
    act(places.coordinator, late, claiming.assign, places.reviewer.id)
    assert kinds(places.coordinator) == ["overdue"]
    assert kinds(people.somebody(places.stranger, Role.COORDINATOR)) == []


def test_a_declined_one_goes_by_another_reader_or_back_to_the_clinic(places: Places) -> None:
    one, other = (review_of(submitted(places.referrer).id) for _ in range(2))
    for case in (one, other):
        act(places.reviewer, case, declining.decline, "Not my field.", "Wait for a call.")
    assert kinds(places.coordinator) == ["declined", "declined"]
    act(places.coordinator, one, claiming.assign, places.second_reviewer.id)
    assert [line.subject.id for line in lines(places.coordinator)] == [other.id]
    act(places.coordinator, other, declining.give_back)
    assert lines(places.coordinator) == []


def test_a_question_too_long_is_seen_by_both_sides_and_goes_by_a_reminder_or_the_reply(places: Places) -> None:
    case = review_of(submitted(places.referrer).id)
    act(places.reviewer, case, claiming.claim)
    act(places.reviewer, case, holding.hold, "Long axis?")
    clinics = people.somebody(places.clinic, Role.COORDINATOR)
    passes(hours=4.1)
    assert kinds(places.coordinator) == kinds(clinics) == ["on-hold"]
    assert [line.reads for line in (*lines(places.coordinator), *lines(clinics))] == [True, False]
    reminded(places.coordinator, case.referral_id)
    assert kinds(places.coordinator) == kinds(clinics) == []
    passes(hours=4.1)
    assert kinds(places.coordinator) == ["on-hold"]
    act(places.referrer, case, holding.reply, "Sent.", [])
    assert kinds(places.coordinator) == []


@pytest.mark.parametrize("status", [FileStatus.HELD, FileStatus.QUARANTINED])
def test_a_file_in_question_is_seen_by_both_sides_and_a_reminder_gives_the_clinic_its_time(
    places: Places, status: FileStatus
) -> None:
    referral = submitted(places.referrer)
    with transaction(WORKER) as session:
        session.add(ManifestItem(organization_id=places.clinic, referral_id=referral.id, name="Jane.dcm", status=status,
                                 reason="Whose?", arrived_at=now()))  # fmt: skip
    for who in (places.coordinator, places.admin, people.somebody(places.clinic, Role.COORDINATOR)):
        assert kinds(who) == [status], who.role
    reminded(places.coordinator, referral.id)
    assert kinds(places.coordinator) == []
    passes(minutes=61)
    assert kinds(places.coordinator) == [status]
    passes(days=31)
    assert status not in kinds(places.coordinator)


def test_what_is_its_own_is_an_organizations_alone(places: Places) -> None:
    hospitals = people.somebody(places.hospital, Role.ADMIN)
    referral = submitted(places.referrer)
    with transaction(WORKER) as session:
        session.add(Study(organization_id=places.clinic, study_instance_uid="2.25.1"))
        session.execute(
            sa.update(Notification).where(Notification.person_id == places.reviewer.id)
            .values(mail_status="failed", mail_reason="The mail server refused it for good (550).")
        )  # fmt: skip
    assert kinds(places.admin) == ["unmatched"]
    assert kinds(hospitals) == kinds(places.coordinator) == ["mail"]
    review = review_of(referral.id)
    given_up = [Parked("timer-1", "reviews.due", (str(review.id), str(new_id())), now(), "OSError in notify.py:41")]
    assert [one.kind for one in lines(places.admin, given_up)] == [Kind.UNMATCHED, Kind.JOB]
    assert [one.kind for one in lines(hospitals, given_up)] == [Kind.MAIL, Kind.JOB]
    assert lines(people.somebody(places.stranger, Role.ADMIN), given_up) == []
    with transaction(WORKER) as session:
        session.execute(sa.update(Notification).values(read_at=now()))
    assert kinds(hospitals) == []  # whoever was to be told has read it on the pages


def test_an_answer_is_seen_by_both_sides_once_it_was_sent_again_in_vain(places: Places) -> None:
    case = review_of(submitted(places.referrer).id)
    act(places.reviewer, case, claiming.claim)
    with reading(WORKER) as session:
        answered = Reading(places.reviewer, session.get_one(Referral, case.referral_id), case.id)
    answered.sign(answered.write())
    passes(hours=4.1)
    worked()
    assert kinds(places.coordinator) == []
    passes(hours=4.1)
    worked()
    assert kinds(places.coordinator) == kinds(places.admin) == ["unread"]
    read(places.referrer, answered)
    assert kinds(places.coordinator) == kinds(places.admin) == []


def test_who_only_reads_or_sends_does_not_see_it(places: Places) -> None:
    for who in (places.referrer, places.reviewer):
        with pytest.raises(Forbidden):
            lines(who)


def test_pages_follow_each_other_through_all_kinds_without_a_gap_or_a_repetition(places: Places) -> None:
    both = people.somebody(places.hospital, Role.ADMIN)
    overdue = [review_of(submitted(places.referrer).id) for _ in range(3)]
    passes(hours=5)
    for case in [review_of(submitted(places.referrer).id) for _ in range(2)]:
        act(places.reviewer, case, declining.decline, "Not my field.", "Wait for a call.")
    with transaction(WORKER) as session:
        for number in range(3):
            session.add(Study(organization_id=places.hospital, study_instance_uid=f"2.25.{number}"))
    given_up = [Parked(f"job-{n}", "reviews.due", (str(overdue[0].id),), now(), "OSError") for n in range(3)]
    members = (Member(places.hospital, Role.COORDINATOR), Member(places.hospital, Role.ADMIN))
    actor = Actor(kind="person", person_id=both.id, members=members)
    with reading(actor) as session:
        assert (attention.count(session, actor), attention.count(session, actor, most=1)) == (8, 6)
        whole = attention.page(session, actor, given_up)
        assert whole.next_cursor is None
        found, cursor = [], None
        for _ in range(20):
            page = attention.page(session, actor, given_up, cursor=cursor, limit=2)
            found += [one.id for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert found == [one.id for one in whole.items]
    assert len(found) == len(set(found)) == 3 + 2 + 3 + 3


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("cursor", ["", ".", "overdue", "nothing.abc", "mail.", "overdue.abc"])
def test_a_made_up_cursor_is_refused(places: Places, cursor: str) -> None:
    if cursor == "":
        assert lines(places.coordinator, cursor=cursor) == []
        return
    with pytest.raises(Invalid):
        lines(places.coordinator, cursor=cursor)


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_every_kind_walks_an_index(places: Places) -> None:
    plans = plans_of(places.coordinator)
    for index in ("ix_review_open", "ix_review_claim_by", "ix_review_declined", "ix_review_asked", "ix_report_unread_here",
                  "ix_manifest_item_trouble", "ix_study_unmatched", "ix_notification_unsent"):  # fmt: skip
        assert any(f"INDEX {index}" in plan and "TEMP B-TREE" not in plan for plan in plans), index


def plans_of(who: Somebody) -> list[str]:
    """How SQLite would answer each SELECT of the page."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, values))

    sa.event.listen(engine(), "before_cursor_execute", note)
    try:
        lines(who)
    finally:
        sa.event.remove(engine(), "before_cursor_execute", note)
    with engine().connect() as connection:
        return [
            "\n".join(row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values))
            for statement, values in seen
        ]
