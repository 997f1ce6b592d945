"""Where a case stands, in one sentence for its referrer."""

from datetime import datetime

from babel.dates import format_date

from app.db import now
from app.errors import Refusal
from app.languages import Speech
from app.people.models import Organization
from app.referrals.models import Referral, ReferralStatus
from app.reports import words as clinical
from app.reports.models import Report, VersionStatus
from app.reviews.models import Review, ReviewStatus

READING = (ReviewStatus.ACCEPTED, ReviewStatus.IN_PROGRESS)


def state(referral: Referral, review: Review | None, report: Report | None, say: Speech) -> str:
    """'Waiting at Kisii Hospital, due 15:00'; by the clinic's clock: the page has the reader's beside it."""
    _ = say.gettext
    ended = {
        ReferralStatus.REVOKED: _("Cancelled"), ReferralStatus.ENTERED_IN_ERROR: _("Entered in error"),
        ReferralStatus.DRAFT: _("Draft, not sent yet"),
    }  # fmt: skip
    if referral.status in ended or review is None:
        return ended.get(ReferralStatus(referral.status), _("Draft, not sent yet"))
    if report is not None and report.signed_at is not None:
        return _answered(report, say)
    return _on_its_way(referral, review, say)


def _on_its_way(referral: Referral, review: Review, say: Speech) -> str:
    _ = say.gettext
    owner = review.owner.name if review.owner else referral.reading_organization.name
    if review.status in READING and review.owned_at is not None:
        since = clock(review.owned_at, say, referral.organization)
        due = clock(review.due_at, say, referral.organization, referral.reading_organization)
        return _("Being read by {person} since {time}, due {due}").format(person=owner, time=since, due=due)
    if review.status == ReviewStatus.ON_HOLD:
        if review.reply_due_at is None:
            return _("{person} has a question for you").format(person=owner)
        reply_due = clock(review.reply_due_at, say, referral.organization)
        return _("{person} has a question for you, reply by {time}").format(person=owner, time=reply_due)
    if review.status == ReviewStatus.REJECTED:
        if review.returned_at is not None:
            return _("Not read: see why")
        where = referral.reading_organization.name
        return _("Declined by a reader: see why. {organization} looks for another one").format(organization=where)
    at = clock(review.due_at, say, referral.organization, referral.reading_organization)
    return _("Waiting at {organization}, due {time}").format(organization=referral.reading_organization.name, time=at)


def _answered(report: Report, say: Speech) -> str:
    _ = say.gettext
    if report.status == VersionStatus.ENTERED_IN_ERROR:
        return _("The answer was withdrawn")
    if report.acknowledged_at is not None:
        return _("Answered and read")
    if report.status == VersionStatus.PRELIMINARY:
        return _("Preliminary answer, not read yet")
    if report.version > 1:
        return _("The answer was changed; not read yet")
    return _("Answered, not read yet")


def who_was_first(refusal: Refusal, say: Speech, organization: Organization | None) -> str:
    """Of an act that came second: 'Dr Okello has had this review since 14:03', by that organization's clock."""
    name, since = refusal.facts.get("owner"), refusal.facts.get("since")
    if not isinstance(name, str) or not isinstance(since, str) or organization is None:
        return say.gettext(refusal.sentence)
    time = clock(datetime.fromisoformat(since), say, organization)
    return say.gettext("{name} has had this review since {time}.").format(name=name, time=time)


def clock(at: datetime, say: Speech, *sites: Organization) -> str:
    """'15:00' by the first site's clock, with its city where the others' differ, and the day where it is not today's."""
    zones = [site.time_zone for site in sites]
    local = at.astimezone(clinical.zone(zones[0]))
    time = f"{local:%H:%M}"
    if len({at.astimezone(clinical.zone(name)).utcoffset() for name in zones}) > 1:
        time = f"{time} {clinical.city(zones[0], say.language)}"
    if local.date() == now().astimezone(local.tzinfo).date():
        return time
    return f"{format_date(local.date(), 'd MMM', locale=say.language)}, {time}"
