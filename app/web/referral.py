"""The page of one referral, and what its referrer does there: send, write, answer, revise, cancel, settle a file."""

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of
from app.cases import case
from app.cases.case import Case
from app.cases.talk import talk
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotFound
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.notifications.inbox import mark_case_read, unread_messages
from app.people.models import Organization
from app.referrals.given import RevisedDraft, RevisedReferral, clean
from app.referrals.models import ARRIVED, EXAM_TYPES, TAKES_FILES, FileStatus, ManifestItem, Referral, ReferralStatus
from app.reports import right_patient
from app.reports.send_on import elsewhere, send_on
from app.reviews import cancel, files, hold, step, submit
from app.reviews.models import ReviewStatus
from app.reviews.revise import revise
from app.reviews.say import say
from app.studies.conflicts import FIRST_STAYS
from app.studies.identity import question_of
from app.web.forms import Fields, Form, required, status_of
from app.web.pages import render, see_other
from app.web.referring import BESIDE, checked, shown, text_of
from app.web.states import state
from app.web.urgency import spans
from app.web.words import speech_of

router = APIRouter(prefix="/referrals/{referral_id}", include_in_schema=False)
TROUBLED = (FileStatus.HELD, FileStatus.CONFLICT, FileStatus.QUARANTINED)
OPEN = (ReferralStatus.DRAFT, ReferralStatus.ACTIVE)
MOST_NAMED = 12  # of the newest files, beside a message


@router.get("")
def show(request: Request, who: Acting, referral_id: UUID) -> Response:
    """Looking is on the record, and reads what was said about the case."""
    with transaction(who) as session:
        found = case.whole(session, who, referral_id)
        case.opened(session, who, found.referral)
        unread = unread_messages(session, who.person_id, [referral_id])
        mark_case_read(session, person_of(who), referral_id)
    return _page(request, who, found, Form(), unread_since=unread.get(referral_id))


@router.get("/files")
def show_files(request: Request, who: Acting, referral_id: UUID) -> Response:
    """The files as the server knows them, for script to put in place while others are still going up."""
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    case.note_opened(who, found.referral)
    return render(request, who, "referral_files.html", **context(request, who, found))


@router.get("/receipt")
def show_receipt(request: Request, who: Acting, referral_id: UUID) -> Response:
    """What arrived, by name, size, digest and time."""
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    case.note_opened(who, found.referral)
    return render(request, who, "receipt.html", **context(request, who, found))


@router.post("/submit")
def send(request: Request, who: Acting, referral_id: UUID) -> Response:
    """What a draft still lacks is asked for in the form in which it is written."""
    try:
        with transaction(who) as session:
            submit.submit(session, who, submit.for_change(session, who, referral_id))
    except Invalid as refusal:
        if refusal.field not in ("exam_type", "question"):
            raise
        found = _mine(who, referral_id)
        form = Form(shown(found.referral)).refused(refusal, speech_of(request, who))
        return _revising(request, who, found, form, 422)
    return see_other(f"/referrals/{referral_id}")


@router.post("/reply")
def reply(request: Request, who: Acting, referral_id: UUID, form: Fields, key: Once) -> Response:
    """An answer to the reader's question; the files that came since the question go with it."""
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    if found.review is None:
        raise NotFound
    text = str(clean(form.value("text")))
    try:
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                review = step.loaded(session, who, found.review.id)
                hold.reply(session, who, review, text, [item.id for item in since_question(found)])
                done.keep(200, review.id)
    except Invalid as refusal:
        return _page(request, who, found, form.refused(refusal, speech_of(request, who)), 422)
    return see_other(f"/referrals/{referral_id}#talk")


@router.post("/say")
def write(request: Request, who: Acting, referral_id: UUID, form: Fields, key: Once) -> Response:
    """A message to the reader, about these files or without."""
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    if found.review is None:
        raise NotFound
    chosen = set(form.values("file_id"))
    try:
        with transaction(who) as session:
            done = once(session, key)
            if not done.before:
                named = [item.id for item in found.files if str(item.id) in chosen]
                review = step.loaded(session, who, found.review.id)
                say(session, who, review, str(clean(form.value("note"))), named, as_reader=False)
                done.keep(303, review.id)
    except Invalid as refusal:
        return _page(request, who, found, form.refused(refusal, speech_of(request, who), {"text": "note"}), 422)
    return see_other(f"/referrals/{referral_id}#talk")


