"""Whether a referral waits for a study of this accession number: then its match is tried by a job."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.config import settings
from app.jobs.queue import enqueue
from app.referrals.models import TAKES_FILES, Referral


def numbered(organization_id: UUID, accession_number: str) -> sa.Select[Referral]:
    return sa.select(Referral).where(
        Referral.organization_id == organization_id, Referral.accession_number == accession_number,
        Referral.status.in_(TAKES_FILES),
    )  # fmt: skip


def want_match(session: Session, organization_id: UUID, study_id: UUID, accession_number: str) -> None:
    """After a moment of quiet: the more files there are, the better they say whose the study is."""
    waits = numbered(organization_id, accession_number).with_only_columns(Referral.id)
    if session.connection().scalar(waits) is not None:
        enqueue(session, "studies.match", study_id, once=f"match-{study_id}", delay_s=settings().settle_quiet_s)
