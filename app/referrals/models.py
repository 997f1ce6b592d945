"""Referral, what was revised in it, its external identifiers, and the manifest of its files."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship
from sqlalchemy.orm.interfaces import ORMOption

from app.db import Base, Said, now
from app.people.models import Organization, Patient, Person
from app.referrals.pregnancy import Pregnancy

EXAM_TYPES = tuple(
    "ob-first-trimester ob-second-trimester ob-third-trimester pelvis abdomen renal fast echo lung dvt thyroid neck "
    "breast scrotum msk aorta paediatric-abdomen neonatal-head hip other".split()
)


class Priority(StrEnum):
    """FHIR request-priority, which orders routine < urgent < asap < stat."""

    ROUTINE = "routine"
    URGENT = "urgent"
    ASAP = "asap"
    STAT = "stat"


# From submission. Staff read 'asap' as less than 'urgent', so pages show the time, never the code.
DEADLINES = {
    Priority.STAT: timedelta(hours=1),
    Priority.ASAP: timedelta(hours=4),
    Priority.URGENT: timedelta(hours=24),
    Priority.ROUTINE: timedelta(hours=72),
}


class ReferralStatus(StrEnum):
    """FHIR request-status, as far as it is used."""

    DRAFT = "draft"
    ACTIVE = "active"
    COMPLETED = "completed"
    REVOKED = "revoked"
    ENTERED_IN_ERROR = "entered-in-error"


TAKES_FILES = (ReferralStatus.DRAFT, ReferralStatus.ACTIVE, ReferralStatus.COMPLETED)


class FileStatus(StrEnum):
    DECLARED = "declared"
    RECEIVING = "receiving"
    STORED = "stored"
    HELD = "held"  # whose is it? The file says another patient than the form
    CONFLICT = "conflict"  # the same SOP Instance UID with other bytes
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"


# The same words in the index's WHERE clause and in the query, or the index is not used.
TROUBLE_SQL = "status IN ('held', 'quarantined')"
UNNOTED_SQL = "noted_at IS NULL"
ARRIVED = (FileStatus.STORED, FileStatus.HELD, FileStatus.CONFLICT)
AWAITED = (FileStatus.DECLARED, FileStatus.RECEIVING)
USUAL_PRIORITY, LAST_PRIORITY = 5, 9  # of files: 0 goes first


class Referral(Base):
    __tablename__ = "referral"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    patient_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patient.id"))
    author_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    code: Mapped[str] = mapped_column(sa.String(8), unique=True)  # K7M-2QX
    status: Mapped[str] = mapped_column(sa.String(20), default=ReferralStatus.DRAFT)
    exam_type: Mapped[str] = mapped_column(sa.String(30))
    question: Mapped[str] = mapped_column(sa.Text)
    clinical_notes: Mapped[str] = mapped_column(sa.Text, default="")
    priority: Mapped[str] = mapped_column(sa.String(10), default=Priority.ROUTINE)
    patient_leaves_at: Mapped[datetime | None]
    callback_name: Mapped[str] = mapped_column(sa.String(200), default="")
    callback_phone: Mapped[str] = mapped_column(sa.String(50), default="")
    obstetric: Mapped[dict[str, Any] | None]  # as the clinic says it; the pregnancy's date outweighs it
    examined_on: Mapped[date | None]  # where a reader or the clinic put the day of the examination right
    pregnancy_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("pregnancy.id"))
    provisional_reading: Mapped[str] = mapped_column(sa.Text, default="")
    language: Mapped[str] = mapped_column(sa.String(10), default="en")
    accession_number: Mapped[str] = mapped_column(sa.String(16))  # VR SH
    due_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]  # a report of it was signed: what comes later is told to its reader
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    ended_reason: Mapped[str] = mapped_column(Said, default="")

    patient: Mapped[Patient] = relationship(lazy="raise")
    pregnancy: Mapped[Pregnancy | None] = relationship(lazy="raise")
    author: Mapped[Person] = relationship(lazy="raise")
    organization: Mapped[Organization] = relationship(foreign_keys=[organization_id], lazy="raise")
    reading_organization: Mapped[Organization] = relationship(foreign_keys=[reading_organization_id], lazy="raise")
    external_identifiers: Mapped[list["ExternalIdentifier"]] = relationship(lazy="raise")

    __table_args__ = (
        sa.UniqueConstraint("organization_id", "accession_number"),
        sa.Index("ix_referral_recent", "organization_id", "created_at", "id"),
        sa.Index("ix_referral_updated", "organization_id", "updated_at", "id"),
        sa.Index("ix_referral_read", "reading_organization_id", "updated_at", "id"),
        sa.Index("ix_referral_patient", "patient_id", "id"),
    )


def both_sides() -> tuple[ORMOption, ORMOption]:
    """Loads the organization that asks and the one that reads with their referral."""
    return joinedload(Referral.organization), joinedload(Referral.reading_organization)


class ExternalIdentifier(Base):
    __tablename__ = "external_identifier"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    system: Mapped[str] = mapped_column(sa.String(200))
    value: Mapped[str] = mapped_column(sa.String(200))

    __table_args__ = (sa.UniqueConstraint("organization_id", "system", "value"),)


class Revision(Base):
    """What was changed in a referral after it was placed: the reader sees what, by whom and when."""

    __tablename__ = "revision"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    version: Mapped[int]
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    changes: Mapped[dict[str, Any]]  # field: [before, after]

    person: Mapped[Person | None] = relationship(lazy="raise")


class ManifestItem(Base):
    """One declared or arrived file of a referral (`files[]` in the JSON)."""

    __tablename__ = "manifest_item"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"))
    archive_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("manifest_item.id"))  # the ZIP it came in
    is_archive: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(sa.String(1000))
    size_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    kind: Mapped[str | None] = mapped_column(sa.String(10))  # dicom, jpeg, png, mp4, pdf, zip
    status: Mapped[str] = mapped_column(sa.String(15), default=FileStatus.DECLARED)
    reason: Mapped[str] = mapped_column(Said, default="")
    priority: Mapped[int | None]  # as its sender says: which of several is wanted first
    preview: Mapped[str | None] = mapped_column(sa.String(10))  # image, film: small, shown until the file is here
    preview_frames: Mapped[int] = mapped_column(default=1)
    identity: Mapped[dict[str, Any] | None]  # what the file says of its patient, where that was compared
    facts: Mapped[dict[str, Any] | None]  # of a held file, until somebody says whose it is
    blob_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("blob.id"))
    instance_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("instance.id"))
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    arrived_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]  # the clinic, of a file that waits for its word

    @property
    def is_awaited(self) -> bool:
        return self.status in AWAITED

    @property
    def place(self) -> tuple[int, UUID]:
        """Among those that are awaited: the one that is wanted first."""
        return USUAL_PRIORITY if self.priority is None else self.priority, self.id

    __table_args__ = (
        sa.Index("ix_manifest_item_referral", "referral_id", "id"),
        sa.Index("ix_manifest_item_digest", "referral_id", "sha256"),
        sa.Index("ix_manifest_item_trouble", "arrived_at", "id",
                 sqlite_where=sa.text(TROUBLE_SQL), postgresql_where=sa.text(TROUBLE_SQL)),
    )  # fmt: skip


class OutboxDiscard(Base):
    """What somebody wrote on a device and took away there, before it was sent: no more of it was ever known here."""

    __tablename__ = "outbox_discard"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))  # who had written it
    key: Mapped[str] = mapped_column(sa.String(100))  # the device's own
    referral_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("referral.id")
    )  # whose files it were, if it was sent
    files: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    written_at: Mapped[datetime]  # by the clock of the device, like the next
    discarded_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=now)
    noted_at: Mapped[datetime | None]
    noted_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))

    person: Mapped[Person] = relationship(lazy="raise", foreign_keys=[person_id])

    __table_args__ = (
        sa.UniqueConstraint("person_id", "key"),
        sa.Index("ix_outbox_discard_unnoted", "organization_id", "id",
                 sqlite_where=sa.text(UNNOTED_SQL), postgresql_where=sa.text(UNNOTED_SQL)),
    )  # fmt: skip
