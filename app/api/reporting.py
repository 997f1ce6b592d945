"""Reports as JSON and PDF: read, amended, acknowledged, verified."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session, selectinload

from app.access import scope
from app.access.actor import Actor
from app.api.drafts import DraftOut, spoken_to
from app.api.reported import ReportOut
from app.api.reviewing import draft_shown
from app.api.schemas import ReportBrief, ReportPage
from app.audit import events
from app.cases import lists
from app.db import reading, transaction
from app.errors import NotFound
from app.http.actor import Acting
from app.http.description import answered
from app.http.idempotency import Once, RequestKey, once
from app.http.ranges import stored
from app.referrals.given import GivenPatient, Moment, Text
from app.reports import amend, late, marks, publish, right_patient
from app.reports.acknowledge import acknowledge
from app.reports.models import SIGNED, Report, ReportVersion
from app.reports.verify import Verdict, verified
from app.reviews import step, submit
from app.reviews.models import Review

router = APIRouter(tags=["reporting"])


class Change(BaseModel):
    kind: amend.ChangeKind = Field(examples=["corrected"])
    reason: Text = Field(min_length=1, examples=["Left and right were confused in the findings."])


class InError(BaseModel):
    reason: Text = Field(min_length=1, examples=["Wrong patient."])
    patient: GivenPatient | None = Field(
        None, description="Whom it is about, without number: the question is asked anew for them, with the files"
    )
    same_patient: bool = Field(False, description="Whatever the files say, they are this patient's")


@router.get("/reports")
def list_reports(
    who: Acting, signed_after: Moment | None = None, cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ReportPage:  # fmt: skip
    """Signed reports, the oldest first, so that a script can go on where it stopped.

    On PostgreSQL a page with `signed_after` or `cursor` ends three seconds ago, so that none committed late is missed.
    A report that is entered in error keeps the time it was signed at: `GET /referrals?updated_after=` shows it."""
    with reading(who) as session:
        page = lists.signed(session, who, signed_after=signed_after, cursor=cursor, limit=limit)
    return ReportPage(items=[ReportBrief.model_validate(one) for one in page.reports], next_cursor=page.next_cursor)


@router.get("/reports/{report_id}", responses=answered("application/pdf"), response_model=ReportOut)
def get_report(
    report_id: UUID, who: Acting, request: Request, version: Annotated[int | None, Query(ge=1)] = None
) -> Any:
    """The current version as JSON, or as PDF by `Accept: application/pdf`; `version` asks for an earlier one."""
    with reading(who) as session:
        report = signed_report(session, who, report_id)
        shown = version_of(report, version)
        is_pdf = "application/pdf" in request.headers.get("accept", "")
        said = None if is_pdf else ReportOut.of_report(session, who, report, shown)
    events.note_opening(who, "report.opened", organization_id=report.organization_id, entity_id=report.id,
                        referral_id=report.referral_id)  # fmt: skip
    if is_pdf:
        return stored(publish.pdf(who, report, shown), request, name=f"report-v{shown.version}.pdf")
    return said


@router.post("/reports/{report_id}/amend")
def amend_report(
    report_id: UUID, given: Change, who: Acting, key: Once, request: Request, response: Response
) -> DraftOut:
    """Open a draft of the next version; it is written and signed as the first one was."""

    def change(session: Session, review: Review, report: Report) -> ReportVersion:
        return amend.amend(session, who, review, report, given.kind, given.reason)

    return _opened(report_id, who, key, request, response, change)


@router.post("/reports/{report_id}/no-change")
def no_change(report_id: UUID, who: Acting, key: Once, request: Request, response: Response) -> DraftOut:
    """Files that came after signing were looked at: a draft of the line that says so, to be signed."""

    def change(session: Session, review: Review, report: Report) -> ReportVersion:
        return late.no_change(session, who, review, report)

    return _opened(report_id, who, key, request, response, change)


@router.post("/reports/{report_id}/enter-in-error")
def enter_report_in_error(report_id: UUID, given: InError, who: Acting, key: Once) -> ReportOut:
    """It stays, marked; whoever read it is told. With the right `patient` a new referral of the same question waits."""
    with transaction(who) as session:
        done = once(session, key)
        report = signed_report(session, who, report_id)
        review = step.for_reader(session, who, report.review_id, "report.sign")
        if not done.before:
            if given.patient is None:
                amend.enter_in_error(session, who, review, report, given.reason)
            else:
                right_patient.withdraw_and_send_again(
                    session, who, review, report, given.reason, given.patient, same_patient=given.same_patient
                )
            done.keep(200, report.id)
        _record_opening(session, who, report)
        return ReportOut.of_report(session, who, report, marks.newest(report))


@router.post("/reports/{report_id}/acknowledge")
def acknowledge_report(
    report_id: UUID, who: Acting, key: Once, version: Annotated[int | None, Query(ge=1)] = None
) -> ReportOut:
    """'I have read this'; until then the answer is chased. `version` is the one that was read: 409 where it is replaced."""
    with transaction(who) as session:
        done = once(session, key)
        report = signed_report(session, who, report_id)
        if not done.before:
            acknowledge(session, who, submit.for_change(session, who, report.referral_id), report, version)
            done.keep(200, report.id)
        session.flush()
        _record_opening(session, who, report)
        return ReportOut.of_report(session, who, report, marks.newest(report))


@router.get("/reports/{report_id}/verify")
def verify_report(report_id: UUID, who: Acting, version: Annotated[int | None, Query(ge=1)] = None) -> Verdict:
    """Authentic or not, and current or replaced."""
    with reading(who) as session:
        report = signed_report(session, who, report_id)
        return verified(session, report, version_of(report, version))


def signed_report(session: Session, who: Actor, report_id: UUID) -> Report:
    """A report of which a version is signed; before that it is the reader's alone."""
    versions = selectinload(Report.versions).joinedload(ReportVersion.signature)
    report = scope.get(session, Report, report_id, who, versions)
    if report.signed_at is None:
        raise NotFound
    return report


def version_of(report: Report, number: int | None) -> ReportVersion:
    signed = {one.version: one for one in report.versions if one.status in SIGNED}
    found = signed.get(number or max(signed))
    if found is None:
        raise NotFound
    return found


def _opened(
    report_id: UUID, who: Actor, key: RequestKey | None, request: Request, response: Response,
    change: Callable[[Session, Review, Report], ReportVersion],
) -> DraftOut:  # fmt: skip
    """The draft of the next version, once under a key."""
    with transaction(who) as session:
        done = once(session, key)
        report = signed_report(session, who, report_id)
        review = step.for_reader(session, who, report.review_id, "report.sign")
        if done.before and done.resource_id is not None:
            draft = session.get_one(ReportVersion, done.resource_id)
        else:
            draft = change(session, review, report)
            done.keep(200, draft.id)
        return draft_shown(session, who, review, draft, response, spoken_to(request, who))


def _record_opening(session: Session, who: Actor, report: Report) -> None:
    """The answer of an act shows the report too."""
    events.record_opening(session, who, "report.opened", organization_id=report.organization_id, entity_id=report.id,
                          referral_id=report.referral_id)  # fmt: skip
