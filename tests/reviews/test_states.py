"""The table of states, and who wins when several act at once."""

import queue
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import now, reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.notifications.models import Notification
from app.people.models import Person, ReadingRelation
from app.referrals.models import Referral, ReferralStatus
from app.reviews import cancel as cancelling
from app.reviews import claim as claiming
from app.reviews import hold as holding
from app.reviews import submit as submitting
from app.reviews.decline import decline
from app.reviews.models import OPEN, TRANSITIONS, WAITING, Message, Review, ReviewStatus, after
from app.reviews.step import for_reader, loaded
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once, placed, submitted

S = ReviewStatus
ACTS = sorted({act for _status, act in TRANSITIONS})
OWNED = (S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD)
COORDINATORS = (S.REJECTED,)
ENDS = (S.COMPLETED, S.CANCELLED)


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("act", ACTS)
def test_an_act_leads_to_a_known_state_or_is_refused_with_the_state(status: ReviewStatus, act: str) -> None:
    if (status, act) in TRANSITIONS:
        assert after(status, act) in S
    else:
        with pytest.raises(Conflict) as refused:
            after(status, act)
        assert refused.value.facts["status"] == status


def test_every_state_waits_is_owned_is_the_coordinators_or_is_an_end_and_nothing_leaves_an_end() -> None:
    assert set(WAITING) | set(OWNED) | set(COORDINATORS) | set(ENDS) == set(S)
    assert set(OPEN) == set(WAITING) | set(OWNED)
    assert not [status for status, _act in TRANSITIONS if status in ENDS]


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    reached = {S.REQUESTED}
    for _ in S:
        reached |= {to for (status, _act), to in TRANSITIONS.items() if status in reached}
    assert reached == set(S)
    can_end = set(ENDS)
    for _ in S:
        can_end |= {S(status) for (status, _act), to in TRANSITIONS.items() if to in can_end}
    assert can_end == set(S)
    assert all((status, "cancel") in TRANSITIONS for status in OPEN)


@pytest.fixture
def case(db: object, places: Places) -> Review:
    referral = submitted(places.referrer)
    with reading(WORKER) as session:
        return session.scalars(sa.select(Review).where(Review.referral_id == referral.id)).one()


def act(who: Somebody, review: Review, verb: Callable[..., Any], *given: Any) -> Review:
    with transaction(who.actor) as session:
        mine = loaded(session, who.actor, review.id)
        verb(session, who.actor, mine, *given)
        return mine


def claim(who: Somebody, review: Review) -> Review:
    return act(who, review, claiming.claim)


def now_there(review: Review) -> tuple[str, UUID | None]:
    with reading(WORKER) as session:
        row = session.get_one(Review, review.id)
    return row.status, row.owner_id


def told(who: Somebody) -> list[str]:
    with reading(WORKER) as session:
        mine = sa.select(Notification.kind).where(Notification.person_id == who.id).order_by(Notification.id)
        return list(session.scalars(mine))


def test_submitting_asks_once_and_tells_the_readers(case: Review, places: Places) -> None:
    for _ in range(2):
        with transaction(places.referrer.actor) as session:
            referral = submitting.for_change(session, places.referrer.actor, case.referral_id)
            assert submitting.submit(session, places.referrer.actor, referral).id == case.id
    assert told(places.reviewer) == ["review.requested"]
    assert told(places.coordinator) == ["review.requested"]
    assert told(places.stranger_reviewer) == []
    check_invariants()


def test_of_eight_submissions_at_once_one_review_comes(db: object, places: Places) -> None:
    referral_id = placed(places.referrer).id

    def submit() -> UUID:
        with transaction(places.referrer.actor) as session:
            referral = submitting.for_change(session, places.referrer.actor, referral_id)
            return submitting.submit(session, places.referrer.actor, referral).id

    outcomes = at_once(8, submit)
    assert len(set(outcomes)) == 1, outcomes
    assert isinstance(outcomes[0], UUID)
    assert told(places.reviewer) == ["review.requested"]
    check_invariants()


def test_of_eight_claims_at_once_one_wins_and_the_others_are_told_who_and_since_when(
    case: Review, places: Places
) -> None:
    turns = iter([places.reviewer, places.second_reviewer] * 4)
    outcomes = at_once(8, lambda: claim(next(turns), case))
    status, owner_id = now_there(case)
    winner = places.reviewer if owner_id == places.reviewer.id else places.second_reviewer
    assert (status, owner_id) == (S.ACCEPTED, winner.id)
    lost = [one for one in outcomes if isinstance(one, Conflict)]
    assert len(lost) >= 4, "the other one's four"
    for refusal in lost:
        assert refusal.facts["owner"] == winner.name
        assert refusal.facts["since"]
    assert {type(one) for one in outcomes} == {Review, Conflict}, outcomes
    check_invariants()


