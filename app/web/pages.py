"""Rendering: one environment a language, and what every page is given."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from babel.dates import get_month_names
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.access.actor import CLINICAL, Actor
from app.config import settings
from app.db import new_id, now, reading
from app.errors import Sentence
from app.http.idempotency import FIELD
from app.languages import LANGUAGES, Speech, speech
from app.notifications.inbox import unread_count
from app.people.models import Organization, Patient
from app.referrals import deadlines
from app.referrals.dating import age_of
from app.referrals.manifest import Counts
from app.referrals.models import Priority, Referral
from app.reports import dated, fetal, marks, rests, told
from app.reports import words as clinical
from app.reports.lettering import measured
from app.web import echo, kept
from app.web.clock import span_words, time_left, took
from app.web.forms import Form
from app.web.states import clock
from app.web.words import speech_of

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Head:
    """What the header says of the person: where they belong, and how much waits for them."""

    organizations: tuple[str, ...]
    zone: str  # of the first organization: times without another are in this one
    unread: int


def render(
    request: Request, who: Actor | None, template: str, status: int = 200, *, block: str = "", **context: object
) -> Response:
    """A page, or one block of it for htmx."""
    spoken = speech_of(request, who)
    given = {**_own(request, who, spoken), **context}
    if block:
        return HTMLResponse(render_block(_environment(spoken.language), template, block, **given), status)
    return HTMLResponse(_environment(spoken.language).get_template(template).render(given), status)


def see_other(path: str) -> Response:
    """After a form that acted: reloading the page does not act again."""
    return RedirectResponse(path, 303)


def by_htmx(request: Request) -> bool:
    """Only a part of the page is asked for."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


@cache
def _environment(language: str) -> Environment:
    spoken = speech(language)
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    made.filters |= {
        "zip": zip,
        "measured": measured,
        "dialled": dialled,
        "role_words": lambda role: roles(spoken)[role],
    }
    made.globals |= {
        "_": spoken.gettext, "gettext": spoken.gettext, "ngettext": spoken.ngettext, "language": language,
        "direction": spoken.direction, "languages": LANGUAGES,
        "static_version": kept.version, "now": now, "new_key": lambda: new_id().hex,
        "has_mail": lambda: bool(settings().smtp_url),
        "key_field": FIELD, **wording(spoken),
    }  # fmt: skip
    return made


def wording(spoken: Speech) -> dict[str, Callable[..., Any]]:
    """Exam types, sexes, ages, days, sizes and time left, in words."""
    _ = spoken.gettext
    return {
        "exam_words": lru_cache(100)(lambda code: clinical.exam_type(code, _)),
        "sex_words": lambda code: clinical.sex(code, _),
        "month_name": lambda number: get_month_names("abbreviated", locale=spoken.language)[number],
        "in_file": lambda patient: in_file(patient, spoken.language),
        "arrived_words": lambda counts: arrived(counts, spoken),
        "called": lambda patient: called(patient, spoken),
        "da_day": lambda date: clinical.day(f"{date[:4]}-{date[4:6]}-{date[6:]}", spoken.language),
        "clue_words": lambda names: ", ".join(clues(spoken).get(name, name) for name in names),
        "plain": plain,
        "in_words": lambda text: (
            _(text) if isinstance(text, Sentence) else text
        ),  # what people typed is as they typed it
        "value_words": lambda name, value, referral: changed(name, value, referral, spoken),
        "gestation_words": lambda referral: pregnant(referral, spoken),
        "edd_line": lambda known: fetal.edd_line(known, spoken),
        "clock_words": lambda at, *sites: clock(at, spoken, *sites),
        "finding_words": lambda found: told.finding(found.finding, _),
        "grade_words": lambda code: told.grades(_).get(code, code),
        "method_words": lambda code: told.methods(_).get(code, code),
        "edd_words": lambda source: dated.signed_line(source, spoken.language, _),
        "told_words": lambda source: told.told(source, spoken.language, _),
        "language_words": lru_cache(100)(lambda code: in_own_words(code, spoken.language)),
        "field_words": lambda name: fields(spoken).get(name, name),
        "job_words": lambda name: jobs(spoken).get(name, name),
        "detail_words": lambda detail, at: details(detail, at, spoken),
        "role_words": lambda role: roles(spoken)[role],
        "age_words": lambda patient: age(patient, spoken),
        "born_words": lambda patient: born(patient, spoken),
        "day": lambda given: clinical.day(given, spoken.language),
        "rests_words": lambda source: rests.sentences(source, spoken.language, _),
        "early_words": lambda source: rests.early(source, _),
        "replaced_words": lambda source, by: marks.said(source, by, spoken.language, _),
        "key_words": lambda key: key.label(_),
        "key_lines": lambda key: key.lines(spoken.language, _),
        "reader_words": lambda source: rests.readers(source, _),
        "exam_moment_words": lambda source: rests.exam_moment(source, spoken.language),
        "exam_doubt_words": lambda source: rests.doubted(source, spoken.language, _),
        "size": lambda size_bytes: size(size_bytes, spoken.language),
        "span_words": lambda span: span_words(span, spoken.ngettext),
        "took": lambda span: took(span, spoken.language, spoken.ngettext),
        "time_left": lambda due_at: time_left(due_at, now(), spoken.ngettext),
        "moment": lambda at, *sites: clinical.moment(at, [one.time_zone for one in sites] or ["UTC"], spoken.language),
    }


