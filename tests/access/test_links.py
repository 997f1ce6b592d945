"""Set-up, invitation, new password, demo: what a link opens, and how often."""

from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from app.access import demo, invite, links, login, passwords, setup
from app.access.actor import NOBODY, OPERATOR, WORKER, Actor, Member
from app.access.models import Link
from app.access.passwords import Hashed
from app.audit.events import AuditEvent
from app.config import Settings
from app.db import new_id, now, reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.people.models import Membership, Organization, Person, Role
from tests.access.accounts import (
    ELSEWHERE,
    HERE,
    PASSWORD,
    account,
    acting,
    everything_kept,
    maybe_acting,
    organization,
)
from tests.people import count

GIVEN = {"organization": "Lodwar clinic", "time_zone": "Africa/Nairobi", "language": "en", "name": "Amina Otieno"}


@pytest.fixture
def hashed() -> Hashed:
    return passwords.hash_new("zebra-tulip-94-moss")


def invited(organization_id: UUID, email: str, role: Role = Role.REVIEWER) -> str:
    with transaction(OPERATOR) as session:
        return invite.invite(session, OPERATOR, organization_id, email, role)[1]


def set_up(path: str | None, hashed: Hashed, email: str = "amina@example.org") -> Person:
    assert path is not None
    with transaction(NOBODY) as session:
        secret = path.removeprefix("/set-up/")
        return setup.complete(session, secret, **GIVEN, email=email, password_hash=hashed, roles=[Role.REFERRER])


def test_an_empty_service_is_set_up_once_by_its_link(db: Settings, hashed: Hashed) -> None:
    with transaction(NOBODY) as session:
        first, second = setup.open_link(session), setup.open_link(session)  # two starts
    person = set_up(first, hashed)
    for path in (first, second):
        with pytest.raises(NotFound):
            set_up(path, hashed, "mallory@example.org")
    with transaction(NOBODY) as session:
        assert setup.open_link(session) is None
        roles = session.scalars(sa.select(Membership.role).where(Membership.person_id == person.id)).all()
    assert sorted(roles) == ["admin", "referrer"]
    assert login.sign_in("amina@example.org", "zebra-tulip-94-moss", client=HERE).person.id == person.id


