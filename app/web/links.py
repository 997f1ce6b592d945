"""Links that let somebody in: GET shows a form, only POST acts, for mail scanners open what they see."""

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access import demo, invite, links, login, passwords, relate, setup
from app.access.actor import NOBODY
from app.access.login import Entered
from app.access.models import Link
from app.config import settings
from app.db import reading, transaction
from app.errors import Conflict, Invalid
from app.http.actor import Acting, browser_name, cookie_secret, give_cookie
from app.languages import LANGUAGES
from app.people.models import Organization, Person, Role
from app.web.entry import Perhaps, offer
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.refusals import second_factor_path
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.get("/enter/{secret}")
def show_demo(request: Request, secret: str) -> Response:
    with reading(NOBODY) as session:
        link = links.look(session, "demo", secret)
        person = session.get_one(Person, link.person_id)
    return render(request, None, "enter.html", person=person)


@router.post("/enter/{secret}")
def enter_demo(request: Request, secret: str) -> Response:
    with transaction(NOBODY) as session:
        entered = demo.enter(session, secret, browser=browser_name(request), replaces=cookie_secret(request))
    return _inside(entered, "/")


@router.get("/set-up/{secret}")
def show_set_up(request: Request, secret: str) -> Response:
    with reading(NOBODY) as session:
        links.look(session, "setup", secret)
    form = Form({"time_zone": "UTC", "language": speech_of(request, None).language})
    return render(request, None, "set_up.html", form=form, least=_least(), zones=_zones())


@router.post("/set-up/{secret}")
def set_up(request: Request, secret: str, form: Fields) -> Response:
    """The first organization and its administrator; the rest can wait."""
    with reading(NOBODY) as session:
        links.look(session, "setup", secret)
    asked = ("organization", "time_zone", "name", "email", "password")
    if wrong := setup.mistakes(**{name: form.value(name) for name in asked}):
        for refusal in wrong:
            form.refused(refusal, speech_of(request, None))
        return render(request, None, "set_up.html", 422, form=form, least=_least(), zones=_zones())

    def act() -> Entered:
        hashed = passwords.hash_new(form.value("password"), (form.value("name"), form.value("email")))
        with transaction(NOBODY) as session:
            person = setup.complete(
                session, secret, organization=form.value("organization"), time_zone=form.value("time_zone"),
                language=_language(form), name=form.value("name"), email=form.value("email"), password_hash=hashed,
                roles=[Role(each) for each in form.values("role") if each in ("referrer", "reviewer", "coordinator")],
            )  # fmt: skip
            return _enter(session, request, person)

    return _let_in(request, act, "/organization/first-steps", "set_up.html", form, zones=_zones())


@router.get("/invitation/{secret}")
def show_invitation(request: Request, secret: str, who: Perhaps) -> Response:
    return render(request, who, "invitation.html", form=Form(), **_invitation(secret), least=_least())


@router.post("/invitation/{secret}")
def accept_invitation(request: Request, secret: str, who: Perhaps, form: Fields) -> Response:
    """As somebody new, or with the account one is signed in with."""
    found = _invitation(secret)
    if who is not None and form.value("join"):
        with transaction(who) as session:
            invite.join(session, who, secret)
        return see_other("/")

    def act() -> Entered:
        hashed = passwords.hash_new(form.value("password"), (form.value("name"), found["email"]))
        with transaction(NOBODY) as session:
            return _enter(session, request, invite.accept(session, secret, form.value("name"), hashed))

    return _let_in(request, act, "/", "invitation.html", form, **found)


@router.get("/new-password/{secret}")
def show_new_password(request: Request, secret: str) -> Response:
    with reading(NOBODY) as session:
        links.look(session, "password", secret)
    return render(request, None, "new_password.html", form=Form(), least=_least())


@router.post("/new-password/{secret}")
def choose_password(request: Request, secret: str, form: Fields) -> Response:
    """Then they sign in with it, and with their second factor."""
    with reading(NOBODY) as session:
        person = session.get_one(Person, links.look(session, "password", secret).person_id)
    try:
        hashed = passwords.hash_new(form.value("password"), (person.name, person.email))
    except Invalid as refusal:
        form.refused(refusal, speech_of(request, None))
        return render(request, None, "new_password.html", 422, form=form, least=_least())
    with transaction(NOBODY) as session:
        invite.choose_password(session, secret, hashed)
    return see_other("/sign-in")


@router.get("/reads-for-us/{secret}")
def show_reading_offer(request: Request, secret: str, who: Acting) -> Response:
    with reading(who) as session:
        link = links.look(session, "reading", secret)
        offering = session.get_one(Organization, link.organization_id)
        mine = sa.select(Organization).where(Organization.id.in_(who.organizations_for("organization.administer")))
        own = list(session.scalars(mine.order_by(Organization.name)))
    return render(request, who, "reading_offer.html", offering=offering, own=own)


@router.post("/reads-for-us/{secret}")
def accept_reading_offer(secret: str, who: Acting, form: Fields) -> Response:
    mine = {str(each): each for each in who.organizations_for("organization.administer")}
    if form.value("organization_id") not in mine:
        raise Invalid("Only an administrator can agree to this for their organization.")
    with transaction(who) as session:
        relate.accept_reading(session, who, secret, mine[form.value("organization_id")])
    return see_other("/organization/reading")


def _invitation(secret: str) -> dict[str, Any]:
    with reading(NOBODY) as session:
        link: Link = links.look(session, "invitation", secret)
        organization = session.get_one(Organization, link.organization_id)
        known = session.scalar(sa.select(Person.id).where(Person.email == link.email)) is not None
    return {"email": link.email or "", "role": link.role, "organization": organization, "known": known,
            "here": links.path("invitation", secret)}  # fmt: skip


def _enter(session: Session, request: Request, person: Person) -> Entered:
    return login.enter(session, person, browser=browser_name(request), replaces=cookie_secret(request))


def _let_in(
    request: Request, act: Callable[[], Entered], path: str, template: str, form: Form, **shown: Any
) -> Response:
    """What the form asks for, or the form again with what is wrong."""
    try:
        entered = act()
    except (Invalid, Conflict) as refusal:
        form.refused(refusal, speech_of(request, None))
        return render(request, None, template, status_of(refusal), form=form, least=_least(), **shown)
    return _inside(entered, path)


def _inside(entered: Entered, path: str) -> Response:
    if entered.needs_second_factor:
        offer(entered)
        path = second_factor_path(path)
    response = see_other(path)
    give_cookie(response, entered.secret)
    return response


def _language(form: Form) -> str:
    return form.value("language") if form.value("language") in LANGUAGES else "en"


def _zones() -> list[str]:
    """Continent and city; the rest are other names of these, or fixed offsets."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))


def _least() -> int:
    return passwords.WITH_SECOND_FACTOR if settings().require_second_factor else passwords.ALONE
