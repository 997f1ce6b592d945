"""Counter-sign: a supervised reader's report waits until a supervisor has looked at it and signs for it."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import READERS, Actor, require
from app.access.login import Proof
from app.db import new_id
from app.errors import Conflict
from app.notifications.notify import settle_told
from app.people.models import Membership
from app.reports.amend import current
from app.reports.draft import GivenDraft, open_draft, report_of, stale
from app.reports.freeze import freeze, refuse_unproven, rest_on_images, tell_signed
from app.reports.models import Report, ReportVersion, VersionStatus
from app.reviews.claim import TAKEN
from app.reviews.models import OPEN, Review
from app.reviews.step import step

COUNTERSIGNED = "Reviewed and counter-signed"


def is_supervised(session: Session, person_id: UUID | None, organization_id: UUID) -> bool:
    """A trainee, as far as this organization's reports are concerned."""
    mine = sa.select(Membership.id).where(
        Membership.person_id == person_id, Membership.organization_id == organization_id,
        Membership.is_supervised.is_(True), Membership.role.in_(READERS), Membership.ended_at.is_(None),
    )  # fmt: skip
    return session.scalars(mine.limit(1)).first() is not None


def is_for(actor: Actor, review: Review) -> bool:
    """It waits for a counter-signature, and this person may give it: never the reader's own."""
    is_waiting = review.attest_at is not None and review.status in OPEN
    is_another = review.owner_id != actor.person_id
    return is_waiting and is_another and actor.may("report.countersign", review.reading_organization_id)


def to_sign(actor: Actor, review: Review, report: Report | None) -> ReportVersion | None:
    """What this person would sign now: the draft, or what waits for their counter-signature."""
    return current(report) if report is not None and is_for(actor, review) else open_draft(report)


def waiting(session: Session, actor: Actor, review: Review) -> tuple[Report, ReportVersion]:
    """What this supervisor has to settle, one way or the other."""
    require(actor, "report.countersign", review.reading_organization_id)
    report = report_of(session, review)
    if report is None or not is_for(actor, review):
        raise Conflict("It does not wait for your counter-signature.", status=review.status)
    if is_supervised(session, actor.person_id, review.reading_organization_id):
        raise Conflict("A supervised reader cannot counter-sign.", status=review.status)
    if open_draft(report) is not None:
        raise Conflict(
            "Its reader is changing it: it will be signed anew, and waits for you then.", status=review.status
        )
    return report, current(report)


def countersign(
    session: Session, actor: Actor, review: Review, *, proof: Proof, revision: int | None, images_sha256: str
) -> ReportVersion:  # fmt: skip
    """A final version of the same text, over the images as they are, by the supervisor, who answers for it from now on."""
    report, signed = waiting(session, actor, review)
    if signed.revision != revision:
        raise stale(signed)
    text = {name: getattr(signed, name) for name in (*GivenDraft.model_fields, "template_id", "answers", "meant")}
    version = ReportVersion(
        id=new_id(), organization_id=report.organization_id, report_id=report.id, version=len(report.versions) + 1,
        revision=signed.revision, author_id=signed.author_id, kind="", reason="", images=[], images_sha256="",
        signature=None, **text,
    )  # fmt: skip
    report.versions.append(version)
    rest_on_images(session, review, version, images_sha256)
    session.flush()
    refuse_unproven(session, actor, version, proof)
    freeze(session, actor, review, report, version, proof, VersionStatus.FINAL, COUNTERSIGNED)
    step(session, review, "countersign", owner_id=actor.person_id)
    settle_told(session, review.referral_id, "review.countersign", TAKEN)
    tell_signed(session, actor, review, report, version)
    return version
