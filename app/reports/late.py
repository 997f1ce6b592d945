"""Files that come after signing open an item for the same reader, with a deadline: 'no change', or an addendum."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.access.actor import WORKER, Actor
from app.audit import events
from app.db import Base, insert_or_nothing, now, transaction
from app.errors import Conflict
from app.languages import N_, first_known
from app.notifications.notify import tell
from app.referrals.deadlines import span
from app.referrals.models import Referral, both_sides
from app.reports.amend import amend, current
from app.reports.models import Report, ReportVersion, VersionStatus
from app.reviews.models import Review
from app.reviews.whom import in_charge
from app.studies.images import image_list

OPEN_SQL = "closed_at IS NULL"
IS_OPEN: sa.ColumnElement[bool] = sa.literal_column(f"late_files.{OPEN_SQL}")
NO_CHANGE = N_("Files came after signing and were looked at: no change.")  # in the report's own language


class LateFiles(Base):
    """One at a time a report: the next version that is signed closes it."""

    __tablename__ = "late_files"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"))
    report_id: Mapped[UUID] = mapped_column(sa.ForeignKey("report.id"))
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"))
    count: Mapped[int]
    came_at: Mapped[datetime]
    due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int | None]  # by which it was closed

    __table_args__ = (
        sa.Index("uq_late_files_open", "report_id", unique=True,
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        sa.Index("ix_late_files_open", "reading_organization_id", "due_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
    )  # fmt: skip


def late(referral_id: str) -> None:
    """The job `reports.late`: what is there now and was not when the report was signed."""
    of = sa.select(Referral).where(Referral.id == UUID(referral_id)).options(*both_sides())
    with transaction(WORKER) as session:
        referral = session.scalars(of.with_for_update(of=Referral, key_share=True)).one_or_none()
        signed = sa.select(Report).where(
            Report.referral_id == UUID(referral_id), Report.signed_at.is_not(None),
            Report.status.not_in((VersionStatus.PRELIMINARY, VersionStatus.ENTERED_IN_ERROR)),
        )  # fmt: skip
        report = session.scalars(signed).first()
        if referral is None or report is None:
            return
        count = _new(session, report)
        if count:
            _open(session, referral, report, count)


def open_of(session: Session, report_id: UUID) -> LateFiles | None:
    return session.scalars(sa.select(LateFiles).where(LateFiles.report_id == report_id, IS_OPEN)).first()


def no_change(session: Session, actor: Actor, review: Review, report: Report) -> ReportVersion:
    """The line that says so, as a version to be signed over the images as they are now."""
    if open_of(session, report.id) is None:
        raise Conflict("No file came after this was signed.")
    reason = first_known(current(report).language).gettext(NO_CHANGE)
    return amend(session, actor, review, report, "appended", reason)


def close(session: Session, report: Report, version: ReportVersion) -> None:
    """What is signed now rests on all that is there."""
    mine = sa.update(LateFiles).where(LateFiles.report_id == report.id, LateFiles.closed_at.is_(None))
    session.execute(mine.values(closed_at=now(), version=version.version).execution_options(synchronize_session=False))


def _new(session: Session, report: Report) -> int:
    version = session.scalars(
        sa.select(ReportVersion).where(ReportVersion.report_id == report.id, ReportVersion.version == report.version)
    ).one()
    known = {one["id"] for one in version.images}
    return sum(one["id"] not in known for one in image_list(session, report.referral_id))


def _open(session: Session, referral: Referral, report: Report, count: int) -> None:
    """Its reader is told when it opens; where more come, they are counted."""
    made = insert_or_nothing(session, LateFiles, {
        "organization_id": report.organization_id, "reading_organization_id": report.reading_organization_id,
        "referral_id": referral.id, "report_id": report.id, "review_id": report.review_id, "count": count,
        "came_at": now(), "due_at": now() + span(referral), "closed_at": None, "version": None,
    })  # fmt: skip
    if not made:
        mine = sa.update(LateFiles).where(LateFiles.report_id == report.id, LateFiles.closed_at.is_(None))
        session.execute(mine.values(count=count))
        return
    review = session.get_one(Review, report.review_id)
    whom = [review.owner_id] if review.owner_id else in_charge(session, report.reading_organization_id)
    tell(session, whom, "report.late-files", referral, to=referral.reading_organization)
    events.record(session, WORKER, "report.late-files", organization_id=report.organization_id, entity_id=report.id,
                  referral_id=referral.id, count=count, version=report.version)  # fmt: skip
