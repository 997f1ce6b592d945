"""A name is kept as it will be signed and compared, however it was typed."""

import pytest

from app.access.actor import WORKER
from app.access.invite import new_person
from app.access.passwords import Hashed
from app.access.profile import change
from app.db import transaction
from app.errors import Invalid
from app.people.models import Person, Role
from app.people.names import one_line
from app.referrals.models import Referral
from tests import people
from tests.people import Places
from tests.referrals.test_place import submitted

DECOMPOSED, COMPOSED = "Nguye\u0302\u0303n  Thi\u0323", "Nguyễn Thị"


def test_a_name_of_one_person_is_one_text_whatever_keyboard_typed_it(db: object, places: Places) -> None:
    with transaction(WORKER) as session:
        assert new_person(session, "nguyen@example.org", DECOMPOSED, Hashed("x")).name == COMPOSED
    with transaction(places.reviewer.actor) as session:
        change(session, places.reviewer.actor, name=DECOMPOSED, language="")
        assert session.get_one(Person, places.reviewer.id).name == COMPOSED


@pytest.mark.parametrize("name", ["", " ", "a" * 201, "a\u202eb", "x\x00"])
def test_what_is_no_name_is_refused(db: object, places: Places, name: str) -> None:
    assert one_line(name) == ""
    with pytest.raises(Invalid), transaction(places.reviewer.actor) as session:
        change(session, places.reviewer.actor, name=name, language="")


def test_an_organization_of_the_longest_name_can_send(db: object, places: Places) -> None:
    clinic = people.organization("C" * 200, read_by=places.hospital)
    referrer = people.somebody(clinic, Role.REFERRER)
    assert isinstance(submitted(referrer), Referral)
