"""A reader's message to the clinic by its form, with files of the reader's own, which go to the spool as they come."""

from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.access.actor import Actor
from app.config import settings
from app.db import reading, transaction
from app.errors import Invalid, Refusal, TooLarge
from app.http.actor import Acting
from app.http.idempotency import FIELD, key_of, once, working_on
from app.http.problems import DoorRefusal
from app.referrals.given import Text
from app.reviews import step
from app.reviews.enclose import admit_enclosure, enclose, keep, refuse_too_many
from app.reviews.models import Review
from app.reviews.say import say
from app.studies.ingest import Admitted
from app.web import room
from app.web.forms import status_of
from app.web.pages import see_other
from app.web.parts import Parts, begun, fed
from app.web.room import Outcome
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


class Written(BaseModel):
    """The fields of the form."""

    note: Text = ""
    file_id: list[UUID] = []  # files of the case that the message is about


@router.post("/reviews/{review_id}/say")
async def say_in_review(review_id: UUID, who: Acting, request: Request) -> Response:
    """Who may write is asked before the first byte; nobody's clock stops by it."""
    review = await to_thread.run_sync(_review, who, review_id)
    parts = await begun(request, settings().max_enclosure_bytes, settings().max_enclosures)
    try:
        async for _ in fed(parts, request.stream()):
            pass
        if not parts.is_complete:
            raise DoorRefusal(400, "The message was cut off on its way. Send it again.")
        return await to_thread.run_sync(_answered, request, who, review, parts)
    finally:
        parts.discard()


def _review(who: Actor, review_id: UUID) -> Review:
    with reading(who) as session:
        return step.for_reader(session, who, review_id, "review.list")


def _answered(request: Request, who: Actor, review: Review, parts: Parts) -> Response:
    """Sent with all of its files or not at all: then the text stays in its field, with what is wrong beside it."""
    written, gettext = _written(parts), speech_of(request, who).gettext
    admitted, wrong = _examined(parts)
    said = [f"{name}: {gettext(refusal.sentence)}" if name else gettext(refusal.sentence) for name, refusal in wrong]
    status = max((status_of(refusal) for _name, refusal in wrong), default=200)
    if not said:
        try:
            _send(request, who, review, written, parts, admitted)
        except (Invalid, TooLarge) as refusal:
            said, status = [gettext(refusal.sentence)], status_of(refusal)
    if not said:
        return see_other(f"/reviews/{review.id}#talk")
    if parts.file_count:
        said.append(gettext("Nothing was sent. Your text is still here; choose the files again."))
    outcome = Outcome(" ".join(said), "note", note=written.note, status=status)
    return room.room_page(request, who, room.entered(who, review.id), outcome)


def _written(parts: Parts) -> Written:
    try:
        return Written.model_validate({"note": parts.value("note"), "file_id": parts.fields.get("file_id", [])})
    except ValidationError as wrong:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in wrong.errors()]) from None


def _examined(parts: Parts) -> tuple[list[Admitted], list[tuple[str, Refusal]]]:
    """What may go with a message, and what may not, by its name."""
    admitted, wrong = list[Admitted](), list[tuple[str, Refusal]](parts.refused)
    try:
        refuse_too_many(parts.file_count)
    except TooLarge as refusal:
        wrong.append(("", refusal))
    for arrival in parts.finished:
        try:
            admitted.append(admit_enclosure(arrival))
        except Invalid as refusal:
            wrong.append((arrival.name, refusal))
    return admitted, wrong


def _send(
    request: Request, who: Actor, review: Review, written: Written, parts: Parts, admitted: list[Admitted]
) -> None:  # fmt: skip
    digests = [one.arrival.spooled.sha256 for one in admitted]
    body = repr((written.note, written.file_id, digests)).encode()
    key = key_of(request, who, parts.value(FIELD) or None, body)
    with working_on(key):
        kept = keep(who, review, admitted)
        with transaction(who) as session:
            done = once(session, key)
            if done.before:
                return
            review = step.for_reader(session, who, review.id, "review.list")
            message = say(session, who, review, written.note, written.file_id, as_reader=True)
            session.flush()
            enclose(session, who, review, message, kept)
            done.keep(303, message.id)
