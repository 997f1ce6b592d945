"""The referrer's list and the form by which a referral is placed and sent."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases import asked, attention, unmatched
from app.cases.lists import Page
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid
from app.http.actor import Acting
from app.http.etag import unless_known
from app.http.idempotency import Once, RequestKey, once
from app.notifications.inbox import unread_messages
from app.people.models import Organization
from app.people.reading import readers_for
from app.referrals.dates import today_at
from app.referrals.given import DraftReferral, GivenReferral
from app.referrals.models import EXAM_TYPES
from app.referrals.ours import own
from app.referrals.place import place
from app.reviews import submit, worklist
from app.web import queued
from app.web.forms import Fields, Form, status_of
from app.web.pages import by_htmx, render, see_other
from app.web.referring import BESIDE, checked, files_of, patient_of, put_right, text_of
from app.web.similar import is_to_be_asked, mother_of, similar_to
from app.web.states import state
from app.web.urgency import chosen, spans, ways
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(
    request: Request, who: Acting, done: Annotated[str | None, Query(max_length=200)] = None,
    older: Annotated[str | None, Query(max_length=200)] = None, q: Annotated[str, Query(max_length=200)] = "",
) -> Response:  # fmt: skip
    """Who sends referrals sees what is asked of them; who only reads, the worklist; who only administers, that."""
    if not who.organizations_for("referral.send"):
        if who.organizations_for("review.list"):
            return see_other("/worklist")
        if who.organizations_for("audit.read"):
            return see_other("/organization")
        return render(request, who, "nowhere.html")
    say = speech_of(request, who)
    q = q.strip()
    with reading(who) as session:
        groups, further = ([], None) if done or q else asked.open_groups(session, who, older)
        page = Page(asked.found(session, who, q), None) if q else asked.done(session, who, cursor=done)
        shown = [line.referral.id for line in [*(one for group in groups for one in group.lines), *page.lines]]
        unread = unread_messages(session, who.person_id, shown)
        reads = worklist.counts(session, who) if who.organizations_for("review.list") else None
        alone, unread_here = unmatched.count(session, who), _unread(session, own(session, who))
        needed = 0 if by_htmx(request) else attention.count(session, who)
    lines = [line for group in groups for line in group.lines] + page.lines
    states = {line.referral.id: state(line.referral, line.review, line.report, say) for line in lines}
    answer = render(
        request, who, "home_list.html" if by_htmx(request) else "home.html", groups=groups, further=further, done=page,
        states=states, reads=reads, few=worklist.few, is_later=done is not None or bool(q), q=q, unread=unread, alone=alone,
        unread_here=unread_here, needed=needed,
        few_found=lambda count: str(count) if count <= asked.MOST_FOUND else f"{asked.MOST_FOUND}+",
    )  # fmt: skip
    return unless_known(request, answer) if by_htmx(request) else answer


@router.get("/referrals/new")
def show_form(request: Request, who: Acting) -> Response:
    with reading(who) as session:
        mine = own(session, who)
    today = today_at(mine[0]).isoformat() if mine else ""
    plain = {"priority": "routine", "sex": "unknown", "age_unit": "years", "examined_on": today}
    return _form(request, who, Form(plain))


@router.post("/referrals/new")
def send(request: Request, who: Acting, form: Fields, key: Once) -> Response:
    """Placed and sent in one act, before any file; or kept as a draft.

    Of what comes out of an outbox nobody can be asked whether it is the same patient: it goes, as somebody new."""
    say, is_draft, is_queued = speech_of(request, who), form.value("act") == "draft", queued.is_queued(request, who)
    try:
        given = _given(who, form)
    except Invalid as refusal:
        return _form(request, who, form.refused(refusal, say, BESIDE), 422)
    referral = checked(DraftReferral if is_draft else GivenReferral, given, form, say, is_draft=is_draft)
    if referral is None or (not is_queued and is_to_be_asked(who, form, say)):
        return _form(request, who, form, 422)
    try:
        referral_id = _placed(who, referral, form, key, is_draft=is_draft)
    except (Invalid, Conflict) as refusal:
        return _form(request, who, form.refused(refusal, say, BESIDE), status_of(refusal))
    return queued.placed(referral_id) if is_queued else see_other(f"/referrals/{referral_id}")


def _placed(who: Actor, given: GivenReferral, form: Form, key: RequestKey | None, *, is_draft: bool) -> UUID:
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            return done.resource_id
        referral = place(session, who, given)
        referral_id = referral.id
        session.flush()
        put_right(session, who, referral.patient_id, form)
        if not is_draft:
            submit.submit(session, who, submit.for_change(session, who, referral_id))
        done.keep(201, referral_id)
    return referral_id


def _given(who: Actor, form: Form) -> dict[str, Any]:
    chosen = form.value("organization_id")
    with reading(who) as session:
        mine = [one for one in own(session, who) if not chosen or str(one.id) == chosen]
    if not mine:
        raise Invalid("You are not a referrer of any organization.", field="organization_id")
    patient = patient_of(form) | {"mother_patient_id": mother_of(who, mine[0].id, form)}
    return {
        **text_of(form, mine[0].time_zone), "patient": patient, "files": files_of(form),
        "organization_id": chosen or None, "reading_organization_id": form.value("reading_organization_id") or None,
    }  # fmt: skip


def _unread(session: Session, own: list[Organization]) -> list[Organization]:
    """For whom nobody reads: what they ask could go nowhere."""
    return [one for one in own if not readers_for(session, one.id)]


def _form(request: Request, who: Actor, form: Form, status: int = 200) -> Response:
    if status != 200 and queued.is_queued(request, who):
        return queued.refused(who, form, status)
    with reading(who) as session:
        mine = own(session, who)
        if not mine:
            raise Forbidden("You are not a referrer of any organization.")
        unread_here = _unread(session, mine)
    among = ways(who)
    readers = {reader.id: reader for _sender, reader in among}
    return render(
        request, who, "new_referral.html", status, form=form, own=mine, readers=list(readers.values()),
        exam_types=EXAM_TYPES, spans=spans(chosen(among, form)), unread_here=unread_here, looks=True,
        similar=similar_to(who, form),
    )  # fmt: skip
