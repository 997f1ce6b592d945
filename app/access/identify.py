"""Who stands behind a cookie or a bearer token: one query, on every request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, Member
from app.access.models import ApiToken, SignIn
from app.access.secrets import digest
from app.config import settings
from app.db import now
from app.people.models import Membership, Person, Role

SEEN_EVERY = timedelta(minutes=1)  # a read must not become a write each time


@dataclass(frozen=True)
class Identity:
    """The actor, and whether this use is worth noting (`note_use`, in a transaction of its own)."""

    actor: Actor
    stale_id: UUID | None = None


def by_cookie(session: Session, secret: str) -> Identity | None:
    """The person signed in with this secret; None when it is unknown, idle too long, over, or they are disabled."""
    at = now()
    seen_after = at - timedelta(minutes=settings().session_idle_min)
    rows = session.execute(_BY_COOKIE, {"secret": digest(secret), "at": at, "seen_after": seen_after}).all()
    if not rows:
        return None
    first = rows[0]
    proven = first.second_factor_at is not None or first.second_factor_waived
    missing = settings().require_second_factor and not proven
    actor = replace(_actor("person", rows), sign_in_id=first.row_id, needs_second_factor=missing)
    return Identity(actor, _if_stale(first.row_id, first.seen_at, at))


def by_token(session: Session, secret: str) -> Identity | None:
    """The person as whom this token acts; None when it is unknown, over or revoked, or they are disabled."""
    at = now()
    rows = session.execute(_BY_TOKEN, {"secret": digest(secret), "at": at}).all()
    if not rows:
        return None
    first = rows[0]
    return Identity(
        replace(_actor("token", rows), scopes=frozenset(first.scopes)), _if_stale(first.row_id, first.used_at, at)
    )


def note_use(session: Session, identity: Identity) -> None:
    """Write that the sign-in or token was used just now; a sign-out in between stays one."""
    if identity.actor.kind == "token":
        session.execute(sa.update(ApiToken).where(ApiToken.id == identity.stale_id).values(used_at=now()))
    else:
        session.execute(sa.update(SignIn).where(SignIn.id == identity.stale_id).values(seen_at=now()))


def actor_of(session: Session, person: Person) -> Actor:
    """A person in their memberships, for commands that act as them."""
    current = sa.select(Membership.organization_id, Membership.role).where(
        Membership.person_id == person.id, Membership.ended_at.is_(None)
    )
    members = tuple(Member(organization_id, Role(role)) for organization_id, role in session.execute(current))
    return Actor("person", person.id, person.name, members, language=person.language or "")


def _with_person(model: type[SignIn] | type[ApiToken], *more: Any) -> sa.Select[Any]:
    """What `more` names, and its person, if not disabled, once for each membership that has not ended."""
    current = sa.and_(Membership.person_id == Person.id, Membership.ended_at.is_(None))
    return (
        sa.select(
            model.id.label("row_id"), *more, Person.id.label("person_id"), Person.name, Person.language,
            Membership.organization_id, Membership.role,
        )
        .join(Person, Person.id == model.person_id)
        .join(Membership, current, isouter=True)
        .where(
            Person.disabled_at.is_(None), model.secret_sha256 == sa.bindparam("secret"),
            model.expires_at > sa.bindparam("at"),
        )
        .order_by(Membership.id)  # equal actors are equal keys
    )  # fmt: skip


# Of columns, and made once: loading objects would double what each request costs.
_BY_COOKIE = _with_person(SignIn, SignIn.seen_at, SignIn.second_factor_at, SignIn.second_factor_waived).where(
    SignIn.seen_at > sa.bindparam("seen_after")
)
_BY_TOKEN = _with_person(ApiToken, ApiToken.used_at, ApiToken.scopes).where(ApiToken.revoked_at.is_(None))


def _actor(kind: str, rows: Sequence[Any]) -> Actor:
    first = rows[0]
    members = tuple(Member(row.organization_id, Role(row.role)) for row in rows if row.role)
    return Actor(kind, first.person_id, first.name, members, language=first.language or "")


def _if_stale(row_id: UUID, used_at: datetime | None, at: datetime) -> UUID | None:
    return row_id if used_at is None or at - used_at > SEEN_EVERY else None
