"""What a reader does with a review by forms: claim, release, hold, decline, assign, save."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi import Form as FormData
from pydantic import BeforeValidator
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases import desk
from app.db import reading, transaction
from app.errors import Conflict, Invalid
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.languages import Speech
from app.people.models import Organization
from app.referrals.given import clean
from app.reports import draft
from app.reports.draft import GivenDraft, GivenText
from app.reports.send_on import send_on
from app.reviews import claim, decline, hold, step
from app.reviews.models import Review
from app.studies import machine
from app.web import room, sheet
from app.web.forms import Fields, Form
from app.web.pages import by_htmx, render, see_other
from app.web.room import Outcome
from app.web.states import clock, who_was_first
from app.web.words import speech_of
from app.web.worklist import row_of

router = APIRouter(include_in_schema=False)
Field = Annotated[str, BeforeValidator(clean), FormData(max_length=20_000)]
Named = Annotated[list[UUID] | None, FormData()]  # files of the case that a message is about


class Written(GivenText):
    """The form that the report is written in."""

    tag: str = ""  # of the draft that it was typed into
    images: str = ""  # digest of those that were shown beside it
    then: str = "save"

    def text(self, form: Form) -> GivenDraft:
        """With what is ticked and marked in the same form."""
        given: dict[str, Any] = self.model_dump(include=set(GivenText.model_fields))
        if "template" in form.given:
            given["form"] = sheet.ticked(form)
        if "key_images" in form.given:
            given["key_images"] = sheet.key_images(form)
        return GivenDraft.model_validate(given)


@router.post("/reviews/{review_id}/claim")
def claim_review(
    review_id: UUID, who: Acting, request: Request, written: Annotated[Written, FormData()], form: Fields
) -> Response:
    """What was typed before claiming comes along; a race lost says who and when, and gives it back."""
    typed = written.text(form)
    try:
        with transaction(who) as session:
            review = step.for_reader(session, who, review_id)
            claim.claim(session, who, review)
            if _has_text(typed) and draft.open_draft(draft.report_of(session, review)) is None:
                draft.save(session, who, review, typed, None)
    except Conflict as lost:
        if by_htmx(request):
            return _row(request, who, review_id, None, 409)
        here = room.entered(who, review_id)
        sentence = _who_has_it(
            here.review, here.case.referral.reading_organization, speech_of(request, who)
        ) or speech_of(request, who).gettext(lost.sentence)
        return room.room_page(request, who, here, Outcome(sentence, typed=typed, status=409))
    if by_htmx(request):
        return _row(request, who, review_id, speech_of(request, who).gettext("It is yours."))
    return see_other(f"/reviews/{review_id}")


@router.post("/reviews/{review_id}/release")
def release_review(review_id: UUID, who: Acting, request: Request) -> Response:
    def act(session: Session, review: Review) -> None:
        claim.release(session, who, review)

    return _done(request, who, review_id, act, "/worklist")


@router.post("/reviews/{review_id}/assign")
def assign_review(
    review_id: UUID, who: Acting, request: Request, person_id: Annotated[UUID, FormData()],
    owned_at: Annotated[str, FormData(max_length=40)] = "",
) -> Response:  # fmt: skip
    """`owned_at` as the page showed it: of two who give it to somebody one does."""

    def act(session: Session, review: Review) -> None:
        claim.assign(session, who, review, person_id, claim.Seen.of(owned_at))

    return _done(request, who, review_id, act, "/worklist", right="review.assign")


@router.post("/reviews/{review_id}/return")
def return_review(review_id: UUID, who: Acting, request: Request) -> Response:
    def act(session: Session, review: Review) -> None:
        decline.give_back(session, who, review)

    return _done(request, who, review_id, act, "/worklist", right="review.assign")


@router.post("/reviews/{review_id}/send-on")
def send_review_on(
    review_id: UUID, who: Acting, request: Request, reading_organization_id: Annotated[UUID, FormData()]
) -> Response:
    def act(session: Session, review: Review) -> None:
        send_on(session, who, review, reading_organization_id)

    return _done(request, who, review_id, act, "/worklist", right="review.assign")


@router.post("/reviews/{review_id}/hold")
def hold_review(
    review_id: UUID, who: Acting, request: Request, key: Once, text: Field = "", file_id: Named = None
) -> Response:
    """Ask the referrer for more, about these files or without."""

    def act(session: Session, review: Review) -> None:
        done = once(session, key)
        if not done.before:
            hold.hold(session, who, review, text.strip(), file_id or [])
            done.keep(303, review.id)

    return _done(request, who, review_id, act, f"/reviews/{review_id}", said=Outcome(reason=text))


@router.post("/reviews/{review_id}/machine")
def accept_of_machine(
    review_id: UUID,
    who: Acting,
    instance_id: Annotated[UUID, FormData()],
    machine_key: Annotated[str, FormData(max_length=200)],
) -> Response:
    """A number of the machine's becomes the reader's."""
    with transaction(who) as session:
        step.for_reader(session, who, review_id)
        machine.accept(session, who, instance_id, machine_key)
    return see_other(f"/reviews/{review_id}#machine")


@router.post("/reviews/{review_id}/decline")
def decline_review(
    review_id: UUID, who: Acting, request: Request, key: Once, reason: Field = "", advice: Field = ""
) -> Response:
    def act(session: Session, review: Review) -> None:
        done = once(session, key)
        if not done.before:
            decline.decline(session, who, review, reason.strip(), advice.strip())
            done.keep(303, review.id)

    return _done(request, who, review_id, act, "/worklist", said=Outcome(reason=reason, advice=advice))


@router.post("/reviews/{review_id}/report")
def save_report(
    review_id: UUID, who: Acting, request: Request, written: Annotated[Written, FormData()], form: Fields
) -> Response:
    """Save without script; text that somebody else saved in between is shown beside one's own."""
    typed = written.text(form)
    try:
        with transaction(who) as session:
            review = step.for_reader(session, who, review_id)
            here = draft.open_draft(draft.report_of(session, review))
            revision = None if here is None else here.revision if written.tag == room.tag(here) else -1
            draft.save(session, who, review, typed, revision)
    except Conflict as refusal:
        current = refusal.facts.get("current")
        theirs = GivenDraft.model_validate({**current, "key_images": None}) if isinstance(current, dict) else None
        said = Outcome(
            speech_of(request, who).gettext(refusal.sentence), typed=typed, theirs=theirs, status=412 if theirs else 409
        )
        return room.room_page(request, who, room.entered(who, review_id), said)
    return see_other(
        f"/reviews/{review_id}" + (f"/sign?images={quote(written.images)}" if written.then == "sign" else "#report")
    )


