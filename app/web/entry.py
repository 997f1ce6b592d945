"""Signing in with password and code, setting up the second factor, signing out."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup

from app.access import login, setup, totp
from app.access.actor import NOBODY, Actor
from app.access.login import Entered
from app.access.tries import TooManyTries
from app.db import reading, transaction
from app.errors import Conflict, Invalid
from app.http import entry
from app.http.actor import give_cookie, perhaps, signed_in, take_cookie
from app.web.forms import Fields, Form, status_of
from app.web.pages import by_htmx, render, see_other
from app.web.refusals import second_factor_path
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)
# Whoever is signed in, a second factor still missing or not.
Present = Annotated[Actor, Depends(signed_in)]
# A header holds no other letters; these are the ones that mean something in an address (RFC 3986 2.2).
KEPT = ":/%#?=@[]!$&'()*+,;"
Perhaps = Annotated[Actor | None, Depends(perhaps)]


@router.get("/sign-in")
def show_sign_in(request: Request, who: Perhaps, next: str = "/") -> Response:  # noqa: A002 - the word in the address
    if who is not None:
        return see_other(safe_path(next))
    with reading(NOBODY) as session:
        is_empty = setup.is_empty(session)
    return render(request, None, "sign_in.html", form=Form({"next": next}), code_wanted=False, is_empty=is_empty)


@router.post("/sign-in")
def sign_in(request: Request, form: Fields) -> Response:
    """Where a code is wanted, script adds its field beside the password that stays typed."""
    try:
        entered = entry.sign_in(
            request, form.value("email"), form.value("password"), form.value("code").strip() or None
        )
    except (Invalid, TooManyTries) as refusal:
        return _asked_again(request, form, refusal)
    response = _onward(request, entered, safe_path(form.value("next")))
    give_cookie(response, entered.secret)
    return response


@router.post("/sign-in/passkey-options")
def ask_for_passkey(request: Request) -> dict[str, Any]:
    return entry.ask_for_passkey(request)


@router.post("/sign-in/passkey")
def sign_in_by_passkey(request: Request, response: Response, answer: dict[str, Any]) -> dict[str, str]:
    """Where to go on, for the script that asked the device."""
    entered = entry.sign_in_by_passkey(request, answer)
    give_cookie(response, entered.secret)
    return {"next": quote(safe_path(str(answer.get("next") or "/")), safe=KEPT)}


def _asked_again(request: Request, form: Form, refusal: Invalid | TooManyTries) -> Response:
    code_wanted = refusal.field == "code" or bool(form.value("code"))
    form.refused(refusal, speech_of(request, None))
    status = status_of(refusal)
    block = "step" if by_htmx(request) else ""
    return render(
        request, None, "sign_in.html", status, block=block, form=form, code_wanted=code_wanted, is_empty=False
    )


def _onward(request: Request, entered: Entered, path: str) -> Response:
    if entered.needs_second_factor:
        offer(entered)
        path = second_factor_path(path)
    if by_htmx(request):
        return Response(headers={"HX-Redirect": quote(path, safe=KEPT)})
    return see_other(path)


def offer(entered: Entered) -> None:
    """Whoever has no second factor yet finds one offered on the page they are led to."""
    actor = Actor("person", entered.person.id, entered.person.name, sign_in_id=entered.sign_in.id)
    with transaction(actor) as session:
        totp.enrol(session, actor)


def safe_path(path: str) -> str:
    """A path of ours: browsers read `//host` and `/\\host` as another site."""
    ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if ours and not path.startswith("/sign-") else "/"


@router.post("/sign-out")
def sign_out(who: Perhaps) -> Response:
    if who is not None and who.sign_in_id is not None:
        with transaction(who) as session:
            login.sign_out(session, who)
    response = see_other("/sign-in")
    take_cookie(response)
    return response


@router.get("/second-factor")
def show_second_factor(request: Request, who: Present, next: str = "/") -> Response:  # noqa: A002 - as above
    return _second_factor(request, who, Form({"next": next}))


@router.post("/second-factor/begin")
def begin_second_factor(who: Present, form: Fields) -> Response:
    with transaction(who) as session:
        totp.enrol(session, who)
    return see_other(second_factor_path(safe_path(form.value("next") or "/")))


@router.post("/second-factor")
def confirm_second_factor(request: Request, who: Present, form: Fields) -> Response:
    """From now on the code is asked for; this sign-in has a new secret, for it is trusted more."""
    try:
        with transaction(who) as session:
            totp.confirm(session, who, form.value("code"))
            secret = login.renew(session, who)
    except Invalid as refusal:
        return _second_factor(request, who, form.refused(refusal, speech_of(request, who)), 422)
    response = see_other(safe_path(form.value("next") or "/"))
    give_cookie(response, secret)
    return response


def _second_factor(request: Request, who: Actor, form: Form, status: int = 200) -> Response:
    try:
        with reading(who) as session:
            offered = totp.offered(session, who)
    except Conflict:
        return render(request, who, "second_factor.html", status, form=form, offered=None, qr="")
    # Drawn by us from our own address; no text of anybody's is in it.
    drawn = Markup(offered.qr_svg)  # noqa: S704 - see above
    return render(request, who, "second_factor.html", status, form=form, offered=offered, qr=drawn)
