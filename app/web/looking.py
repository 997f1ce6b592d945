"""One image, clip or page of a case for its referrer: as large as the window, with its neighbours and the way back."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.cases import case, sights
from app.db import reading
from app.errors import NotFound
from app.http.actor import Acting
from app.web.pages import render

router = APIRouter(include_in_schema=False)


@router.get("/referrals/{referral_id}/images/{key}")
def show_image(request: Request, who: Acting, referral_id: UUID, key: str) -> Response:
    """In the order of the strip; what was taken back is no longer among them."""
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
        seen = sights.of(session, found) + sights.previews(found)
    at = next((number for number, one in enumerate(seen) if one.key == key), None)
    if at is None:
        raise NotFound
    case.note_opened(who, found.referral)
    names = {str(one.instance_id or one.document_id or one.id): one.name for one in found.files}
    return render(
        request, who, "look.html", found=found, referral=found.referral, shown=seen[at], number=at + 1, count=len(seen),
        before=seen[at - 1] if at else None, after=seen[at + 1] if at + 1 < len(seen) else None,
        name=names.get(str(seen[at].source_id), ""),
    )  # fmt: skip
