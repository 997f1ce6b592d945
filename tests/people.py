"""Organizations and the people in them, put straight into the connected database."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from app.access import passwords
from app.access.actor import WORKER, Actor, Member
from app.access.login import Proof
from app.access.models import ApiToken
from app.access.secrets import digest, new_secret
from app.db import new_id, now, reading, transaction
from app.people.models import Membership, Organization, Person, ReadingRelation, Role


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
    made = Organization(id=new_id(), name=name, time_zone=time_zone, issuer=name[:64])
    with transaction(WORKER) as session:
        session.add(made)
        session.flush()
        if read_by:
            session.add(ReadingRelation(organization_id=made.id, reading_organization_id=read_by))
    return made.id


def somebody(organization_id: UUID, role: Role, name: str = "") -> Somebody:
    """A new person with that role, without password; `token` reads and writes for them."""
    person_id = new_id()
    name = name or f"{role.title()} {person_id.hex[-6:]}"
    email = f"{person_id.hex}@example.org"
    secret = new_secret("spt_")
    with transaction(WORKER) as session:
        session.add(Person(id=person_id, email=email, name=name))
        session.flush()
        session.add(Membership(person_id=person_id, organization_id=organization_id, role=role))
        session.add(ApiToken(
            secret_sha256=digest(secret), hint=secret[:8], person_id=person_id, name="test",
            scopes=["read", "write"], expires_at=now() + timedelta(days=1),
        ))  # fmt: skip
    return Somebody(person_id, organization_id, email, name, role, secret)


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
    hospital = organization("Kijabe Hospital", time_zone="Africa/Nairobi")
    clinic = organization("Lodwar clinic", time_zone="Africa/Nairobi", read_by=hospital)
    stranger = organization("Elsewhere", time_zone="America/Lima")
    return Places(
        clinic, hospital, stranger,
        referrer=somebody(clinic, Role.REFERRER), reviewer=somebody(hospital, Role.REVIEWER),
        second_reviewer=somebody(hospital, Role.REVIEWER), coordinator=somebody(hospital, Role.COORDINATOR),
        admin=somebody(clinic, Role.ADMIN), stranger_referrer=somebody(stranger, Role.REFERRER),
        stranger_reviewer=somebody(stranger, Role.REVIEWER),
    )  # fmt: skip


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
        session.get_one(Person, who.id).password_hash = passwords.hash_new(password)
