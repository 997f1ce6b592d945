"""Freeze a version: its text and images under one digest and one seal, by somebody who has just shown that they are there."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of
from app.access.login import Proof
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid
from app.jobs.queue import enqueue
from app.notifications.models import Notification
from app.notifications.notify import tell
from app.reports import chase, late, source
from app.reports.models import Report, ReportVersion, Signature
from app.reports.seal import NAMES, sealed, shown_sha256
from app.reviews.looked import tell_who_looked
from app.reviews.models import Review
from app.reviews.seen import looked
from app.studies.images import image_list, image_list_sha256

PROOF_LASTS = timedelta(minutes=5)
TOLD = ("report.signed", "report.amended", "report.unread", "report.unacknowledged")  # of an answer


def rest_on_images(session: Session, review: Review, version: ReportVersion, images_sha256: str) -> None:
    """On those that are there now, if they are those that were shown."""
    version.images = image_list(session, review.referral_id)
    version.images_sha256 = image_list_sha256(version.images)
    if version.images_sha256 != images_sha256:
        raise Conflict("Images came or went since this was shown. Look at them, then sign.", stale=True,
                       images_sha256=version.images_sha256, image_count=len(version.images))  # fmt: skip


def refuse_unproven(session: Session, actor: Actor, draft: ReportVersion, proof: Proof) -> None:
    """One proof, one report: of the same person, just now, never used before; a passkey's over exactly this."""
    if proof.person_id != actor.person_id or now() - proof.at > PROOF_LASTS:
        raise Invalid("Show once more that it is you.", field="password")
    if session.scalar(sa.select(Signature.id).where(Signature.proof_id == proof.id)) is not None:
        raise Conflict("This proof has signed a report already. Show once more that it is you.")
    if proof.evidence and proof.evidence["subject"] != shown_sha256(draft):
        raise Invalid("The passkey was asked for another text. Look at this one, then sign.", field="passkey")


def freeze(
    session: Session, actor: Actor, review: Review, report: Report, draft: ReportVersion, proof: Proof, status: str,
    meaning: str,
) -> None:  # fmt: skip
    """Nothing of it changes any more; the clinic reads it anew."""
    draft.status = status
    signature = Signature(
        organization_id=review.organization_id, report_version_id=draft.id, person_id=person_of(actor),
        printed_name=actor.name, meaning=meaning, signed_at=now(), proof_id=proof.id, method=proof.method,
        evidence={**proof.evidence, "names": list(NAMES)} if proof.evidence else {},
    )  # fmt: skip
    draft.canonical = source.canonical(
        source.build(session, review, report, draft, signature, looked(session, actor, review))
    )
    draft.sha256 = signature.sha256 = source.sha256_of(draft.canonical)
    signature.seal = sealed(signature)
    draft.signature = signature
    report.status, report.version, report.signed_at = draft.status, draft.version, signature.signed_at
    report.acknowledged_at = None  # a new version is read anew
    chase.begun(session, report, review.referral)
    review.referral.updated_at = now()
    review.referral.answered_at = signature.signed_at
    late.close(session, report, draft)
    session.flush()


def tell_signed(session: Session, actor: Actor, review: Review, report: Report, version: ReportVersion) -> None:
    """Of a change everybody learns who was told of what it changes, or has looked at it."""
    if version.kind:
        before = sa.select(Notification.person_id).where(
            Notification.referral_id == review.referral_id, Notification.kind.in_(TOLD)
        )
        told = session.scalars(before.distinct()).all()
        tell_who_looked(session, actor, review.referral, "report.amended", (report.id,), also=told)
    else:
        tell(session, [review.referral.author_id], "report.signed", review.referral, to=review.referral.organization)
    enqueue(session, "reports.publish", report.id)
    events.record(
        session, actor, "report.signed", organization_id=review.organization_id, entity_id=report.id,
        referral_id=review.referral_id, version=version.version, status=version.status, sha256=version.sha256,
    )  # fmt: skip
