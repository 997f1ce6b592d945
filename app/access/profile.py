"""What a person changes about themselves: the name they sign with, and their language."""

from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of
from app.access.trail import record_person
from app.errors import Invalid
from app.people.models import Mails, Person
from app.people.names import one_line


def change(session: Session, actor: Actor, *, name: str, language: str) -> None:
    """An empty language leaves it to the browser; signed reports keep the name that was signed."""
    name = one_line(name)
    if not name:
        raise Invalid("Your name, please, in at most 200 letters.", field="name")
    person = session.get_one(Person, person_of(actor), with_for_update=True)
    person.name, person.language = name, language or None
    record_person(session, actor, "person.changed", person.id)


def choose_mails(session: Session, actor: Actor, mails: Mails) -> None:
    """From the next thing that waits on."""
    person = session.get_one(Person, person_of(actor), with_for_update=True)
    person.mails = mails
    record_person(session, actor, "person.changed", person.id, mails=mails)
