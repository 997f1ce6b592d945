"""Signing in and proving presence by a request: its client's address is what tries are counted by."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.requests import Request

from app.access import login, passkeys, tries
from app.access.actor import NOBODY, Actor
from app.access.login import Entered, Proof
from app.access.passkeys import Party
from app.config import settings
from app.db import transaction
from app.errors import Invalid
from app.http.actor import browser_name, client_address, cookie_secret


def sign_in(request: Request, email: str, password: str, code: str | None = None) -> Entered:
    """A new sign-in; then `give_cookie(response, entered.secret)`. Invalid with `field="code"` asks for the code."""
    return login.sign_in(
        email, password, code,
        client=client_address(request), browser=browser_name(request), replaces=cookie_secret(request),
    )  # fmt: skip


def ask_for_passkey(request: Request) -> dict[str, Any]:
    """What a device is asked of whom nobody knows yet; counted as a try, which signing in takes back."""
    with transaction(NOBODY) as session:
        tries.count(session, "passkey", client_address(request))
        return passkeys.ask_anybody(session, party(request))


def sign_in_by_passkey(request: Request, answer: dict[str, Any]) -> Entered:
    """Whoever holds the device and has shown it a finger or a code: two factors in one."""
    challenge_id, credential = _answer(answer)
    with transaction(NOBODY) as session:
        person = passkeys.who_signs_in(session, party(request), challenge_id, credential)
        tries.forgive(session, "passkey", client_address(request))
        return login.enter(
            session, person, browser=browser_name(request), replaces=cookie_secret(request), second_factor=True
        )


def _answer(answer: dict[str, Any]) -> tuple[UUID, dict[str, Any]]:
    try:
        challenge_id, credential = UUID(str(answer["challenge_id"])), answer["credential"]
    except (KeyError, ValueError):
        raise Invalid(passkeys.WRONG, field="passkey") from None
    if not isinstance(credential, dict):
        raise Invalid(passkeys.WRONG, field="passkey")
    return challenge_id, credential


def party(request: Request) -> Party:
    """As whom the browser knows us: its Host is one of ours, or the request would not be here."""
    host = request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    return Party(name, f"{'https' if settings().secure else 'http'}://{host}")


def takes_passkeys(request: Request) -> bool:
    """They need a domain: browsers make none for an address in numbers (WebAuthn 5.1.3)."""
    try:
        ip_address(party(request).name)
    except ValueError:
        return True
    return False


def prove(request: Request, actor: Actor, password: str, code: str | None = None) -> Proof:
    """The person is present, by their password (and code); outside of any transaction."""
    return login.reauthenticate(actor, password, client_address(request), code)


def prove_by_passkey(
    session: Session, request: Request, actor: Actor, subject: str, answer: dict[str, Any]
) -> Proof:  # fmt: skip
    """Their device signed `subject`; in the transaction that the proof serves, or it is not used up."""
    challenge_id, credential = _answer(answer)
    return passkeys.prove(session, actor, party(request), challenge_id, credential, subject)
