"""After signing: a change is a new version with its kind and reason; a wrong one is entered in error."""

from typing import Literal

from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict, Invalid
from app.reports import chase, filled, instance, marks
from app.reports.draft import open_draft, report_of
from app.reports.models import Report, ReportVersion, VersionStatus
from app.reviews.looked import tell_who_looked
from app.reviews.models import Review
from app.reviews.step import lock, require_owner

ChangeKind = Literal["amended", "corrected", "appended"]


def amend(
    session: Session, actor: Actor, review: Review, report: Report, kind: ChangeKind, reason: str
) -> ReportVersion:
    """Open a draft of the next version with the signed text in it; the signed one stays readable for ever."""
    require(actor, "report.sign", review.reading_organization_id)
    lock(session, review)
    report = report_of(session, review) or report
    require_owner(actor, session, review)
    if not reason:
        raise Invalid("Say what is changed, and why.", field="reason")
    if open_draft(report) is not None:
        raise Conflict("A change of this report is being written already.")
    signed = current(report)
    draft = ReportVersion(
        id=new_id(), organization_id=report.organization_id, report_id=report.id, version=len(report.versions) + 1,
        author_id=person_of(actor), impression=signed.impression, **filled.reopened(signed), language=signed.language,
        kind=kind, reason=reason, images=[], images_sha256=signed.images_sha256, signature=None,
    )  # fmt: skip
    report.versions.append(draft)
    session.flush()
    _record(session, actor, report, "report.change-opened", version=draft.version, kind=kind)
    return draft


def enter_in_error(session: Session, actor: Actor, review: Review, report: Report, reason: str) -> None:
    """'This report should not exist': it stays, marked, and who asked or read it is told; twice is once."""
    require(actor, "report.sign", review.reading_organization_id)
    lock(session, review)
    report = report_of(session, review) or report
    require_owner(actor, session, review)
    if not reason:
        raise Invalid("Say what is wrong with it.", field="reason")
    signed = current(report)
    if report.status == VersionStatus.ENTERED_IN_ERROR:
        return
    report.status = VersionStatus.ENTERED_IN_ERROR
    instance.take_back(session, report)
    report.acknowledged_at = None
    chase.begun(session, report, review.referral)
    review.referral.updated_at = now()
    _record(session, actor, report, "report.entered-in-error", version=signed.version, reason_given=True)
    tell_who_looked(session, actor, review.referral, "report.entered-in-error", (report.id,))


def current(report: Report) -> ReportVersion:
    """The newest signed version."""
    if not marks.signed(report):
        raise Conflict("This report is not signed yet.")
    return marks.newest(report)


def _record(session: Session, actor: Actor, report: Report, action: str, **detail: object) -> None:
    events.record(session, actor, action, organization_id=report.organization_id, entity_id=report.id,
                  referral_id=report.referral_id, **detail)  # fmt: skip
