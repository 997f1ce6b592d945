"""Images change their referral: never those that a signed report rests on, and who looked at them is told."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.errors import Conflict, Sentence
from app.referrals.models import ManifestItem, Referral
from app.reports.models import Report, ReportVersion, VersionStatus
from app.reviews.files import tell_readers
from app.reviews.looked import tell_who_looked
from app.studies import attach as studies
from app.studies import move as moving
from app.studies.models import Instance


def move(
    session: Session, actor: Actor, referral_id: UUID, item_id: UUID, target_id: UUID, *, same_patient: bool = False
) -> list[ManifestItem]:
    """The lines of the file, and of those that went along, in the other referral."""
    planned = moving.plan(session, actor, referral_id, item_id, target_id, same_patient=same_patient)
    refuse_signed(session, planned.referral_ids, planned.row_ids)
    lines = moving.carry_out(session, actor, planned)
    study_ids = (planned.study_id,) if planned.study_id else ()
    tell_who_looked(session, actor, planned.source, "file.moved", study_ids)
    tell_readers(session, target_id, "file.added")
    return lines


def attach(session: Session, actor: Actor, study_id: UUID, referral_id: UUID, *, same_patient: bool = False) -> None:
    if studies.attach(session, actor, study_id, referral_id, same_patient=same_patient):
        tell_readers(session, referral_id, "file.added")


def detach(session: Session, actor: Actor, study_id: UUID, referral_id: UUID | None = None) -> Referral:
    referral = studies.detach(session, actor, study_id, referral_id)
    images = session.scalars(sa.select(Instance.id).where(Instance.study_id == study_id))
    refuse_signed(session, {referral.id}, set(images))
    tell_who_looked(session, actor, referral, "study.detached", (study_id,))
    return referral


def refuse_signed(session: Session, referral_ids: Iterable[UUID], row_ids: Iterable[UUID]) -> None:
    """What the current version of a report rests on stays where it is, unless that report is in error."""
    rows = {str(each) for each in row_ids}
    is_current = sa.and_(ReportVersion.report_id == Report.id, ReportVersion.version == Report.version)
    signed = session.execute(
        sa.select(Report.id, Referral.code, ReportVersion.images)
        .join(ReportVersion, is_current).join(Referral, Referral.id == Report.referral_id)
        .where(Report.referral_id.in_(list(referral_ids)), Report.signed_at.is_not(None),
               Report.status != VersionStatus.ENTERED_IN_ERROR)
    )  # fmt: skip
    for report in signed:
        if rows & {one["id"] for one in report.images}:
            raise Conflict(
                Sentence("The signed report of {code} rests on this. Its reader has to enter that report in error first; "
                         "or withdraw the file there, and have the report amended.", code=report.code),
                report_id=str(report.id), code=report.code, ways=["enter-in-error", "withdraw, then amend"],
            )  # fmt: skip