def test_of_claim_cancel_decline_and_assign_at_once_the_end_is_one_of_theirs(case: Review, places: Places) -> None:
    def assigned(session: Any, actor: Any, review: Review) -> None:
        claiming.assign(session, actor, review, places.second_reviewer.id)

    waiting = queue.SimpleQueue[Callable[[], object]]()
    for each in (
        lambda: claim(places.reviewer, case), lambda: cancel(places.referrer, case),
        lambda: act(places.second_reviewer, case, decline, "Blurred.", "Repeat it."),
        lambda: act(places.coordinator, case, assigned),
    ):  # fmt: skip
        waiting.put(each)
    outcomes = at_once(4, lambda: waiting.get()())  # noqa: PLW0108 - each thread gets its own
    assert not [one for one in outcomes if not isinstance(one, Review | Conflict | None)], outcomes
    status, owner_id = now_there(case)
    assert status in (S.ACCEPTED, S.CANCELLED, S.REJECTED)
    assert status != S.ACCEPTED or owner_id in (places.reviewer.id, places.second_reviewer.id)
    check_invariants()


def cancel(who: Somebody, review: Review, reason: str = "Went home.") -> None:
    with transaction(who.actor) as session:
        cancelling.cancel(session, who.actor, submitting.for_change(session, who.actor, review.referral_id), reason)


def test_a_claim_is_kept_by_claiming_again_and_given_back_by_releasing(case: Review, places: Places) -> None:
    assert claim(places.reviewer, case).owner_id == places.reviewer.id
    assert claim(places.reviewer, case).status == S.ACCEPTED
    with pytest.raises(Conflict, match=places.reviewer.name):
        act(places.second_reviewer, case, claiming.release)
    released = act(places.reviewer, case, claiming.release)
    assert (released.status, released.owner_id) == (S.RECEIVED, None)
    assert claim(places.second_reviewer, case).owner_id == places.second_reviewer.id
    check_invariants()


def test_only_a_coordinator_assigns_and_only_to_who_reads(case: Review, places: Places) -> None:
    with pytest.raises(Forbidden):
        act(places.reviewer, case, claiming.assign, places.second_reviewer.id)
    for nobody in (places.coordinator, places.referrer, places.stranger_reviewer):
        with pytest.raises(Invalid, match="does not read"):
            act(places.coordinator, case, claiming.assign, nobody.id)
    assert act(places.coordinator, case, claiming.assign, places.reviewer.id).owner_id == places.reviewer.id
    with pytest.raises(Conflict, match="has it already"):
        act(places.coordinator, case, claiming.assign, places.reviewer.id)
    assert (
        act(places.coordinator, case, claiming.assign, places.second_reviewer.id).owner_id == places.second_reviewer.id
    )


def test_a_question_goes_to_the_referrer_and_the_answer_back_to_the_same_reader(case: Review, places: Places) -> None:
    claim(places.reviewer, case)
    assert act(places.reviewer, case, holding.hold, "Long axis?").status == S.ON_HOLD
    assert told(places.referrer) == ["review.question"]
    with pytest.raises(Conflict):
        act(places.reviewer, case, holding.hold, "And the short one?")
    replied = act(places.referrer, case, holding.reply, "Sent.", [])
    assert (replied.status, replied.owner_id) == (S.IN_PROGRESS, places.reviewer.id)
    assert told(places.reviewer) == ["review.requested", "review.reply"]
    with pytest.raises(Conflict, match="No question"):
        act(places.referrer, case, holding.reply, "Again.", [])
    check_invariants()


def test_of_eight_replies_at_once_one_is_taken(case: Review, places: Places) -> None:
    claim(places.reviewer, case)
    act(places.reviewer, case, holding.hold, "Long axis?")
    outcomes = at_once(8, lambda: act(places.referrer, case, holding.reply, "Sent.", []))
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict"] * 7 + ["Review"]
    assert count(Message, Message.kind == "reply") == 1
    assert told(places.reviewer) == ["review.requested", "review.reply"]


def test_a_question_released_goes_back_to_the_queue_without_an_owner(case: Review, places: Places) -> None:
    claim(places.reviewer, case)
    act(places.reviewer, case, holding.hold, "Long axis?")
    assert act(places.reviewer, case, claiming.release).status == S.RECEIVED
    check_invariants()


