"""Sign: freeze text and image list under one digest, complete the review, tell the referrer, in one transaction."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.access.login import Proof
from app.db import now
from app.errors import Conflict, Invalid
from app.notifications.notify import tell
from app.reports import claims, countersign, filled
from app.reports.draft import open_draft, report_of, stale
from app.reports.freeze import freeze, refuse_unproven, rest_on_images, tell_signed
from app.reports.models import ReportVersion, VersionStatus
from app.reports.seal import shown_sha256
from app.reviews.models import Review, ReviewStatus, after
from app.reviews.step import lock, require_owner, step
from app.reviews.whom import supervisors

CHANGES = {
    "amended": VersionStatus.AMENDED,
    "corrected": VersionStatus.CORRECTED,
    "appended": VersionStatus.APPENDED,
}
FINAL, PRELIMINARY, SUPERVISED = "Interpreted and signed", "Preliminary reading", "Read under supervision"


def sign(
    session: Session, actor: Actor, review: Review, *, proof: Proof, revision: int | None, images_sha256: str,
    preliminary: bool = False, meant: Collection[str] = (), subject: str = "",
) -> ReportVersion:  # fmt: skip
    """Sign the draft that was shown. The door has just proved that the person is present, for this and nothing else.

    What a supervised reader signs is preliminary, and waits for its counter-signature; a supervisor who signs what
    waits counter-signs it. Conflict(stale=True) names what differs when text or images are not those that were shown.
    `subject` is the digest of all that was shown (`seal.asked_for`), where the door knows it; `meant` are the codes of what
    the text says, nothing ticked bears out, and the signer says to be meant so."""
    require(actor, "report.sign", review.reading_organization_id)
    lock(session, review)
    if countersign.is_for(actor, review):
        return countersign.countersign(
            session, actor, review, proof=proof, revision=revision, images_sha256=images_sha256
        )
    require_owner(actor, session, review)
    report = report_of(session, review)
    draft = open_draft(report)
    if report is None or draft is None:
        raise Conflict("There is no draft to sign.", status=review.status)
    if draft.revision != revision:
        raise stale(draft)
    supervised = countersign.is_supervised(session, actor.person_id, review.reading_organization_id)
    _refuse_incomplete(draft)
    here = filled.filled(session, review, draft)
    filled.refuse_incomplete(here)
    claims.keep_meant(session, review, draft, here, meant)
    _refuse_ended(review, draft, preliminary=preliminary or supervised)
    rest_on_images(session, review, draft, images_sha256)
    filled.settle(session, review, draft, here)
    if subject not in ("", shown_sha256(draft)):
        raise Conflict("A measurement, or what is drawn on a key image, changed since this was shown.", stale=True)
    refuse_unproven(session, actor, draft, proof)
    status = VersionStatus.PRELIMINARY if preliminary or supervised else CHANGES.get(draft.kind, VersionStatus.FINAL)
    meaning = SUPERVISED if supervised else PRELIMINARY if preliminary else FINAL
    freeze(session, actor, review, report, draft, proof, status, meaning)
    if supervised:
        at = now()
        step(session, review, "attest", attest_at=at, written_at=at)
        whom = supervisors(session, review.reading_organization_id)
        tell(session, whom, "review.countersign", review.referral, to=review.referral.reading_organization)
    elif not preliminary and review.status != ReviewStatus.COMPLETED:
        step(session, review, "sign")
    tell_signed(session, actor, review, report, draft)
    return draft


def _refuse_ended(review: Review, draft: ReportVersion, *, preliminary: bool) -> None:
    """A preliminary reading moves no state, but needs one in which a final one could be signed."""
    if review.status != ReviewStatus.COMPLETED:
        after(review.status, "sign")
    if preliminary and draft.kind:
        raise Conflict("A change of a signed report is signed as final.", status=review.status)


def _refuse_incomplete(draft: ReportVersion) -> None:
    if not draft.impression:
        raise Invalid("Write the impression: it is the answer to the question.", field="impression")
