"""Invite somebody into an organization, and accept; and the same kind of link for a forgotten password."""

import re
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import links, login
from app.access.actor import Actor, person_of
from app.access.administer import give_role, require_admin, require_whole_person
from app.access.models import Link
from app.access.passwords import Hashed
from app.access.trail import record_person
from app.audit import events
from app.db import insert_or_nothing, now
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.people.models import Organization, Person, Role
from app.people.names import one_line

EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")  # whether it reaches anybody, only a mail can tell


def invite(session: Session, actor: Actor, organization_id: UUID, email: str, role: Role) -> tuple[Link, str]:
    """A link by which whoever has this address joins in this role; good for seven days, once."""
    require_admin(actor, organization_id)
    session.get_one(Organization, organization_id)
    link, secret = links.make(
        session, "invitation", organization_id=organization_id, role=role, email=address(email),
        invited_by_id=actor.person_id,
    )  # fmt: skip
    events.record(session, actor, "person.invited", organization_id=organization_id, entity_id=link.id, role=str(role))
    return link, secret


def open_invitations(session: Session, actor: Actor, organization_id: UUID) -> list[Link]:
    """Those that nobody has taken up yet and that are still good, the newest first."""
    require_admin(actor, organization_id)
    query = sa.select(Link).where(
        Link.organization_id == organization_id, Link.kind == "invitation", *links.STILL_OPEN, Link.expires_at > now()
    )
    return list(session.scalars(query.order_by(Link.id.desc())))


def withdraw(session: Session, actor: Actor, invitation_id: UUID) -> Link:
    """Its link lets nobody in from now on, and says so; twice is once."""
    link = session.get(Link, invitation_id)
    if link is None or link.kind != "invitation" or link.organization_id is None:
        raise NotFound
    require_admin(actor, link.organization_id)
    taken = sa.update(Link).where(Link.id == link.id, *links.STILL_OPEN).values(withdrawn_at=now())
    if session.execute(taken).rowcount == 1:  # type: ignore[attr-defined]  # it is a CursorResult
        events.record(session, actor, "invitation.withdrawn", organization_id=link.organization_id, entity_id=link.id,
                      role=link.role)  # fmt: skip
    session.refresh(link)
    if link.used_at is not None:
        raise Conflict("Somebody has joined by this invitation already. You can end their membership.")
    return link


def accept(session: Session, secret: str, name: str, password_hash: Hashed) -> Person:
    """Join as somebody new; who is known already signs in and opens the link again (`join`)."""
    link = links.use(session, "invitation", secret)
    person = new_person(session, link.email or "", name, password_hash)
    _join(session, link, person)
    return person


def join(session: Session, actor: Actor, secret: str) -> None:
    """Join with the account one is signed in with: the invitation's own, for a link alone proves no account."""
    link = links.use(session, "invitation", secret)
    person = session.get_one(Person, person_of(actor))
    if person.email != link.email:
        raise Forbidden("This invitation is for another e-mail address. Sign in with that one.")
    _join(session, link, person)


def new_person(session: Session, email: str, name: str, password_hash: Hashed) -> Person:
    """A person under an address that nobody has yet."""
    values = {"email": address(email), "name": name_of(name), "password_hash": password_hash}
    if not insert_or_nothing(session, Person, values):
        raise Conflict("This address has an account already. Sign in, then open the link again.")
    return session.query(Person).filter_by(email=values["email"]).one()


def new_password_link(session: Session, actor: Actor, person_id: UUID) -> tuple[Link, str]:
    """For somebody who forgot theirs: a link to choose another, good for a day, once."""
    require_whole_person(session, actor, person_id)
    link, secret = links.make(session, "password", person_id=person_id, invited_by_id=actor.person_id)
    record_person(session, actor, "password.reset_offered", person_id)
    return link, secret


def choose_password(session: Session, secret: str, password_hash: Hashed) -> Person:
    """The new password by that link; every sign-in of theirs ends, and a second factor stays asked for."""
    link = links.use(session, "password", secret)
    person = session.get_one(Person, link.person_id, with_for_update=True)
    if person.disabled_at is not None:
        raise Forbidden("This account is closed.")
    person.password_hash = password_hash
    login.end_all(session, person.id)
    record_person(session, Actor("person", person.id, person.name), "password.changed", person.id, by="link")
    return person


def _join(session: Session, link: Link, person: Person) -> None:
    if link.organization_id is None or link.role is None:
        raise Invalid("This invitation names no organization.")
    give_role(session, person.id, link.organization_id, Role(link.role))
    events.record(
        session, Actor("person", person.id, person.name), "person.joined", organization_id=link.organization_id,
        entity_id=person.id, role=link.role, invited_by=str(link.invited_by_id or ""),
    )  # fmt: skip


def name_of(name: str) -> str:
    """A person's name as it is kept."""
    if not (kept := one_line(name)):
        raise Invalid("Your name, please, in at most 200 letters.", field="name")
    return kept


def address(email: str) -> str:
    email = login.folded(email)
    if len(email) > 254 or not EMAIL.fullmatch(email):
        raise Invalid("This is not an e-mail address.", field="email")
    return email
