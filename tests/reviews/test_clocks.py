"""What time alone does to a case: told at its deadline, a claim that lapses, a question that waits; each once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import now, reading, transaction
from app.errors import Conflict
from app.jobs import queue, timers
from app.jobs.timers import Timer
from app.notifications.models import Notification
from app.people.models import Role
from app.referrals.models import Referral
from app.reports import draft
from app.reports.draft import GivenDraft
from app.reviews import claim as claiming
from app.reviews import clocks, worklist
from app.reviews import decline as declining
from app.reviews import hold as holding
from app.reviews.models import Review, ReviewStatus
from app.reviews.step import loaded
from app.reviews.worklist import Asked
from tests import people
from tests.faults.invariants import check_invariants
from tests.passing import passes, worked
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once, revised, submitted

S = ReviewStatus
NEAR = timedelta(seconds=5)


@pytest.fixture
def case(db: object, places: Places) -> Review:
    """Asked for within four hours."""
    return review_of(submitted(places.referrer).id)


def review_of(referral_id: UUID) -> Review:
    with reading(WORKER) as session:
        return session.scalars(sa.select(Review).where(Review.referral_id == referral_id)).one()


def act(who: Somebody, review: Review, verb: Any, *given: Any) -> Review:
    with transaction(who.actor) as session:
        mine = loaded(session, who.actor, review.id)
        verb(session, who.actor, mine, *given)
    return there(review)


def there(review: Review) -> Review:
    with reading(WORKER) as session:
        return session.get_one(Review, review.id)


def told(who: Somebody) -> list[str]:
    with reading(WORKER) as session:
        mine = sa.select(Notification.kind).where(Notification.person_id == who.id).order_by(Notification.id)
        return list(session.scalars(mine))


def write(who: Somebody, review: Review) -> None:
    act(
        who, review, lambda session, actor, mine: draft.save(session, actor, mine, GivenDraft(findings="Stones."), None)
    )


def events(review: Review, action: str) -> int:
    return count(AuditEvent, AuditEvent.entity_id == review.id, AuditEvent.action == action)


def test_at_its_deadline_the_readers_and_the_coordinator_are_told_once(case: Review, places: Places) -> None:
    passes(hours=3.9)
    assert worked() == []
    passes(hours=0.2)
    assert worked(again=True) == ["reviews.due"]
    assert told(places.reviewer)[-1] == told(places.coordinator)[-1] == "review.overdue"
    passes(hours=50)
    assert worked() == []
    assert told(places.reviewer).count("review.overdue") == told(places.coordinator).count("review.overdue") == 1
    assert told(places.stranger_reviewer) == told(places.referrer) == []
    assert events(case, "review.overdue") == 1
    check_invariants()


def test_who_owns_it_is_told_and_the_other_readers_are_not(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    write(places.reviewer, case)
    passes(hours=5)
    assert worked() == ["reviews.due", "reviews.warn"]
    assert told(places.reviewer)[-1] == told(places.coordinator)[-1] == "review.overdue"
    assert "review.overdue" not in told(places.second_reviewer)


def test_a_timer_that_comes_late_acts_on_what_is_there_then(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    write(places.reviewer, case)
    act(places.reviewer, case, declining.decline, "Blurred.", "Repeat it.")
    act(places.coordinator, case, declining.give_back)
    passes(days=9)
    assert worked() == []  # nobody here has anything to do any more
    other = review_of(submitted(places.referrer).id)
    passes(days=9)  # the machine was down meanwhile
    timers.ring()
    revised(places.referrer, other.referral_id, priority="routine", patient_leaves_at=None)
    act(places.reviewer, other, claiming.claim)
    assert [name for name in worked() if name == "reviews.due"]
    assert told(places.reviewer).count("review.overdue") == 1
    with reading(WORKER) as session:
        assert (
            session.scalar(sa.select(sa.func.count()).where(Timer.subject_id == other.id, Timer.name == clocks.DUE))
            == 0
        )


def test_a_deadline_that_moved_is_told_at_the_new_one_alone(case: Review, places: Places) -> None:
    passes(hours=3.9)
    revised(places.referrer, case.referral_id, priority="urgent")
    passes(hours=1)
    assert worked() == []
    passes(hours=20)
    assert worked() == ["reviews.due"]


def test_the_databases_clock_counts_and_no_process_s_own(case: Review, places: Places) -> None:
    with time_machine.travel(now() + timedelta(days=3)):
        timers.ring()
    assert count(Timer, Timer.rung_at.is_not(None)) == 0
    passes(hours=5)
    with time_machine.travel(now() - timedelta(days=3)):
        timers.ring()
        timers.ring()
    assert count(Timer, Timer.rung_at.is_not(None)) == 1
    assert len(queue.client().list_workflows(name="reviews.due")) == 1


def test_a_claim_without_a_saved_word_lapses_after_a_warning(case: Review, places: Places) -> None:
    claimed = act(places.reviewer, case, claiming.claim)
    passes(hours=3.4)
    assert worked() == []
    passes(hours=0.2)
    assert worked(again=True) == ["reviews.warn"]
    assert told(places.reviewer)[-1] == "review.lapses"
    passes(hours=0.5)
    assert worked(again=True) == ["reviews.due", "reviews.lapse"]
    lapsed = there(case)
    assert (lapsed.status, lapsed.owner_id, lapsed.owned_at) == (S.RECEIVED, None, None)
    assert claimed.owner_id == places.reviewer.id
    assert told(places.reviewer).count("review.lapses") == told(places.reviewer).count("review.lapsed") == 1
    assert told(places.second_reviewer).count("review.requested") == 2
    assert events(case, "review.lapsed") == 1
    assert act(places.second_reviewer, case, claiming.claim).owner_id == places.second_reviewer.id
    check_invariants()


def test_a_warning_that_comes_late_still_leaves_its_time(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    passes(hours=30)
    assert worked() == ["reviews.due", "reviews.warn"]
    assert worked() == []
    passes(minutes=31)
    assert worked() == ["reviews.lapse"]
    assert there(case).owner_id is None


@pytest.mark.parametrize("then", ["write", "release and claim", "assign", "decline"])
def test_a_claim_that_somebody_acted_on_does_not_lapse(case: Review, places: Places, then: str) -> None:
    act(places.reviewer, case, claiming.claim)
    passes(hours=3.6)
    assert worked() == ["reviews.warn"]
    if then == "write":
        write(places.reviewer, case)
    elif then == "release and claim":
        act(places.reviewer, case, claiming.release)
        act(places.reviewer, case, claiming.claim)
    elif then == "assign":
        act(places.coordinator, case, claiming.assign, places.second_reviewer.id)
    else:
        act(places.reviewer, case, declining.decline, "Blurred.", "Repeat it.")
    owner_id = there(case).owner_id
    passes(hours=1)
    worked()
    assert there(case).owner_id == owner_id
    assert events(case, "review.lapsed") == 0


def test_what_the_next_owner_has_not_written_does_not_keep_their_claim(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    write(places.reviewer, case)
    act(places.reviewer, case, claiming.release)
    act(places.second_reviewer, case, claiming.claim)
    passes(hours=4.1)
    worked()
    passes(hours=1)
    assert "reviews.lapse" in worked()
    with reading(WORKER) as session:  # the first one's words are there
        kept = draft.open_draft(draft.report_of(session, session.get_one(Review, case.id)))
        assert kept
        assert kept.findings == "Stones."


def test_a_question_stops_the_readers_clock_and_starts_the_clinics(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    passes(hours=1)
    asked = act(places.reviewer, case, holding.hold, "Long axis?")
    assert asked.reply_due_at
    assert abs(asked.reply_due_at - (now() + timedelta(hours=4))) < NEAR
    passes(hours=3.9)
    assert worked() == ["reviews.warn"]  # of which nothing comes: it is the clinic's turn
    assert told(places.reviewer)[-1] == "review.requested"
    held = there(case)
    assert abs(clocks.due(held, None, now()) - (now() + timedelta(hours=3))) < NEAR
    replied = act(places.referrer, case, holding.reply, "Sent.", [])
    assert abs(replied.due_at - (now() + timedelta(hours=3))) < NEAR
    assert (replied.held_at, replied.reply_due_at) == (None, None)
    with reading(WORKER) as session:
        assert session.get_one(Referral, case.referral_id).due_at == replied.due_at
    assert abs(replied.paused_s - 3.9 * 3600) < 5
    passes(hours=2.9)
    assert worked() == []
    passes(hours=0.2)
    assert worked() == ["reviews.due"]
    assert told(places.coordinator)[-1] == "review.overdue"


def test_while_the_clinic_is_asked_a_case_is_not_among_the_overdue(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    act(places.reviewer, case, holding.hold, "Long axis?")
    passes(hours=5)

    def overdue() -> tuple[int, int]:
        with reading(places.reviewer.actor) as session:
            page = worklist.worklist(session, places.reviewer.actor, Asked(overdue=True))
            return len(page.reviews), worklist.counts(session, places.reviewer.actor)["overdue"]

    assert overdue() == (0, 0)
    act(places.referrer, case, holding.reply, "Sent.", [])
    assert overdue() == (0, 0)
    passes(hours=5)
    assert overdue() == (1, 1)


def test_a_question_without_a_reply_goes_to_the_coordinator_once(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    act(places.reviewer, case, holding.hold, "Long axis?")
    passes(hours=4.1)
    assert "reviews.unanswered" in worked(again=True)
    assert told(places.coordinator)[-1] == "review.unanswered"
    assert told(places.referrer) == ["review.question", "review.question"]
    passes(hours=9)
    worked()
    assert told(places.coordinator).count("review.unanswered") == 1


def test_a_question_that_was_answered_in_time_is_nobodys_trouble(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    act(places.reviewer, case, holding.hold, "Long axis?")
    act(places.referrer, case, holding.reply, "Sent.", [])
    write(places.reviewer, case)
    passes(hours=4.1)
    assert "reviews.unanswered" not in worked()


def test_the_patient_leaves_whatever_is_asked(db: object, places: Places) -> None:
    leaves = now() + timedelta(hours=2)
    case = review_of(submitted(places.referrer, patient_leaves_at=leaves.isoformat()).id)
    assert case.due_at == leaves
    act(places.reviewer, case, claiming.claim)
    asked = act(places.reviewer, case, holding.hold, "Long axis?")
    assert asked.reply_due_at == leaves
    passes(hours=2.1)
    assert {"reviews.due", "reviews.unanswered"} <= set(worked())
    assert "review.overdue" in told(places.reviewer)
    replied = act(places.referrer, case, holding.reply, "Sent.", [])
    with reading(WORKER) as session:
        assert replied.due_at == session.get_one(Referral, case.referral_id).patient_leaves_at


def test_the_reply_gives_a_claim_its_time_anew(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    act(places.reviewer, case, holding.hold, "Long axis?")
    passes(hours=3.9)
    worked()
    act(places.referrer, case, holding.reply, "Sent.", [])
    passes(hours=3.4)
    assert "reviews.warn" not in worked()
    passes(hours=0.2)
    assert "reviews.warn" in worked()
    passes(hours=0.6)
    assert "reviews.lapse" in worked()
    assert there(case).status == S.RECEIVED


def test_a_declined_one_is_the_coordinators_and_goes_to_another_reader(case: Review, places: Places) -> None:
    act(places.reviewer, case, claiming.claim)
    declined = act(places.reviewer, case, declining.decline, "Not my field.", "Wait for a call.")
    assert (declined.status, declined.ended_reason, declined.advice) == (
        S.REJECTED,
        "Not my field.",
        "Wait for a call.",
    )
    assert told(places.coordinator)[-1] == "review.rejected"
    assert told(places.referrer) == ["review.declined"]
    given = act(places.coordinator, case, claiming.assign, places.second_reviewer.id)
    assert (given.status, given.owner_id) == (S.ACCEPTED, places.second_reviewer.id)
    passes(hours=5)
    assert "reviews.due" in worked()
    assert told(places.second_reviewer)[-1] == "review.overdue"
    check_invariants()


def test_a_declined_one_that_nobody_looks_at_is_told_at_its_deadline(case: Review, places: Places) -> None:
    act(places.reviewer, case, declining.decline, "Not my field.", "Wait for a call.")
    passes(hours=5)
    assert worked() == ["reviews.due"]
    assert told(places.coordinator)[-1] == "review.overdue"
    act(places.coordinator, case, declining.give_back)
    assert told(places.referrer) == ["review.declined", "review.declined"]
    with pytest.raises(Conflict, match="already"):
        act(places.coordinator, case, declining.give_back)


def test_of_two_coordinators_one_assigns_and_the_other_is_told_who_has_it(case: Review, places: Places) -> None:
    other = people.somebody(places.hospital, Role.COORDINATOR)
    seen = claiming.Seen(case.owned_at)
    act(places.coordinator, case, claiming.assign, places.reviewer.id, seen)
    with pytest.raises(Conflict, match=places.reviewer.name):
        act(other, case, claiming.assign, places.second_reviewer.id, seen)
    assert there(case).owner_id == places.reviewer.id


def test_of_eight_coordinators_at_once_one_assigns(case: Review, places: Places) -> None:
    seen = claiming.Seen(case.owned_at)
    turns = iter([places.reviewer, places.second_reviewer] * 4)
    outcomes = at_once(8, lambda: act(places.coordinator, case, claiming.assign, next(turns).id, seen))
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict"] * 7 + ["Review"]
    assert events(case, "review.assigned") == 1


def test_without_a_coordinator_the_supervisors_are_told_and_else_the_readers(db: object) -> None:
    lonely = people.organization("Lonely hospital")
    clinic = people.organization("Its clinic", read_by=lonely)
    referrer, reader = people.somebody(clinic, Role.REFERRER), people.somebody(lonely, Role.REVIEWER)
    submitted(referrer)
    passes(hours=5)
    assert worked() == ["reviews.due"]
    assert told(reader)[-1] == "review.overdue"
