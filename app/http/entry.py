"""Signing in and proving presence, as every HTTP door does it: count, verify outside of any transaction, write down."""

from starlette.requests import Request

from app.access import login, passwords
from app.access.actor import NOBODY, Actor
from app.access.login import Entered, Proof
from app.db import transaction
from app.errors import Refusal
from app.http.actor import client_address, cookie_secret


def sign_in(request: Request, email: str, password: str, code: str | None = None) -> Entered:
    """A new sign-in; then `give_cookie(response, entered.secret)`. Invalid with `field="code"` asks for the code."""
    with transaction(NOBODY) as session:
        candidate = login.begin(session, email, client_address(request))
    verdict = passwords.verify(password, candidate.password_hash)
    with transaction(NOBODY) as session:
        outcome = login.finish(
            session, candidate, verdict, code=code, browser=browser(request), replaces=cookie_secret(request)
        )
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def prove(request: Request, actor: Actor, password: str, code: str | None = None) -> Proof:
    """The person is present, by their password (and code): before signing, and before changing how one gets in."""
    with transaction(actor) as session:
        candidate = login.begin_proof(session, actor, client_address(request))
    verdict = passwords.verify(password, candidate.password_hash)
    with transaction(actor) as session:
        outcome = login.finish_proof(session, actor, candidate, verdict, code)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def browser(request: Request) -> str:
    """For the list of one's own sign-ins."""
    return request.headers.get("user-agent", "")[:200]
