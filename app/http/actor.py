"""The actor of a request, from its cookie or its bearer token."""

import re
from contextlib import suppress
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from app.access import identify
from app.access.actor import NOBODY, Actor
from app.access.tokens import UPLOAD
from app.config import settings
from app.db import reading, transaction
from app.errors import Unavailable
from app.http import csrf
from app.http.problems import DoorRefusal

PLAIN, SECURE = "sonopost", "__Host-sonopost"
# A page that looks again by itself says so: nobody sits there by that, and an idle sign-in ends (NIST 800-63B-4 2.2.3).
GLANCE = "sonopost-glance"
# "METHOD path" of all that a token of the scope `upload` is good for: what is read there is its own sending.
SENDING = re.compile(
    r"POST /referrals/new|(POST|HEAD|PATCH|DELETE) /uploads(/[^/]+)?|GET /api/v1/uploads"
    r"|GET /api/v1/outbox/lock|POST /api/v1/outbox/discards"
)


def perhaps(request: Request) -> Actor | None:
    """Whoever is signed in, or None; a second factor may still be missing."""
    found = _identity(request)
    request.state.actor = found.actor if found else None
    if found is None:
        return None
    if found.stale_id is not None and GLANCE not in request.headers:
        with suppress(Unavailable), transaction(found.actor) as session:  # a read works without it
            identify.note_use(session, found)
    return found.actor


def signed_in(request: Request) -> Actor:
    """Whoever is signed in, or 401; for the pages on which a second factor is set up, and signing out."""
    found = perhaps(request)
    if found is None:
        sentence = "This token is not valid." if csrf.is_bearer(request.headers) else "Sign in first."
        raise DoorRefusal(401, sentence, headers={"WWW-Authenticate": 'Bearer realm="sonopost"'})
    return found


async def actor(request: Request, who: Annotated[Actor, Depends(signed_in)]) -> Actor:
    """For every other endpoint: `who: Annotated[Actor, Depends(actor)]`, or the name `Acting` below.

    Dependencies run before the endpoint, so an `async def` endpoint that takes only `request` and this has not
    read a byte of the body when a stranger is refused; one with a body model, Form or UploadFile has. `async`, as
    it waits for nothing: a `def` would cost each request another turn in a thread."""
    if who.needs_second_factor:
        raise DoorRefusal(403, "Set up your second factor first.", needs_second_factor=True)
    needed = "read" if request.method in csrf.SAFE else "write"
    if only_sends(who) and SENDING.fullmatch(f"{request.method} {request.url.path}"):
        return who
    if who.kind == "token" and not who.scopes & {needed, "write"}:
        raise DoorRefusal(403, f"This token lacks the scope '{needed}'.", scope=needed)
    return who


Acting = Annotated[Actor, Depends(actor)]


def only_sends(who: Actor) -> bool:
    """A device sends for its person, who is not there: it is told nothing of what is here."""
    return who.scopes == {UPLOAD}


def client_address(request: Request) -> str:
    """Whose tries are counted together; a trusted proxy's X-Forwarded-For is already resolved here."""
    return request.client.host if request.client else ""


def browser_name(request: Request) -> str:
    """For the list of one's own sign-ins."""
    return request.headers.get("user-agent", "")[:200]


def cookie_secret(request: Request) -> str | None:
    return request.cookies.get(_cookie_name())


def give_cookie(response: Response, secret: str) -> None:
    """Kept as long as the sign-in may last: phones end their browsers between two looks."""
    response.set_cookie(
        _cookie_name(), secret, max_age=settings().session_max_h * 3600, path="/", secure=settings().secure,
        httponly=True, samesite="lax",
    )  # fmt: skip


def take_cookie(response: Response) -> None:
    response.delete_cookie(_cookie_name(), path="/", secure=settings().secure, httponly=True, samesite="lax")


def _cookie_name() -> str:
    return SECURE if settings().secure else PLAIN  # __Host- is only taken with Secure


def _identity(request: Request) -> identify.Identity | None:
    with reading(NOBODY) as session:
        if csrf.is_bearer(request.headers):  # and the cookie beside it counts for nothing
            return identify.by_token(session, request.headers["authorization"][len("bearer ") :].strip())
        secret = cookie_secret(request)
        return identify.by_cookie(session, secret) if secret else None
