"""The report as a letter: read, acknowledged, verified, amended, entered in error, as PDF."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy.orm import Session, joinedload, selectinload
from starlette.responses import StreamingResponse

from app.access import scope
from app.access.actor import Actor
from app.audit import events
from app.cases import case as cases
from app.cases import sights
from app.cases.case import Case
from app.cases.sights import Sight
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotFound, Refusal
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.http.ranges import stored
from app.people import patients
from app.people.models import Person
from app.referrals.given import GivenPatient, Line, clean
from app.referrals.pregnancy import Pregnancy
from app.reports import acknowledge, amend, dated, key_images, late, marks, publish, right_patient, teaching
from app.reports.key_images import Key
from app.reports.late import LateFiles, open_of
from app.reports.models import SIGNED, Acknowledgement, Report, ReportVersion
from app.reports.source import on_record
from app.reports.teaching import Feedback
from app.reports.verify import Verdict, verified
from app.reviews import step, submit
from app.reviews.models import Review
from app.storage import blobs
from app.studies import pictures
from app.studies.measurement import Measurement
from app.studies.models import Instance
from app.web.forms import status_of
from app.web.pages import render, see_other

router = APIRouter(include_in_schema=False)
Number = Annotated[int | None, Query(ge=1)]
Text = Annotated[str, BeforeValidator(clean), Form(max_length=20_000)]


@dataclass(frozen=True)
class Marked:
    """The frame that the reader shows the operator, with what was drawn on it."""

    instance: Instance
    has_frames: bool  # a film's are in the film alone
    drawn: Sequence[Measurement]


@dataclass(frozen=True)
class Letter:
    case: Case
    report: Report
    version: ReportVersion
    signed: list[ReportVersion]
    verdict: Verdict
    source: dict[str, Any]  # all that was signed: the page says what the PDF says
    sights: list[Sight]  # the images that it rests on
    keys: list[Key]
    read_by: list[tuple[str, datetime]]
    late: LateFiles | None  # files that came after signing, and wait for its reader's word
    feedback: Feedback | None  # to the operator, where this person is to see it
    marked: Marked | None
    redated: Pregnancy | None  # whose date is another one than was signed
    critical_since: bool  # open, or told of otherwise than was signed

    @property
    def newest(self) -> ReportVersion:
        return self.signed[-1]

    def sight_of(self, key: Key) -> Sight | None:
        """None where the clinic has withdrawn it since."""
        return next((one for one in self.sights if key.instance and one.source_id == key.instance.id), None)


@router.get("/reports/{report_id}.pdf")
def show_pdf(report_id: UUID, who: Acting, version: Number = None) -> Response:
    with transaction(who) as session:
        report = _opened(session, who, report_id)
        code = cases.whole(session, who, report.referral_id).referral.code
    shown = _version(report, version)
    blob = publish.pdf(who, report, shown)
    headers = {
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(f'{code}-v{shown.version}.pdf')}",
        "Content-Length": str(blob.size_bytes), "ETag": f'"{blob.sha256}"',
    }  # fmt: skip
    return StreamingResponse(blobs.read(blob), headers=headers, media_type="application/pdf")


@router.get("/reports/{report_id}")
def show_report(report_id: UUID, who: Acting, request: Request, version: Number = None) -> Response:
    return _page(request, who, report_id, version)


@router.get("/reports/{report_id}/key-images/{place}")
def show_key_image(report_id: UUID, place: int, who: Acting, request: Request, version: Number = None) -> Response:
    """With what was drawn on it when it was signed; of the others their images show all."""
    with reading(who) as session:
        shown = _version(_signed(session, who, report_id), version)
        keys = key_images.listed(session, json.loads(shown.canonical or "{}"))
    key = keys[place - 1] if 1 <= place <= len(keys) else None
    if key is None or key.instance is None or not key.marks:
        raise NotFound
    pictures.instance_for(who, key.instance.id)  # not where the clinic has taken it back; and it goes on record
    return stored(key_images.picture(who, shown, place, key), request)


@router.get("/reports/{report_id}/verify")
def verify_report(report_id: UUID, who: Acting, request: Request, version: Number = None) -> Response:
    """Where the PDF's link leads: is this what was signed, and is it the newest?"""
    letter = _letter(who, report_id, version)
    return render(request, who, "report_verify.html", letter=letter, referral=letter.case.referral)


@router.post("/reports/{report_id}/acknowledge")
def acknowledge_report(
    report_id: UUID, who: Acting, request: Request, version: Annotated[int | None, Form()] = None
) -> Response:
    """'I have read this', the version that was shown; until then the answer is chased."""
    try:
        with transaction(who) as session:
            report = _opened(session, who, report_id)
            referral = submit.for_change(session, who, report.referral_id)
            acknowledge.acknowledge(session, who, referral, report, version)
    except Conflict as refusal:
        return _page(request, who, report_id, None, refusal)
    return see_other(f"/reports/{report_id}")


@router.post("/reports/{report_id}/amend")
def amend_report(
    report_id: UUID, who: Acting, request: Request, key: Once, kind: Annotated[amend.ChangeKind, Form()], reason: Text = "",
) -> Response:  # fmt: skip
    """A draft of the next version, written and signed in the reading room as the first one was."""
    try:
        with transaction(who) as session:
            done = once(session, key)
            report = _opened(session, who, report_id)
            review = step.for_reader(session, who, report.review_id, "report.sign")
            if not done.before:
                amend.amend(session, who, review, report, kind, reason.strip())
                done.keep(303, report.id)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, report_id, None, refusal, reason)
    return see_other(f"/reviews/{review.id}#report")


