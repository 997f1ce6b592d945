"""A second opinion: asked in the reading room, given on a page of its own with the case's images."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from app.access.actor import Actor
from app.cases import case as cases
from app.cases import sights
from app.db import reading, transaction
from app.errors import Conflict, Invalid, Refusal
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.referrals.given import Text
from app.reviews import opinion, step
from app.web import room
from app.web.forms import status_of
from app.web.pages import render, see_other
from app.web.room import Outcome
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.post("/reviews/{review_id}/opinions")
def ask(
    review_id: UUID, who: Acting, request: Request, key: Once, question: Annotated[Text, Form()] = "",
    whom: Annotated[str, Form(max_length=60)] = "",
) -> Response:  # fmt: skip
    """`whom` is `person:` or `organization:` and its id, as the list of both says."""
    kind, _, row_id = whom.partition(":")
    try:
        with transaction(who) as session:
            done = once(session, key)
            review = step.for_reader(session, who, review_id)
            if not done.before:
                asked = {f"{kind}_id": _id(row_id)} if kind in ("person", "organization") else {}
                made = opinion.ask(session, who, review, question, **asked)
                done.keep(303, made.id)
    except (Conflict, Invalid) as refusal:
        said = Outcome(speech_of(request, who).gettext(refusal.sentence), "opinion", status=status_of(refusal))
        return room.room_page(request, who, room.entered(who, review_id), said)
    return see_other(f"/reviews/{review_id}#opinions")


@router.post("/opinions/{opinion_id}/withdraw")
def withdraw(opinion_id: UUID, who: Acting) -> Response:
    with transaction(who) as session:
        asked = opinion.for_change(session, who, opinion_id)
        opinion.withdraw(session, who, asked)
    return see_other(f"/reviews/{asked.review_id}#opinions")


@router.get("/opinions/{opinion_id}")
def show(opinion_id: UUID, who: Acting, request: Request) -> Response:
    return _page(request, who, opinion_id)


@router.post("/opinions/{opinion_id}")
def give(
    opinion_id: UUID, who: Acting, request: Request, key: Once, text: Annotated[Text, Form()] = "",
    agrees: Annotated[str, Form(max_length=10)] = "",
) -> Response:  # fmt: skip
    try:
        with transaction(who) as session:
            done = once(session, key)
            asked = opinion.for_change(session, who, opinion_id)
            if not done.before:
                opinion.give(session, who, asked, text, agrees=_chosen(agrees))
                done.keep(303, asked.id)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, opinion_id, refusal, text)
    return see_other("/worklist")


def _page(request: Request, who: Actor, opinion_id: UUID, refusal: Refusal | None = None, typed: str = "") -> Response:
    with transaction(who) as session:
        asked = opinion.get(session, who, opinion_id)
        found = cases.whole(session, who, asked.referral_id)
        cases.opened(session, who, found.referral)
    with reading(who) as session:
        images = sights.of(session, found)
    return render(
        request, who, "opinion.html", status_of(refusal) if refusal else 200, asked=asked, case=found,
        referral=found.referral, sights=images, refusal=refusal, typed=typed,
        may_give=asked.status == "asked" and asked.person_id != who.person_id
        and (asked.asked_person_id in (None, who.person_id)) and who.may("review.read", asked.asked_organization_id),
        in_room=who.may("review.list", found.referral.reading_organization_id),
    )  # fmt: skip


def _chosen(agrees: str) -> bool:
    if agrees not in ("yes", "no"):
        raise Invalid("Say whether you agree.", field="agrees")
    return agrees == "yes"


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("Ask one reader, or one organization.", field="opinion") from None
