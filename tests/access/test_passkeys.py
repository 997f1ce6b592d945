"""A passkey is registered by its person, proves presence for one thing that was shown, once, and tells the right key."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access import passkeys
from app.access.actor import NOBODY
from app.access.login import Proof
from app.access.models import Challenge
from app.access.passkeys import Party
from app.db import now, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.people.models import Person
from tests.access.soft_passkey import Json, SoftPasskey
from tests.people import Places, Somebody

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
HERE = Party("sonopost.example", "https://sonopost.example")
TEXT, OTHER = "a" * 64, "b" * 64


def registered(who: Somebody, key: SoftPasskey) -> UUID:
    with transaction(who.actor) as session:
        offered = passkeys.offer(session, who.actor, HERE)
        credential = key.make(offered["public_key"])
        return passkeys.add(session, who.actor, HERE, UUID(offered["challenge_id"]), credential, "Telephone").id


def asked(who: Somebody, subject: str = TEXT) -> Json:
    with transaction(who.actor) as session:
        return passkeys.ask(session, who.actor, HERE, subject)


def proven(who: Somebody, options: Json, credential: Json, subject: str = TEXT) -> Proof:
    with transaction(who.actor) as session:
        return passkeys.prove(session, who.actor, HERE, UUID(options["challenge_id"]), credential, subject)


@pytest.fixture
def key(db: object, places: Places) -> SoftPasskey:
    key = SoftPasskey(HERE.origin)
    registered(places.reviewer, key)
    return key


def test_it_proves_that_its_person_is_here_for_what_was_shown(key: SoftPasskey, places: Places) -> None:
    options = asked(places.reviewer)
    proof = proven(places.reviewer, options, key.answer(options["public_key"]))
    assert (proof.person_id, proof.method) == (places.reviewer.id, "passkey")
    assert proof.evidence["subject"] == TEXT


def test_an_answer_serves_once_and_for_nothing_else(key: SoftPasskey, places: Places) -> None:
    options = asked(places.reviewer)
    answer = key.answer(options["public_key"])
    with pytest.raises(Invalid, match="another text"):
        proven(places.reviewer, options, answer, OTHER)
    proven(places.reviewer, options, answer)
    with pytest.raises(Invalid):
        proven(places.reviewer, options, answer)
    again = asked(places.reviewer)
    with pytest.raises(Invalid):
        proven(places.reviewer, again, answer)


@pytest.mark.parametrize("attack", ["another origin", "no finger", "another key", "cloned", "too late", "nonsense"])
def test_an_answer_that_is_not_right_is_refused(key: SoftPasskey, places: Places, attack: str) -> None:
    options = asked(places.reviewer)
    if attack == "another origin":
        key.origin = "https://sonopost.example.evil"
    if attack == "no finger":
        key.verifies = False
    forger = SoftPasskey(HERE.origin, credential_id=key.credential_id) if attack == "another key" else key
    if attack == "cloned":
        proven(places.reviewer, options, key.answer(options["public_key"]))
        options, key.count = asked(places.reviewer), 0
    answer = forger.answer(options["public_key"])
    if attack == "too late":
        with transaction(places.reviewer.actor) as session:
            session.execute(sa.update(Challenge).values(expires_at=now() - timedelta(seconds=1)))
    if attack == "nonsense":
        answer = {"id": answer["id"], "response": "x"}
    with pytest.raises(Invalid):
        proven(places.reviewer, options, answer)


def test_nobody_proves_presence_with_anothers_passkey_or_question(key: SoftPasskey, places: Places) -> None:
    registered(places.second_reviewer, SoftPasskey(HERE.origin))
    options = asked(places.reviewer)
    with pytest.raises(Invalid):
        proven(places.second_reviewer, options, key.answer(options["public_key"]))
    options = asked(places.second_reviewer)
    with pytest.raises(Invalid):
        proven(places.second_reviewer, options, key.answer(options["public_key"]))
    with pytest.raises(Conflict):
        asked(places.referrer)


def test_it_is_registered_once_and_what_is_removed_opens_nothing(key: SoftPasskey, places: Places) -> None:
    with pytest.raises(Conflict):
        registered(places.second_reviewer, key)
    with transaction(places.reviewer.actor) as session:
        (mine,) = passkeys.listing(session, places.reviewer.id)
    with pytest.raises(NotFound), transaction(places.second_reviewer.actor) as session:
        passkeys.remove(session, places.second_reviewer.actor, mine.id)
    options = asked(places.reviewer)
    with transaction(places.reviewer.actor) as session:
        passkeys.remove(session, places.reviewer.actor, mine.id)
    with pytest.raises(Invalid):
        proven(places.reviewer, options, key.answer(options["public_key"]))


def test_who_holds_it_signs_in_once_an_answer_and_not_when_their_account_is_closed(
    key: SoftPasskey, places: Places
) -> None:  # fmt: skip
    def entered() -> UUID:
        with transaction(NOBODY) as session:
            options = passkeys.ask_anybody(session, HERE)
        answer = key.answer(options["public_key"])
        with transaction(NOBODY) as session:
            person = passkeys.who_signs_in(session, HERE, UUID(options["challenge_id"]), answer)
        with pytest.raises(Invalid), transaction(NOBODY) as session:
            passkeys.who_signs_in(session, HERE, UUID(options["challenge_id"]), answer)
        return person.id

    assert entered() == places.reviewer.id
    options = asked(places.reviewer)
    answer = key.answer(options["public_key"])
    with pytest.raises(Invalid), transaction(NOBODY) as session:  # what was asked to sign a report opens nothing
        passkeys.who_signs_in(session, HERE, UUID(options["challenge_id"]), answer)
    with transaction(NOBODY) as session:
        session.get_one(Person, places.reviewer.id).disabled_at = now()
    with pytest.raises(Invalid):
        entered()


def test_a_token_registers_none(db: object, places: Places) -> None:
    by_token = replace(places.reviewer.actor, kind="token")
    with pytest.raises(Forbidden), transaction(by_token) as session:
        passkeys.offer(session, by_token, HERE)
