"""The page of a pregnancy: its one date, the fetuses that were measured, and the acts of dating, for both sides."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor
from app.cases.case import OF_REFERRAL, note_opened
from app.db import reading, transaction
from app.errors import Conflict, Invalid, Refusal
from app.http.actor import Acting
from app.http.idempotency import Once, RequestKey, once
from app.languages import LANGUAGES, Speech, speech
from app.referrals import date_pregnancy
from app.referrals.date_pregnancy import may_date, stated
from app.referrals.given_dating import GivenDating
from app.referrals.models import Referral
from app.reports import fetal
from app.studies import redate
from app.studies.growth import Growth, growth, series
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)
PATH = "/referrals/{referral_id}/pregnancy"
# basis -> where the form's one date goes, and its one number
GOES: dict[str, tuple[str, str]] = {
    "lmp": ("lmp", ""), "art": ("transferred_on", "embryo_days"), "conceived": ("conceived_on", ""),
    "crl": ("examined_on", "crl_mm"), "stated": ("edd", ""), "scan": ("", ""), "clinic": ("", ""),
}  # fmt: skip


@router.get(PATH)
def show_pregnancy(
    referral_id: UUID,
    who: Acting,
    request: Request,
    room: Annotated[UUID | None, Query()] = None,
    *,
    part: bool = False,
) -> Response:
    """`part` alone is what the reading room shows again when something was measured."""
    return _page(request, who, referral_id, room, Form(), part=part)


@router.post(PATH)
def date_it(referral_id: UUID, who: Acting, request: Request, form: Fields, key: Once) -> Response:
    def act(session: Session, referral: Referral) -> UUID:
        return redate.by_hand(session, who, referral, _given(form)).id

    return _done(request, who, referral_id, form, key, act)


@router.post(PATH + "/accept")
def accept(referral_id: UUID, who: Acting, request: Request, form: Fields, key: Once) -> Response:
    def act(session: Session, referral: Referral) -> UUID:
        edd, number = _date(form, "edd"), _number(form)
        return redate.accept(session, who, referral, edd=edd, number=number).id

    return _done(request, who, referral_id, form, key, act)


@router.post(PATH + "/join")
def join(referral_id: UUID, who: Acting, request: Request, form: Fields, key: Once) -> Response:
    def act(session: Session, referral: Referral) -> UUID:
        try:
            known = UUID(form.value("pregnancy_id"))
        except ValueError:
            raise Invalid("This pregnancy is not this patient's.", field="pregnancy_id") from None
        return date_pregnancy.join(session, who, referral, known).id

    return _done(request, who, referral_id, form, key, act)


@router.post(PATH + "/day")
def say_day(referral_id: UUID, who: Acting, request: Request, form: Fields, key: Once) -> Response:
    def act(session: Session, referral: Referral) -> UUID:
        date_pregnancy.say_day(session, who, referral, _date(form, "examined_on"))
        return referral.id

    return _done(request, who, referral_id, form, key, act)


@router.post(PATH + "/end")
def end(referral_id: UUID, who: Acting, request: Request, form: Fields, key: Once) -> Response:
    def act(session: Session, referral: Referral) -> UUID:
        return date_pregnancy.end(session, who, referral, _date(form, "ended_on")).id

    return _done(request, who, referral_id, form, key, act)


def words_of(spoken: Speech) -> dict[str, Any]:
    """What the panel says, for the pages that show it."""
    return {
        "age_line": lambda found: fetal.age_line(found, spoken),
        "dated_lines": lambda found: {code: fetal.dated_line(found, speech(code)) for code in LANGUAGES},
        "fetus_lines": lambda one: {code: " · ".join(fetal.fetus_lines(one, speech(code))) for code in LANGUAGES},
        "size_line": lambda one: fetal.size_line(one, spoken), "machine_line": lambda one: fetal.machine_line(one, spoken),
        "corresponds_line": lambda one: fetal.corresponds_line(one, spoken),
        "weight_line": lambda one, approximate: fetal.weight_line(one, spoken, approximate=approximate),
        "fetus_line": lambda one: " · ".join(fetal.fetus_lines(one, spoken)),
        "proposal_line": lambda found: fetal.proposal_line(found, spoken), "rests_on": lambda one: fetal.rests_on(one, spoken),
        "weeks_words": lambda age: fetal.weeks(age.weeks * 7 + age.days, spoken), "stated_by": stated,
    }  # fmt: skip


def is_about(referral: Referral) -> bool:
    """Whether there is or may be a pregnancy to show."""
    return bool(referral.exam_type.startswith("ob-") or referral.obstetric or referral.pregnancy_id)


def _done(
    request: Request, who: Actor, referral_id: UUID, form: Form, key: RequestKey | None,
    act: Callable[[Session, Referral], UUID],
) -> Response:  # fmt: skip
    """Do it and go back to where it was pressed, or show the page with the sentence and what was typed."""
    room = _uuid(form.value("room"))
    try:
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                done.keep(303, act(session, redate.for_dating(session, who, referral_id)))
    except (Invalid, Conflict) as refusal:
        return _page(request, who, referral_id, room, form, refusal)
    return see_other(f"/reviews/{room}#pregnancy" if room else f"/referrals/{referral_id}/pregnancy")


def _page(
    request: Request, who: Actor, referral_id: UUID, room: UUID | None, form: Form, refusal: Refusal | None = None, *,
    part: bool = False,
) -> Response:  # fmt: skip
    with reading(who) as session:
        referral = scope.get(session, Referral, referral_id, who, *OF_REFERRAL)
        found: Growth = growth(session, who, referral)
        earlier = series(session, who, referral)
    note_opened(who, referral)
    spoken = speech_of(request, who)
    said = spoken.gettext(refusal.sentence) if refusal else ""
    return render(
        request, who, "pregnancy_panel.html" if part else "pregnancy.html", status_of(refusal) if refusal else 200,
        referral=referral, growth=found, earlier=earlier, form=form, said=said, back=room, may_date=may_date(who, referral),
        **words_of(spoken),
    )  # fmt: skip


def _given(form: Form) -> GivenDating:
    """One date and one number, whose meaning goes with what it rests on."""
    basis = form.value("basis")
    if basis not in GOES:
        raise Invalid("Say what the date rests on.", field="basis")
    day, number = GOES[basis]
    given: dict[str, Any] = {"basis": "art" if basis == "conceived" else basis, "number": _number(form)}
    given["another"] = bool(form.value("another"))
    if day:
        given[day] = _date(form, "day")
    if number:
        given[number] = form.value("amount").strip().replace(",", ".") or None
    if basis == "lmp":
        given["lmp_certain"] = not form.value("uncertain")
    try:
        return GivenDating.model_validate(given)
    except ValidationError:
        raise Invalid("Give the number too: the CRL in mm, or the days of the embryo.", field="amount") from None


def _date(form: Form, name: str) -> date:
    try:
        return date.fromisoformat(form.value(name).strip())
    except ValueError:
        raise Invalid("Give the date.", field=name) from None


def _number(form: Form) -> int:
    text = form.value("number")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
