"""A supervisor sends a supervised reader's report back with a remark: its reader is told, has a time, and signs it anew."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.cases import desk
from app.cases.slipped import Kind
from app.db import now, reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.jobs.timers import Timer
from app.notifications.models import Notification
from app.people.models import Role
from app.reports.models import VersionStatus
from app.reports.send_back import Remark, remarks, send_back
from app.reviews import claim, clocks, hold
from app.reviews import submit as submitting
from app.reviews.cancel import cancel
from app.reviews.models import ReviewStatus
from app.reviews.step import loaded
from tests import people
from tests.faults.invariants import check_invariants
from tests.passing import passes, worked
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once
from tests.reports.test_countersign import needs, review_of
from tests.reports.test_signing import Reading, claimed, told

REMARK = "The wall is measured across the lumen. Measure it again."


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    """A trainee has claimed it; it is due within four hours."""
    people.supervise(places.hospital, places.reviewer)
    return claimed(places)


@pytest.fixture
def supervisor(db: object, places: Places) -> Somebody:
    return people.somebody(places.hospital, Role.SUPERVISOR)


def back(case: Reading, who: Somebody, text: str = REMARK, seen: int | None = None) -> Remark:
    with transaction(who.actor) as session:
        return send_back(session, who.actor, loaded(session, who.actor, case.review_id), text, seen)


def sent_back_to(who: Somebody) -> list[UUID]:
    with reading(who.actor) as session:
        return [one.id for one in desk.sent_back_to(session, who.actor)]


def mends_at(case: Reading) -> datetime | None:
    with reading(WORKER) as session:
        return session.scalar(sa.select(Timer.at).where(Timer.subject_id == case.review_id, Timer.name == clocks.MEND))


def test_it_goes_back_to_its_reader_with_the_remark_a_time_and_a_place_on_their_list(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    another = people.somebody(places.hospital, Role.SUPERVISOR)
    signed = case.sign(case.write())
    at = now()
    back(case, supervisor, seen=1)
    review = review_of(case)
    assert (review.status, review.owner_id, review.attest_at) == (ReviewStatus.IN_PROGRESS, places.reviewer.id, None)
    assert review.mend_by
    assert at < review.mend_by < review.due_at, "half of the time that a reader has"
    assert mends_at(case) == review.mend_by
    assert told(places.reviewer)[-1] == "report.sent-back"
    assert sent_back_to(places.reviewer) == [case.review_id]
    assert needs(supervisor) == [], "it is its reader's alone until their time is over"
    with reading(WORKER) as session:
        (kept,) = remarks(session, case.review_id)
        event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "report.sent-back")).one()
        waits = sa.select(Notification.id).where(
            Notification.person_id == another.id, Notification.kind == "review.countersign", Notification.settled_at.is_(None)
        )  # fmt: skip
        assert session.scalars(waits).all() == [], "the other supervisor has nothing to do any more"
    assert (kept.text, kept.person.name, kept.version.version, kept.organization_id) == (
        REMARK, supervisor.name, 1, places.hospital,
    )  # fmt: skip
    assert (event.person_id, event.detail) == (supervisor.id, {"version": 1}), "an event holds no words"
    assert (case.report().status, case.report().version) == (VersionStatus.PRELIMINARY, signed.version)
    assert told(places.referrer) == ["report.signed"], "the clinic has the preliminary report, and hears of no remark"
    check_invariants()


def test_signed_anew_it_waits_for_the_supervisors_again_and_is_nobodys_to_mend(
    case: Reading, supervisor: Somebody, places: Places
) -> None:
    case.sign(case.write())
    back(case, supervisor)
    again = case.sign(case.write(findings="Wall 3 mm."))
    review = review_of(case)
    assert (again.version, again.status, review.mend_by, mends_at(case)) == (2, VersionStatus.PRELIMINARY, None, None)
    assert review.attest_at
    assert (sent_back_to(places.reviewer), needs(supervisor)) == ([], [Kind.COUNTERSIGN])
    back(case, supervisor, "And the duct?")
    with reading(WORKER) as session:
        assert [(one.text, one.version.version) for one in remarks(session, case.review_id)] == [
            ("And the duct?", 2), (REMARK, 1),
        ]  # fmt: skip
    last = case.sign(case.write(findings="Wall 3 mm, duct 4 mm."))
    assert case.sign(last, supervisor).status == VersionStatus.FINAL
    assert review_of(case).status == ReviewStatus.COMPLETED
    check_invariants()


def test_only_a_supervisor_does_it_to_what_waits_and_says_why(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    with pytest.raises(Conflict, match="does not wait"):
        back(case, supervisor)
    case.sign(case.write())
    for who, refusal in (
        (places.second_reviewer, Forbidden), (places.coordinator, Forbidden), (places.reviewer, Forbidden),
        (places.referrer, NotFound), (places.stranger_reviewer, NotFound),
    ):  # fmt: skip
        with pytest.raises(refusal):
            back(case, who)
    with pytest.raises(Invalid) as refused:
        back(case, supervisor, "")
    assert refused.value.field == "text"
    with pytest.raises(Conflict, match="newer version"):
        back(case, supervisor, seen=7)
    draft = case.write(findings="Other.")
    with pytest.raises(Conflict, match="changing it"):
        back(case, supervisor)
    case.sign(draft)
    assert count(Remark) == 0
    back(case, supervisor)
    for act in (lambda: back(case, supervisor), lambda: case.sign(case.report().versions[-1], supervisor)):
        with pytest.raises(Conflict):
            act()


def test_of_a_remark_and_a_counter_signature_at_once_one_counts(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    signed, other = case.sign(case.write()), people.somebody(places.hospital, Role.SUPERVISOR)
    both: list[Callable[[], object]] = [lambda: back(case, supervisor), lambda: case.sign(signed, other)]
    turns = iter(both * 3)
    outcomes = at_once(6, lambda: next(turns)())  # noqa: PLW0108 - each thread gets its own
    assert sorted(type(one).__name__ for one in outcomes)[:5] == ["Conflict"] * 5, outcomes
    review = review_of(case)
    assert (review.status == ReviewStatus.COMPLETED) == (count(Remark) == 0)
    assert (review.mend_by is None) == (review.status == ReviewStatus.COMPLETED)
    check_invariants()


def test_what_is_not_signed_anew_in_time_is_told_once_and_stays_on_the_list_until_somebody_has_it(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    case.sign(case.write())
    back(case, supervisor)
    passes(hours=2.1)
    assert clocks.MEND in worked(again=True)
    assert told(places.reviewer).count("report.sent-back") == 2
    for who in (places.coordinator, supervisor):
        assert told(who).count("review.unmended") == 1
        assert needs(who) == [Kind.SENT_BACK]
    with transaction(places.coordinator.actor) as session:
        review = loaded(session, places.coordinator.actor, case.review_id)
        claim.assign(session, places.coordinator.actor, review, places.second_reviewer.id)
    assert (needs(supervisor), review_of(case).mend_by) == ([], None)


def test_a_question_to_the_clinic_does_not_end_it_and_cancelling_does(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    case.sign(case.write())
    back(case, supervisor)
    mend_by = review_of(case).mend_by
    with transaction(places.reviewer.actor) as session:
        hold.hold(session, places.reviewer.actor, loaded(session, places.reviewer.actor, case.review_id), "Long axis?")
    assert review_of(case).mend_by == mend_by
    with transaction(places.referrer.actor) as session:
        hold.reply(session, places.referrer.actor, loaded(session, places.referrer.actor, case.review_id), "Sent.", [])
    assert (review_of(case).mend_by, mends_at(case)) == (mend_by, mend_by)
    with transaction(places.referrer.actor) as session:
        referral = submitting.for_change(session, places.referrer.actor, case.referral.id)
        cancel(session, places.referrer.actor, referral, "Went home.")
    assert (review_of(case).mend_by, mends_at(case)) == (None, None)
