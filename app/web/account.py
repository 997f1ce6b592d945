"""One's own account: name and language, password, second factor, passkeys, tokens, and where one is signed in."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access import login, passkeys, passwords, profile, tokens, totp
from app.access.actor import Actor, person_here, person_of
from app.access.tries import TooManyTries
from app.config import settings
from app.db import reading, transaction
from app.errors import Invalid
from app.http import entry
from app.http.actor import Acting, take_cookie
from app.http.idempotency import Once, once
from app.languages import LANGUAGES
from app.people.models import Mails, Person
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
def show(request: Request, who: Acting, done: str = "") -> Response:
    return _page(request, who, done=done if done == "passkey" else "")


@router.post("")
def change_profile(request: Request, who: Acting, form: Fields) -> Response:
    language = form.value("language") if form.value("language") in LANGUAGES else ""
    try:
        with transaction(who) as session:
            profile.change(session, who, name=form.value("name"), language=language)
    except Invalid as refusal:
        return _again(request, who, "profile", form, refusal)
    return see_other("/account")


@router.post("/mails")
def choose_mails(who: Acting, form: Fields) -> Response:
    if (chosen := form.value("mails")) in list(Mails):
        with transaction(who) as session:
            profile.choose_mails(session, who, Mails(chosen))
    return see_other("/account#mails")


@router.post("/password")
def change_password(request: Request, who: Acting, form: Fields) -> Response:
    """With the old one first; every other browser of theirs is signed out."""
    person = _person(who)
    try:
        entry.prove(request, who, form.value("current"))
        hashed = passwords.hash_new(form.value("password"), (person.name, person.email))
    except (Invalid, TooManyTries) as refusal:
        return _again(request, who, "password", form, refusal, current="current")
    with transaction(who) as session:
        login.set_password(session, who, hashed)
    return _page(request, who, done="password")


@router.post("/second-factor/remove")
def remove_second_factor(request: Request, who: Acting, form: Fields) -> Response:
    """Password and code together; where a second factor is required, the next page sets up another."""
    try:
        entry.prove(request, who, form.value("current"), form.value("code"))
    except (Invalid, TooManyTries) as refusal:
        return _again(request, who, "factor", form, refusal, current="current")
    with transaction(who) as session:
        totp.remove(session, who)
        totp.enrol(session, who)
    return see_other("/second-factor")


@router.post("/passkeys/{passkey_id}/remove")
def remove_passkey(who: Acting, passkey_id: UUID) -> Response:
    with transaction(who) as session:
        passkeys.remove(session, who, passkey_id)
    return see_other("/account#passkeys")


@router.post("/tokens")
def make_token(request: Request, who: Acting, form: Fields, key: Once) -> Response:
    """Its secret is in this answer and nowhere else."""
    person_here(who)
    days = form.value("days")
    try:
        entry.prove(request, who, form.value("current"))
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                row, secret = tokens.make(
                    session, who, form.value("token_name"), [form.value("scope") or "read"],
                    days=int(days) if days.isdecimal() else 0,
                )  # fmt: skip
                done.keep(201, row.id)
    except (Invalid, TooManyTries) as refusal:
        return _again(request, who, "token", form, refusal, current="current", name="token_name")
    return _page(request, who, again=True) if done.before else _page(request, who, secret=secret)


@router.post("/tokens/{token_id}/revoke")
def revoke_token(who: Acting, token_id: UUID) -> Response:
    with transaction(who) as session:
        tokens.revoke(session, who, token_id)
    return see_other("/account#tokens")


@router.post("/sign-ins/{sign_in_id}/end")
def end_sign_in(who: Acting, sign_in_id: UUID) -> Response:
    with transaction(who) as session:
        login.sign_out(session, who, sign_in_id)
    return see_other("/account#sign-ins")


@router.post("/sign-out-everywhere")
def sign_out_everywhere(who: Acting) -> Response:
    with transaction(who) as session:
        login.sign_out_everywhere(session, who)
    response = see_other("/sign-in")
    take_cookie(response)
    return response


def browser_words(user_agent: str) -> str:
    """'Firefox, Android': enough to tell one's own browsers apart."""
    browsers = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS": "Mac",
        "Linux": "Linux",
    }
    browser = next((words for sign, words in browsers.items() if f"{sign}/" in user_agent), user_agent[:40])
    system = next((words for sign, words in systems.items() if sign in user_agent), "")
    return ", ".join(part for part in (browser, system) if part)


def _person(who: Actor) -> Person:
    with reading(who) as session:
        return session.get_one(Person, person_of(who))


def _again(
    request: Request, who: Actor, which: str, form: Form, refusal: Invalid | TooManyTries, **names: str
) -> Response:
    """The page again with the sentence in the form that was sent; passwords are never sent back."""
    beside = {"password": names["current"]} if "current" in names and refusal.sentence.startswith("This is not") else {}
    if "name" in names:
        beside["name"] = names["name"]
    form.refused(refusal, speech_of(request, who), beside)
    return _page(request, who, status_of(refusal), **{which: form})


def _page(request: Request, who: Actor, status: int = 200, **forms: Any) -> Response:
    person_here(who)
    with reading(who) as session:
        person = session.get_one(Person, person_of(who))
        own_passkeys = passkeys.listing(session, person.id)
        own_tokens, sign_ins = tokens.listing(session, who), login.sign_ins(session, who)
    shown = {
        "profile": Form({"name": person.name, "language": person.language or ""}), "password": Form(),
        "factor": Form(), "token": Form({"days": str(tokens.DAYS), "scope": "read"}), "secret": "", "again": False, "done": "",
    }  # fmt: skip
    least = passwords.WITH_SECOND_FACTOR if settings().require_second_factor else passwords.ALONE
    return render(
        request, who, "account.html", status, person=person, tokens=own_tokens, sign_ins=sign_ins, least=least,
        browser_words=browser_words, has_factor=totp.is_enrolled(person), passkeys=own_passkeys,
        takes_passkeys=entry.takes_passkeys(request), **{**shown, **forms},
    )  # fmt: skip
