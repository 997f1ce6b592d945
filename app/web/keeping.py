"""An organization's own settings: its deadlines, its clock, its critical findings; and how long its cases take."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.access import relate
from app.access.actor import Actor
from app.cases import turnaround
from app.db import now, reading, transaction
from app.errors import Forbidden, Invalid
from app.http.actor import Acting
from app.people.models import Organization
from app.referrals import deadlines
from app.referrals.models import DEADLINES, Priority
from app.reports import critical
from app.reports.critical_list import DEFAULTS, Grade
from app.web.admin import Chosen, frame_of
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)
CLOCK = ("time_zone", "clips_from", "clips_until")
MINUTES = {"min": 1, "h": 60, "d": 24 * 60}
PERIODS = (7, 30, 90, 365)  # days
BLANK_LINES = 3  # for findings of one's own


def looked_at(who: Acting, org: Annotated[UUID | None, Query()] = None) -> UUID:
    mine = who.organizations_for("turnaround.see")
    if not mine or (org is not None and org not in mine):
        raise Forbidden("Only coordinators, supervisors, quality leads and administrators see how long cases take.")
    return org or mine[0]


@router.get("/organization/settings")
def show_settings(request: Request, who: Acting, org: Chosen) -> Response:
    return _settings(request, who, org)


@router.post("/organization/settings/deadlines")
def save_deadlines(request: Request, who: Acting, org: Chosen, form: Fields) -> Response:
    """An empty field is the default."""
    try:
        minutes = {each: _minutes(form, each) for each in Priority}
        with transaction(who) as session:
            deadlines.change(session, who, org, minutes)
    except Invalid as refusal:
        form.refused(refusal, speech_of(request, who))
        return _settings(request, who, org, status_of(refusal), table=form)
    return see_other(f"/organization/settings?org={org}&saved=deadlines")


@router.post("/organization/settings/clock")
def save_clock(request: Request, who: Acting, org: Chosen, form: Fields) -> Response:
    try:
        with transaction(who) as session:
            relate.set_clock(session, who, org, *(form.value(name).strip() for name in CLOCK))
    except Invalid as refusal:
        form.refused(refusal, speech_of(request, who))
        return _settings(request, who, org, status_of(refusal), clock=form)
    return see_other(f"/organization/settings?org={org}&saved=clock")


@router.post("/organization/settings/critical")
def save_critical(request: Request, who: Acting, org: Chosen, form: Fields) -> Response:
    """Each line of the default list with its grade or none, and the organization's own; an empty line is none."""
    grades = {one.code: form.value(f"c-{one.code}") for one in DEFAULTS}
    written = zip(form.values("own"), form.values("own_grade"), strict=False)
    own = [(words, grade) for words, grade in written if words.strip()]
    try:
        with transaction(who) as session:
            critical.change_list(session, who, org, grades, own)
    except Invalid as refusal:
        form.refused(refusal, speech_of(request, who))
        return _settings(request, who, org, status_of(refusal), critical=form)
    return see_other(f"/organization/settings?org={org}&saved=critical")


@router.get("/turnaround")
def show_turnaround(
    request: Request, who: Acting, org: Annotated[UUID, Depends(looked_at)], days: int = 30
) -> Response:
    """Over the cases signed in these days."""
    days = days if days in PERIODS else 30
    until = now()
    with reading(who) as session:
        found = turnaround.of_organization(session, who, org, until - timedelta(days=days), until)
        own = [session.get_one(Organization, each) for each in who.organizations_for("turnaround.see")]
    here = next(one for one in own if one.id == org)
    return render(request, who, "turnaround.html", found=found, own=own, here=here, days=days, periods=PERIODS)


def _settings(request: Request, who: Actor, org: UUID, status: int = 200, **forms: Any) -> Response:
    frame = frame_of(who, org)
    here: Organization = frame["here"]
    shown = {
        "table": Form(_shown(here)),
        "clock": Form({name: getattr(here, name) for name in CLOCK}),
        "critical": Form(_listed(here)),
        **forms,
    }
    return render(
        request, who, "settings.html", status, **frame, **shown, priorities=list(reversed(Priority)), defaults=DEADLINES,
        saved=request.query_params.get("saved", ""), findings=DEFAULTS, grades=list(Grade), more=range(BLANK_LINES),
    )  # fmt: skip


def _listed(organization: Organization) -> dict[str, str | Sequence[str]]:
    own = organization.critical_findings.get("own", [])
    grades = organization.critical_findings.get("grades", {})
    return {
        **{f"c-{one.code}": grades.get(one.code, one.grade) for one in DEFAULTS},
        "own": [each["words"] for each in own], "own_grade": [each["grade"] for each in own],
    }  # fmt: skip


def _shown(organization: Organization) -> dict[str, str]:
    """'4' and 'h': the largest unit that says it whole."""
    fields: dict[str, str] = {}
    for each, default in DEADLINES.items():
        minutes = organization.deadlines_min.get(each)
        whole = minutes or int(default.total_seconds()) // 60
        unit = next(
            name for name in ("d", "h", "min") if whole % MINUTES[name] == 0 and (name != "d" or whole > 24 * 60)
        )
        fields |= {str(each): str(whole // MINUTES[unit]) if minutes else "", f"{each}_unit": unit}
    return fields


def _minutes(form: Form, priority: Priority) -> int | None:
    text = form.value(priority).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise Invalid("Write a whole number.", field=str(priority))
    return int(text) * MINUTES.get(form.value(f"{priority}_unit"), 1)
