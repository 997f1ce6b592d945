"""What a reader does next: the case that follows, and the images with which it will open."""

from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app.access.actor import Actor
from app.cases import case as cases
from app.cases import sights
from app.cases.sights import Sight
from app.db import reading
from app.http.actor import Acting
from app.reviews import step
from app.reviews.models import WAITING, ReviewStatus
from app.reviews.worklist import Asked, worklist

router = APIRouter(include_in_schema=False)
FIRST = 2  # images that are fetched before they are asked for


@router.get("/reviews/{review_id}/next")
def show_next(review_id: UUID, who: Acting) -> Response:
    """Addresses only: nothing is opened by this, and whoever fetches an image is on the record of its study."""
    with reading(who) as session:
        step.for_reader(session, who, review_id, "review.list")
    following = following_of(who, review_id)
    if following is None:
        return Response(status_code=204)
    with reading(who) as session:
        review = step.for_reader(session, who, following, "review.list")
        found = sights.of(session, cases.whole(session, who, review.referral_id))
    images = [address for one in found[:FIRST] for address in _addresses(one)]
    return JSONResponse({"review_id": str(following), "images": images}, headers={"Cache-Control": "no-store"})


def following_of(who: Actor, review_id: UUID | None = None) -> UUID | None:
    """What this person holds, else what nobody does; the earliest deadline first, and not the one that is read."""
    with reading(who) as session:
        mine = worklist(session, who, Asked(owner=str(who.person_id), limit=20)).reviews
        free = worklist(session, who, Asked(owner="none", limit=2)).reviews
    held = [one for one in mine if one.status != ReviewStatus.ON_HOLD]
    waiting = [one for one in free if one.status in WAITING]
    return next((one.id for one in [*held, *waiting] if one.id != review_id), None)


def _addresses(one: Sight) -> list[str]:
    """As the reading room asks for them: a still's preview and exact frame, of a clip its first picture."""
    if one.state == "none" or one.form == "film":
        return []
    if one.form == "page":
        return [f"/api/v1/documents/{one.source_id}/pages/{one.page}"]
    place = f"/api/v1/instances/{one.source_id}"
    return [f"{place}/preview", *([f"{place}/frames/1"] if one.form == "image" else [])]
