"""Needs attention: one page for the coordinator, each line with the one act that settles it."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases import attention, desk
from app.cases.attention import Item, Page
from app.cases.slipped import ASSIGNABLE, Kind
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotFound, Refusal
from app.http.actor import Acting
from app.jobs import parked
from app.notifications.again import send_again
from app.people.models import Organization, Person
from app.referrals import discarded
from app.reports.remind import remind
from app.reports.send_on import elsewhere, send_on
from app.reviews import claim, decline, files, step, submit
from app.studies import conflicts
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.states import who_was_first
from app.web.words import speech_of

router = APIRouter(prefix="/attention", include_in_schema=False)
ROWS = 100
OFF_THE_LIST = "Refused; taken off the list."
TAKEN = "Somebody else was first: this is settled already."


@router.get("")
def show_attention(
    request: Request, who: Acting, cursor: Annotated[str | None, Query(max_length=300)] = None
) -> Response:
    return _page(request, who, cursor)


@router.post("/{act}")
def settle(request: Request, who: Acting, act: str, form: Fields) -> Response:
    """Of two who settle the same line one does; the other sees the list as it is now, and who was first."""
    if act not in ACTS and act != "retry":
        raise NotFound
    try:
        if act == "retry":
            _retry(who, form)
        else:
            with transaction(who) as session:
                ACTS[act](session, who, form)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, None, refusal)
    except NotFound:
        return _page(request, who, None, Conflict(TAKEN))
    return see_other("/attention")


def _assign(session: Session, who: Actor, form: Form) -> None:
    review = step.for_reader(session, who, _id(form, "review"), "review.assign")
    claim.assign(session, who, review, _id(form, "person"), claim.Seen.of(form.value("owned_at")))


def _return(session: Session, who: Actor, form: Form) -> None:
    decline.give_back(session, who, step.for_reader(session, who, _id(form, "review"), "review.assign"))


def _remind(session: Session, who: Actor, form: Form) -> None:
    remind(session, who, submit.for_change(session, who, _id(form, "referral")))


def _withdraw(session: Session, who: Actor, form: Form) -> None:
    files.withdraw(session, who, _id(form, "referral"), _id(form, "file"), OFF_THE_LIST)


def _settle(session: Session, who: Actor, form: Form) -> None:
    conflicts.settle(session, who, _id(form, "conflict"))


def _send_again(session: Session, who: Actor, form: Form) -> None:
    send_again(session, who, _id(form, "mail"))


def _send_on(session: Session, who: Actor, form: Form) -> None:
    send_on(session, who, step.for_reader(session, who, _id(form, "review"), "review.assign"), _id(form, "elsewhere"))


def _note(session: Session, who: Actor, form: Form) -> None:
    discarded.note(session, who, _id(form, "discard"))


ACTS: dict[str, Callable[[Session, Actor, Form], None]] = {
    "assign": _assign, "return": _return, "remind": _remind, "withdraw": _withdraw, "send-again": _send_again,
    "send-on": _send_on, "settle": _settle, "note": _note,
}  # fmt: skip


def _retry(who: Actor, form: Form) -> None:
    job_id, given_up = form.value("job"), parked.parked()
    with reading(who) as session:
        attention.require_mine(session, who, given_up, job_id)
    parked.retry(who, job_id)


def _page(request: Request, who: Actor, cursor: str | None, refusal: Refusal | None = None) -> Response:
    given_up = parked.parked()
    with reading(who) as session:
        page = attention.page(session, who, given_up, cursor=cursor, limit=ROWS)
        readers, others = _readers(session, page), _elsewhere(session, page)
        here = desk.clock_of(session, who)
    said = who_was_first(refusal, speech_of(request, who), here) if refusal else ""
    return render(
        request, who, "attention.html", status_of(refusal) if refusal else 200, groups=_groups(page), readers=readers,
        elsewhere=others, next=page.next_cursor, said=said, is_later=cursor is not None,
    )  # fmt: skip


def _groups(page: Page) -> list[tuple[Kind, list[Item]]]:
    by_kind = [(kind, [one for one in page.items if one.kind is kind]) for kind in Kind]
    return [(kind, items) for kind, items in by_kind if items]


def _readers(session: Session, page: Page) -> dict[UUID, list[Person]]:
    """To whom a line's review can be given, by the organization that reads it."""
    asked = {one.subject.reading_organization_id for one in page.items if one.kind in ASSIGNABLE}
    return {each: desk.readers(session, each) for each in asked}


def _elsewhere(session: Session, page: Page) -> dict[UUID, list[Organization]]:
    """To which other organizations a declined review can go."""
    declined = [one.subject for one in page.items if one.kind is Kind.DECLINED]
    return {review.id: elsewhere(session, review) for review in declined}


def _id(form: Form, name: str) -> UUID:
    try:
        return UUID(form.value(name))
    except ValueError:
        raise NotFound from None
