"""People with passwords, made by the product's own verbs."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pyotp
import sqlalchemy as sa

from app.access import invite, login, passwords, relate, totp
from app.access.actor import NOBODY, OPERATOR, Actor
from app.access.identify import actor_of, by_cookie
from app.access.login import Entered
from app.db import engine, reading, transaction
from app.people.models import Person, Role

PASSWORD = "a wet red fox under ferns"
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@dataclass(frozen=True)
class Account:
    """Who can sign in with PASSWORD."""

    id: UUID
    email: str
    organization_id: UUID

    @property
    def actor(self) -> Actor:
        """In their memberships as they are now."""
        with reading(NOBODY) as session:
            return actor_of(session, session.get_one(Person, self.id))

    def enter(self, code: str | None = None, client: str = HERE) -> Entered:
        return login.sign_in(self.email, PASSWORD, code, client=client, browser="Firefox")

    def enrolled(self) -> pyotp.TOTP:
        """Set up a second factor; the device that now shows its codes."""
        entered = self.enter()
        who = acting(entered.secret)
        with transaction(who) as session:
            offered = totp.enrol(session, who)
        device = pyotp.TOTP(offered.secret)
        with transaction(who) as session:
            totp.confirm(session, who, device.now())
        return device


def acting(secret: str) -> Actor:
    """The actor behind a cookie, which must be good."""
    found = maybe_acting(secret)
    assert found is not None
    return found


def maybe_acting(secret: str) -> Actor | None:
    with reading(NOBODY) as session:
        found = by_cookie(session, secret)
    return found.actor if found else None


def everything_kept() -> str:
    """Every row of every table, as one text to look for secrets in."""
    tables = sa.MetaData()
    with engine().connect() as connection:
        tables.reflect(connection)
        return repr([connection.execute(sa.select(table)).all() for table in tables.sorted_tables])


def organization(name: str = "Lodwar clinic") -> UUID:
    with transaction(OPERATOR) as session:
        return relate.add_organization(session, OPERATOR, name, time_zone="Africa/Nairobi").id


def account(role: Role = Role.REFERRER, organization_id: UUID | None = None, name: str = "Amina Otieno") -> Account:
    organization_id = organization_id or organization()
    email = f"{uuid4().hex}@example.org"
    hashed = passwords.hash_new(PASSWORD, (name, email))
    with transaction(OPERATOR) as session:
        _link, secret = invite.invite(session, OPERATOR, organization_id, email, role)
    with transaction(NOBODY) as session:
        person = invite.accept(session, secret, name, hashed)
    return Account(person.id, email, organization_id)
