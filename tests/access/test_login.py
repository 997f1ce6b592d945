"""Signing in, staying signed in, and signing out."""

from datetime import timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine

from app.access import identify, login, passwords, sweep, totp, tries
from app.access.actor import NOBODY, OPERATOR, WORKER
from app.access.administer import disable
from app.access.models import SignIn, SignInTry
from app.access.tries import TooManyTries
from app.audit.events import AuditEvent
from app.config import Settings
from app.db import now, reading, transaction
from app.errors import Invalid, NotFound
from app.people.models import Person
from tests.access.accounts import ELSEWHERE, HERE, PASSWORD, account, acting, everything_kept, maybe_acting
from tests.people import count


def test_the_right_password_signs_in_and_the_cookie_is_kept_only_as_a_digest(db: Settings) -> None:
    amina = account()
    entered = amina.enter()
    who = acting(entered.secret)
    assert (who.person_id, who.kind, who.name) == (amina.id, "person", "Amina Otieno")
    assert who.organization_ids == (amina.organization_id,)
    kept = everything_kept()
    assert amina.email in kept
    assert entered.secret not in kept
    assert PASSWORD not in kept


def test_an_address_is_known_in_any_case(db: Settings) -> None:
    amina = account()
    assert login.sign_in(f" {amina.email.upper()} ", PASSWORD, client=HERE).person.id == amina.id


def test_unknown_people_wrong_passwords_and_closed_accounts_are_not_told_apart(db: Settings) -> None:
    amina, closed = account(), account()
    with transaction(OPERATOR) as session:
        disable(session, OPERATOR, closed.id)
    said = set()
    for email, password in ((amina.email, "wrong"), ("nobody@example.org", PASSWORD), (closed.email, PASSWORD)):
        with pytest.raises(Invalid) as refused:
            login.sign_in(email, password, client=HERE)
        said.add((refused.value.sentence, refused.value.field, repr(refused.value.facts)))
    assert len(said) == 1


