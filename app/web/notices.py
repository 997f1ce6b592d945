"""What waits for a person, as a list; the link in a mail leads through here to the case."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from app.access import scope
from app.access.actor import person_of
from app.db import reading, transaction
from app.http.actor import Acting
from app.notifications import inbox
from app.notifications.models import Notification
from app.referrals.models import Referral
from app.reviews.models import Review
from app.web.pages import render, see_other

router = APIRouter(prefix="/notifications", include_in_schema=False)
PAGE = 50


@router.get("")
def show(request: Request, who: Acting, before: Annotated[UUID | None, Query()] = None) -> Response:
    with reading(who) as session:
        rows = inbox.inbox(session, person_of(who), before=before, limit=PAGE + 1)
    return render(request, who, "notifications.html", rows=rows[:PAGE], more=len(rows) > PAGE)


@router.post("/read")
def read_all(who: Acting) -> Response:
    with transaction(who) as session:
        inbox.mark_all_read(session, person_of(who))
    return see_other("/notifications")


@router.get("/{notification_id}")
def go(who: Acting, notification_id: UUID) -> Response:
    """To the case, which is read by that; a mail holds nothing but this address, and its scanners are strangers here."""
    with transaction(who) as session:
        inbox.mark_read(session, person_of(who), notification_id)
        told = session.get_one(Notification, notification_id)
        mine = sa.select(Referral).where(Referral.id == told.referral_id, scope.visible(Referral, who))
        if (referral := session.scalars(mine).one_or_none()) is None:  # it was theirs once; they are told all the same
            return see_other("/notifications")
        latest = sa.select(Review.id).where(Review.referral_id == referral.id).order_by(Review.id.desc()).limit(1)
        review_id = session.scalar(latest)
        inbox.mark_case_read(session, person_of(who), referral.id)
    if who.may("referral.send", referral.organization_id) or review_id is None:
        return see_other(f"/referrals/{referral.id}")
    return see_other(f"/reviews/{review_id}")
