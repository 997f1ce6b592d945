"""The slip that a patient takes along, and the way by a case's code: typed from a telephone call, or scanned from it."""

from uuid import UUID

import segno
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from app.access.scope import visible
from app.cases import case
from app.config import settings
from app.db import reading
from app.errors import NotFound
from app.http.actor import Acting
from app.referrals.codes import normalized
from app.referrals.models import Referral
from app.reviews.models import Review
from app.web.pages import render, see_other

router = APIRouter(include_in_schema=False)


@router.get("/referrals/{referral_id}/slip")
def show_slip(request: Request, who: Acting, referral_id: UUID) -> Response:
    """The code large and as a QR code, which holds nothing but the address of the case."""
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    if not who.may("referral.send", found.referral.organization_id):
        raise NotFound
    case.note_opened(who, found.referral)
    address = f"{settings().public_url}/c/{found.referral.code}"
    return render(request, who, "slip.html", referral=found.referral, address=address, qr=qr(address))


@router.get("/c/{code}")
def go(who: Acting, code: str) -> Response:
    """To the case, on the side on which one works on it."""
    known = normalized(code)
    with reading(who) as session:
        mine = sa.select(Referral).where(Referral.code == known, visible(Referral, who))
        referral = session.scalars(mine).one_or_none() if known else None
        if referral is None:
            raise NotFound
        latest = sa.select(Review.id).where(Review.referral_id == referral.id).order_by(Review.id.desc()).limit(1)
        review_id = session.scalar(latest)
    if who.may("referral.send", referral.organization_id) or review_id is None:
        return see_other(f"/referrals/{referral.id}")
    return see_other(f"/reviews/{review_id}")


def qr(address: str) -> Markup:
    """Drawn with room around it (ISO/IEC 18004 6.3.8: four modules); M survives a crease."""
    drawn = segno.make(address, micro=False, error="m")
    return Markup(drawn.svg_inline(scale=4, border=4, omitsize=True))  # noqa: S704 - made of numbers alone
