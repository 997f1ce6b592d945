"""A second opinion: asked of a colleague or of another organization, which sees the case only as long as it is asked."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as campaign
from hypothesis import strategies as st

from app.access import scope
from app.access.actor import WORKER
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotFound, Refusal
from app.people.models import ReadingRelation, Role
from app.referrals.models import Referral
from app.reviews import opinion
from app.reviews.opinion import TRANSITIONS, OpinionStatus, SecondOpinion
from app.reviews.step import loaded
from app.studies.models import Instance
from tests import people
from tests.people import Places, Somebody, count
from tests.reports.test_signing import Reading, claimed, told

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


@pytest.fixture
def expert(db: object, places: Places) -> Somebody:
    """Of an organization that reads for the hospital."""
    institute = people.organization("Institute", time_zone="Europe/Paris")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.hospital, reading_organization_id=institute))
    return people.somebody(institute, Role.REVIEWER)


def asked(case: Reading, who: Somebody | None = None, **whom: UUID) -> SecondOpinion:
    actor = (who or case.reader).actor
    with transaction(actor) as session:
        return opinion.ask(session, actor, loaded(session, actor, case.review_id), "A septum?", **whom)


def act(who: Somebody, found: SecondOpinion, verb: Callable[..., Any], *given_: Any, **named: Any) -> SecondOpinion:
    with transaction(who.actor) as session:
        verb(session, who.actor, opinion.for_change(session, who.actor, found.id), *given_, **named)
    with reading(WORKER) as session:
        return opinion.loaded(session, found.id)


def sees(who: Somebody, case: Reading) -> bool:
    with reading(who.actor) as session:
        mine = sa.select(Instance.id).where(scope.visible(Instance, who.actor))
        try:
            scope.get(session, Referral, case.referral.id, who.actor)
        except NotFound:
            return False
        return session.scalar(mine.limit(1)) is not None


def waits_for(who: Somebody) -> list[UUID]:
    with reading(who.actor) as session:
        return [one.id for one in opinion.listing(session, who.actor)[0]]


def test_a_colleague_is_asked_and_answers_and_the_review_stays_its_readers(case: Reading, places: Places) -> None:
    found = asked(case, person_id=places.second_reviewer.id)
    assert told(places.second_reviewer)[-1] == "opinion.asked"
    assert waits_for(places.second_reviewer) == [found.id]
    given_ = act(places.second_reviewer, found, opinion.give, "Yes, a septum.", agrees=True)
    assert (given_.status, given_.agrees, given_.given_by_id) == ("given", True, places.second_reviewer.id)
    assert told(places.reviewer)[-1] == "opinion.given"
    assert waits_for(places.second_reviewer) == []
    assert case.sign(case.write()).status == "final"


def test_another_organization_sees_the_case_only_while_it_is_asked(
    case: Reading, places: Places, expert: Somebody
) -> None:
    assert not sees(expert, case)
    first, second = (asked(case, organization_id=expert.organization_id) for _ in range(2))
    assert sees(expert, case)
    assert waits_for(expert) == [first.id, second.id]
    act(expert, first, opinion.give, "No septum.", agrees=False)
    assert sees(expert, case), "the other question is still open"
    act(places.reviewer, second, opinion.withdraw)
    assert not sees(expert, case)
    third = asked(case, organization_id=expert.organization_id)
    case.sign(case.write())
    assert not sees(expert, case), "the review has ended"
    assert third.status == "asked"


def test_who_cannot_be_asked_or_answer_is_refused(case: Reading, places: Places, expert: Somebody) -> None:
    wrong: list[dict[str, Any]] = [
        {}, {"person_id": places.reviewer.id}, {"person_id": places.referrer.id}, {"person_id": expert.id},
        {"organization_id": places.stranger}, {"organization_id": places.clinic},
        {"person_id": places.second_reviewer.id, "organization_id": expert.organization_id},
    ]  # fmt: skip
    for whom in wrong:
        with pytest.raises(Invalid):
            asked(case, None, **whom)
    with pytest.raises(Conflict):
        asked(case, places.second_reviewer, person_id=places.reviewer.id)
    with pytest.raises(NotFound):
        asked(case, places.stranger_reviewer, person_id=places.reviewer.id)
    assert count(SecondOpinion) == 0
    found = asked(case, person_id=places.second_reviewer.id)
    for who in (expert, places.stranger_reviewer, places.referrer):
        with pytest.raises(NotFound):
            act(who, found, opinion.give, "Yes.", agrees=True)
    with pytest.raises(Conflict):
        act(places.reviewer, found, opinion.give, "My own.", agrees=True)
    with pytest.raises(Conflict):
        act(places.second_reviewer, found, opinion.withdraw)


def test_any_walk_ends_it_once_by_who_was_asked_or_who_asked(case: Reading, places: Places, expert: Somebody) -> None:
    acts: dict[str, Callable[[SecondOpinion], object]] = {
        "give": lambda found: act(expert, found, opinion.give, "Yes.", agrees=True),
        "withdraw": lambda found: act(places.reviewer, found, opinion.withdraw),
    }
    assert {name for _status, name in TRANSITIONS} == set(acts)

    @campaign(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.sampled_from(sorted(acts)), max_size=3))
    def walk(names: list[str]) -> None:
        found, status = asked(case, organization_id=expert.organization_id), OpinionStatus.ASKED
        for name in names:
            try:
                acts[name](found)
            except Refusal:
                assert (status, name) not in TRANSITIONS
            else:
                status = TRANSITIONS[status, name]
            with reading(WORKER) as session:
                kept = opinion.loaded(session, found.id)
            assert (kept.status, kept.ended_at is None) == (status, status == OpinionStatus.ASKED)
        act(places.reviewer, found, opinion.withdraw) if status == OpinionStatus.ASKED else None
        assert not sees(expert, case)

    walk()
