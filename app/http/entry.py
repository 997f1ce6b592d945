"""Signing in and proving presence by a request: its client's address is what tries are counted by."""

from starlette.requests import Request

from app.access import login
from app.access.actor import Actor
from app.access.login import Entered, Proof
from app.http.actor import browser_name, client_address, cookie_secret


def sign_in(request: Request, email: str, password: str, code: str | None = None) -> Entered:
    """A new sign-in; then `give_cookie(response, entered.secret)`. Invalid with `field="code"` asks for the code."""
    return login.sign_in(
        email, password, code,
        client=client_address(request), browser=browser_name(request), replaces=cookie_secret(request),
    )  # fmt: skip


def prove(request: Request, actor: Actor, password: str, code: str | None = None) -> Proof:
    """The person is present, by their password (and code); outside of any transaction."""
    return login.reauthenticate(actor, password, client_address(request), code)
