"""What others read of the same patient is seen while a review is open, and no longer."""

from uuid import UUID

import pytest

from app.access import scope
from app.access.actor import WORKER, Actor
from app.db import reading, transaction
from app.errors import NotFound
from app.people.models import ReadingRelation, Role
from app.referrals.given import GivenReferral
from app.referrals.models import Referral
from app.referrals.place import place
from app.reviews import cancel, claim, decline, step, submit
from app.reviews.models import Review
from tests import people
from tests.people import Places

pytestmark = pytest.mark.usefixtures("db")


def placed(places: Places, hospital: UUID | None = None, family_name: str = "Otieno") -> tuple[Referral, Review]:
    who = places.referrer.actor
    patient = {
        "identifier": f"MRN-{family_name}",
        "family_name": family_name,
        "birth_date": "1990-04-03",
        "sex": "female",
    }
    given = {
        "patient": patient,
        "exam_type": "renal",
        "question": "Stones?",
        "reading_organization_id": str(hospital or places.hospital),
    }
    with transaction(who) as session:
        referral = place(session, who, GivenReferral.model_validate(given))
    with transaction(who) as session:
        return referral, submit.submit(session, who, submit.for_change(session, who, referral.id))


def sees(who: Actor, referral: Referral) -> bool:
    with reading(who) as session:
        try:
            scope.get(session, Referral, referral.id, who)
        except NotFound:
            return False
    return True


@pytest.fixture
def elsewhere(places: Places) -> people.Somebody:
    """A reader of a second hospital that reads for the same clinic."""
    other = people.organization("Another hospital")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=other))
    return people.somebody(other, Role.REVIEWER)


def test_an_earlier_case_is_seen_while_the_review_is_open(places: Places, elsewhere: people.Somebody) -> None:
    earlier, _review = placed(places)
    stranger, _review = placed(places, family_name="Wanjiru")
    assert not sees(elsewhere.actor, earlier)
    referral, review = placed(places, elsewhere.organization_id)
    assert sees(elsewhere.actor, earlier)
    assert not sees(elsewhere.actor, stranger)
    with transaction(elsewhere.actor) as session:
        decline.decline(
            session, elsewhere.actor, step.for_reader(session, elsewhere.actor, review.id), "No.", "Elsewhere."
        )
    assert not sees(elsewhere.actor, earlier)
    assert sees(elsewhere.actor, referral)
    coordinator = people.somebody(elsewhere.organization_id, Role.COORDINATOR)
    with transaction(coordinator.actor) as session:
        declined = step.for_reader(session, coordinator.actor, review.id, "review.assign")
        claim.assign(session, coordinator.actor, declined, elsewhere.id)
    assert sees(elsewhere.actor, earlier)
    assert not sees(elsewhere.actor, stranger)


def test_what_was_granted_beside_it_stays(places: Places) -> None:
    """The same hospital read both: the end of one takes nothing of the other."""
    earlier, _review = placed(places)
    referral, _review = placed(places)
    with transaction(places.referrer.actor) as session:
        cancel.cancel(
            session, places.referrer.actor, submit.for_change(session, places.referrer.actor, referral.id), "Twice."
        )
    assert sees(places.reviewer.actor, earlier)


def test_giving_it_back_ends_nothing(places: Places, elsewhere: people.Somebody) -> None:
    earlier, _review = placed(places)
    _referral, review = placed(places, elsewhere.organization_id)
    for act in (claim.claim, claim.release):
        with transaction(elsewhere.actor) as session:
            act(session, elsewhere.actor, step.for_reader(session, elsewhere.actor, review.id))
    assert sees(elsewhere.actor, earlier)
