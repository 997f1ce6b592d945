"""What an organization's administrator may do, and what nobody may do to another organization."""

from collections.abc import Callable
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.access import administer, login, relate, tokens
from app.access.actor import OPERATOR, WORKER
from app.access.identify import by_token
from app.audit.events import AuditEvent
from app.config import Settings
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.people.models import Role
from app.people.reading import readers_for
from tests.access.accounts import HERE, PASSWORD, Account, account, maybe_acting, organization

Act = Callable[[Account, Account], None]


def test_the_administrator_sees_who_belongs_and_as_what(db: Settings) -> None:
    clinic = organization()
    admin, amina = account(Role.ADMIN, clinic, "Zawadi"), account(Role.REFERRER, clinic, "Amina")
    account(Role.ADMIN, name="Of another organization")
    with reading(admin.actor) as session:
        rows = administer.members(session, admin.actor, clinic)
    assert [(row.name, row.roles, row.has_second_factor) for row in rows] == [
        ("Amina", (Role.REFERRER,), False), ("Zawadi", (Role.ADMIN,), False)
    ]  # fmt: skip
    assert rows[0].email == amina.email


def test_roles_change_from_the_next_request_on(db: Settings) -> None:
    clinic = organization()
    admin, amina = account(Role.ADMIN, clinic), account(Role.REFERRER, clinic)
    for roles in ({Role.REVIEWER, Role.COORDINATOR}, {Role.REFERRER}, {Role.REFERRER, Role.REVIEWER}):
        with transaction(admin.actor) as session:
            administer.set_roles(session, admin.actor, clinic, amina.id, roles)
        assert {member.role for member in amina.actor.members} == roles


def test_an_ended_membership_leaves_the_person_with_nothing_of_ours(db: Settings) -> None:
    clinic = organization()
    admin, amina = account(Role.ADMIN, clinic), account(Role.REFERRER, clinic)
    entered = amina.enter()
    with transaction(admin.actor) as session:
        administer.end_membership(session, admin.actor, clinic, amina.id)
    who = maybe_acting(entered.secret)
    assert who is not None
    assert who.members == ()
    with reading(admin.actor) as session:
        assert [row.person_id for row in administer.members(session, admin.actor, clinic)] == [admin.id]


def test_nobody_is_made_a_member_without_an_invitation(db: Settings) -> None:
    admin, stranger = account(Role.ADMIN), account()
    with transaction(admin.actor) as session, pytest.raises(NotFound):
        administer.set_roles(session, admin.actor, admin.organization_id, stranger.id, {Role.REFERRER})


def test_the_last_administrator_stays(db: Settings) -> None:
    clinic = organization()
    first = account(Role.ADMIN, clinic)
    with pytest.raises(Conflict), transaction(first.actor) as session:
        administer.set_roles(session, first.actor, clinic, first.id, {Role.REFERRER})
    with pytest.raises(Conflict), transaction(OPERATOR) as session:
        administer.disable(session, OPERATOR, first.id)
    second = account(Role.ADMIN, clinic)
    with transaction(second.actor) as session:
        administer.set_roles(session, second.actor, clinic, first.id, {Role.REFERRER})
    assert {member.role for member in first.actor.members} == {Role.REFERRER}


def test_a_disabled_person_loses_sign_ins_and_tokens_at_once(db: Settings) -> None:
    clinic = organization()
    admin, amina = account(Role.ADMIN, clinic), account(Role.REFERRER, clinic)
    entered = amina.enter()
    with transaction(amina.actor) as session:
        _row, secret = tokens.make(session, amina.actor, "room 2", ["read"])
    with transaction(admin.actor) as session:
        administer.disable(session, admin.actor, amina.id)
    assert maybe_acting(entered.secret) is None
    with transaction(admin.actor) as session:
        administer.enable(session, admin.actor, amina.id)
    assert maybe_acting(entered.secret) is None  # and neither comes back
    with reading(WORKER) as session:
        assert by_token(session, secret) is None
    assert login.sign_in(amina.email, PASSWORD, client=HERE)


