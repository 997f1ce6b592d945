"""Any walk through the table of states, on real rows: each act that is allowed ends with an owner, a deadline or an end."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as campaign
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.access.actor import WORKER, Actor
from app.db import new_id, now, reading, transaction
from app.errors import Conflict
from app.jobs.timers import Timer, wind
from app.people.models import Membership, ReadingRelation, Role
from app.referrals.models import Referral, ReferralStatus
from app.reports import countersign, draft
from app.reports.draft import GivenDraft
from app.reports.send_back import send_back
from app.reports.send_on import send_on
from app.reports.sign import sign
from app.reviews import cancel, chase, claim, clocks, decline, hold, submit
from app.reviews.models import OPEN, TRANSITIONS, Review, ReviewStatus
from app.reviews.step import loaded, step
from tests import people
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, proof
from tests.referrals.test_place import submitted

S = ReviewStatus
TEXT = GivenDraft(findings="Stones.", impression="Gallstones.", recommendation="Surgeon.")
ACTS = sorted({act for _status, act in TRANSITIONS})
OWNED = (S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD)


def test_from_any_state_every_allowed_act_ends_in_a_known_one_and_nothing_else_is_reachable() -> None:
    reached, before = {S.REQUESTED}, set[ReviewStatus]()
    while reached != before:
        before = set(reached)
        reached |= {to for (status, _act), to in TRANSITIONS.items() if status in reached}
    assert reached == set(S)
    ends = {S.COMPLETED, S.CANCELLED}
    assert not [status for status, _act in TRANSITIONS if status in ends], "nothing leaves an end"
    for status in set(S) - ends:
        can_reach, known = {status}, set[ReviewStatus]()
        while can_reach != known:
            known = set(can_reach)
            can_reach |= {to for (of, _act), to in TRANSITIONS.items() if of in can_reach}
        assert ends <= can_reach, f"{status} has a way to each end"


@pytest.mark.parametrize(
    "column", ["sqlite+folder", pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True
)
def test_any_walk_leaves_each_case_with_an_owner_a_deadline_or_an_end(
    db: object, places: Places, request: pytest.FixtureRequest
) -> None:
    supervisor = people.somebody(places.hospital, Role.SUPERVISOR)
    examples = 60 if "sqlite" in str(request.node.name) else 15

    here = (places.reviewer, places.second_reviewer, places.coordinator, supervisor)
    sides = {places.hospital: here, **another_reader(places)}

    @campaign(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.tuples(st.sampled_from(ACTS), st.booleans()), max_size=12))
    def walk(acts: list[tuple[str, bool]]) -> None:
        referral_id = submitted(places.referrer, reading_organization_id=places.hospital).id
        for name, by_other in acts:
            before = review_of(referral_id)
            allowed = (before.status, name) in TRANSITIONS
            try:
                doing(places, sides[before.reading_organization_id], before, by_other=by_other)[name]()
                is_done = True
            except Conflict:
                is_done = False
            after = the(before)
            if is_done and (after.status, after.owner_id) != (before.status, before.owner_id):
                assert allowed, (before.status, name)
                assert after.status == TRANSITIONS[before.status, name]
            if not is_done:
                assert (after.status, after.owner_id) == (before.status, before.owner_id), "a refusal changes nothing"
            is_kept(referral_id)

    walk()
    check_invariants()


Side = tuple[Somebody, Somebody, Somebody, Somebody]  # two who read, who coordinates and who supervises


def another_reader(places: Places) -> dict[UUID, Side]:
    """Who can have what the hospital declined."""
    second = people.organization("Nakuru Hospital")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=second))
    one, other, coordinator, supervisor = (
        people.somebody(second, role) for role in (Role.REVIEWER, Role.REVIEWER, Role.COORDINATOR, Role.SUPERVISOR)
    )
    return {second: (one, other, coordinator, supervisor)}


def doing(places: Places, side: Side, review: Review, *, by_other: bool) -> dict[str, Callable[[], None]]:
    """Each act as whoever does it: the owner where there is one, or somebody else who reads."""
    one, second, coordinator, supervisor = side
    owner = second if review.owner_id == second.id else one
    other = second if owner is one else one
    reader = other if by_other else owner

    def by(who: Somebody, verb: Callable[[Session, Actor, Review], Any]) -> Callable[[], None]:
        def act() -> None:
            with transaction(who.actor) as session:
                verb(session, who.actor, loaded(session, who.actor, review.id))

        return act

    return {
        "see": by(reader, lambda session, _actor, mine: step(session, mine, "see")),
        "claim": by(reader, claim.claim), "release": by(reader, claim.release),
        "assign": by(coordinator, lambda session, actor, mine: claim.assign(session, actor, mine, reader.id)),
        "write": by(reader, _write), "sign": by(reader, _sign),
        "attest": by(reader, lambda session, actor, mine: _sign(session, actor, mine, is_supervised=True)),
        "countersign": by(supervisor, _countersign),
        "send-back": by(supervisor, lambda session, actor, mine: send_back(session, actor, mine, "Measure it again.")),
        "hold": by(reader, lambda session, actor, mine: hold.hold(session, actor, mine, "Long axis?")),
        "reply": by(places.referrer, lambda session, actor, mine: hold.reply(session, actor, mine, "Sent.", [])),
        "decline": by(reader, lambda session, actor, mine: decline.decline(session, actor, mine, "Blurred.", "Repeat it.")),
        "return": by(coordinator, decline.give_back),
        "send-on": by(places.referrer, lambda session, actor, mine: send_on(session, actor, mine, None)),
        "cancel": lambda: _cancel(places.referrer, review.referral_id), "lapse": lambda: _lapse(review),
    }  # fmt: skip


def _write(session: Session, actor: Actor, mine: Review) -> None:
    here = draft.open_draft(draft.report_of(session, mine))
    draft.save(session, actor, mine, TEXT, here.revision if here else None)


def _sign(session: Session, actor: Actor, mine: Review, *, is_supervised: bool = False) -> None:
    """As a trainee or as one no longer."""
    theirs = sa.update(Membership).where(Membership.person_id == actor.person_id)
    session.execute(theirs.values(is_supervised=is_supervised))
    here = draft.open_draft(draft.report_of(session, mine))
    sign(session, actor, mine, proof=proof(actor), revision=here.revision if here else None,
         images_sha256=here.images_sha256 if here else "")  # fmt: skip


def _countersign(session: Session, actor: Actor, mine: Review) -> None:
    waiting = countersign.to_sign(actor, mine, draft.report_of(session, mine))
    sign(session, actor, mine, proof=proof(actor), revision=waiting.revision if waiting else None,
         images_sha256=waiting.images_sha256 if waiting else "")  # fmt: skip


def _cancel(who: Somebody, referral_id: UUID) -> None:
    with transaction(who.actor) as session:
        cancel.cancel(session, who.actor, submit.for_change(session, who.actor, referral_id), "Went home.")


def _lapse(review: Review) -> None:
    """As its timer would, at any moment."""
    with transaction(WORKER) as session:
        wind(session, clocks.LAPSE, review.id, now())
        timer_id = session.scalars(
            sa.select(Timer.id).where(Timer.subject_id == review.id, Timer.name == clocks.LAPSE)
        ).one()
    chase.lapse(str(review.id), str(timer_id))


def review_of(referral_id: UUID) -> Review:
    with reading(WORKER) as session:
        mine = sa.select(Review).where(Review.referral_id == referral_id)
        return session.scalars(mine.order_by(Review.id.desc()).limit(1)).one()


def the(review: Review) -> Review:
    with reading(WORKER) as session:
        return session.get_one(Review, review.id)


def is_kept(referral_id: UUID) -> None:
    """Somebody has it, or is told when its time is over, or it has ended; and both sides agree on which."""
    review = review_of(referral_id)
    with reading(WORKER) as session:
        referral = session.get_one(Referral, referral_id)
        wound = set(session.scalars(sa.select(Timer.name).where(Timer.subject_id == review.id)))
    assert (review.owner_id is not None and review.owned_at is not None) == (
        review.status in OWNED
    ) or review.status not in OPEN
    assert (review.held_at is None) == (review.reply_due_at is None) == (review.status != S.ON_HOLD)
    assert review.returned_at is None or review.status in (S.REJECTED, S.CANCELLED)
    if review.status == S.ON_HOLD:
        assert clocks.UNANSWERED in wound, "the clinic's clock runs"
    elif review.status in OPEN or (review.status == S.REJECTED and review.returned_at is None):
        assert clocks.DUE in wound, "somebody is told when it slips"
    else:
        assert not wound & {clocks.DUE, clocks.UNANSWERED, clocks.LAPSE, clocks.WARN}, "an end has no clock"
    assert review.attest_at is None or review.status == S.IN_PROGRESS, (
        "what waits for a counter-signature is being read"
    )
    assert (review.mend_by is not None) == (clocks.MEND in wound), "its reader is told again when it is not signed anew"
    assert review.mend_by is None or (review.attest_at is None and review.status in (S.IN_PROGRESS, S.ON_HOLD))
    if review.status in (S.ACCEPTED, S.IN_PROGRESS) and review.written_at is None:
        assert {clocks.WARN, clocks.LAPSE} & wound, "a claim without a word lapses"
    assert (referral.status == ReferralStatus.REVOKED) == (review.status == S.CANCELLED)
    assert review.status == S.CANCELLED or review.due_at == referral.due_at


def test_a_timer_of_nothing_does_nothing(db: object) -> None:
    for job in (chase.due, chase.warn, chase.lapse, chase.unanswered, chase.mend):
        job(str(new_id()), str(new_id()))
