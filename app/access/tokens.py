"""API tokens: they act as their person, within scopes, until they expire or are revoked."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_here, person_of
from app.access.models import ApiToken
from app.access.secrets import digest, new_secret
from app.access.trail import record_person
from app.config import settings
from app.db import now
from app.errors import Invalid, NotFound, Sentence
from app.people.names import one_line

PREFIX = "spt_"  # so that scanners of code and logs can tell what they found
SCOPES = ("read", "write")  # write includes read
UPLOAD = "upload"  # sends what waits on a device of its person's, and reads nothing
HINT_LETTERS = 8
DAYS, MOST_DAYS, MOST_TOKENS = 90, 366, 50


def make(
    session: Session, actor: Actor, name: str, scopes: Iterable[str], *, days: int = DAYS, secret: str | None = None
) -> tuple[ApiToken, str]:
    """The token's row, and its secret, of which only the digest is kept; a demo brings its own."""
    person_id = person_here(actor)
    name, wanted = one_line(name, 100), sorted(set(scopes))
    if not name:
        raise Invalid("Say what the token is for, in at most 100 letters.", field="name")
    if not wanted or set(wanted) - set(SCOPES):
        raise Invalid("The scopes are 'read' and 'write'.", field="scopes")
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(Sentence("A token is good for 1 to {days} days.", days=MOST_DAYS), field="days")
    if sum(UPLOAD not in one.scopes for one in listing(session, actor)) >= MOST_TOKENS:
        raise Invalid(Sentence("You have {n} tokens. Revoke one first.", n=MOST_TOKENS), field="name")
    return _kept(session, actor, person_id, name, wanted, days, secret or new_secret(PREFIX))


def make_for_device(
    session: Session, actor: Actor, browser: str, replaces: UUID | None = None
) -> tuple[ApiToken, str]:  # fmt: skip
    """For the outbox of a browser in which its person is signed in: good for sending alone, also once signed out.

    It asks for no password again, as it can do less than the sign-in that makes it."""
    person_id = person_here(actor)
    mine = [one for one in listing(session, actor) if UPLOAD in one.scopes]
    spare = mine[settings().max_outbox_tokens - 1 :]
    for old in {one.id for one in spare} | {one.id for one in mine if one.id == replaces}:
        revoke(session, actor, old)
    days = settings().outbox_token_days
    return _kept(session, actor, person_id, one_line(browser, 100), [UPLOAD], days, new_secret(PREFIX))


def _kept(
    session: Session, actor: Actor, person_id: UUID, name: str, scopes: list[str], days: int, secret: str
) -> tuple[ApiToken, str]:
    token = ApiToken(
        secret_sha256=digest(secret), hint=secret[:HINT_LETTERS], person_id=person_id, name=name, scopes=scopes,
        created_at=now(), expires_at=now() + timedelta(days=days),
    )  # fmt: skip
    session.add(token)
    session.flush()
    record_person(session, actor, "token.made", token.person_id, token_id=str(token.id), scopes=scopes)
    return token, secret


def listing(session: Session, actor: Actor) -> list[ApiToken]:
    """The person's tokens that are good now, the newest first."""
    mine = sa.select(ApiToken).where(
        ApiToken.person_id == person_of(actor), ApiToken.revoked_at.is_(None), ApiToken.expires_at > now()
    )
    return list(session.scalars(mine.order_by(ApiToken.id.desc())))


def revoke(session: Session, actor: Actor, token_id: UUID) -> None:
    """Good for nothing from the next request on; twice is once. A token may revoke itself."""
    mine = sa.select(ApiToken).where(ApiToken.id == token_id, ApiToken.person_id == person_of(actor))
    token = session.scalars(mine).one_or_none()
    if token is None:
        raise NotFound
    if token.revoked_at is None:
        token.revoked_at = now()
        record_person(session, actor, "token.revoked", token.person_id, token_id=str(token.id))


def revoke_all(session: Session, person_id: UUID) -> None:
    good = sa.update(ApiToken).where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None))
    session.execute(good.values(revoked_at=now()))
