"""A POST sent again under the same `Idempotency-Key` is done once; the answer is rebuilt from what it made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Header
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.access.actor import Actor, person_of
from app.access.models import IdempotencyKey
from app.access.secrets import keyed
from app.access.sweep import KEYS_KEPT
from app.access.turn import try_turn
from app.db import now
from app.errors import Conflict, Invalid
from app.http.actor import actor
from app.http.problems import DoorRefusal

STILL = "The same request is still being worked on."
FIELD = "idempotency_key"  # the hidden field of a form without script
SAYS, EXAMPLE = "The same request under the same key is done once", "5f1c7d0e-6f5b-4f0e-9a55-0d6f2f7f3c11"
KeyHeader = Annotated[str | None, Header(description=SAYS, examples=[EXAMPLE])]
REPLAYED = {"Idempotency-Replayed": "true"}
_under_work: set[tuple[UUID, str]] = set()
_working = threading.Lock()


@dataclass(frozen=True)
class RequestKey:
    """Whose key it is, and for which request it stands."""

    actor_id: UUID
    key: str
    method: str
    path: str
    fingerprint: str
    answer: Response | None = field(default=None, compare=False, repr=False)  # whose header says that it is replayed


@dataclass
class Done:
    """What was done under the key before, if anything; `keep` writes down what is done now."""

    session: Session
    request_key: RequestKey | None
    status: int | None = None
    resource_id: UUID | None = None

    @property
    def before(self) -> bool:
        return self.status is not None

    def keep(self, status: int, resource_id: UUID | None = None) -> None:
        """In the act's own transaction, so that both are there or neither."""
        if self.request_key is not None and not self.before:
            named = {name: value for name, value in vars(self.request_key).items() if name != "answer"}
            row = IdempotencyKey(**named, status=status, resource_id=resource_id, created_at=now())
            self.session.add(row)


def once(session: Session, request_key: RequestKey | None) -> Done:
    """First in the transaction of every POST that makes something:

        done = once(session, request_key)
        if done.before:
            referral = session.get_one(Referral, done.resource_id)
        else:
            referral = place(session, who, given)
            done.keep(201, referral.id)

    Without a key each request counts for itself."""
    if request_key is None:
        return Done(session, None)
    if not try_turn(session, f"idempotency:{request_key.actor_id}:{request_key.key}"):
        raise Conflict(STILL)
    mine = (IdempotencyKey.actor_id == request_key.actor_id, IdempotencyKey.key == request_key.key)
    row = session.scalars(sa.select(IdempotencyKey).where(*mine)).one_or_none()
    if row is not None and row.created_at < now() - KEYS_KEPT:
        session.delete(row)
        session.flush()
        row = None
    if row is None:
        return Done(session, request_key)
    if (row.method, row.path, row.fingerprint) != (request_key.method, request_key.path, request_key.fingerprint):
        raise Invalid("This Idempotency-Key was already used for another request.", field="Idempotency-Key")
    if request_key.answer is not None:
        request_key.answer.headers.update(REPLAYED)
    return Done(session, request_key, row.status, row.resource_id)


@contextmanager
def working_on(request_key: RequestKey | None) -> Iterator[None]:
    """For an act of several transactions: the same request beside it, in this process, is a Conflict.

    In another process it finds the key taken, or what was made, when it comes to write."""
    mine = (request_key.actor_id, request_key.key) if request_key is not None else None
    with _working:
        if mine in _under_work:
            raise Conflict(STILL)
        if mine is not None:
            _under_work.add(mine)
    try:
        yield
    finally:
        with _working:
            if mine is not None:
                _under_work.discard(mine)


async def request_key(
    request: Request,
    response: Response,
    who: Annotated[Actor, Depends(actor)],
    idempotency_key: KeyHeader = None,
) -> RequestKey | None:
    """Dependency of a POST whose body is read whole, as JSON or as a form with the hidden field."""
    if request.headers.get("content-type", "").startswith(("application/x-www-form-urlencoded", "multipart/")):
        form = await request.form()  # read once, kept by the request
        body = repr([(name, str(value)) for name, value in form.multi_items() if name != FIELD]).encode()
        if idempotency_key is None:
            idempotency_key = str(form.get(FIELD, "")) or None
    else:
        body = await request.body()
    return key_of(request, who, idempotency_key, body, response)


Once = Annotated[RequestKey | None, Depends(request_key)]


def streamed_key(request: Request, who: Actor, response: Response, *more: str) -> RequestKey | None:
    """The key of a streamed body: its declared digest, length and kind stand for it, so no byte is read.

    `more` are the headers that say the rest where a protocol has its own."""
    declared = ("repr-digest", "content-digest", "content-length", "content-type", "content-disposition", *more)
    body = repr([request.headers.get(name) for name in declared]).encode()
    return key_of(request, who, request.headers.get("idempotency-key"), body, response)


def key_of(
    request: Request, who: Actor, key: str | None, body: bytes, answer: Response | None = None
) -> RequestKey | None:
    """The key of a request for which these bytes stand."""
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise DoorRefusal(400, "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    # Keyed, because a body may hold a password, and a plain digest of it would invite guessing.
    path, fingerprint = request.url.path, keyed("idempotency", body).hex()
    return RequestKey(person_of(who), key, request.method, path[:300], fingerprint, answer)
