"""What a signed version is marked as by what was signed after it."""

from collections.abc import Mapping
from typing import Any

from app.reports import words
from app.reports.models import SIGNED, Report, ReportVersion, VersionStatus
from app.reports.words import Gettext

NONE, IN_ERROR = 0, -1


def signed(report: Report) -> list[ReportVersion]:
    return [one for one in report.versions if one.status in SIGNED]


def newest(report: Report) -> ReportVersion:
    return signed(report)[-1]


def mark(report: Report, version: ReportVersion) -> int:
    """The number of the version that replaced it, NONE or IN_ERROR."""
    if report.status == VersionStatus.ENTERED_IN_ERROR:
        return IN_ERROR
    last = newest(report)
    return NONE if last is version else last.version


def said(source: Mapping[str, Any], by: Mapping[str, Any], language: str, _: Gettext) -> str:
    """For a reader; `by` is {version, signed_at} of the newer version, or has the status of one in error."""
    if by.get("status") == VersionStatus.ENTERED_IN_ERROR:
        return _("ENTERED IN ERROR: do not use")
    on = words.time_of(by["signed_at"]).astimezone(words.zone(source["site"]["time_zone"])).date()
    sentence = _("This is version {version}, replaced by version {newer} on {date}")
    return sentence.format(version=source["report"]["version"], newer=by["version"], date=words.day(on, language))
