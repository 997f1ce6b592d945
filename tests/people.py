"""Organizations and the people in them, put straight into the connected database."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import administer, passwords
from app.access.actor import OPERATOR, WORKER, Actor, Member
from app.access.login import Proof
from app.access.models import ApiToken
from app.access.secrets import digest, new_secret
from app.db import new_id, now, reading, transaction
from app.people.models import Membership, Organization, Person, ReadingRelation, Role

_hashed = cache(passwords.hash_new)  # tests have a password or two, and each hash takes its time by intent


@dataclass(frozen=True)
class Somebody:
    """A person in one organization, as an actor for verbs and as a bearer of a token for the doors."""

    id: UUID
    organization_id: UUID
    email: str
    name: str
    role: Role
    token: str

    @property
    def actor(self) -> Actor:
        return Actor(
            kind="person",
            person_id=self.id,
            name=self.name,
            members=(Member(self.organization_id, self.role),),
            scopes=frozenset({"read", "write"}),
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def organization(name: str, *, time_zone: str = "UTC", read_by: UUID | None = None) -> UUID:
    """A new organization, and who reads for it."""
    with transaction(WORKER) as session:
        return _organization(session, name, time_zone, read_by)


def _organization(session: Session, name: str, time_zone: str, read_by: UUID | None = None) -> UUID:
    made = Organization(id=new_id(), name=name, time_zone=time_zone, issuer=name[:64])
    session.add(made)
    session.flush()
    if read_by:
        session.add(ReadingRelation(organization_id=made.id, reading_organization_id=read_by))
    return made.id


def somebody(organization_id: UUID, role: Role, name: str = "") -> Somebody:
    """A new person with that role, without password; `token` reads and writes for them."""
    with transaction(WORKER) as session:
        (made,) = _somebodies(session, [(organization_id, role)], name)
    return made


def _somebodies(session: Session, whom: list[tuple[UUID, Role]], name: str = "") -> list[Somebody]:
    made = [_named(organization_id, role, name) for organization_id, role in whom]
    session.add_all(Person(id=each.id, email=each.email, name=each.name) for each in made)
    session.flush()
    for each in made:
        session.add(Membership(person_id=each.id, organization_id=each.organization_id, role=each.role))
        session.add(ApiToken(
            secret_sha256=digest(each.token), hint=each.token[:8], person_id=each.id, name="test",
            scopes=["read", "write"], expires_at=now() + timedelta(days=1),
        ))  # fmt: skip
    return made


def _named(organization_id: UUID, role: Role, name: str) -> Somebody:
    person_id = new_id()
    name = name or f"{role.title()} {person_id.hex[-6:]}"
    return Somebody(person_id, organization_id, f"{person_id.hex}@example.org", name, role, new_secret("spt_"))


def supervise(organization_id: UUID, who: Somebody) -> None:
    """From now on what they sign waits for a supervisor."""
    with transaction(OPERATOR) as session:
        administer.set_supervised(session, OPERATOR, organization_id, who.id, is_supervised=True)


def also(who: Somebody, role: Role) -> Somebody:
    """The same person, who has this role beside the first."""
    with transaction(WORKER) as session:
        session.add(Membership(person_id=who.id, organization_id=who.organization_id, role=role))
    return who


@dataclass(frozen=True)
class Places:
    """A clinic, the hospital that reads for it, and a third organization that must learn nothing."""

    clinic: UUID
    hospital: UUID
    stranger: UUID
    referrer: Somebody
    reviewer: Somebody
    second_reviewer: Somebody
    coordinator: Somebody
    admin: Somebody
    stranger_referrer: Somebody
    stranger_reviewer: Somebody


def places() -> Places:
    """A new set, so that tests can share one server."""
    with transaction(WORKER) as session:
        hospital = _organization(session, "Kijabe Hospital", "Africa/Nairobi")
        clinic = _organization(session, "Lodwar clinic", "Africa/Nairobi", read_by=hospital)
        stranger = _organization(session, "Elsewhere", "America/Lima")
        people = _somebodies(session, [
            (clinic, Role.REFERRER), (hospital, Role.REVIEWER), (hospital, Role.REVIEWER),
            (hospital, Role.COORDINATOR), (clinic, Role.ADMIN), (stranger, Role.REFERRER), (stranger, Role.REVIEWER),
        ])  # fmt: skip
    return Places(clinic, hospital, stranger, *people)


def count(model: type, *where: sa.ColumnElement[bool]) -> int:
    """How many rows there are."""
    with reading(WORKER) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0


def proof(who: Actor) -> Proof:
    """As the door has it of somebody who has just typed their password."""
    assert who.person_id
    return Proof(who.person_id, now(), "password")


def set_password(who: Somebody, password: str) -> None:
    """What signing asks for again."""
    with transaction(WORKER) as session:
        session.get_one(Person, who.id).password_hash = _hashed(password)