@router.get("/revise")
def show_revise(request: Request, who: Acting, referral_id: UUID) -> Response:
    found = _mine(who, referral_id)
    case.note_opened(who, found.referral)
    return _revising(request, who, found, Form(shown(found.referral)))


@router.post("/revise")
def save_revision(request: Request, who: Acting, referral_id: UUID, form: Fields) -> Response:
    """Only over the text that was shown: what somebody else changed meanwhile is looked at first."""
    say, found = speech_of(request, who), _mine(who, referral_id)
    try:
        is_draft = found.referral.status == ReferralStatus.DRAFT
        model = RevisedDraft if is_draft else RevisedReferral
        given = checked(model, text_of(form, found.referral.organization.time_zone), form, say, is_draft=is_draft)
        if given is None:
            return _revising(request, who, found, form, 422)
        with transaction(who) as session:
            referral = submit.for_change(session, who, referral_id)
            _refuse_stale(referral, form)
            revise(session, who, referral, given)
    except (Invalid, Conflict) as refusal:
        return _revising(request, who, found, form.refused(refusal, say, BESIDE), status_of(refusal))
    return see_other(f"/referrals/{referral_id}")


@router.get("/cancel")
def show_cancel(request: Request, who: Acting, referral_id: UUID) -> Response:
    return render(request, who, "cancel_referral.html", found=_mine(who, referral_id), form=Form())


@router.post("/cancel")
def cancel_it(request: Request, who: Acting, referral_id: UUID, form: Fields) -> Response:
    try:
        reason = required(form, "reason", "Say why the referral is cancelled.")
        with transaction(who) as session:
            cancel.cancel(session, who, submit.for_change(session, who, referral_id), str(clean(reason)))
    except Invalid as refusal:
        form.refused(refusal, speech_of(request, who))
        return render(request, who, "cancel_referral.html", 422, found=_mine(who, referral_id), form=form)
    return see_other(f"/referrals/{referral_id}")


@router.post("/send-on")
def send_it_on(who: Acting, referral_id: UUID, form: Fields) -> Response:
    """Declined, it is read elsewhere: to one of those that the page offered."""
    found = _mine(who, referral_id)
    try:
        reader_id = UUID(form.value("reading_organization_id"))
    except ValueError:
        raise NotFound from None
    if found.review is None:
        raise NotFound
    with transaction(who) as session:
        send_on(session, who, step.loaded(session, who, found.review.id), reader_id)
    return see_other(f"/referrals/{referral_id}")


@router.post("/files/{file_id}/same-patient")
def same_patient(who: Acting, referral_id: UUID, file_id: UUID, form: Fields) -> Response:
    """Of one file, or of all that name the same patient, up to the last one that the page showed."""
    last_id = _last_of(form)
    with transaction(who) as session:
        if last_id is not None:
            files.confirm_alike(session, who, referral_id, file_id, last_id)
        else:
            files.confirm(session, who, referral_id, file_id)
    return see_other(f"/referrals/{referral_id}#files")


@router.post("/files/{file_id}/withdraw")
def withdraw(who: Acting, referral_id: UUID, file_id: UUID, form: Fields) -> Response:
    """'Wrong file', or one that was announced and will not come."""
    reason = form.value("reason") if form.value("reason") in WITHDRAWN else "Wrong file."
    last_id = _last_of(form)
    with transaction(who) as session:
        if last_id is not None:
            files.withdraw_alike(session, who, referral_id, file_id, last_id, reason)
        else:
            files.withdraw(session, who, referral_id, file_id, reason)
    return see_other(f"/referrals/{referral_id}#files")


def _last_of(form: Form) -> UUID | None:
    try:
        return UUID(form.value("last")) if form.value("last") else None
    except ValueError:
        raise NotFound from None


# What the buttons say; the reason is kept in English and shown in the reader's language.
WITHDRAWN = ("Wrong file.", "It will not be sent.", "Refused; taken off the list.", FIRST_STAYS)


