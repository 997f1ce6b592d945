"""What a signed report says of critical findings: which, how pressing, when seen, who told whom, and whether it was said back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.reports import words
from app.reports.critical_finding import CriticalStatus
from app.reports.critical_list import DEFAULTS
from app.reports.lettering import isolated
from app.reports.words import Gettext

LISTED = frozenset(one.words for one in DEFAULTS)


@dataclass(frozen=True)
class Told:
    """One finding as it stood at signing: what came after, only the pages tell."""

    finding: str
    lines: list[str]


def told(source: Mapping[str, Any], language: str, _: Gettext) -> list[Told]:
    """What was open before the rest; none in a report from before they were signed."""
    zones = words.zones(source)

    def at(text: str) -> str:
        return words.moment(words.time_of(text), zones, language)

    return [
        Told(finding(one["finding"], _), [
            _("{grade}. Seen {time}.").format(grade=grades(_).get(one["grade"], one["grade"]), time=at(one["identified_at"])),
            _outcome(one, at(one["received_at"]) if one["received_at"] else "", _),
        ])
        for one in source.get("critical") or []
    ]  # fmt: skip


def finding(said: str, _: Gettext) -> str:
    """Of the list in the reader's language; a reader's own words, and an organization's, as they were written."""
    return _(said) if said in LISTED else said


def grades(_: Gettext) -> dict[str, str]:
    return {
        "immediate": _("Immediate: within minutes, spoken"), "urgent": _("Urgent: within hours"),
        "significant": _("Significant: within days"),
    }  # fmt: skip


def methods(_: Gettext) -> dict[str, str]:
    return {
        "telephone": _("by telephone"), "in-person": _("in person"), "radio": _("by radio"),
        "message": _("by message"), "page": _("on the page of the case"),
    }  # fmt: skip


def _outcome(one: Mapping[str, Any], at: str, _: Gettext) -> str:
    if one["status"] == CriticalStatus.WITHDRAWN:
        return _("Withdrawn before this was signed.")
    if one["status"] == CriticalStatus.RAISED:
        return _("Nobody had been told in person when this was signed.")
    sentence = _("{by} told {to} {how}, {time}; it had not been said back when this was signed.")
    if one["status"] == CriticalStatus.READ_BACK:
        sentence = _("{by} told {to} {how}, {time}; it was said back.")
    how = methods(_).get(one["method"], one["method"])
    return sentence.format(by=isolated(one["communicated_by"]), to=isolated(one["received_by"]), how=how, time=at)