def in_file(patient: dict[str, str], language: str) -> str:
    """What a file's header says of its patient, on one line."""
    name, born_on = patient.get("name", "").replace("^", " ").strip(), patient.get("birth_date", "")
    if len(born_on) == len("19691231") and born_on.isdecimal():  # as DICOM writes it (PS3.5 6.2, DA)
        born_on = clinical.day(f"{born_on[:4]}-{born_on[4:6]}-{born_on[6:]}", language)
    return ", ".join(part for part in (name, born_on, patient.get("identifier", "")) if part)


def arrived(counts: Counts, spoken: Speech) -> str:
    """'3 of 4 files arrived, 1 refused': the same words wherever files are counted."""
    words = spoken.ngettext("{n} file arrived", "{n} files arrived", counts.arrived).format(n=counts.arrived)
    if counts.missing:
        words = spoken.gettext("{n} of {m} files arrived").format(n=counts.arrived, m=counts.expected)
    if not counts.refused:
        return words
    return f"{words}, {spoken.ngettext('{n} refused', '{n} refused', counts.refused).format(n=counts.refused)}"


def dialled(phone: str) -> str:
    """Of a number as somebody wrote it, what a telephone dials: without visual separators (RFC 3966 3), and from
    abroad without the zero in brackets (ITU-T E.123 7.1)."""
    bare = phone.replace("(0)", "") if phone.strip().startswith("+") else phone
    return "".join(each for each in bare if each.isdigit() or each == "+")


def plain(value: object) -> str:
    """A value of a revision, as text."""
    if isinstance(value, dict):
        return ", ".join(str(each) for each in value.values() if each not in (None, ""))
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "–"
    return "–" if value in (None, "") else str(value)


def changed(name: str, value: object, referral: Referral, spoken: Speech) -> str:
    """A revised value as the pages say it, with times by the clinic's clock; never a code word: staff read FHIR's
    otherwise than they are meant."""
    if name == "priority":
        times = deadlines.table(referral.organization, referral.reading_organization)
        return spoken.gettext("Within {span}").format(span=span_words(times[Priority(str(value))], spoken.ngettext))
    if name == "exam_type":
        return clinical.exam_type(str(value), spoken.gettext)
    if name == "patient_leaves_at" and value:
        return clinical.moment(datetime.fromisoformat(str(value)), [referral.organization.time_zone], spoken.language)
    return plain(value)


def pregnant(referral: Referral, spoken: Speech) -> str:
    """'11w3d', on this day at the clinic; with ~ where the last period is not certain."""
    dated = age_of(referral, clinical.today(referral.organization.time_zone))
    return echo.in_weeks(dated, spoken) if dated else ""


def in_own_words(code: str, language: str) -> str:
    """'French' for fr, as this page's language names it."""
    return clinical.locale_of(code).get_display_name(language) or code


def fields(spoken: Speech) -> dict[str, str]:
    """The fields of a referral that can be revised."""
    _ = spoken.gettext
    return {
        "exam_type": _("What was examined"), "question": _("Question"), "clinical_notes": _("What is known"),
        "priority": _("When the answer is needed"), "patient_leaves_at": _("The patient leaves at"),
        "callback_name": _("Whom to call"), "callback_phone": _("Telephone"), "obstetric": _("Pregnancy"),
        "provisional_reading": _("What the clinic thinks it sees"),
    }  # fmt: skip


def called(patient: Patient, spoken: Speech) -> str:
    """The name, or whose child it is, or that it is not known; `patient` is loaded with the mother."""
    if patient.display_name or patient.mother is None:
        return patient.display_name or spoken.gettext("Name not known")
    mother = patient.mother.display_name or patient.mother.identifier
    if patient.birth_order is None:
        return spoken.gettext("Child of {mother}").format(mother=mother)
    return spoken.gettext("Child {n} of {mother}").format(n=patient.birth_order, mother=mother)


def clues(spoken: Speech) -> dict[str, str]:
    """By what images and a referral are compared."""
    _ = spoken.gettext
    return {
        "accession": _("accession number"), "name": _("name"), "name_part": _("part of the name"),
        "birth_date": _("date of birth"), "identifier": _("number"), "day": _("day"), "device": _("device"),
    }  # fmt: skip


