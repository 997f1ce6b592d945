"""Sign: freeze text and image list under one digest, complete the review, tell the referrer, in one transaction."""

from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid
from app.jobs.queue import enqueue
from app.notifications.notify import tell
from app.reports import chase, filled, source
from app.reports.draft import open_draft, report_of, stale
from app.reports.models import Report, ReportVersion, Signature, VersionStatus
from app.reviews.models import Review, ReviewStatus, after
from app.reviews.step import lock, require_owner, step
from app.studies.images import image_list, image_list_sha256

CHANGES = {
    "amended": VersionStatus.AMENDED,
    "corrected": VersionStatus.CORRECTED,
    "appended": VersionStatus.APPENDED,
}
MEANINGS = {True: "Preliminary reading", False: "Interpreted and signed"}


def sign(
    session: Session,
    actor: Actor,
    review: Review,
    *,
    revision: int | None,
    images_sha256: str,
    preliminary: bool = False,
) -> ReportVersion:
    """Sign the draft that was shown. The door has just proved that the person is present (password again).

    Conflict(stale=True) names what differs when text or images are not those that were shown."""
    require(actor, "report.sign", review.reading_organization_id)
    lock(session, review)
    require_owner(actor, session, review)
    report = report_of(session, review)
    draft = open_draft(report)
    if report is None or draft is None:
        raise Conflict("There is no draft to sign.", status=review.status)
    if draft.revision != revision:
        raise stale(draft)
    _refuse_incomplete(draft)
    filled.refuse_incomplete(session, review, draft)
    _refuse_ended(review, draft, preliminary=preliminary)
    draft.images = image_list(session, review.referral_id)
    draft.images_sha256 = image_list_sha256(draft.images)
    if draft.images_sha256 != images_sha256:
        raise Conflict("Images came or went since this was shown. Look at them, then sign.", stale=True,
                       images_sha256=draft.images_sha256, image_count=len(draft.images))  # fmt: skip
    _freeze(session, actor, review, report, draft, preliminary=preliminary)
    if not preliminary and review.status != ReviewStatus.COMPLETED:
        step(session, review, "sign")
    _tell(session, actor, review, report, draft)
    return draft


def _freeze(
    session: Session, actor: Actor, review: Review, report: Report, draft: ReportVersion, *, preliminary: bool
) -> None:
    draft.status = CHANGES.get(draft.kind) or (VersionStatus.PRELIMINARY if preliminary else VersionStatus.FINAL)
    signature = Signature(
        organization_id=review.organization_id, report_version_id=draft.id, person_id=person_of(actor),
        printed_name=actor.name, meaning=MEANINGS[preliminary], signed_at=now(),
    )  # fmt: skip
    filled.freeze(session, review, draft)
    draft.canonical = source.canonical(source.build(session, review, report, draft, signature))
    draft.sha256 = signature.sha256 = source.sha256_of(draft.canonical)
    draft.signature = signature
    report.status, report.version, report.signed_at = draft.status, draft.version, signature.signed_at
    report.acknowledged_at = None  # a new version is read anew
    chase.begun(session, report, review.referral)
    review.referral.updated_at = now()
    session.flush()


def _tell(session: Session, actor: Actor, review: Review, report: Report, version: ReportVersion) -> None:
    kind = "report.amended" if version.kind else "report.signed"
    tell(session, [review.referral.author_id], kind, review.referral, to=review.referral.organization)
    enqueue(session, "reports.publish", report.id)
    events.record(
        session, actor, "report.signed", organization_id=review.organization_id, entity_id=report.id,
        referral_id=review.referral_id, version=version.version, status=version.status, sha256=version.sha256,
    )  # fmt: skip


def _refuse_ended(review: Review, draft: ReportVersion, *, preliminary: bool) -> None:
    """A preliminary reading moves no state, but needs one in which a final one could be signed."""
    if review.status != ReviewStatus.COMPLETED:
        after(review.status, "sign")
    if preliminary and draft.kind:
        raise Conflict("A change of a signed report is signed as final.", status=review.status)


def _refuse_incomplete(draft: ReportVersion) -> None:
    if not draft.impression:
        raise Invalid("Write the impression: it is the answer to the question.", field="impression")
