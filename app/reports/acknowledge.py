"""Acknowledge: somebody on the referring side confirms having read this version; until then it is chased."""

from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import insert_or_nothing, now
from app.referrals.models import Referral, ReferralStatus
from app.reports.amend import current
from app.reports.models import Acknowledgement, Report, VersionStatus


def acknowledge(session: Session, actor: Actor, referral: Referral, report: Report) -> None:
    """Confirming twice is once."""
    require(actor, "referral.send", report.organization_id)
    version = current(report)
    insert_or_nothing(session, Acknowledgement, {
        "organization_id": report.organization_id, "report_version_id": version.id, "person_id": person_of(actor), "at": now(),
    })  # fmt: skip
    if report.acknowledged_at is not None:
        return
    report.acknowledged_at = referral.updated_at = now()
    if version.status != VersionStatus.PRELIMINARY and referral.status == ReferralStatus.ACTIVE:
        referral.status = ReferralStatus.COMPLETED
    events.record(session, actor, "report.acknowledged", organization_id=report.organization_id, entity_id=report.id,
                  referral_id=report.referral_id, version=version.version)  # fmt: skip