def test_two_who_set_up_at_the_same_moment_do_not_both_become_the_first(db: Settings, hashed: Hashed) -> None:
    with transaction(NOBODY) as session:
        paths = [setup.open_link(session) for _ in range(6)]
    start = Barrier(6)
    outcomes: list[Person | None] = []

    def try_once(number: int) -> None:
        start.wait()
        try:
            outcomes.append(set_up(paths[number], hashed, f"first-{number}@example.org"))
        except NotFound:
            outcomes.append(None)

    threads = [Thread(target=try_once, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([person for person in outcomes if person]) == 1
    assert (count(Person), count(Organization)) == (1, 1)


@pytest.mark.parametrize(
    ("field", "given"),
    [("organization", {"organization": " "}), ("time_zone", {"time_zone": "../../etc/passwd"}),
     ("time_zone", {"time_zone": "Mars/Olympus"}), ("name", {"name": ""}), ("name", {"name": "a\x00b"}),
     ("email", {"email": "amina"}), ("email", {"email": "a@b\r\nBcc: c@d"})],
)  # fmt: skip
def test_a_wrong_field_leaves_the_link_good(db: Settings, hashed: Hashed, field: str, given: dict[str, str]) -> None:
    with transaction(NOBODY) as session:
        path = setup.open_link(session)
    assert path is not None
    wrong = {**GIVEN, "email": "amina@example.org", **given}
    with pytest.raises(Invalid) as refused, transaction(NOBODY) as session:
        setup.complete(session, path.removeprefix("/set-up/"), **wrong, password_hash=hashed)  # type: ignore[arg-type]  # all of them texts
    assert refused.value.field == field
    assert set_up(path, hashed).name == "Amina Otieno"


def test_an_invitation_makes_a_member_once(db: Settings, hashed: Hashed) -> None:
    clinic = organization()
    secret = invited(clinic, "New.Reader@Example.org")
    with transaction(NOBODY) as session:
        person = invite.accept(session, secret, " New   Reader ", hashed)
        assert (person.name, person.email) == ("New Reader", "new.reader@example.org")
    with pytest.raises(NotFound), transaction(NOBODY) as session:
        invite.accept(session, secret, "Somebody else", hashed)
    entered = login.sign_in("new.reader@example.org", "zebra-tulip-94-moss", client=HERE)
    assert [(member.organization_id, member.role) for member in acting(entered.secret).members] == [
        (clinic, Role.REVIEWER)
    ]


def test_looking_at_a_link_does_not_use_it_up(db: Settings) -> None:
    secret = invited(organization(), "new@example.org")
    for _ in range(3):
        with reading(NOBODY) as session:
            assert links.look(session, "invitation", secret).role == Role.REVIEWER
    assert secret not in everything_kept()
    with reading(NOBODY) as session, pytest.raises(NotFound):
        links.look(session, "password", secret)  # nor does it open another door


def test_an_invitation_is_good_for_seven_days(db: Settings, hashed: Hashed) -> None:
    secret = invited(organization(), "new@example.org")
    with (
        time_machine.travel(now() + timedelta(days=7, seconds=1)),
        transaction(NOBODY) as session,
        pytest.raises(NotFound),
    ):
        invite.accept(session, secret, "Late", hashed)


def test_an_invitation_never_opens_an_account_that_exists(db: Settings, hashed: Hashed) -> None:
    amina, hospital = account(), organization("Kijabe Hospital")
    secret = invited(hospital, amina.email)
    with pytest.raises(Conflict), transaction(NOBODY) as session:
        invite.accept(session, secret, "Mallory", hashed)
    other = account()
    with pytest.raises(Forbidden), transaction(other.actor) as session:
        invite.join(session, other.actor, secret)
    with transaction(amina.actor) as session:  # the link is still good for whom it was meant
        invite.join(session, amina.actor, secret)
    assert {member.organization_id for member in amina.actor.members} == {amina.organization_id, hospital}
    assert amina.enter().person.name == "Amina Otieno"


def test_only_the_organizations_administrator_invites(db: Settings) -> None:
    clinic = organization()
    admin, referrer = account(Role.ADMIN, clinic), account(Role.REFERRER, clinic)
    stranger = account(Role.ADMIN)
    with transaction(admin.actor) as session:
        invite.invite(session, admin.actor, clinic, "new@example.org", Role.REFERRER)
    with transaction(referrer.actor) as session, pytest.raises(Forbidden):
        invite.invite(session, referrer.actor, clinic, "new@example.org", Role.ADMIN)
    with transaction(stranger.actor) as session, pytest.raises(NotFound):
        invite.invite(session, stranger.actor, clinic, "new@example.org", Role.ADMIN)
    assert count(Link, Link.invited_by_id == admin.id) == 1


def test_a_forgotten_password_is_replaced_by_a_link_good_once(db: Settings, hashed: Hashed) -> None:
    clinic = organization()
    admin, amina = account(Role.ADMIN, clinic), account(Role.REFERRER, clinic)
    before = amina.enter()
    with transaction(admin.actor) as session:
        _link, secret = invite.new_password_link(session, admin.actor, amina.id)
    assert maybe_acting(before.secret)  # asking for it changes nothing yet
    with transaction(NOBODY) as session:
        invite.choose_password(session, secret, hashed)
    assert maybe_acting(before.secret) is None
    with pytest.raises(NotFound), transaction(NOBODY) as session:
        invite.choose_password(session, secret, hashed)
    with pytest.raises(Invalid):
        login.sign_in(amina.email, PASSWORD, client=HERE)
    assert login.sign_in(amina.email, "zebra-tulip-94-moss", client=ELSEWHERE).person.id == amina.id


def test_one_organization_cannot_take_over_an_account_of_another(db: Settings) -> None:
    admin, amina = account(Role.ADMIN), account()
    with transaction(admin.actor) as session, pytest.raises(NotFound):
        invite.new_password_link(session, admin.actor, amina.id)
    secret = invited(admin.organization_id, amina.email)
    with transaction(amina.actor) as session:
        invite.join(session, amina.actor, secret)  # even after they joined
    with transaction(admin.actor) as session, pytest.raises(Forbidden):
        invite.new_password_link(session, admin.actor, amina.id)


def test_a_demo_link_signs_in_again_and_again_without_a_second_factor(db: Settings) -> None:
    amina = account()
    with transaction(WORKER) as session:
        path = demo.link_for(session, session.get_one(Person, amina.id), secret="a-demo-brings-its-own")
    secret = path.removeprefix("/enter/")
    assert secret == "a-demo-brings-its-own"
    before = None
    for _ in range(3):
        with transaction(NOBODY) as session:
            entered = demo.enter(session, secret, browser="Firefox", replaces=before)
        assert not acting(entered.secret).needs_second_factor
        if before:
            assert maybe_acting(before) is None
        before = entered.secret


def test_an_invitation_is_not_a_demo_link(db: Settings) -> None:
    secret = invited(organization(), "new@example.org")
    with transaction(NOBODY) as session, pytest.raises(NotFound):
        demo.enter(session, secret, browser="", replaces=None)


def test_a_withdrawn_invitation_lets_nobody_in_and_says_so(db: Settings, hashed: Hashed) -> None:
    here = organization("Lodwar clinic")
    with transaction(OPERATOR) as session:
        link, secret = invite.invite(session, OPERATOR, here, "achieng@example.org", Role.REFERRER)
    for _twice in range(2):
        with transaction(OPERATOR) as session:
            assert invite.withdraw(session, OPERATOR, link.id).withdrawn_at is not None
    with pytest.raises(NotFound, match="was withdrawn"), transaction(NOBODY) as session:
        invite.accept(session, secret, "Achieng", hashed)
    with reading(OPERATOR) as session:
        assert invite.open_invitations(session, OPERATOR, here) == []
        withdrawn = [one for one in session.scalars(sa.select(AuditEvent)) if one.action == "invitation.withdrawn"]
    assert [(one.entity_id, one.organization_id) for one in withdrawn] == [(link.id, here)]


def test_an_invitation_that_was_taken_up_cannot_be_withdrawn(db: Settings, hashed: Hashed) -> None:
    here = organization("Lodwar clinic")
    with transaction(OPERATOR) as session:
        link, secret = invite.invite(session, OPERATOR, here, "achieng@example.org", Role.REFERRER)
    with transaction(NOBODY) as session:
        invite.accept(session, secret, "Achieng", hashed)
    with pytest.raises(Conflict, match="has joined"), transaction(OPERATOR) as session:
        invite.withdraw(session, OPERATOR, link.id)


def test_only_the_organizations_administrator_withdraws(db: Settings) -> None:
    here, elsewhere = organization("Lodwar clinic"), organization("Elsewhere")
    with transaction(OPERATOR) as session:
        link, _secret = invite.invite(session, OPERATOR, here, "achieng@example.org", Role.REFERRER)
    for member, refusal in ((Member(elsewhere, Role.ADMIN), NotFound), (Member(here, Role.REFERRER), Forbidden)):
        who = Actor("person", new_id(), "Somebody", (member,))
        with pytest.raises(refusal), transaction(who) as session:
            invite.withdraw(session, who, link.id)
