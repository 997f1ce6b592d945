"""What went wrong and waits for somebody of an organization: refused files, mail that did not go, jobs given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.db import Base
from app.errors import NotFound
from app.jobs.parked import Parked
from app.notifications.models import Notification
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.reports.models import Report
from app.studies.models import Document, Study

# The folder of a job -> the rows that its id may name: whose job it is.
OF_JOB: dict[str, tuple[type[Base], ...]] = {
    "notifications": (Notification,), "studies": (Study, Document, Referral), "reports": (Report,),
}  # fmt: skip
MOST = 100


@dataclass(frozen=True)
class Refused:
    """A refused file by its case: its name may be a patient's, and is left out."""

    code: str
    item: ManifestItem


def refused_files(session: Session, organization_id: UUID) -> list[Refused]:
    query = (
        sa.select(ManifestItem, Referral.code).join(Referral, Referral.id == ManifestItem.referral_id)
        .where(ManifestItem.organization_id == organization_id, ManifestItem.status == FileStatus.QUARANTINED)
        .order_by(ManifestItem.id.desc()).limit(MOST)
    )  # fmt: skip
    return [Refused(code, item) for item, code in session.execute(query)]


def undelivered_mail(session: Session, organization_id: UUID) -> list[Notification]:
    """Refused for good, or still being tried; what is only switched off is no fault."""
    unsent = sa.or_(
        Notification.mail_status == "failed",
        sa.and_(Notification.mail_status == "queued", Notification.mail_reason != ""),
    )
    query = sa.select(Notification).where(Notification.organization_id == organization_id, unsent)
    return list(
        session.scalars(query.options(joinedload(Notification.person)).order_by(Notification.id.desc()).limit(MOST))
    )


def jobs_of(session: Session, organization_id: UUID, given_up: Sequence[Parked]) -> list[Parked]:
    """Those that are about a row of this organization: another's must not be known here."""
    return [job for job in given_up if organization_id in _owners(session, job)]


def require_own(session: Session, organization_id: UUID, given_up: Sequence[Parked], job_id: str) -> None:
    if not any(job.job_id == job_id for job in jobs_of(session, organization_id, given_up)):
        raise NotFound


def _owners(session: Session, job: Parked) -> set[UUID]:
    found = set[UUID]()
    for model in OF_JOB.get(job.name.partition(".")[0], ()):
        for row_id in filter(None, map(_uuid, job.ids)):
            row = session.get(model, row_id)
            if row is not None:
                found.add(row.organization_id)  # type: ignore[attr-defined]  # each of them has one
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