def _done(
    request: Request, who: Actor, review_id: UUID, act: Callable[[Session, Review], None], then: str, *,
    right: str = "review.read", said: Outcome | None = None,
) -> Response:  # fmt: skip
    """Do it and go on, or show the room again with the sentence and what was typed."""
    try:
        with transaction(who) as session:
            act(session, step.for_reader(session, who, review_id, right))
    except (Conflict, Invalid) as refusal:
        kept = said or Outcome()
        status = 409 if isinstance(refusal, Conflict) else 422
        here = room.entered(who, review_id)
        said_again = who_was_first(refusal, speech_of(request, who), here.case.referral.reading_organization)
        again = Outcome(said_again, refusal.field, reason=kept.reason, advice=kept.advice, status=status)
        return room.room_page(request, who, here, again)
    return see_other(then)


def _row(request: Request, who: Actor, review_id: UUID, sentence: str | None, status: int = 200) -> Response:
    """The row of the worklist as it is now; without a sentence, with who has it."""
    speech = speech_of(request, who)
    with reading(who) as session:
        review = step.loaded(session, who, review_id)
        row, here = row_of(session, who, review, speech), desk.clock_of(session, who)
    said = sentence or _who_has_it(review, here or review.referral.reading_organization, speech)
    return render(request, who, "worklist_claimed.html", status, row=row, said=said, clock=here)


def _who_has_it(review: Review, organization: Organization, speech: Speech) -> str:
    """'Dr Okello has had this review since 14:03'; nothing where nobody has."""
    if review.owner is None or review.owned_at is None:
        return ""
    time = clock(review.owned_at, speech, organization)
    return speech.gettext("{name} has had this review since {time}.").format(name=review.owner.name, time=time)


def _has_text(typed: GivenDraft) -> bool:
    return bool(typed.findings or typed.impression or typed.recommendation or (typed.form and typed.form.answers))
