"""Critical findings, how soon they have to be spoken of, and how that was done, in words."""

from app.languages import Speech
from app.reports.critical_finding import CriticalFinding
from app.reports.critical_list import BY_CODE


def finding(found: CriticalFinding, spoken: Speech) -> str:
    """Of the list in the page's language; a reader's own words, and an organization's, as they were written."""
    return spoken.gettext(found.finding) if found.code in BY_CODE else found.finding


def grades(spoken: Speech) -> dict[str, str]:
    _ = spoken.gettext
    return {
        "immediate": _("Immediate: within minutes, spoken"), "urgent": _("Urgent: within hours"),
        "significant": _("Significant: within days"),
    }  # fmt: skip


def methods(spoken: Speech) -> dict[str, str]:
    _ = spoken.gettext
    return {
        "telephone": _("by telephone"), "in-person": _("in person"), "radio": _("by radio"),
        "message": _("by message"), "page": _("on the page of the case"),
    }  # fmt: skip
