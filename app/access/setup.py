"""An empty service has no account and no password: a link, printed at its start, makes the first ones."""

from collections.abc import Callable, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import invite, links, passwords, relate
from app.access.actor import OPERATOR
from app.access.administer import give_role
from app.access.models import Link
from app.access.passwords import Hashed
from app.access.turn import take_turn
from app.audit import events
from app.db import now
from app.errors import Invalid, NotFound
from app.people.models import Person, Role


def open_link(session: Session) -> str | None:
    """The path of a new set-up link while there is nobody at all, else None; earlier links stay good until one is used."""
    if not is_empty(session):
        return None
    _link, secret = links.make(session, "setup")
    return links.path("setup", secret)


def complete(
    session: Session, secret: str, *, organization: str, time_zone: str, language: str, name: str, email: str,
    password_hash: Hashed, roles: Iterable[Role] = (),
) -> Person:  # fmt: skip
    """The first organization and its administrator, who may have clinical roles too; all set-up links are used up."""
    take_turn(session, "setup")
    links.use(session, "setup", secret)
    if not is_empty(session):
        raise NotFound("This service is set up already. Sign in.")
    session.execute(sa.update(Link).where(Link.kind == "setup", Link.used_at.is_(None)).values(used_at=now()))
    made = relate.add_organization(session, OPERATOR, organization, time_zone=time_zone, language=language)
    person = invite.new_person(session, email, name, password_hash)
    for role in sorted({Role.ADMIN, *roles}):
        give_role(session, person.id, made.id, role)
    events.record(session, OPERATOR, "person.joined", organization_id=made.id, entity_id=person.id, role="admin")
    return person


def mistakes(
    *, organization: str, time_zone: str, name: str, email: str, password: str
) -> list[Invalid]:  # fmt: skip
    """All of them at once: who corrects one should not learn of the next only then."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: relate.named(organization), lambda: relate.zone_called(time_zone), lambda: invite.name_of(name),
        lambda: invite.address(email), lambda: passwords.check(password, (name, email)),
    )  # fmt: skip
    found = []
    for check in checks:
        try:
            check()
        except Invalid as refusal:
            found.append(refusal)
    return found


def is_empty(session: Session) -> bool:
    """Nobody has an account here yet."""
    return session.scalar(sa.select(Person.id).limit(1)) is None
