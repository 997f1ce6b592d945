"""The one line that may leave the service: never a name, an exam or a finding (clinical wording of mails)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.people.models import Organization

SITE_CHARS = 100  # of a name that may have 200, as the whole line may
URGENCY = {
    "routine": "Read waiting",
    "urgent": "Read waiting today",
    "asap": "URGENT read waiting",
    "stat": "IMMEDIATE read waiting",
}
OTHERS = {
    "report.signed": "Answer signed",
    "report.amended": "Answer changed",
    "report.entered-in-error": "Answer withdrawn",
    "review.question": "A question for you",
    "review.reply": "A reply for you",
    "review.declined": "Not read: see why",
    "review.cancelled": "Cancelled by the clinic",
}


def subject_line(
    kind: str, priority: str, site: Organization, to: Organization, due_at: datetime | None, code: str
) -> str:
    """'URGENT read waiting, Kisumu clinic, due 15:00 (13:00 yours), K7M-2QX'."""
    name = site.name[:SITE_CHARS]
    if kind == "review.requested" and due_at is not None:
        return f"{URGENCY[priority]}, {name}, due {both_times(due_at, site, to)}, {code}"
    return f"{OTHERS[kind]}, {name}, {code}"


def both_times(at: datetime, there: Organization, here: Organization) -> str:
    """The time at the site, and the reader's own where it differs; with the day where it is not today's."""
    theirs, ours = at.astimezone(ZoneInfo(there.time_zone)), at.astimezone(ZoneInfo(here.time_zone))
    today = datetime.now(theirs.tzinfo).date()
    day = "" if theirs.date() == today else theirs.strftime("%-d %b ")
    if theirs.utcoffset() == ours.utcoffset():
        return f"{day}{theirs:%H:%M}"
    return f"{day}{theirs:%H:%M} ({ours:%H:%M} yours)"
