"""What an organization's administrator does: members and their roles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import login, tokens, totp
from app.access.actor import Actor, require
from app.access.trail import record_person
from app.access.turn import take_turn
from app.audit import events
from app.db import insert_or_nothing, now
from app.errors import Conflict, Forbidden, NotFound
from app.people.models import Membership, Person, Role


@dataclass(frozen=True)
class MemberRow:
    """One line of the administrator's list."""

    person_id: UUID
    name: str
    email: str
    roles: tuple[Role, ...]
    disabled_at: datetime | None
    has_second_factor: bool
    is_supervised: bool  # what they sign waits for a supervisor's counter-signature


def require_admin(actor: Actor, organization_id: UUID) -> None:
    """The organization's administrator, or the operator at the machine."""
    if actor.kind != "operator":
        require(actor, "organization.administer", organization_id)


def members(session: Session, actor: Actor, organization_id: UUID) -> list[MemberRow]:
    """Everybody who belongs to the organization now, by name."""
    require_admin(actor, organization_id)
    rows = session.execute(
        sa.select(Person, Membership.role, Membership.is_supervised)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organization_id == organization_id, Membership.ended_at.is_(None))
        .order_by(Person.name, Person.id, Membership.role)
    ).all()
    roles: dict[Person, list[Role]] = {}
    supervised = set[UUID]()
    for person, role, is_supervised in rows:
        roles.setdefault(person, []).append(Role(role))
        supervised |= {person.id} if is_supervised else set()
    return [
        MemberRow(
            who.id, who.name, who.email, tuple(theirs), who.disabled_at, totp.is_enrolled(who), who.id in supervised
        )
        for who, theirs in roles.items()
    ]


def set_roles(session: Session, actor: Actor, organization_id: UUID, person_id: UUID, roles: Iterable[Role]) -> None:
    """Exactly these roles from now on; none ends the membership. The last administrator stays one."""
    require_admin(actor, organization_id)
    take_turn(session, f"roles:{organization_id}")
    before, after = _roles(session, organization_id, person_id), set(roles)
    if not before:
        raise NotFound  # joining is by invitation
    for role in after - before:
        give_role(session, person_id, organization_id, role)
    ended = sa.update(Membership).where(
        Membership.organization_id == organization_id, Membership.person_id == person_id,
        Membership.ended_at.is_(None), Membership.role.in_(before - after),
    )  # fmt: skip
    session.execute(ended.values(ended_at=now()))
    if Role.ADMIN in before - after:
        _keep_an_admin(session, [organization_id])
    events.record(
        session, actor, "membership.changed", organization_id=organization_id, entity_id=person_id,
        before=sorted(before), after=sorted(after),
    )  # fmt: skip


def set_supervised(
    session: Session, actor: Actor, organization_id: UUID, person_id: UUID, *, is_supervised: bool
) -> None:  # fmt: skip
    """A trainee, or one no longer: what waits for a counter-signature goes on waiting."""
    require_admin(actor, organization_id)
    theirs = (
        Membership.organization_id == organization_id, Membership.person_id == person_id, Membership.ended_at.is_(None)
    )  # fmt: skip
    changed = sa.update(Membership).where(*theirs, Membership.is_supervised.is_(not is_supervised))
    if session.execute(changed.values(is_supervised=is_supervised)).rowcount:  # type: ignore[attr-defined]  # it is a CursorResult
        events.record(session, actor, "membership.supervised" if is_supervised else "membership.unsupervised",
                      organization_id=organization_id, entity_id=person_id)  # fmt: skip
    elif session.scalar(sa.select(Membership.id).where(*theirs).limit(1)) is None:
        raise NotFound


def end_membership(session: Session, actor: Actor, organization_id: UUID, person_id: UUID) -> None:
    """They belong to this organization no more, from their next request on."""
    set_roles(session, actor, organization_id, person_id, ())


def give_role(session: Session, person_id: UUID, organization_id: UUID, role: Role) -> None:
    """Twice is once; a role that ended begins again."""
    values = {"person_id": person_id, "organization_id": organization_id, "role": role, "created_at": now()}
    if not insert_or_nothing(session, Membership, values):
        same = sa.update(Membership).where(
            Membership.person_id == person_id, Membership.organization_id == organization_id, Membership.role == role
        )
        session.execute(same.values(ended_at=None))


def disable(session: Session, actor: Actor, person_id: UUID) -> None:
    """They can do nothing more, from their next request on: sign-ins and tokens end."""
    person = require_whole_person(session, actor, person_id)
    administered = _organizations(session, person_id, Role.ADMIN)
    for organization_id in sorted(administered):
        take_turn(session, f"roles:{organization_id}")
    person.disabled_at = person.disabled_at or now()
    login.end_all(session, person_id)
    tokens.revoke_all(session, person_id)
    session.flush()
    _keep_an_admin(session, administered)
    record_person(session, actor, "person.disabled", person_id)


def enable(session: Session, actor: Actor, person_id: UUID) -> None:
    """They may sign in again; tokens have to be made anew."""
    require_whole_person(session, actor, person_id).disabled_at = None
    record_person(session, actor, "person.enabled", person_id)


def forget_second_factor(session: Session, actor: Actor, person_id: UUID) -> None:
    """For somebody who lost their device: the next sign-in sets up another."""
    totp.forget(require_whole_person(session, actor, person_id))
    login.end_all(session, person_id)
    record_person(session, actor, "second_factor.removed", person_id, by="administrator")


def require_whole_person(session: Session, actor: Actor, person_id: UUID) -> Person:
    """What concerns the account as such is for the administrator of every organization that the person is in:
    otherwise one organization could take over an account that opens another's patients."""
    theirs = _organizations(session, person_id)
    mine = set(actor.organizations_for("organization.administer"))
    if actor.kind != "operator":
        if not theirs & mine:
            raise NotFound
        if theirs - mine:
            raise Forbidden("They belong to another organization too. You can end their membership of yours.")
    person = session.get(Person, person_id, with_for_update=True)
    if person is None:
        raise NotFound
    return person


def _organizations(session: Session, person_id: UUID, *roles: Role) -> set[UUID]:
    """Those that the person belongs to now, in one of these roles or in any."""
    current = sa.select(Membership.organization_id).where(
        Membership.person_id == person_id, Membership.ended_at.is_(None), Membership.role.in_(roles or tuple(Role))
    )
    return set(session.scalars(current))


def _roles(session: Session, organization_id: UUID, person_id: UUID) -> set[Role]:
    current = sa.select(Membership.role).where(
        Membership.organization_id == organization_id, Membership.person_id == person_id, Membership.ended_at.is_(None)
    )
    return {Role(role) for role in session.scalars(current)}


def _keep_an_admin(session: Session, organization_ids: Iterable[UUID]) -> None:
    """An organization without one could not be helped by anybody in it."""
    for organization_id in organization_ids:
        admins = sa.select(Membership.id).join(Person, Person.id == Membership.person_id).where(
            Membership.organization_id == organization_id, Membership.role == Role.ADMIN,
            Membership.ended_at.is_(None), Person.disabled_at.is_(None),
        )  # fmt: skip
        if session.scalar(admins.limit(1)) is None:
            raise Conflict("An organization keeps at least one administrator. Appoint another first.")