@router.post("/reports/{report_id}/no-change")
def no_change(report_id: UUID, who: Acting, request: Request, key: Once) -> Response:
    """Files that came later were looked at: the line that says so is signed as every version is."""
    try:
        with transaction(who) as session:
            done = once(session, key)
            report = _opened(session, who, report_id)
            review = step.for_reader(session, who, report.review_id, "report.sign")
            if not done.before:
                late.no_change(session, who, review, report)
                done.keep(303, report.id)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, report_id, None, refusal)
    return see_other(f"/reviews/{review.id}/sign")


class InError(BaseModel):
    """What is wrong, and whom it is about where that is known."""

    wrong: Annotated[str, BeforeValidator(clean), Field(max_length=20_000)] = ""
    family_name: Line = ""
    given_name: Line = ""
    name_local: Line = ""
    same_patient: bool = False

    @property
    def names(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in patients.NAMES}


@router.post("/reports/{report_id}/enter-in-error")
def enter_report_in_error(
    report_id: UUID, who: Acting, request: Request, key: Once, said: Annotated[InError, Form()]
) -> Response:
    """With the right name the question is asked again, for whom it is about."""
    try:
        with transaction(who) as session:
            done = once(session, key)
            report = _opened(session, who, report_id)
            review = step.for_reader(session, who, report.review_id, "report.sign")
            if not done.before:
                _withdraw(session, who, review, report, said)
                done.keep(303, report.id)
    except (Conflict, Invalid) as refusal:
        return _page(request, who, report_id, None, refusal, said.wrong, said.names)
    return see_other(f"/reports/{report_id}")


def _withdraw(session: Session, who: Actor, review: Review, report: Report, said: InError) -> None:
    if not any(said.names.values()):
        amend.enter_in_error(session, who, review, report, said.wrong)
        return
    patient = GivenPatient.model_validate(said.names)
    right_patient.withdraw_and_send_again(
        session, who, review, report, said.wrong, patient, same_patient=said.same_patient
    )  # fmt: skip


def _page(
    request: Request, who: Actor, report_id: UUID, version: int | None, refusal: Refusal | None = None, typed: str = "",
    typed_patient: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    letter = _letter(who, report_id, version)
    review: Review | None = letter.case.review
    is_signer = review is not None and review.owner_id == who.person_id
    return render(
        request, who, "report.html", status_of(refusal) if refusal else 200, letter=letter, report=letter.report,
        version=letter.version, case=letter.case, referral=letter.case.referral, review=review, refusal=refusal, typed=typed,
        is_current=letter.verdict.current, sends=who.may("referral.send", letter.report.organization_id),
        may_change=is_signer and who.may("report.sign", letter.report.reading_organization_id),
        in_error=typed_patient is not None, typed_patient=typed_patient or dict.fromkeys(patients.NAMES, ""),
        has_draft=any(one.status == "draft" for one in letter.report.versions),
    )  # fmt: skip


def _letter(who: Actor, report_id: UUID, number: int | None) -> Letter:
    with transaction(who) as session:
        _opened(session, who, report_id)
    with reading(who) as session:
        report = _signed(session, who, report_id)
        case = cases.whole(session, who, report.referral_id)
        version = _version(report, number)
        if version.canonical is None:
            raise Conflict("This version is not signed.")
        rests_on = {each["id"] for each in version.images}
        seen = [one for one in sights.of(session, case) if str(one.source_id) in rests_on]
        read = session.execute(
            sa.select(Person.name, Acknowledgement.at).join(Person, Person.id == Acknowledgement.person_id)
            .where(Acknowledgement.report_version_id == version.id).order_by(Acknowledgement.at)
        )  # fmt: skip
        feedback, source = teaching.shown_to(session, who, report), json.loads(version.canonical)
        return Letter(
            case=case, report=report, version=version, signed=marks.signed(report),
            late=open_of(session, report.id), verdict=verified(session, report, version),
            source=source, sights=seen, keys=key_images.listed(session, source), feedback=feedback,
            marked=_marked(session, seen, case, feedback),
            read_by=[(row.name, row.at) for row in read], redated=dated.changed_since(source, case.referral.pregnancy),
            critical_since=bool(case.open_critical) or [on_record(one) for one in case.critical] != source.get("critical", []),
        )  # fmt: skip


def _marked(session: Session, seen: list[Sight], case: Case, feedback: Feedback | None) -> Marked | None:
    """None where the clinic has withdrawn it since."""
    wanted = feedback.instance_id if feedback else None
    shown = next((one for one in seen if one.source_id == wanted), None)
    instance = next((one for one in case.instances if one.id == wanted), None)
    if feedback is None or instance is None or shown is None:
        return None
    return Marked(instance, shown.form != "film", teaching.marks_of(session, feedback))


def _opened(session: Session, who: Actor, report_id: UUID) -> Report:
    report = _signed(session, who, report_id)
    events.record_opening(session, who, "report.opened", organization_id=report.organization_id, entity_id=report.id,
                          referral_id=report.referral_id)  # fmt: skip
    return report


def _signed(session: Session, who: Actor, report_id: UUID) -> Report:
    """A report of which a version is signed; before that it is the reader's alone."""
    report = scope.get(session, Report, report_id, who, selectinload(Report.versions).options(
        joinedload(ReportVersion.signature)))  # fmt: skip
    if report.signed_at is None:
        raise NotFound
    return report


def _version(report: Report, number: int | None) -> ReportVersion:
    signed = {one.version: one for one in report.versions if one.status in SIGNED}
    found = signed.get(number or max(signed))
    if found is None:
        raise NotFound
    return found
