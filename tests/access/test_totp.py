"""The second factor."""

import re
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa
import time_machine

from app.access import login, totp
from app.access.actor import NOBODY, OPERATOR
from app.access.administer import forget_second_factor
from app.access.tries import TooManyTries
from app.config import Settings
from app.db import now, reading, transaction
from app.errors import Conflict, Invalid
from app.people.models import Person
from tests.access.accounts import HERE, PASSWORD, Account, account, acting


def later(steps: int) -> "time_machine.travel":
    """So many steps of thirty seconds from now."""
    return time_machine.travel(now() + timedelta(seconds=30 * steps))


def test_after_setting_it_up_the_code_is_asked_for_and_opens_everything(db: Settings) -> None:
    amina = account()
    device = amina.enrolled()
    with later(2):
        with pytest.raises(Invalid) as asked:
            amina.enter()
        assert asked.value.field == "code"
        entered = amina.enter(device.now())
    assert not entered.needs_second_factor
    assert not acting(entered.secret).needs_second_factor


def test_the_sign_in_that_set_it_up_has_it(db: Settings) -> None:
    amina = account()
    entered = amina.enter()
    who = acting(entered.secret)
    with transaction(who) as session:
        offered = totp.enrol(session, who)
    with transaction(who) as session:
        totp.confirm(session, who, pyotp.TOTP(offered.secret).now())
    assert not acting(entered.secret).needs_second_factor


def test_its_picture_can_be_drawn_at_any_size(db: Settings) -> None:
    """With a width in pixels and no viewBox a page that gives it another size cuts it off."""
    who = acting(account().enter().secret)
    with transaction(who) as session:
        drawn = totp.enrol(session, who).qr_svg
    assert "viewBox" in drawn
    assert " width=" not in drawn.partition(">")[0]


def test_a_code_is_good_once(db: Settings) -> None:
    amina = account()
    device = amina.enrolled()
    with later(2):
        code = device.now()
        amina.enter(code)
        with pytest.raises(Invalid):
            amina.enter(code)


def test_a_code_from_before_the_last_one_is_no_longer_good(db: Settings) -> None:
    amina = account()
    device = amina.enrolled()
    with later(3):
        before = device.at(now() - timedelta(seconds=30))
        amina.enter(device.now())
        with pytest.raises(Invalid):
            amina.enter(before)


@pytest.mark.parametrize(("off_by_s", "taken"), [(-30, True), (30, True), (-90, False), (90, False)])
def test_a_clock_may_differ_by_one_step(db: Settings, off_by_s: int, taken: bool) -> None:
    amina = account()
    device = amina.enrolled()
    with later(6):
        code = device.at(now() + timedelta(seconds=off_by_s))
        if taken:
            assert amina.enter(code).person.id == amina.id
        else:
            with pytest.raises(Invalid):
                amina.enter(code)


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("code", ["000000", "", "12345", "abcdef", "١٢٣٤٥٦", "1234567", "\x00" * 6])
def test_what_is_not_the_code_is_refused(db: Settings, code: str) -> None:
    amina = account()
    amina.enrolled()
    with later(2), pytest.raises(Invalid):
        amina.enter(code)


def test_guessing_codes_is_stopped_though_the_password_is_right(db: Settings) -> None:
    amina = account()
    amina.enrolled()
    with later(2):
        for _ in range(db.sign_in_tries // 2):
            with pytest.raises(Invalid):
                amina.enter("000000")
            with pytest.raises(Invalid):
                amina.enter()  # asking for the field anew does not wipe the count
        with pytest.raises(TooManyTries):
            amina.enter("000000")


def test_a_wrong_code_sets_nothing_up(db: Settings) -> None:
    entered = account().enter()
    who = acting(entered.secret)
    with transaction(who) as session:
        offered = totp.enrol(session, who)
    with transaction(who) as session, pytest.raises(Invalid):
        totp.confirm(session, who, "000000")
    with reading(who) as session:
        assert totp.offered(session, who) == offered  # the form can be shown again
        assert not totp.is_enrolled(session.get_one(Person, who.person_id))
    assert acting(entered.secret).needs_second_factor


def test_a_second_device_cannot_be_slipped_in(db: Settings) -> None:
    amina = account()
    amina.enrolled()
    with transaction(amina.actor) as session, pytest.raises(Conflict):
        totp.enrol(session, amina.actor)


def test_the_codes_secret_is_not_in_the_database(db: Settings) -> None:
    who = acting(account().enter().secret)
    with transaction(who) as session:
        offered = totp.enrol(session, who)
    with reading(NOBODY) as session:
        kept = repr(session.execute(sa.select(Person.__table__)).all())
    assert offered.secret not in kept


def test_what_the_device_reads_names_the_service_and_the_person(db: Settings) -> None:
    amina = account()
    who = acting(amina.enter().secret)
    with transaction(who) as session:
        offered = totp.enrol(session, who)
    parsed = pyotp.parse_uri(offered.uri)
    assert (parsed.issuer, parsed.name) == ("Sonopost", amina.email)
    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.now() == pyotp.TOTP(offered.secret).now()
    assert re.match(r"<svg [^>]*>.*</svg>$", offered.qr_svg, re.DOTALL)
    assert "style" not in offered.qr_svg  # the policy of the pages allows none inline


def test_who_lost_the_device_sets_up_another_after_the_administrator_helped(db: Settings) -> None:
    amina: Account = account()
    amina.enrolled()
    with transaction(OPERATOR) as session:
        forget_second_factor(session, OPERATOR, amina.id)
    assert login.sign_in(amina.email, PASSWORD, client=HERE).needs_second_factor


def test_presence_can_be_proved_by_both_factors(db: Settings) -> None:
    amina = account()
    device = amina.enrolled()
    with later(2):
        assert login.reauthenticate(amina.actor, PASSWORD, HERE, device.now()).method == "password+totp"
        with pytest.raises(Invalid) as refused:
            login.reauthenticate(amina.actor, PASSWORD, HERE, "000000")
    assert refused.value.field == "code"
