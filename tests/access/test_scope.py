"""visible(): the one row filter, for every table that has an organization."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.access import scope
from app.access.actor import NOBODY, OPERATOR, WORKER, Actor, Member
from app.access.models import Grant
from app.access.scope import GRANTED_BY, visible
from app.db import Base, now, reading, transaction
from app.errors import NotFound
from app.people.models import Role
from app.referrals.models import ManifestItem, Referral
from app.reviews.models import Review
from app.studies.models import Document, Instance, Series, Study
from tests.people import Places, Somebody
from tests.referrals.test_place import at_once, placed, submitted
from tests.studies.sent import a_dicom, a_pdf, send

pytestmark = pytest.mark.usefixtures("db")
OF_A_CASE = (Referral, ManifestItem, Review, Study, Series, Instance, Document)


def seen(who: Actor, model: type[Base]) -> int:
    with reading(who) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model).where(visible(model, who))) or 0


def whole_case(places: Places) -> Referral:
    referral = submitted(places.referrer)
    send(places.referrer, referral, a_dicom())
    send(places.referrer, referral, a_pdf(), "letter.pdf")
    return referral


@pytest.mark.parametrize("model", OF_A_CASE)
def test_a_case_is_seen_by_who_asked_and_who_reads_and_by_nobody_else(places: Places, model: type[Base]) -> None:
    whole_case(places)
    assert seen(places.referrer.actor, model) > 0
    assert seen(places.reviewer.actor, model) == seen(places.referrer.actor, model)
    others = [
        places.stranger_referrer.actor,
        places.stranger_reviewer.actor,
        places.admin.actor,
        NOBODY,
        OPERATOR,
        WORKER,
    ]
    assert [seen(who, model) for who in others] == [0] * len(others)


@pytest.mark.parametrize("model", OF_A_CASE)
def test_a_draft_is_its_own_organizations_alone(places: Places, model: type[Base]) -> None:
    referral = placed(places.referrer)
    send(places.referrer, referral, a_dicom())
    assert seen(places.reviewer.actor, model) == 0


def test_a_study_that_comes_after_the_question_is_seen_as_well(places: Places) -> None:
    referral = submitted(places.referrer)
    assert seen(places.reviewer.actor, Instance) == 0
    send(places.referrer, referral, a_dicom())
    assert seen(places.reviewer.actor, Instance) == 1


def test_only_what_was_asked_about_is_seen_of_a_patient(places: Places) -> None:
    whole_case(places)
    earlier = placed(places.referrer)
    send(places.referrer, earlier, a_dicom())
    assert (seen(places.referrer.actor, Referral), seen(places.reviewer.actor, Referral)) == (2, 1)
    assert (seen(places.referrer.actor, Instance), seen(places.reviewer.actor, Instance)) == (
        3,
        2,
    )  # its PDF is one too


@pytest.mark.parametrize("dates", [
    {"valid_to": timedelta(seconds=-1)}, {"valid_from": timedelta(hours=1)},
    {"valid_from": timedelta(hours=-2), "valid_to": timedelta(hours=-1)},
])  # fmt: skip
def test_a_grant_that_is_over_or_not_begun_shows_nothing(places: Places, dates: dict[str, timedelta]) -> None:
    whole_case(places)
    with transaction(WORKER) as session:
        session.execute(sa.update(Grant).values({name: now() + shift for name, shift in dates.items()}))
    # A review names its reader besides; that its rows open nothing is what counts.
    assert {model.__name__: seen(places.reviewer.actor, model) for model in OF_A_CASE} == {
        model.__name__: 0 for model in OF_A_CASE
    }
    assert all(seen(places.referrer.actor, model) for model in OF_A_CASE)


def test_a_grant_is_given_once_however_often(places: Places) -> None:
    referral = placed(places.referrer)

    def give() -> None:
        with transaction(WORKER) as session:
            scope.grant(session, places.stranger, referral_id=referral.id)

    for _ in range(3):
        give()
    with reading(WORKER) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Grant)) == 1
    assert seen(places.stranger_reviewer.actor, Referral) == 1
    assert at_once(4, give) == [None] * 4


def test_an_office_without_a_clinical_part_sees_no_patient(places: Places) -> None:
    whole_case(places)
    for role in (Role.ADMIN, Role.PRIVACY_OFFICER):
        office = Actor("person", places.admin.id, members=(Member(places.clinic, role), Member(places.hospital, role)))
        assert [seen(office, model) for model in OF_A_CASE] == [0] * len(OF_A_CASE)


def test_who_belongs_to_both_sees_each_row_once(places: Places) -> None:
    whole_case(places)
    both = Actor(
        "person",
        places.referrer.id,
        members=(Member(places.clinic, Role.REFERRER), Member(places.hospital, Role.REVIEWER)),
    )
    assert [seen(both, model) for model in OF_A_CASE] == [seen(places.referrer.actor, model) for model in OF_A_CASE]


@pytest.mark.parametrize("lock", [False, True])
def test_what_is_not_there_and_what_is_not_ones_own_are_one_refusal(places: Places, lock: bool) -> None:
    referral = placed(places.referrer)

    def refusal(who: Somebody, row_id: Any) -> tuple[str, dict[str, object]]:
        with pytest.raises(NotFound) as refused, transaction(who.actor) as session:
            scope.get(session, Referral, row_id, who.actor, lock=lock)
        return refused.value.sentence, refused.value.facts

    assert refusal(places.stranger_referrer, referral.id) == refusal(places.stranger_referrer, places.clinic)


def test_every_table_of_a_case_says_by_what_it_is_granted() -> None:
    """A new table that names a referral or a study and an organization is seen by grant, or listed here as kept back."""
    kept_back = {
        "access_grant",
        "audit_event",
        "notification",
        "revision",
        "external_identifier",
        "referral_study",
        "study_name",
        "upload",  # the sender's own
        "outbox_discard",  # the same, and its coordinator's
        "late_files",  # of the reading organization, told with its report
        "second_opinion",  # by its own rule: who asked and who was asked
        "feedback",  # by its own rule: operator, giver, supervisor and quality lead
        "dating",  # read with its pregnancy
    }
    named = {
        table.name
        for table in Base.metadata.sorted_tables
        if "organization_id" in table.c and ({"referral_id", "study_id"} & set(table.c.keys()))
    }
    assert named - set(GRANTED_BY) <= kept_back, "say by what it is granted, or that it is not"