ACTS: dict[str, Act] = {
    "members": lambda by, to: _do(by, lambda s, a: administer.members(s, a, to.organization_id)),
    "roles": lambda by, to: _do(by, lambda s, a: administer.set_roles(s, a, to.organization_id, to.id, {Role.ADMIN})),
    "end": lambda by, to: _do(by, lambda s, a: administer.end_membership(s, a, to.organization_id, to.id)),
    "disable": lambda by, to: _do(by, lambda s, a: administer.disable(s, a, to.id)),
    "enable": lambda by, to: _do(by, lambda s, a: administer.enable(s, a, to.id)),
    "second factor": lambda by, to: _do(by, lambda s, a: administer.forget_second_factor(s, a, to.id)),
    "offer": lambda by, to: _do(by, lambda s, a: relate.offer_reading(s, a, to.organization_id)),
    "relations": lambda by, to: _do(by, lambda s, a: relate.reading_relations(s, a, to.organization_id)),
    "end reading": lambda by, to: _do(by, lambda s, a: relate.end_reading(s, a, to.organization_id, uuid4())),
}


def _do(by: Account, act: Callable[..., object]) -> None:
    with transaction(by.actor) as session:
        act(session, by.actor)


@pytest.mark.parametrize("name", ACTS)
def test_no_administrator_reaches_into_another_organization(db: Settings, name: str) -> None:
    stranger, amina = account(Role.ADMIN), account()
    with pytest.raises(NotFound):
        ACTS[name](stranger, amina)


@pytest.mark.parametrize("name", ACTS)
def test_without_the_office_nobody_administers(db: Settings, name: str) -> None:
    clinic = organization()
    referrer, amina = account(Role.REFERRER, clinic), account(Role.REVIEWER, clinic)
    with pytest.raises((Forbidden, NotFound)):
        ACTS[name](referrer, amina)


def test_an_organization_reads_for_another_when_both_agree(db: Settings) -> None:
    clinic, hospital = account(Role.ADMIN), account(Role.ADMIN)
    with transaction(hospital.actor) as session:
        secret = relate.offer_reading(session, hospital.actor, hospital.organization_id)
    with transaction(clinic.actor) as session:
        relate.accept_reading(session, clinic.actor, secret, clinic.organization_id)
    with pytest.raises(NotFound), transaction(clinic.actor) as session:
        relate.accept_reading(session, clinic.actor, secret, clinic.organization_id)
    with reading(clinic.actor) as session:
        assert [one.id for one in readers_for(session, clinic.organization_id)] == [hospital.organization_id]
        readers, senders = relate.reading_relations(session, clinic.actor, clinic.organization_id)
        assert ([one.id for one in readers], senders) == ([hospital.organization_id], [])
    with reading(hospital.actor) as session:
        readers, senders = relate.reading_relations(session, hospital.actor, hospital.organization_id)
        assert (readers, [one.id for one in senders]) == ([], [clinic.organization_id])


@pytest.mark.parametrize("side", ["clinic", "hospital"])
def test_either_side_ends_it_and_it_can_begin_again(db: Settings, side: str) -> None:
    clinic, hospital = account(Role.ADMIN), account(Role.ADMIN)
    ids = (hospital.organization_id, clinic.organization_id)
    with transaction(OPERATOR) as session:
        relate.begin_reading(session, OPERATOR, *ids)
    by = clinic.actor if side == "clinic" else hospital.actor
    with transaction(by) as session:
        relate.end_reading(session, by, *ids)
    with reading(by) as session:
        assert readers_for(session, clinic.organization_id) == []
    with transaction(OPERATOR) as session:
        relate.begin_reading(session, OPERATOR, *ids)
        assert len(readers_for(session, clinic.organization_id)) == 1


def test_every_administrative_act_is_on_the_record(db: Settings) -> None:
    clinic = organization()
    admin, amina = account(Role.ADMIN, clinic), account(Role.REFERRER, clinic)
    with transaction(admin.actor) as session:
        administer.set_roles(session, admin.actor, clinic, amina.id, {Role.REVIEWER})
        administer.disable(session, admin.actor, amina.id)
        administer.enable(session, admin.actor, amina.id)
        administer.forget_second_factor(session, admin.actor, amina.id)
    with reading(WORKER) as session:
        events = session.scalars(
            sa.select(AuditEvent)
            .where(
                AuditEvent.organization_id == clinic, AuditEvent.person_id == admin.id, AuditEvent.entity_id == amina.id
            )
            .order_by(AuditEvent.id)
        ).all()
    assert [event.action for event in events] == [
        "membership.changed", "person.disabled", "person.enabled", "second_factor.removed"
    ]  # fmt: skip
    assert events[0].detail == {"before": ["referrer"], "after": ["reviewer"]}


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb\x00"])
def test_an_organization_needs_a_name(db: Settings, name: str) -> None:
    with pytest.raises(Invalid), transaction(OPERATOR) as session:
        relate.add_organization(session, OPERATOR, name)
