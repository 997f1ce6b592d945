"""A declined case goes on to another organization that reads for the clinic; reason and advice go with it."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.cases import case as cases
from app.cases.case import Case
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.people.models import ReadingRelation, Role
from app.referrals.models import Referral
from app.reports.send_on import elsewhere, send_on
from app.reviews import claim as claiming
from app.reviews import decline as declining
from app.reviews import say as saying
from app.reviews import worklist
from app.reviews.looked import tell_who_looked
from app.reviews.models import Review, ReviewStatus
from app.reviews.step import loaded
from app.reviews.worklist import Asked
from tests import people
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once, submitted
from tests.reports.test_signing import Reading
from tests.reviews.test_states import told
from tests.studies.sent import a_dicom, send


@pytest.fixture
def second(db: object, places: Places) -> Somebody:
    """Who reads at another hospital for the same clinic."""
    hospital = people.organization("Nakuru Hospital")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=hospital))
    return people.somebody(hospital, Role.REVIEWER)


@pytest.fixture
def declined(second: Somebody, places: Places) -> Review:
    """With an image, a word to the clinic and a first text of the one who declined it."""
    referral = submitted(places.referrer, reading_organization_id=places.hospital)
    send(places.referrer, referral, a_dicom())
    with reading(WORKER) as session:
        review = session.scalars(sa.select(Review).where(Review.referral_id == referral.id)).one()
    with transaction(places.reviewer.actor) as session:
        mine = loaded(session, places.reviewer.actor, review.id)
        cases.opened(session, places.reviewer.actor, mine.referral)
        claiming.claim(session, places.reviewer.actor, mine)
        saying.say(session, places.reviewer.actor, mine, "Which side?", [], as_reader=True)
    Reading(places.reviewer, referral, review.id).write()
    with transaction(places.reviewer.actor) as session:
        mine = loaded(session, places.reviewer.actor, review.id)
        declining.decline(session, places.reviewer.actor, mine, "I do not read hearts.", "Keep her lying.")
    return review


def sent_on(who: Somebody, review: Review, to: UUID | None = None) -> Review:
    with transaction(who.actor) as session:
        return send_on(session, who.actor, loaded(session, who.actor, review.id), to)


def seen(who: Somebody, referral_id: UUID) -> Case:
    with reading(who.actor) as session:
        return cases.whole(session, who.actor, referral_id)


def test_it_waits_there_with_reason_advice_and_deadline_and_is_seen_here_no_more(
    declined: Review, second: Somebody, places: Places
) -> None:
    before = told(places.referrer)
    made = sent_on(places.coordinator, declined)
    assert (made.status, made.reading_organization_id) == (ReviewStatus.REQUESTED, second.organization_id)
    assert made.due_at == declined.due_at
    assert told(second) == ["review.requested"]
    assert told(places.referrer) == [*before, "review.sent-on"]
    for who in (second, places.referrer):
        case = seen(who, declined.referral_id)
        assert case.review is not None
        assert (case.review.id, case.report, len(case.instances)) == (made.id, None, 1)
        (former,) = case.former
        assert (former.ended_reason, former.advice) == ("I do not read hearts.", "Keep her lying.")
        assert (former.status, former.reading_organization.name) == (ReviewStatus.CANCELLED, "Kijabe Hospital")
        assert [one.text for one in case.messages] == ["Which side?"]
    for gone in (places.reviewer, places.coordinator):
        with pytest.raises(NotFound):
            seen(gone, declined.referral_id)
        with reading(gone.actor) as session:
            for status in ("open", "cancelled", "rejected"):
                assert worklist.worklist(session, gone.actor, Asked(status=status)).reviews == []
    assert count(AuditEvent, AuditEvent.action == "review.sent-on", AuditEvent.entity_id == declined.id) == 1
    check_invariants()


def test_left_to_the_clinic_it_is_the_clinics_to_send_on(declined: Review, second: Somebody, places: Places) -> None:
    with transaction(places.coordinator.actor) as session:
        actor = places.coordinator.actor
        declining.give_back(session, actor, loaded(session, actor, declined.id))
    with pytest.raises(Conflict, match="left to the clinic"):
        sent_on(places.coordinator, declined)
    assert sent_on(places.referrer, declined).reading_organization_id == second.organization_id
    check_invariants()


def test_of_two_who_send_it_on_at_once_one_does(declined: Review, places: Places) -> None:
    other = people.somebody(places.hospital, Role.COORDINATOR)
    turns = iter([places.coordinator, other])
    outcomes = at_once(2, lambda: sent_on(next(turns), declined))
    assert sorted(isinstance(one, Review) for one in outcomes) == [False, True], outcomes
    assert any(isinstance(one, Conflict | NotFound) for one in outcomes), outcomes
    assert count(Review, Review.referral_id == declined.referral_id) == 2
    check_invariants()


def test_it_goes_nowhere_else_and_by_nobody_else(declined: Review, second: Somebody, places: Places) -> None:
    with reading(WORKER) as session:
        assert [one.id for one in elsewhere(session, declined)] == [second.organization_id]
    for to in (places.stranger, places.hospital):
        with pytest.raises(Invalid) as refused:
            sent_on(places.coordinator, declined, to)
        assert refused.value.facts["choices"] == [{"id": str(second.organization_id), "name": "Nakuru Hospital"}]
    with pytest.raises(Forbidden):
        sent_on(places.reviewer, declined)
    for stranger in (second, places.stranger_referrer):
        with pytest.raises(NotFound):
            sent_on(stranger, declined)
    waits = submitted(places.referrer, reading_organization_id=places.hospital)
    with reading(WORKER) as session:
        review = session.scalars(sa.select(Review).where(Review.referral_id == waits.id)).one()
    with pytest.raises(Conflict, match="cannot be done now"):
        sent_on(places.coordinator, review)


def test_a_preliminary_answer_keeps_it_where_it_was_signed(second: Somebody, places: Places) -> None:
    referral = submitted(places.referrer, reading_organization_id=places.hospital)
    with reading(WORKER) as session:
        review = session.scalars(sa.select(Review).where(Review.referral_id == referral.id)).one()
    with transaction(places.reviewer.actor) as session:
        claiming.claim(session, places.reviewer.actor, loaded(session, places.reviewer.actor, review.id))
    case = Reading(places.reviewer, referral, review.id)
    case.sign(case.write(), preliminary=True)
    with transaction(places.reviewer.actor) as session:
        mine = loaded(session, places.reviewer.actor, review.id)
        declining.decline(session, places.reviewer.actor, mine, "Not mine.", "Wait.")
    with pytest.raises(Conflict, match="preliminary answer"):
        sent_on(places.coordinator, review)


def test_who_looked_at_it_before_is_told_when_it_was_the_wrong_patient(declined: Review, places: Places) -> None:
    sent_on(places.coordinator, declined)
    with transaction(places.referrer.actor) as session:
        around = (sa.orm.joinedload(Referral.organization), sa.orm.joinedload(Referral.reading_organization))
        referral = session.get_one(Referral, declined.referral_id, options=around)
        tell_who_looked(session, places.referrer.actor, referral, "referral.wrong-patient")
    assert told(places.reviewer)[-1] == "referral.wrong-patient"
