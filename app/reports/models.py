"""Report, its versions, who signed which digest, and who read it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, now
from app.people.models import Person


class VersionStatus(StrEnum):
    """FHIR diagnostic-report-status, as far as it is used."""

    DRAFT = "draft"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"
    CORRECTED = "corrected"
    APPENDED = "appended"
    ENTERED_IN_ERROR = "entered-in-error"


SIGNED = (VersionStatus.PRELIMINARY, VersionStatus.FINAL, VersionStatus.AMENDED, VersionStatus.CORRECTED,
          VersionStatus.APPENDED)  # fmt: skip
# The same words in the index's WHERE clause and in the query, or the index is not used.
UNREAD_SQL = "escalated_at IS NOT NULL AND acknowledged_at IS NULL"


class Report(Base):
    __tablename__ = "report"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # whose question it answers
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"), unique=True)
    status: Mapped[str] = mapped_column(sa.String(20), default=VersionStatus.DRAFT)  # of the current version
    version: Mapped[int] = mapped_column(default=1)  # the current one's number
    signed_at: Mapped[datetime | None]  # of the current version
    acknowledged_at: Mapped[datetime | None]  # the current version, by the referring side
    escalated_at: Mapped[datetime | None]  # unread also after it was sent again: the coordinator's
    created_at: Mapped[datetime] = mapped_column(default=now)

    versions: Mapped[list["ReportVersion"]] = relationship(
        back_populates="report", lazy="raise", order_by="ReportVersion.version"
    )

    __table_args__ = (
        sa.Index("ix_report_signed", "organization_id", "signed_at", "id"),
        sa.Index("ix_report_signed_here", "reading_organization_id", "signed_at", "id"),
        sa.Index("ix_report_unread", "organization_id", "escalated_at", "id",
                 sqlite_where=sa.text(UNREAD_SQL), postgresql_where=sa.text(UNREAD_SQL)),
        sa.Index("ix_report_unread_here", "reading_organization_id", "escalated_at", "id",
                 sqlite_where=sa.text(UNREAD_SQL), postgresql_where=sa.text(UNREAD_SQL)),
    )  # fmt: skip


class ReportVersion(Base):
    """A draft is edited in place under its revision; once signed, a version never changes."""

    __tablename__ = "report_version"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    report_id: Mapped[UUID] = mapped_column(sa.ForeignKey("report.id"))
    version: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(20), default=VersionStatus.DRAFT)
    revision: Mapped[int] = mapped_column(default=1)  # of the draft: the ETag
    author_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    findings: Mapped[str] = mapped_column(sa.Text, default="")
    impression: Mapped[str] = mapped_column(sa.Text, default="")
    recommendation: Mapped[str] = mapped_column(sa.Text, default="")
    language: Mapped[str] = mapped_column(sa.String(10), default="en")
    kind: Mapped[str] = mapped_column(sa.String(10), default="")  # of a change: amended, corrected, appended
    reason: Mapped[str] = mapped_column(sa.Text, default="")  # of a change
    template_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("report_template.id"))  # None: a free report
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)  # key -> app.reports.answers.Answer
    form: Mapped[dict[str, Any] | None]  # once signed: what the ticks came to, by code, and the text as it was typed
    key_images: Mapped[list[Any]] = mapped_column(default=list)  # [{"image", "frame", "note"}]
    meant: Mapped[list[Any]] = mapped_column(default=list)  # [{"code", "words"}]: asked about, and said to be so
    images: Mapped[list[Any]]  # what it rests on: [{"instance_id", "sha256", "seen"}]
    images_sha256: Mapped[str] = mapped_column(sa.String(64))
    canonical: Mapped[str | None] = mapped_column(sa.Text)  # RFC 8785 JSON over NFC text: what was signed
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    updated_at: Mapped[datetime] = mapped_column(default=now)

    report: Mapped[Report] = relationship(back_populates="versions", lazy="raise")
    signature: Mapped["Signature | None"] = relationship(lazy="raise", uselist=False)

    __table_args__ = (sa.UniqueConstraint("report_id", "version"),)


class Signature(Base):
    """Who signed which digest, when, and what that means (21 CFR 11.50)."""

    __tablename__ = "signature"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    report_version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("report_version.id"), unique=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    printed_name: Mapped[str] = mapped_column(sa.String(200))
    meaning: Mapped[str] = mapped_column(sa.String(100))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    signed_at: Mapped[datetime] = mapped_column(default=now)
    # One proof of presence, one signature; null for those from before proofs were kept.
    proof_id: Mapped[UUID | None] = mapped_column(unique=True)
    method: Mapped[str] = mapped_column(sa.String(20), default="password")
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of a passkey: what its device signed
    seal: Mapped[str] = mapped_column(sa.String(64))  # by the server's key: a copy of the database cannot make one

    person: Mapped[Person] = relationship(lazy="raise")


class Acknowledgement(Base):
    """Somebody on the referring side confirmed reading this version."""

    __tablename__ = "acknowledgement"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    report_version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("report_version.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (sa.UniqueConstraint("report_version_id", "person_id"),)