def jobs(spoken: Speech) -> dict[str, str]:
    """What a background job does."""
    _ = spoken.gettext
    return {
        "notifications.mail": _("Send a mail"), "notifications.digest": _("Send the mail of the hour"),
        "studies.settle": _("Prepare the images of a study"),
        "studies.settle_document": _("Prepare the pages of a document"), "studies.match": _("Find the referral of a study"),
        "studies.match_referral": _("Find the studies of a referral"), "reports.publish": _("Print a report"),
        "reviews.due": _("Tell of a deadline"), "reviews.warn": _("Warn of a claim that lapses"),
        "reviews.lapse": _("Let a claim lapse"), "reviews.unanswered": _("Tell of an open question"),
        "reports.unread": _("Send an answer again"), "reports.escalate": _("Tell of an unread answer"),
        "reports.late": _("Tell of files that came after signing"), "reports.redated": _("Tell of a date that was changed"),
        "reviews.mend": _("Tell of a report that was sent back"),
    }  # fmt: skip


def details(detail: dict[str, Any], at: Organization, spoken: Speech) -> str:
    """What an audit event knows beside who, what and when: ids, counts, states, and times by the clock of `at`."""

    def said(name: str, value: object) -> str:
        if name.endswith("_at") and isinstance(value, str):
            with suppress(ValueError):
                return clinical.moment(datetime.fromisoformat(value), [at.time_zone], spoken.language)
        return plain(value)

    return " · ".join(f"{name.replace('_', ' ')}: {said(name, value)}" for name, value in detail.items())


def roles(spoken: Speech) -> dict[str, str]:
    """As what somebody belongs to an organization."""
    _ = spoken.gettext
    return {
        "referrer": _("referrer"), "reviewer": _("reviewer"), "coordinator": _("coordinator"),
        "supervisor": _("supervisor"), "qa_lead": _("quality lead"), "admin": _("administrator"),
        "privacy_officer": _("privacy officer"),
    }  # fmt: skip


def age(patient: Patient, spoken: Speech) -> str:
    """'36 y', or the age that was stated, or nothing."""
    if patient.birth_date:
        return clinical.age(patient.birth_date, now().date(), spoken.gettext)
    if patient.age_value is not None:
        return clinical.age_words(patient.age_value, patient.age_unit or "years", spoken.gettext)
    return ""


def born(patient: Patient, spoken: Speech) -> str:
    stated = None if patient.age_value is None else {"value": patient.age_value, "unit": patient.age_unit}
    known = {"birth_date": patient.birth_date, "age": stated, "age_stated_on": patient.created_at.date()}
    return clinical.born(known, now().date(), spoken.language, spoken.gettext)


def size(size_bytes: int | None, language: str) -> str:
    """'8.4 MB'."""
    if size_bytes is None:
        return ""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= one:
            return f"{format_decimal(size_bytes / one, '0.#', locale=language)} {unit}"
    return f"{size_bytes} B"


def _own(request: Request, who: Actor | None, spoken: Speech) -> dict[str, Any]:
    """Of this request; the header is looked up only where a template asks for it."""
    head: Callable[[], Head] = cache(lambda: head_of(who))

    def moment(at: datetime, *sites: Organization) -> str:
        return clinical.moment(at, [one.time_zone for one in sites] or [head().zone], spoken.language)

    def time(at: datetime, *sites: Organization) -> Markup:
        words = moment(at, *sites)
        shown = words if len(sites) > 1 else words.rpartition(" (")[0]
        clocks = Markup(" · ").join(Markup('<span class="clock">{}</span>').format(one) for one in shown.split(" · "))
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            at.isoformat(timespec="seconds"), words, clocks
        )

    def echoed(form: Form, name: str) -> str:
        return echo.words(form, name, now().astimezone(clinical.zone(head().zone)).date(), spoken)

    return {
        "request": request,
        "who": who,
        "head": head,
        "time": time,
        "moment": moment,
        "is_reader": _is_reader(who),
        "echo": echoed,
    }


def _is_reader(who: Actor | None) -> bool:
    return bool(who and who.organizations_for("review.list"))


def head_of(who: Actor | None) -> Head:
    if who is None or who.person_id is None:
        return Head((), "UTC", 0)
    own = {member.organization_id: member.role not in CLINICAL for member in who.members}
    with reading(who) as session:
        found = session.scalars(sa.select(Organization).where(Organization.id.in_(own)).order_by(Organization.name))
        organizations = sorted(found, key=lambda one: own[one.id])
        unread = unread_count(session, who.person_id)
    zone = organizations[0].time_zone if organizations else "UTC"
    return Head(tuple(one.name for one in organizations), zone, unread)
