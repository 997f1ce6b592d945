"""Acknowledge: somebody on the referring side confirms having read this version; until then it is chased."""

from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import insert_or_nothing, now
from app.errors import Conflict
from app.referrals.models import Referral, ReferralStatus
from app.reports import chase
from app.reports.amend import current
from app.reports.critical_finding import is_any_open
from app.reports.draft import report_of
from app.reports.models import Acknowledgement, Report, VersionStatus
from app.reviews.models import Review


def acknowledge(session: Session, actor: Actor, referral: Referral, report: Report, seen: int | None = None) -> None:
    """Confirming twice is once. `referral` is locked: no version that was signed meanwhile is taken for read.

    `seen` is the version that was shown, where the door knows it."""
    require(actor, "referral.send", report.organization_id)
    report = report_of(session, session.get_one(Review, report.review_id)) or report
    version = current(report)
    if seen is not None and seen != version.version:
        raise Conflict("A newer version of this report was signed. Read that one.", version=version.version)
    insert_or_nothing(session, Acknowledgement, {
        "organization_id": report.organization_id, "report_version_id": version.id, "person_id": person_of(actor), "at": now(),
    })  # fmt: skip
    if report.acknowledged_at is not None:
        return
    report.acknowledged_at = referral.updated_at = now()
    chase.ended(session, report)
    is_answered = report.status not in (VersionStatus.PRELIMINARY, VersionStatus.ENTERED_IN_ERROR)
    # With a critical finding that nobody has said back the case stays open: its read-back completes it.
    if is_answered and referral.status == ReferralStatus.ACTIVE and not is_any_open(session, referral.id):
        referral.status = ReferralStatus.COMPLETED
    events.record(session, actor, "report.acknowledged", organization_id=report.organization_id, entity_id=report.id,
                  referral_id=report.referral_id, version=version.version)  # fmt: skip
