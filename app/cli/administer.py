"""Administration without the pages: each command prints what it made, once."""

import argparse
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import db, log
from app.access import identify, relate, tokens
from app.access import invite as invitations
from app.access.actor import OPERATOR
from app.access.links import path
from app.access.login import folded
from app.cli import schema
from app.config import load
from app.db import reading, transaction
from app.errors import Invalid, NotFound, Unavailable
from app.people.models import Organization, Person, Role


def invite(given: argparse.Namespace) -> int:
    """`sonopost invite`: the link by which somebody joins."""
    _connect()
    if given.role not in set(Role):
        raise Invalid(f"--role is one of {', '.join(Role)}.")
    with transaction(OPERATOR) as session:
        organization = _organization(session, given.organization)
        _link, secret = invitations.invite(session, OPERATOR, organization.id, given.email, Role(given.role))
    print(f"{_public_url()}{path('invitation', secret)}")
    return 0


def token(given: argparse.Namespace) -> int:
    """`sonopost token`: a secret that acts as its person."""
    _connect()
    with transaction(OPERATOR) as session:
        person = session.scalars(sa.select(Person).where(Person.email == folded(given.email))).one_or_none()
        if person is None or person.disabled_at is not None:
            raise NotFound("Nobody here has this e-mail address.")
        _row, secret = tokens.make(session, identify.actor_of(session, person), given.name, given.scope or ["read"])
    print(secret)
    return 0


def add_organization(given: argparse.Namespace) -> int:
    """`sonopost organization add`: its id."""
    _connect()
    with transaction(OPERATOR) as session:
        made = relate.add_organization(
            session, OPERATOR, given.name, time_zone=given.time_zone, language=given.language
        )
    print(made.id)
    return 0


def list_organizations(_given: argparse.Namespace) -> int:
    """`sonopost organization list`."""
    _connect()
    with reading(OPERATOR) as session:
        for each in session.scalars(sa.select(Organization).order_by(Organization.name, Organization.id)):
            print(each.id, each.time_zone, each.name, sep="\t")
    return 0


def reads_for(given: argparse.Namespace) -> int:
    """`sonopost organization reads-for READER SENDER`."""
    _connect()
    with transaction(OPERATOR) as session:
        reader, sender = _organization(session, given.reader), _organization(session, given.sender)
        if given.end:
            relate.end_reading(session, OPERATOR, reader.id, sender.id)
        else:
            relate.begin_reading(session, OPERATOR, reader.id, sender.id)
        print(f"{reader.name} {'no longer reads' if given.end else 'reads'} for {sender.name}.")
    return 0


def _organization(session: Session, name_or_id: str) -> Organization:
    """By id, or by a name that only one has."""
    try:
        same = Organization.id == UUID(name_or_id)
    except ValueError:
        same = Organization.name == name_or_id
    found = session.scalars(sa.select(Organization).where(same)).all()
    if len(found) > 1:
        raise Invalid("Several organizations have this name: give the id, as `sonopost organization list` shows it.")
    if not found:
        raise NotFound("There is no such organization: see `sonopost organization list`.")
    return found[0]


def _connect() -> None:
    """Beside a running service too: each command is one short transaction."""
    settings = load()
    log.set_up(settings.log_level)
    if settings.on_sqlite:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db.connect(settings.database_url)
    if schema.is_current():
        return
    if not settings.on_sqlite:
        raise Unavailable("The database's schema is behind: run `sonopost migrate` first.")
    schema.upgrade(settings.database_url)


def _public_url() -> str:
    return load().public_url or "http://127.0.0.1:8080"