def test_declining_says_why_and_what_to_do_and_tells_the_referrer(case: Review, places: Places) -> None:
    for reason, advice in (("", "Repeat."), ("Blurred.", "")):
        with pytest.raises(Invalid):
            act(places.reviewer, case, decline, reason, advice)
    declined = act(places.reviewer, case, decline, "Blurred.", "Repeat it with a full bladder.")
    assert (declined.status, declined.ended_reason, declined.advice) == (
        S.REJECTED, "Blurred.", "Repeat it with a full bladder.",
    )  # fmt: skip
    assert told(places.referrer) == ["review.declined"]
    with pytest.raises(Conflict):
        claim(places.reviewer, case)
    cancel(places.referrer, case)
    assert now_there(case) == (S.CANCELLED, None)


def test_cancelling_ends_the_review_and_tells_who_reads_it(case: Review, places: Places) -> None:
    claim(places.reviewer, case)
    with pytest.raises(Invalid):
        cancel(places.referrer, case, "")
    cancel(places.referrer, case)
    assert now_there(case) == (S.CANCELLED, places.reviewer.id)
    assert told(places.reviewer) == ["review.requested", "review.cancelled"]
    with reading(WORKER) as session:
        assert session.get_one(Referral, case.referral_id).status == ReferralStatus.REVOKED
    with pytest.raises(Conflict):
        cancel(places.referrer, case)
    with pytest.raises(Conflict):
        act(places.reviewer, case, claiming.release)


def test_nobody_else_acts_on_it(case: Review, places: Places) -> None:
    for who in (places.stranger_reviewer, places.stranger_referrer):
        with pytest.raises(NotFound):
            claim(who, case)
    with pytest.raises(NotFound), transaction(places.referrer.actor) as session:
        for_reader(session, places.referrer.actor, case.id)
    with pytest.raises(NotFound):
        act(places.reviewer, case, holding.reply, "Mine.", [])


def test_the_answer_to_an_act_names_the_owner_that_it_made(case: Review, places: Places) -> None:
    claimed = claim(places.reviewer, case)
    assert claimed.owner
    assert claimed.owner.name == places.reviewer.name
    given = act(places.coordinator, case, claiming.assign, places.second_reviewer.id)
    assert given.owner
    assert given.owner.name == places.second_reviewer.name
    assert act(places.second_reviewer, case, claiming.release).owner is None


def test_who_is_given_a_review_is_told_and_an_open_question_stays_open(case: Review, places: Places) -> None:
    claim(places.reviewer, case)
    act(places.reviewer, case, holding.hold, "Long axis?")
    before = told(places.second_reviewer)
    given = act(places.coordinator, case, claiming.assign, places.second_reviewer.id)
    assert (given.status, given.owner_id) == (S.ON_HOLD, places.second_reviewer.id)
    assert told(places.second_reviewer) == [*before, "review.requested"]
    act(places.referrer, case, holding.reply, "Sent.", [])
    assert told(places.second_reviewer)[-1] == "review.reply"


def test_nothing_is_given_to_somebody_whose_account_is_closed(case: Review, places: Places) -> None:
    with transaction(WORKER) as session:
        session.get_one(Person, places.reviewer.id).disabled_at = now()
    with pytest.raises(Invalid, match="does not read"):
        act(places.coordinator, case, claiming.assign, places.reviewer.id)


def test_what_becomes_of_a_review_is_a_change_of_its_referral(case: Review, places: Places) -> None:
    def changed_at() -> datetime:
        with reading(WORKER) as session:
            return session.get_one(Referral, case.referral_id).updated_at

    times = [changed_at()]
    for who, verb, given in (
        (places.reviewer, claiming.claim, ()),
        (places.reviewer, holding.hold, ("Long axis?",)),
        (places.referrer, holding.reply, ("Sent.", [])),
        (places.reviewer, decline, ("No.", "Repeat.")),
    ):
        act(who, case, verb, *given)
        times.append(changed_at())
    assert times == sorted(set(times))


def test_nothing_is_sent_to_an_organization_that_reads_no_more(db: object, places: Places) -> None:
    draft = placed(places.referrer)
    with transaction(WORKER) as session:
        session.execute(sa.update(ReadingRelation).values(ended_at=now()))
    with pytest.raises(Invalid) as refused, transaction(places.referrer.actor) as session:
        submitting.submit(
            session, places.referrer.actor, submitting.for_change(session, places.referrer.actor, draft.id)
        )
    assert refused.value.field == "reading_organization_id"
    assert count(Review) == 0
