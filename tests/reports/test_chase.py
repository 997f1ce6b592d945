"""An answer that nobody has read in time is sent again, then it is the coordinator's, until somebody acknowledges."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, NotFound
from app.jobs import timers
from app.jobs.timers import Timer
from app.people.models import Role
from app.reports import chase
from app.reports.acknowledge import acknowledge
from app.reports.amend import enter_in_error
from app.reports.models import Report
from app.reports.remind import remind
from app.reviews import claim as claiming
from app.reviews import submit
from app.reviews.step import loaded
from tests import people
from tests.passing import passes, worked
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once, submitted
from tests.reports.test_signing import Reading, told
from tests.reviews.test_clocks import act, review_of


@pytest.fixture
def answered(db: object, places: Places) -> Reading:
    """Signed just now; it was asked for within four hours."""
    referral = submitted(places.referrer)
    review = review_of(referral.id)
    act(places.reviewer, review, claiming.claim)
    case = Reading(places.reviewer, referral, review.id)
    case.sign(case.write())
    return case


def read(who: Somebody, answered: Reading) -> None:
    with transaction(who.actor) as session:
        report = session.scalars(sa.select(Report).where(Report.review_id == answered.review_id)).one()
        acknowledge(session, who.actor, submit.for_change(session, who.actor, report.referral_id), report)


def remind_of(who: Somebody, referral_id: UUID) -> None:
    with transaction(who.actor) as session:
        remind(session, who.actor, submit.for_change(session, who.actor, referral_id))


def escalated(answered: Reading) -> bool:
    return answered.report().escalated_at is not None


def test_an_unread_answer_is_sent_again_once_to_everybody_of_the_site(answered: Reading, places: Places) -> None:
    colleague = people.somebody(places.clinic, Role.REFERRER)
    passes(hours=3.9)
    assert worked() == []
    passes(hours=0.2)
    assert worked(again=True) == ["reports.unread"]
    assert told(places.referrer) == ["report.signed", "report.unread"]
    assert told(colleague) == ["report.unread"]
    assert "report.unread" not in told(places.stranger_referrer)
    assert not escalated(answered)


def test_then_the_coordinators_of_both_sides_know_once(answered: Reading, places: Places) -> None:
    here = people.somebody(places.clinic, Role.COORDINATOR)
    passes(hours=4.1)
    worked()
    passes(hours=4.1)
    assert worked(again=True) == ["reports.escalate"]
    assert told(here) == ["report.unread"]
    assert told(places.coordinator)[-1] == "report.unacknowledged"
    assert escalated(answered)
    passes(days=9)
    assert worked() == []


@pytest.mark.parametrize("after_h", [1, 5, 9])
def test_once_it_is_read_nobody_is_told_any_more(answered: Reading, places: Places, after_h: int) -> None:
    for _ in range(after_h):
        passes(hours=1)
        worked()
    read(places.referrer, answered)
    before = told(places.referrer), told(places.coordinator)
    passes(days=9)
    assert worked() == []
    assert (told(places.referrer), told(places.coordinator)) == before
    assert not escalated(answered)
    assert count(Timer, Timer.subject_id == answered.report().id) == 0


def test_a_timer_that_rang_before_it_was_read_acts_on_what_is_there_then(answered: Reading, places: Places) -> None:
    passes(hours=4.1)
    timers.ring()
    with reading(WORKER) as session:
        timer_id = session.scalars(sa.select(Timer.id).where(Timer.name == chase.UNREAD)).one()
    read(places.referrer, answered)
    chase.unread(str(answered.report().id), str(timer_id))
    assert told(places.referrer) == ["report.signed"]


def test_a_change_is_chased_anew(answered: Reading, places: Places) -> None:
    passes(hours=9)
    worked()
    passes(hours=4.1)
    worked()
    assert escalated(answered)
    draft = answered.amend()
    answered.sign(draft)
    assert not escalated(answered)
    passes(hours=4.1)
    assert worked() == ["reports.unread"]


def test_a_withdrawn_answer_is_chased_too(answered: Reading, places: Places) -> None:
    read(places.referrer, answered)
    with transaction(answered.reader.actor) as session:
        review = loaded(session, answered.reader.actor, answered.review_id)
        enter_in_error(session, answered.reader.actor, review, answered.report(), "Wrong patient.")
    passes(hours=4.1)
    assert worked() == ["reports.unread"]


def test_of_two_coordinators_one_reminds_and_the_other_is_told_who(answered: Reading, places: Places) -> None:
    other = people.somebody(places.hospital, Role.COORDINATOR)
    referral_id = answered.referral.id
    passes(hours=5)
    worked()
    passes(hours=5)
    worked()
    remind_of(places.coordinator, referral_id)
    assert told(places.referrer)[-1] == "report.unread"
    assert not escalated(answered)
    with pytest.raises(Conflict, match=places.coordinator.name):
        remind_of(other, referral_id)
    passes(hours=3.9)
    assert worked() == []
    passes(hours=0.2)
    assert worked() == ["reports.escalate"]  # its time began anew with the reminder
    assert escalated(answered)
    read(places.referrer, answered)
    with pytest.raises(Conflict, match="Nothing waits"):
        remind_of(other, referral_id)


def test_of_eight_reminders_at_once_one_goes(answered: Reading, places: Places) -> None:
    outcomes = at_once(8, lambda: remind_of(places.coordinator, answered.referral.id))
    assert [one for one in outcomes if one is None] == [None]
    assert {type(one) for one in outcomes if one is not None} == {Conflict}
    assert told(places.referrer).count("report.unread") == 1


def test_only_who_assigns_at_the_reading_side_reminds(answered: Reading, places: Places) -> None:
    refused = {places.reviewer: Forbidden, places.stranger_reviewer: NotFound, places.referrer: NotFound}
    for who, refusal in refused.items():
        with pytest.raises(refusal):
            remind_of(who, answered.referral.id)