def since_question(found: Case) -> list[ManifestItem]:
    """The files that came after the reader's last question."""
    asked_at = max((one.at for one in found.messages if one.kind == "question"), default=None)
    if asked_at is None:
        return []
    return [one for one in found.files if one.status in ARRIVED and one.arrived_at and one.arrived_at > asked_at]


def _refuse_stale(referral: Referral, form: Form) -> None:
    if form.value("version") != str(referral.version):
        raise Conflict("Somebody changed this referral meanwhile. Compare it with yours, then save again.")


def _mine(who: Actor, referral_id: UUID) -> Case:
    with reading(who) as session:
        found = case.whole(session, who, referral_id)
    if not who.may("referral.send", found.referral.organization_id):
        raise NotFound
    return found


def _page(
    request: Request, who: Actor, found: Case, form: Form, status: int = 200, unread_since: datetime | None = None
) -> Response:
    with reading(who) as session:
        said = talk(session, who, found, unread_since)
        replaced_by = right_patient.replaced_by(session, who, found.referral)
        others = _elsewhere(session, who, found)
    return render(
        request, who, "referral.html", status, form=form, talk=said, replaced_by=replaced_by,
        elsewhere=others, **context(request, who, found),
    )  # fmt: skip


def _elsewhere(session: Session, who: Actor, found: Case) -> list[Organization]:
    """Where the clinic can have a declined one read instead."""
    review = found.review
    if review is None or review.status != ReviewStatus.REJECTED or found.referral.status != ReferralStatus.ACTIVE:
        return []
    return elsewhere(session, review) if who.may("referral.send", review.organization_id) else []


def _revising(request: Request, who: Actor, found: Case, form: Form, status: int = 200) -> Response:
    if found.referral.status not in OPEN:
        raise Conflict("An ended referral cannot be changed.")
    times = spans([(found.referral.organization, found.referral.reading_organization)])
    return render(
        request, who, "revise_referral.html", status, form=form, found=found, exam_types=EXAM_TYPES, spans=times
    )


def context(request: Request, who: Actor, found: Case) -> dict[str, Any]:
    """What the page and its parts show of a case."""
    referral, review = found.referral, found.review
    sends = who.may("referral.send", referral.organization_id)
    files = found.files
    takes_files = sends and referral.status in TAKES_FILES
    alike = _alike(files) if takes_files else []
    lookable = {one.id for one in (*found.images, *found.documents)}
    by_themselves = [one for one in files if one.status in TROUBLED and not any(one in group for group in alike)]
    return {
        "found": found, "referral": referral, "sends": sends,
        "takes_files": takes_files,
        "is_open": sends and referral.status in OPEN and found.signed_report is None,
        "is_over": _is_over(found),
        "is_asked": sends and review is not None and review.status == ReviewStatus.ON_HOLD,
        "reads": review is not None and who.may("review.list", review.reading_organization_id),
        "state": state(referral, review, found.signed_report, speech_of(request, who)),
        "troubled": by_themselves, "alike": alike,
        "expected": found.awaited,
        "arrived": [one for one in files if one.status == FileStatus.STORED],
        "withdrawn": [one for one in files if one.status == FileStatus.WITHDRAWN],
        "ready": {one.id for one in found.instances if one.preview == "ready"},
        "lookable": lookable, "keys": {str(one.id) for one in found.images} | {f"{one.id}-1" for one in found.documents},
        "since_question": since_question(found),
        "named": [one for one in files if one.status == FileStatus.STORED and not one.is_archive][-MOST_NAMED:],
    }  # fmt: skip


def _alike(files: list[ManifestItem]) -> list[list[ManifestItem]]:
    """Several held files that raise one question: it is asked once."""
    held = sorted((one for one in files if one.status == FileStatus.HELD), key=question_of)
    groups = [sorted(group, key=lambda one: one.id) for _, group in groupby(held, question_of)]
    return [group for group in groups if len(group) > 1]


def _is_over(found: Case) -> bool:
    """Nothing more is to come by itself: who has this page open need not be told of changes."""
    report, review = found.signed_report, found.review
    if found.referral.status in (ReferralStatus.REVOKED, ReferralStatus.ENTERED_IN_ERROR):
        return True
    return bool(report and report.acknowledged_at) or bool(review and review.returned_at)
