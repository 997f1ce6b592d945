"""What a supervised reader signs is preliminary, and waits for a supervisor, who signs for it."""

import json

import pytest
import sqlalchemy as sa

from app.access import administer
from app.access.actor import WORKER
from app.cases import attention
from app.cases.slipped import Kind
from app.db import reading, transaction
from app.errors import Conflict, NotFound
from app.people.models import Membership, Role
from app.reports import countersign
from app.reports.models import VersionStatus
from app.reviews import claim
from app.reviews.models import Review, ReviewStatus
from app.reviews.step import loaded
from tests import people
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody
from tests.reports.test_signing import Reading, claimed, told

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    """A trainee has claimed it."""
    people.supervise(places.hospital, places.reviewer)
    return claimed(places)


@pytest.fixture
def supervisor(db: object, places: Places) -> Somebody:
    return people.somebody(places.hospital, Role.SUPERVISOR)


def review_of(case: Reading) -> Review:
    with reading(WORKER) as session:
        return session.get_one(Review, case.review_id)


def needs(who: Somebody) -> list[Kind]:
    with reading(who.actor) as session:
        return [one.kind for one in attention.page(session, who.actor, []).items]


def test_it_waits_as_preliminary_and_is_final_once_a_supervisor_has_counter_signed(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    signed = case.sign(case.write())
    assert (signed.status, review_of(case).status) == (VersionStatus.PRELIMINARY, ReviewStatus.IN_PROGRESS)
    assert signed.signature
    assert signed.signature.meaning == "Read under supervision"
    assert needs(supervisor) == needs(places.coordinator) == [Kind.COUNTERSIGN]
    assert told(supervisor)[-1] == "review.countersign"
    final = case.sign(signed, supervisor)
    assert (final.version, final.status, final.author_id) == (2, VersionStatus.FINAL, places.reviewer.id)
    assert final.signature
    assert (final.signature.printed_name, final.impression) == (supervisor.name, signed.impression)
    assert (review_of(case).status, review_of(case).owner_id) == (ReviewStatus.COMPLETED, supervisor.id)
    first, second = (json.loads(one.canonical or "")["reader"] for one in (signed, final))
    assert "first" not in first
    assert (second["first"], second["name"]) == (places.reviewer.name, supervisor.name)
    assert needs(supervisor) == []
    assert [case.verdict(1).replaced_by, case.verdict(2).authentic] == [2, True]
    assert told(places.referrer) == ["report.signed", "report.signed"]
    check_invariants()


def test_nobody_counter_signs_their_own_or_without_being_a_supervisor(
    case: Reading, places: Places, supervisor: Somebody
) -> None:
    signed = case.sign(case.write())
    for who in (places.second_reviewer, places.reviewer):
        with pytest.raises(Conflict):
            case.sign(signed, who)
    with pytest.raises(NotFound):
        case.sign(signed, places.stranger_reviewer)
    people.supervise(places.hospital, supervisor)
    with pytest.raises(Conflict, match="supervised"):
        case.sign(signed, supervisor)


def test_what_its_reader_is_changing_waits_until_it_is_signed_anew(case: Reading, supervisor: Somebody) -> None:
    signed = case.sign(case.write())
    again = case.write(impression="Sludge.")
    with pytest.raises(Conflict, match="changing it"):
        case.sign(signed, supervisor)
    newer = case.sign(again)
    with pytest.raises(Conflict) as refused:
        case.sign(newer.__class__(revision=99, images_sha256=newer.images_sha256), supervisor)
    assert refused.value.facts["stale"]
    assert case.sign(newer, supervisor).impression == "Sludge."


def test_giving_it_to_another_reader_ends_the_waiting(case: Reading, places: Places, supervisor: Somebody) -> None:

    case.sign(case.write())
    with transaction(supervisor.actor) as session:
        review = loaded(session, supervisor.actor, case.review_id)
        claim.assign(session, supervisor.actor, review, supervisor.id)
    assert review_of(case).attest_at is None
    assert needs(supervisor) == []
    own = Reading(supervisor, case.referral, case.review_id)
    assert own.sign(own.write(impression="Polyps.")).status == VersionStatus.FINAL


def test_a_trainee_is_one_until_an_administrator_says_otherwise(case: Reading, places: Places) -> None:
    admin = people.somebody(places.hospital, Role.ADMIN)
    with reading(WORKER) as session:
        assert countersign.is_supervised(session, places.reviewer.id, places.hospital)
    with transaction(admin.actor) as session:
        administer.set_supervised(session, admin.actor, places.hospital, places.reviewer.id, is_supervised=False)
    with reading(WORKER) as session:
        assert not session.scalars(sa.select(Membership.id).where(Membership.is_supervised)).all()
    with pytest.raises(NotFound), transaction(admin.actor) as session:
        administer.set_supervised(session, admin.actor, places.hospital, places.referrer.id, is_supervised=True)
