"""Files of the reader's own, sent after the message that they go with; both sides fetch them."""

from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.api.referring import expect_digest, file_body, file_name
from app.api.schemas import EnclosureOut
from app.config import settings
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.description import answered
from app.http.idempotency import RequestKey, once, streamed_key, working_on
from app.http.limits import content_length
from app.http.ranges import stored
from app.reviews.enclose import admit_enclosure, enclose_later, enclosure_for, for_enclosing, keep
from app.reviews.models import Enclosure, Review
from app.storage.spool import drain
from app.studies.ingest import Arrival

router = APIRouter(tags=["reviewing"])
KINDS = ("image/jpeg", "image/png", "video/mp4", "application/pdf")


@router.post(
    "/reviews/{review_id}/messages/{message_id}/files", status_code=201, openapi_extra=file_body("where-to-hold-it.jpg")
)
async def send_file_with_message(
    review_id: UUID, message_id: UUID, who: Acting, request: Request, response: Response
) -> EnclosureOut:
    """A picture, film or PDF of the reader's own, as the raw body, for a message that they have written.

    It is none of the referral's files, counts nowhere, and no report rests on it. A file that cannot be taken is a 422
    with the reason, and one beyond the limit a 413 that names it; nothing of it is kept."""
    review = await to_thread.run_sync(_mine, who, review_id, message_id)
    key = streamed_key(request, who, response)
    spooled = await drain(request.stream(), content_length(request), settings().max_enclosure_bytes)
    try:
        expect_digest(request.headers.get("repr-digest"), spooled.sha256)
        arrival = Arrival(spooled, file_name(request.headers.get("content-disposition")))
        return await to_thread.run_sync(_enclosed, who, review, message_id, arrival, key)
    finally:
        spooled.discard()


@router.get("/enclosures/{enclosure_id}/original", response_class=Response, responses=answered(*KINDS))
def get_enclosure(enclosure_id: UUID, who: Acting, request: Request) -> Response:
    """The file as it came, for whoever sees the referral."""
    enclosure = enclosure_for(who, enclosure_id)
    return stored(enclosure.blob, request, name=enclosure.name)


def _mine(who: Actor, review_id: UUID, message_id: UUID) -> Review:
    """Asked before the first byte is taken."""
    with reading(who) as session:
        return for_enclosing(session, who, review_id, message_id)[0]


def _enclosed(who: Actor, review: Review, message_id: UUID, arrival: Arrival, key: RequestKey | None) -> EnclosureOut:
    """Under one key, or sent twice without, it is one file."""
    with working_on(key):
        (kept,) = keep(who, review, [admit_enclosure(arrival)])
        with transaction(who) as session:
            done = once(session, key)
            if done.before and done.resource_id is not None:
                return EnclosureOut.of(session.get_one(Enclosure, done.resource_id))
            review, message = for_enclosing(session, who, review.id, message_id, lock=True)
            made = enclose_later(session, who, review, message, kept)
            done.keep(201, made.id)
            return EnclosureOut.of(made)
