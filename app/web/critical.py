"""A critical finding: one press in the reading room, the record of who told whom, and the clinic's read-back."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, Field

from app.access import scope
from app.access.actor import Actor
from app.cases.case import note_opened
from app.db import now, reading, transaction
from app.errors import Conflict, Invalid, Refusal
from app.http.actor import Acting
from app.http.etag import unless_known
from app.http.idempotency import Once, once
from app.people.models import Organization
from app.referrals.given import Line, Text
from app.reports import critical
from app.reports.critical import Said
from app.reports.critical_finding import SPOKEN, CriticalFinding, of_referral
from app.reports.critical_list import Grade, offered
from app.reviews import step
from app.web import room
from app.web.forms import status_of
from app.web.pages import render, see_other
from app.web.referring import local_time

router = APIRouter(include_in_schema=False)


class Pressed(BaseModel):
    """A line of the list, or 'other' with what it is and how soon."""

    finding: Annotated[str, Field(max_length=30)] = ""
    words: Line = ""
    grade: str = ""


class Spoken(BaseModel):
    received_by: Line = ""
    communicated_by: Line = ""
    received_at: Annotated[str, Field(max_length=40)] = ""
    method: str = ""
    is_read_back: bool = False


@router.get("/reviews/{review_id}/critical")
def show_critical(review_id: UUID, who: Acting, request: Request) -> Response:
    return _page(request, who, review_id)


@router.get("/reviews/{review_id}/critical/now")
def show_now(review_id: UUID, who: Acting, request: Request) -> Response:
    """While one telephones: who has opened it meanwhile, and whether it was said back."""
    with reading(who) as session:
        review = step.for_reader(session, who, review_id, "review.list")
        criticals, told_of = of_referral(session, review.referral_id), critical.told_of(session, review.referral_id)
    note_opened(who, review.referral)
    answer = render(request, who, "critical_now.html", referral=review.referral, criticals=criticals, told_of=told_of)
    return unless_known(request, answer)


@router.post("/reviews/{review_id}/critical")
def raise_it(
    review_id: UUID, who: Acting, request: Request, key: Once, pressed: Annotated[Pressed, Form()]
) -> Response:
    """The press: the site is told, and the record is there to be filled in while one telephones."""
    code = "" if pressed.finding == "other" else pressed.finding
    try:
        with transaction(who) as session:
            done = once(session, key)
            review = step.for_reader(session, who, review_id, "critical.raise")
            if not done.before:
                found = critical.raise_finding(session, who, review, code, pressed.words, pressed.grade)
                done.keep(303, found.id)
    except Invalid as refusal:
        return _page(request, who, review_id, refusal, typed=pressed)
    return see_other(f"/reviews/{review_id}/critical")


@router.post("/critical-findings/{finding_id}/communicate")
def communicate(
    finding_id: UUID, who: Acting, request: Request, key: Once, spoken: Annotated[Spoken, Form()]
) -> Response:
    found = _known(who, finding_id)
    try:
        with transaction(who) as session:
            done = once(session, key)
            found = critical.for_change(session, who, finding_id)
            if not done.before:
                zone = session.get_one(Organization, found.reading_organization_id).time_zone
                at = local_time(spoken.received_at, zone, "received_at")
                said = Said(**spoken.model_dump(exclude={"received_at"}), received_at=at)
                critical.communicate(session, who, found, said)
                done.keep(303, found.id)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, found.review_id, refusal, of=finding_id, spoken=spoken)
    return see_other(f"/reviews/{found.review_id}/critical")


@router.post("/critical-findings/{finding_id}/withdraw")
def withdraw(
    finding_id: UUID, who: Acting, request: Request, key: Once, reason: Annotated[Text, Form()] = ""
) -> Response:
    found = _known(who, finding_id)
    try:
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                critical.withdraw(session, who, critical.for_change(session, who, finding_id), reason)
                done.keep(303, finding_id)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, found.review_id, refusal, of=finding_id)
    return see_other(f"/reviews/{found.review_id}/critical")


@router.post("/critical-findings/{finding_id}/read-back")
def read_back(finding_id: UUID, who: Acting, key: Once, text: Annotated[Text, Form()] = "") -> Response:
    """The clinic's: what they were told, in their own words."""
    found = _known(who, finding_id)
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            critical.read_back(session, who, critical.for_change(session, who, finding_id), text)
            done.keep(303, finding_id)
    return see_other(f"/referrals/{found.referral_id}#critical")


def _known(who: Actor, finding_id: UUID) -> CriticalFinding:
    with reading(who) as session:
        return scope.get(session, CriticalFinding, finding_id, who)


def _page(
    request: Request, who: Actor, review_id: UUID, refusal: Refusal | None = None, *, typed: Pressed | None = None,
    of: UUID | None = None, spoken: Spoken | None = None,
) -> Response:  # fmt: skip
    """The list, and the record of each finding with whom to call; what was typed stays."""
    here = room.entered(who, review_id)
    referral, reader = here.case.referral, here.case.referral.reading_organization
    with reading(who) as session:
        told_of = critical.told_of(session, referral.id)
    lines = offered(reader, referral.exam_type)
    return render(
        request, who, "critical.html", status_of(refusal) if refusal else 200, room=here, review=here.review,
        referral=referral, patient=referral.patient, case=here.case, left=room.left(request, who, here),
        changed=room.UNCHANGED, grades=[(grade, [one for one in lines if one.grade == grade]) for grade in Grade],
        told_of=told_of, refusal=refusal, typed=typed or Pressed(), of=of, spoken=spoken or Spoken(), methods=SPOKEN,
        here_now=f"{now().astimezone(ZoneInfo(reader.time_zone)):%Y-%m-%dT%H:%M}",
        may_raise=who.may("critical.raise", reader.id), may_communicate=who.may("critical.communicate", reader.id),
    )  # fmt: skip
