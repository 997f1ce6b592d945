"""The worklist: what waits, by deadline, and what the person signed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases import desk, lists
from app.cases.lists import Numbers
from app.db import now, reading
from app.http.actor import Acting
from app.http.etag import unless_known
from app.languages import Speech
from app.people.models import Organization
from app.reports import words
from app.reports.models import Report
from app.reviews import clocks, opinion, options
from app.reviews import worklist as waiting
from app.reviews.models import OPEN, WAITING, Review, ReviewStatus
from app.reviews.worklist import Asked, Page
from app.web.clock import Left, time_left
from app.web.narrowed import Wanted, keep, kept
from app.web.pages import by_htmx, render, see_other
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)
ROWS = 50


@dataclass(frozen=True)
class Row:
    review: Review
    numbers: Numbers
    report: Report | None
    left: Left | None  # of an open one
    may_claim: bool


@dataclass(frozen=True)
class Tab:
    name: str
    words: str
    count: str
    href: str


@router.get("/worklist")
def show_worklist(
    who: Acting, request: Request, *, tab: str = "open", site: str = "", exam_type: str = "", language: str = "",
    q: Annotated[str, Query(max_length=200)] = "", cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = ROWS, part: str = "",
) -> Response:  # fmt: skip
    """The page as it was last narrowed, where nothing else is asked; for htmx the list alone, or more rows of it."""
    if not request.url.query and (before := kept(request, who)):
        return see_other(before)
    wanted = Wanted.of(tab, site, exam_type, language, q)
    speech = speech_of(request, who)
    with reading(who) as session:
        page = _page(session, who, wanted, cursor, limit)
        rows, sites = rows_of(session, who, page, speech), desk.sites(session, who)
        tabs = _tabs(session, who, wanted, speech)
        last = None if rows else desk.last_signed(session, who, sites)
        clock = desk.clock_of(session, who)
        choices = options.options(session, who, [one.id for one in sites])
        critical = [] if by_htmx(request) else desk.critical_of(session, who)
        opinions = [] if by_htmx(request) else opinion.listing(session, who)[0]
        late = [] if by_htmx(request) else desk.late_files_of(session, who)
        sent_back = [] if by_htmx(request) else desk.sent_back_to(session, who)
    template = "worklist.html"
    if by_htmx(request):
        template = "worklist_rows.html" if part == "rows" else "worklist_list.html"
    answer = render(
        request, who, template, rows=rows, sites=sites, tabs=tabs, last=last, clock=clock, wanted=wanted, choices=choices,
        counted=options.by_value(choices), few=options.few, critical=critical, late=late, opinions=opinions, sent_back=sent_back,
        next=wanted.href(cursor=page.next_cursor) if page.next_cursor else None,
    )  # fmt: skip
    if part != "rows" and "sonopost-glance" not in request.headers:
        keep(answer, who, wanted)
    return unless_known(request, answer) if by_htmx(request) else answer


def rows_of(session: Session, who: Actor, page: Page, speech: Speech) -> list[Row]:
    numbers = lists.numbers(session, who, [review.referral for review in page.reviews])
    ended = [review.id for review in page.reviews if review.status == ReviewStatus.COMPLETED]
    reports = desk.reports_of(session, ended) if ended else {}
    return [_row(who, one, numbers[one.referral_id], reports.get(one.id), speech) for one in page.reviews]


def row_of(session: Session, who: Actor, review: Review, speech: Speech) -> Row:
    return rows_of(session, who, Page([review], None), speech)[0]


def _row(who: Actor, review: Review, numbers: Numbers, report: Report | None, speech: Speech) -> Row:
    at = now()
    due_at = clocks.due(review, review.referral.patient_leaves_at, at)
    left = time_left(due_at, at, speech.ngettext) if review.status in OPEN else None
    reads = who.may("review.read", review.reading_organization_id)
    return Row(review, numbers, report, left, reads and review.status in WAITING)


def _page(session: Session, who: Actor, wanted: Wanted, cursor: str | None, limit: int) -> Page:
    owner = {"unclaimed": "none", "mine": str(who.person_id)}.get(wanted.tab)
    asked = Asked(
        status=ReviewStatus.ON_HOLD if wanted.tab == "asked" else "open", site=wanted.site,
        exam_type=wanted.exam_type or None, language=wanted.language or None, owner=owner,
        overdue=wanted.tab == "overdue", q=wanted.q, cursor=cursor, limit=limit,
    )  # fmt: skip
    return desk.signed_by(session, who, asked) if wanted.tab == "signed" else waiting.worklist(session, who, asked)


def _tabs(session: Session, who: Actor, wanted: Wanted, speech: Speech) -> list[Tab]:
    _ = speech.gettext
    counts = waiting.counts(session, who)
    today = desk.signed_since(session, who, _midnight(session, who))
    shown = {name: waiting.few(count) for name, count in counts.items()} | {"signed": _("{n} today").format(n=today)}
    names = {
        "open": _("Open"), "unclaimed": _("Unclaimed"), "mine": _("Mine"), "asked": _("Waiting for the site"),
        "overdue": _("Overdue"), "signed": _("Signed by me"),
    }  # fmt: skip
    return [Tab(name, words, shown[name], wanted.href(tab=name)) for name, words in names.items()]


def _midnight(session: Session, who: Actor) -> datetime:
    clock: Organization | None = desk.clock_of(session, who)
    local = now().astimezone(words.zone(clock.time_zone if clock else "UTC"))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
