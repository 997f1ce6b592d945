"""The one line that may leave the service: never a name, an exam or a finding (clinical wording of mails)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date

from app.languages import Speech
from app.people.models import Organization

SITE_CHARS = 100  # of a name that may have 200, as the whole line may
LINE_CHARS = 200


def subject_line(
    kind: str, priority: str, site: Organization, to: Organization, due_at: datetime | None, code: str, say: Speech
) -> str:
    """'URGENT read waiting, Kisumu clinic, due 15:00 (13:00 yours), K7M-2QX', as its reader says it."""
    _, due = say.gettext, both_times(due_at, site, to, say) if due_at else "–"
    words = {
        "review.requested": _requested(say)[priority],
        "critical.raised": _("CRITICAL: open it now and confirm, {site}, {code}"),
        "critical.withdrawn": _("Critical message withdrawn, {site}, {code}"),
        "critical.read-back": _("The clinic has confirmed a critical message, {site}, {code}"),
        "opinion.asked": _("A second opinion is asked of you, {site}, {code}"),
        "opinion.given": _("A second opinion was given, {site}, {code}"),
        "report.signed": _("Answer signed, {site}, {code}"),
        "report.amended": _("Answer changed, {site}, {code}"),
        "report.entered-in-error": _("Answer withdrawn, {site}, {code}"),
        "pregnancy.redated": _("A date that this case rests on was changed, {site}, {code}"),
        "report.sent-back": _("Sent back to you with a remark, {site}, {code}"),
        "review.unmended": _("A report that was sent back is not signed anew, {site}, {code}"),
        "review.question": _("A question for you, {site}, {code}"),
        "review.reply": _("A reply for you, {site}, {code}"),
        "review.message": _("A message for you, {site}, {code}"),
        "file.confirmed": _("A file that was held back is there now, {site}, {code}"),
        "file.withdrawn": _("A file was withdrawn, {site}, {code}"),
        "file.moved": _("Files went to another case, {site}, {code}"),
        "file.added": _("Images were added, {site}, {code}"),
        "study.detached": _("Images were taken from a case, {site}, {code}"),
        "referral.wrong-patient": _("Wrong patient: sent again as another case, {site}, {code}"),
        "patient.named": _("The patient was named, {site}, {code}"),
        "patient.merging": _("Two patient records are to become one, {site}, {code}"),
        "patient.merged": _("Two patient records became one, {site}, {code}"),
        "patient.unmerged": _("Two patient records are apart again, {site}, {code}"),
        "review.declined": _("Not read: see why, {site}, {code}"),
        "review.sent-on": _("Sent on to another reader, {site}, {code}"),
        "review.cancelled": _("Cancelled by the clinic, {site}, {code}"),
        "review.overdue": _("OVERDUE, was due {time}, {site}, {code}"),
        "review.lapses": _("Your claim lapses soon unless you save a first word, {site}, {code}"),
        "review.lapsed": _("Your claim has lapsed: it waits for a reader again, {site}, {code}"),
        "review.unanswered": _("The clinic has not answered a question in time, {site}, {code}"),
        "review.countersign": _("A report waits for your counter-signature, {site}, {code}"),
        "review.rejected": _("Declined by a reader: find another one, {site}, {code}"),
        "report.unread": _("An answer is still unread, {site}, {code}"),
        "report.late-files": _("Files came after you signed, {site}, {code}"),
        "report.unacknowledged": _("The clinic has not read an answer in time, {site}, {code}"),
        "file.waits": _("A file waits for your word, {site}, {code}"),
    }
    return words[kind].format(site=site.name[:SITE_CHARS], time=due, code=code)[:LINE_CHARS]


def _requested(say: Speech) -> dict[str, str]:
    _ = say.gettext
    return {
        "routine": _("Read waiting, {site}, due {time}, {code}"),
        "urgent": _("Read waiting today, {site}, due {time}, {code}"),
        "asap": _("URGENT read waiting, {site}, due {time}, {code}"),
        "stat": _("IMMEDIATE read waiting, {site}, due {time}, {code}"),
    }


def both_times(at: datetime, there: Organization, here: Organization, say: Speech) -> str:
    """The time at the site, and the reader's own where it differs; with the day where it is not today's."""
    theirs, ours = at.astimezone(ZoneInfo(there.time_zone)), at.astimezone(ZoneInfo(here.time_zone))
    today = datetime.now(theirs.tzinfo).date()
    day = "" if theirs.date() == today else format_date(theirs.date(), "d MMM", locale=say.language) + " "
    if theirs.utcoffset() == ours.utcoffset():
        return f"{day}{theirs:%H:%M}"
    return say.gettext("{time} ({yours} yours)").format(time=f"{day}{theirs:%H:%M}", yours=f"{ours:%H:%M}")
