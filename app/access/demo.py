"""A demo's sign-in links: used again and again, and without a second factor."""

from sqlalchemy.orm import Session

from app.access import links, login
from app.access.login import Entered
from app.errors import NotFound
from app.people.models import Person


def link_for(session: Session, person: Person, secret: str | None = None) -> str:
    """The path of a link that signs this person in; a demo that is served again brings the secret it had."""
    _link, secret = links.make(session, "demo", person_id=person.id, secret=secret)
    return links.path("demo", secret)


def enter(session: Session, secret: str, *, browser: str, replaces: str | None) -> Entered:
    """Signed in as that person; the link stays good."""
    link = links.look(session, "demo", secret)
    person = session.get(Person, link.person_id)
    if person is None or person.disabled_at is not None:
        raise NotFound
    return login.enter(session, person, browser=browser, replaces=replaces, waived=True)