def test_an_unknown_address_takes_the_same_steps_as_a_wrong_password(
    db: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    amina = account()
    steps: list[tuple[str, ...]] = []
    real = passwords._ARGON2.verify_and_update

    def watched(password: str, kept: str) -> tuple[bool, str | None]:
        steps[-1] += (kept[:30],)
        return real(password, kept)

    monkeypatch.setattr(passwords._ARGON2, "verify_and_update", watched)
    for email in (amina.email, "nobody@example.org"):
        before = count(SignInTry), count(AuditEvent)
        steps.append(())
        with pytest.raises(Invalid):
            login.sign_in(email, "wrong", client=HERE)
        steps[-1] += (f"{count(SignInTry) - before[0]} tries", f"{count(AuditEvent) - before[1]} event")
    assert steps[0] == steps[1] == ("$argon2id$v=19$m=19456,t=2,p=1$"[:30], "2 tries", "1 event")


def test_guessing_is_stopped_without_locking_the_owner_out(db: Settings) -> None:
    amina = account()
    for _ in range(db.sign_in_tries):
        with pytest.raises(Invalid):
            login.sign_in(amina.email, "wrong", client=HERE)
    with pytest.raises(TooManyTries) as refused:
        amina.enter(client=HERE)  # even the right one: otherwise the answer would tell
    assert 0 < refused.value.retry_after_s <= 900
    assert amina.enter(client=ELSEWHERE).person.id == amina.id
    with time_machine.travel(now() + timedelta(minutes=16)):
        assert amina.enter(client=HERE).person.id == amina.id


def test_an_unknown_address_is_throttled_just_the_same(db: Settings) -> None:
    for _ in range(db.sign_in_tries):
        with pytest.raises(Invalid):
            login.sign_in("nobody@example.org", "wrong", client=HERE)
    with pytest.raises(TooManyTries):
        login.sign_in("nobody@example.org", "wrong", client=HERE)


def test_signing_in_forgets_the_owners_own_wrong_tries(db: Settings) -> None:
    amina = account()
    for _ in range(3):
        for _ in range(db.sign_in_tries - 1):
            with pytest.raises(Invalid):
                login.sign_in(amina.email, "wrong", client=HERE)
        amina.enter()


def test_one_password_tried_on_many_people_is_stopped_too(db: Settings) -> None:
    most = db.sign_in_tries * tries.PER_CLIENT
    with transaction(NOBODY) as session:
        for number in range(most):
            tries.count(session, f"person-{number}@example.org", HERE)
    with transaction(NOBODY) as session, pytest.raises(TooManyTries):
        tries.count(session, "one-more@example.org", HERE)


def test_all_addresses_of_one_ipv6_network_count_as_one(db: Settings) -> None:
    with transaction(NOBODY) as session:
        for number in range(db.sign_in_tries):
            tries.count(session, "amina@example.org", f"2001:db8:1:2::{number:x}")
        with pytest.raises(TooManyTries):
            tries.count(session, "amina@example.org", "2001:db8:1:2:ffff::1")
        tries.count(session, "amina@example.org", "2001:db8:1:3::1")


def test_trying_at_the_same_moment_gains_nothing(db: Settings) -> None:
    start, refused = Barrier(16), []

    def try_once() -> None:
        start.wait()
        try:
            with transaction(NOBODY) as session:
                login.begin(session, "amina@example.org", HERE)
        except TooManyTries:
            refused.append(1)

    threads = [Thread(target=try_once) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 16 - db.sign_in_tries


def test_a_sign_in_from_before_never_becomes_this_persons(db: Settings) -> None:
    stranger, amina = account(), account()
    planted = stranger.enter().secret
    entered = login.sign_in(amina.email, PASSWORD, client=HERE, replaces=planted)
    assert entered.secret != planted
    assert maybe_acting(planted) is None


def test_a_secret_that_was_never_given_out_is_not_adopted(db: Settings) -> None:
    amina = account()
    entered = login.sign_in(amina.email, PASSWORD, client=HERE, replaces="chosen by somebody else")
    assert maybe_acting("chosen by somebody else") is None
    assert acting(entered.secret).person_id == amina.id


def test_a_sign_in_ends_when_idle_and_at_last_in_any_case(db: Settings) -> None:
    idle, used = account().enter(), account().enter()
    begun = now()
    for minutes in range(0, db.session_max_h * 60, db.session_idle_min - 10):
        with time_machine.travel(begun + timedelta(minutes=minutes)), transaction(WORKER) as session:
            found = identify.by_cookie(session, used.secret)
            assert found is not None, minutes
            if found.stale_id:
                identify.note_use(session, found)
    with time_machine.travel(begun + timedelta(minutes=db.session_idle_min + 1)):
        assert maybe_acting(idle.secret) is None
    with time_machine.travel(begun + timedelta(hours=db.session_max_h, seconds=1)):
        assert maybe_acting(used.secret) is None


def test_use_is_noted_once_a_minute(db: Settings) -> None:
    entered = account().enter()
    with reading(NOBODY) as session:
        first = identify.by_cookie(session, entered.secret)
    assert first is not None
    assert first.stale_id is None
    with time_machine.travel(now() + timedelta(seconds=61)), reading(NOBODY) as session:
        later = identify.by_cookie(session, entered.secret)
    assert later is not None
    assert later.stale_id == entered.sign_in.id


def test_signing_out_ends_this_browser_and_no_other(db: Settings) -> None:
    amina = account()
    here, there = amina.enter(), amina.enter()
    with transaction(WORKER) as session:
        login.sign_out(session, acting(here.secret))
    assert maybe_acting(here.secret) is None
    assert acting(there.secret).person_id == amina.id


def test_nobody_signs_another_person_out(db: Settings) -> None:
    amina, stranger = account().enter(), account()
    with transaction(stranger.actor) as session, pytest.raises(NotFound):
        login.sign_out(session, stranger.actor, amina.sign_in.id)
    assert maybe_acting(amina.secret)


def test_signing_out_everywhere_ends_every_browser(db: Settings) -> None:
    amina = account()
    entered = [amina.enter() for _ in range(3)]
    who = acting(entered[0].secret)
    with reading(who) as session:
        assert len(login.sign_ins(session, who)) == 3
    with transaction(who) as session:
        login.sign_out_everywhere(session, who)
    assert [maybe_acting(each.secret) for each in entered] == [None] * 3


def test_a_closed_account_is_refused_at_its_next_request(db: Settings) -> None:
    amina = account()
    entered = amina.enter()
    with transaction(OPERATOR) as session:
        session.get_one(Person, amina.id).disabled_at = now()  # by whatever way
    assert maybe_acting(entered.secret) is None


def test_a_new_password_signs_the_other_browsers_out(db: Settings) -> None:
    amina = account()
    here, there = amina.enter(), amina.enter()
    who, hashed = acting(here.secret), passwords.hash_new("zebra-tulip-94-moss")
    with transaction(who) as session:
        login.set_password(session, who, hashed)
    assert maybe_acting(there.secret) is None
    assert acting(here.secret).person_id == amina.id
    with pytest.raises(Invalid):
        amina.enter()
    assert login.sign_in(amina.email, "zebra-tulip-94-moss", client=HERE).person.id == amina.id


def test_a_password_changed_meanwhile_does_not_let_the_old_one_in(db: Settings) -> None:
    amina = account()
    with transaction(NOBODY) as session:
        candidate = login.begin(session, amina.email, HERE)
    verdict = passwords.verify(PASSWORD, candidate.password_hash)
    hashed = passwords.hash_new("zebra-tulip-94-moss")
    with transaction(amina.actor) as session:
        login.set_password(session, amina.actor, hashed)
    with transaction(NOBODY) as session:
        outcome = login.finish(session, candidate, verdict, code=None, browser="", replaces=None)
    assert isinstance(outcome, Invalid)


def test_presence_is_proved_by_the_password_and_guessing_it_counts(db: Settings) -> None:
    amina = account()
    who = acting(amina.enter().secret)
    proof = login.reauthenticate(who, PASSWORD, HERE)
    assert (proof.person_id, proof.method) == (amina.id, "password")
    for _ in range(db.sign_in_tries):
        with pytest.raises(Invalid) as refused:
            login.reauthenticate(who, "wrong", HERE)
        assert refused.value.field == "password"
    with pytest.raises(TooManyTries):
        login.reauthenticate(who, PASSWORD, HERE)


def test_a_renewed_sign_in_leaves_the_old_secret_worthless(db: Settings) -> None:
    entered = account().enter()
    who = acting(entered.secret)
    with transaction(who) as session:
        renewed = login.renew(session, who)
    assert maybe_acting(entered.secret) is None
    assert acting(renewed).sign_in_id == entered.sign_in.id


def test_signing_in_and_being_refused_are_on_the_organizations_record(db: Settings) -> None:
    amina = account()
    with pytest.raises(Invalid):
        login.sign_in(amina.email, "wrong", client=HERE)
    amina.enter()
    with reading(WORKER) as session:
        events = session.scalars(
            sa.select(AuditEvent.action)
            .where(AuditEvent.organization_id == amina.organization_id, AuditEvent.entity_id == amina.id)
            .order_by(AuditEvent.id)
        ).all()
    assert events == ["person.joined", "sign_in.refused", "person.signed_in"]


def test_what_is_over_is_swept_away_and_nothing_else(db: Settings) -> None:
    amina = account()
    with pytest.raises(Invalid):
        login.sign_in("nobody@example.org", "wrong", client=HERE)
    old = amina.enter()
    with time_machine.travel(now() + timedelta(minutes=db.session_idle_min - 1)):
        recent = amina.enter()
    with time_machine.travel(now() + timedelta(minutes=db.session_idle_min + 1)), transaction(WORKER) as session:
        sweep.forget_old(session)
        assert session.scalars(sa.select(SignIn.id)).all() == [recent.sign_in.id]
        assert session.get(SignIn, old.sign_in.id) is None
        assert session.scalars(sa.select(SignInTry)).all() == []


def test_a_person_without_second_factor_may_only_set_one_up(db: Settings) -> None:
    entered = account().enter()
    assert entered.needs_second_factor
    assert acting(entered.secret).needs_second_factor
    assert not totp.is_enrolled(entered.person)


def test_a_stranger_to_all_organizations_sees_nobodys_patients(db: Settings) -> None:
    with transaction(OPERATOR) as session:
        alone = Person(id=uuid4(), email=f"{uuid4().hex}@example.org", name="Nobody's")
        session.add(alone)
        session.flush()
        assert identify.actor_of(session, alone).organization_ids == ()
