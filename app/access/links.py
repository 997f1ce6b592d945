"""A link that lets somebody in: only sending its page's form uses it up, for mail scanners open what they see."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.models import Link
from app.access.secrets import digest, new_secret
from app.db import now
from app.errors import NotFound

# kind -> the page's path, and how long the link is good.
KINDS = {
    "setup": ("/set-up", timedelta(days=7)),
    "invitation": ("/invitation", timedelta(days=7)),
    "password": ("/new-password", timedelta(days=1)),
    "reading": ("/reads-for-us", timedelta(days=7)),
    "demo": ("/enter", timedelta(days=3650)),  # a demo is thrown away before
}


STILL_OPEN = (Link.used_at.is_(None), Link.withdrawn_at.is_(None))


def make(
    session: Session, kind: str, *, organization_id: UUID | None = None, person_id: UUID | None = None,
    role: str | None = None, email: str | None = None, invited_by_id: UUID | None = None, secret: str | None = None,
) -> tuple[Link, str]:  # fmt: skip
    """The link's row, and its secret, of which only the digest is kept; a demo brings its own."""
    secret, at = secret or new_secret(), now()
    link = Link(
        secret_sha256=digest(secret), kind=kind, organization_id=organization_id, person_id=person_id, role=role,
        email=email, invited_by_id=invited_by_id, created_at=at, expires_at=at + KINDS[kind][1],
    )  # fmt: skip
    session.add(link)
    session.flush()
    return link, secret


def path(kind: str, secret: str) -> str:
    """Where the link leads; `public_url` goes before it."""
    return f"{KINDS[kind][0]}/{secret}"


def look(session: Session, kind: str, secret: str) -> Link:
    """The link as long as it is good; unknown, used and expired ones are not told apart, one that was taken back is."""
    link = session.scalars(sa.select(Link).where(Link.secret_sha256 == digest(secret), Link.kind == kind)).one_or_none()
    if link is None or link.used_at is not None or link.expires_at <= now():
        raise _over()
    if link.withdrawn_at is not None:
        raise NotFound(
            "This invitation was withdrawn. If you still want to join, ask whoever invited you for a new one."
        )
    return link


def use(session: Session, kind: str, secret: str) -> Link:
    """The link, used up by this transaction and no other."""
    link = look(session, kind, secret)
    taken = sa.update(Link).where(Link.id == link.id, *STILL_OPEN).values(used_at=now())
    if session.execute(taken).rowcount != 1:  # type: ignore[attr-defined]  # it is a CursorResult
        raise _over()
    return link


def _over() -> NotFound:
    return NotFound("This link was used already, or is too old. Ask for a new one.")
