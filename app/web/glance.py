"""A referral while its page is open: what changed is put in place by script; looking so is no opening of the case."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.cases import case
from app.cases.case import Case
from app.db import reading
from app.http.actor import Acting
from app.http.etag import unless_known
from app.languages import Speech
from app.referrals.models import ReferralStatus
from app.reports.models import VersionStatus
from app.reviews.models import ReviewStatus
from app.web.pages import render
from app.web.referral import context
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.get("/referrals/{referral_id}/now")
def show_now(request: Request, who: Acting, referral_id: UUID, seen: str = "") -> Response:
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    case.note_opened(who, found.referral)
    said = news(found, seen, speech_of(request, who))
    answer = render(request, who, "referral_now.html", news=said, **context(request, who, found))
    return unless_known(request, answer)


def news(found: Case, seen: str, say: Speech) -> str:
    """What the page would show beyond its state line and its files, if it were opened again."""
    _, report, here = say.gettext, found.signed_report, found.seen
    if seen == here:
        return ""
    answered = report if seen.partition("/")[0] != here.partition("/")[0] else None
    status = found.review.status if found.review else None
    before = seen.rpartition("/")[2].split(".")
    has_message = len(before) > 2 and before[2] != str(found.said)  # as Case.seen counts them
    changes = (
        (answered and answered.status == VersionStatus.ENTERED_IN_ERROR, _("The answer was withdrawn. Show why")),
        (answered and answered.version > 1, _("The answer changed. Show it")),
        (answered, _("The answer is here. Show it")),
        (status == ReviewStatus.ON_HOLD, _("A question for you. Show it")),
        (status == ReviewStatus.REJECTED and _is_returned(found), _("It will not be read. Show why")),
        (status == ReviewStatus.REJECTED, _("A reader declined it. Show why")),
        (found.referral.status == ReferralStatus.REVOKED, _("The referral was cancelled. Show why")),
        (has_message, _("A new message. Show it")),
        (True, _("The referral was changed. Show it")),
    )
    return next(words for happened, words in changes if happened)


def _is_returned(found: Case) -> bool:
    return found.review is not None and found.review.returned_at is not None
