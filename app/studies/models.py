"""Study, Series, Instance, Document, and what is made of them to look at."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Said, now
from app.storage.blobs import Blob

CONFLICT_SQL = "settled_at IS NULL"  # the same words in the index's WHERE clause and in the query


class Study(Base):
    __tablename__ = "study"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    patient_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("patient.id"))
    study_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    accession_number: Mapped[str] = mapped_column(sa.String(64), default="")
    study_date: Mapped[str] = mapped_column(sa.String(8), default="")  # DA as sent
    study_time: Mapped[str] = mapped_column(sa.String(16), default="")  # TM as sent
    study_description: Mapped[str] = mapped_column(sa.String(200), default="")
    # As the first file says it, for search (PS3.18 10.6.3.3.1): what the file calls the patient, not who it is.
    patient_name: Mapped[str] = mapped_column(sa.String(400), default="")  # PN, component groups by '='
    patient_identifier: Mapped[str] = mapped_column(sa.String(64), default="")
    patient_issuer: Mapped[str] = mapped_column(sa.String(64), default="")
    patient_birth_date: Mapped[str] = mapped_column(sa.String(8), default="")  # DA
    patient_sex: Mapped[str] = mapped_column(sa.String(16), default="")
    referring_physician_name: Mapped[str] = mapped_column(sa.String(400), default="")
    referring_physician_key: Mapped[str] = mapped_column(sa.String(400), default="")  # folded, group by group
    dicom_study_id: Mapped[str] = mapped_column(sa.String(64), default="")
    timezone_offset_from_utc: Mapped[str] = mapped_column(sa.String(5), default="")
    content_version: Mapped[int] = mapped_column(default=0)
    settled_version: Mapped[int] = mapped_column(default=0)
    matched_at: Mapped[datetime | None]  # when a referral first asked about it; null: it came without one
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        sa.UniqueConstraint("organization_id", "study_instance_uid"),
        sa.Index("ix_study_unsettled", "id", sqlite_where=sa.text("content_version != settled_version"),
                 postgresql_where=sa.text("content_version != settled_version")),
        sa.Index("ix_study_patient", "patient_id", "id"),
        sa.Index("ix_study_accession_number", "organization_id", "accession_number"),
        sa.Index("ix_study_uid", "study_instance_uid"),
        sa.Index("ix_study_date", "organization_id", "study_date", "id"),
        sa.Index("ix_study_patient_identifier", "patient_identifier", "organization_id", "id"),  # also whosever they are
        sa.Index("ix_study_newest", "organization_id", "id"),
        sa.Index("ix_study_unmatched", "organization_id", "id", sqlite_where=sa.text("matched_at IS NULL"),
                 postgresql_where=sa.text("matched_at IS NULL")),
    )  # fmt: skip


class StudyName(Base):
    """A folded name of a study's patient, whole by component group and word by word, for search by its beginning."""

    __tablename__ = "study_name"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    study_id: Mapped[UUID] = mapped_column(sa.ForeignKey("study.id"))
    is_word: Mapped[bool]
    # By code point, or on PostgreSQL names with one beginning need not lie side by side.
    name: Mapped[str] = mapped_column(sa.String(400).with_variant(sa.String(400, collation="C"), "postgresql"))

    __table_args__ = (
        sa.UniqueConstraint("study_id", "is_word", "name"),
        sa.Index("ix_study_name_name", "organization_id", "is_word", "name", "study_id"),
    )


class ReferralStudy(Base):
    """A study that a referral asks about; the same images may be asked about twice."""

    __tablename__ = "referral_study"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"))
    study_id: Mapped[UUID] = mapped_column(sa.ForeignKey("study.id"), index=True)
    attached_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (sa.UniqueConstraint("referral_id", "study_id"),)


class Series(Base):
    __tablename__ = "series"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    study_id: Mapped[UUID] = mapped_column(sa.ForeignKey("study.id"))
    series_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    modality: Mapped[str] = mapped_column(sa.String(16), default="US")
    series_number: Mapped[int | None] = mapped_column(sa.BigInteger)
    series_description: Mapped[str] = mapped_column(sa.String(200), default="")
    performed_start_date: Mapped[str] = mapped_column(sa.String(8), default="")  # PerformedProcedureStepStartDate, DA
    performed_start_time: Mapped[str] = mapped_column(sa.String(16), default="")
    scheduled_step_id: Mapped[str] = mapped_column(sa.String(64), default="")  # of the first RequestAttributes item
    requested_procedure_id: Mapped[str] = mapped_column(sa.String(64), default="")

    __table_args__ = (
        sa.UniqueConstraint("study_id", "series_instance_uid"),
        sa.Index("ix_series_uid", "series_instance_uid"),
    )


class Instance(Base):
    """Every viewable upload, with its own or a generated UID, and every Document; `blob` is the file as it came."""

    __tablename__ = "instance"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    study_id: Mapped[UUID] = mapped_column(sa.ForeignKey("study.id"))
    series_id: Mapped[UUID] = mapped_column(sa.ForeignKey("series.id"))
    sop_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    sop_class_uid: Mapped[str] = mapped_column(sa.String(64), default="")
    instance_number: Mapped[int | None] = mapped_column(sa.BigInteger)
    kind: Mapped[str] = mapped_column(sa.String(10))  # dicom, jpeg, png, mp4; pdf is shown as its Document
    blob_id: Mapped[UUID] = mapped_column(sa.ForeignKey("blob.id"))
    # The DICOM encoding: the same bytes where they are DICOM, else made when the study settles.
    dicom_blob_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("blob.id"))
    wrap_recipe: Mapped[int] = mapped_column(default=0)  # by which it was made, or refused with this reason
    wrap_reason: Mapped[str] = mapped_column(sa.Text, default="")
    sha256: Mapped[str] = mapped_column(sa.String(64))
    transfer_syntax_uid: Mapped[str] = mapped_column(sa.String(64), default="")
    rows: Mapped[int | None]
    columns: Mapped[int | None]
    bits_allocated: Mapped[int | None]
    number_of_frames: Mapped[int] = mapped_column(default=1)
    frame_time_ms: Mapped[float | None]
    is_clip: Mapped[bool] = mapped_column(default=False)
    acquired: Mapped[str] = mapped_column(sa.String(32), default="")  # DA TM as sent: the order on the strip
    # app.dicom.facts.Facts: header, regions, frame index, warnings. Some kB each: lists go without.
    facts: Mapped[dict[str, Any]] = mapped_column(deferred=True, deferred_raiseload=True)
    # Whether there is something to look at: pending, ready, or none with the reason.
    preview: Mapped[str] = mapped_column(sa.String(10), default="pending")
    preview_reason: Mapped[str] = mapped_column(Said, default="")
    # Of a signed report that lies beside what it rests on: which one, and whose question it answers; else null.
    report_id: Mapped[UUID | None]
    referral_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    blob: Mapped[Blob] = relationship(lazy="raise", foreign_keys=[blob_id])
    dicom_blob: Mapped[Blob | None] = relationship(lazy="raise", foreign_keys=[dicom_blob_id])
    study: Mapped[Study] = relationship(lazy="raise")

    __table_args__ = (
        sa.UniqueConstraint("organization_id", "sop_instance_uid"),
        sa.Index("ix_instance_study", "study_id", "id"),
        sa.Index("ix_instance_series", "series_id", "dicom_blob_id", "id"),
        sa.Index("ix_instance_unwrapped", "wrap_recipe", "study_id", sqlite_where=sa.text("kind != 'dicom'"),
                 postgresql_where=sa.text("kind != 'dicom'")),
        sa.Index("ix_instance_report", "report_id", sqlite_where=sa.text("report_id IS NOT NULL"),
                 postgresql_where=sa.text("report_id IS NOT NULL")),
    )  # fmt: skip


class InstanceHeader(Base):
    """An instance's header as DICOM JSON; `id` is the instance's own."""

    __tablename__ = "instance_header"

    id: Mapped[UUID] = mapped_column(sa.ForeignKey("instance.id"), primary_key=True)
    packed: Mapped[bytes]  # zlib of UTF-8; bulk data by name, which `bulk` resolves to (offset, length, word bytes)
    bulk: Mapped[dict[str, Any]]
    # app.dicom.facts.Facts of the DICOM encoding where that is not the file as it came.
    facts: Mapped[dict[str, Any] | None]


class InstanceConflict(Base):
    """Other bytes under a SOP Instance UID that is already taken: kept aside, never served by UID."""

    __tablename__ = "instance_conflict"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    instance_id: Mapped[UUID] = mapped_column(sa.ForeignKey("instance.id"))
    blob_id: Mapped[UUID] = mapped_column(sa.ForeignKey("blob.id"))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    settled_at: Mapped[datetime | None]  # somebody has said that the first one stays
    settled_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))

    blob: Mapped[Blob] = relationship(lazy="raise")

    __table_args__ = (
        sa.UniqueConstraint("instance_id", "sha256"),
        sa.Index("ix_instance_conflict_open", "organization_id", "id",
                 sqlite_where=sa.text(CONFLICT_SQL), postgresql_where=sa.text(CONFLICT_SQL)),
    )  # fmt: skip


class Document(Base):
    """An upload that is not viewable as image or clip, such as a report PDF; for DICOM it is an Instance too."""

    __tablename__ = "document"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    # Its place in the referral's own study, with the UIDs and the Encapsulated PDF; null of what came before these were.
    instance_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("instance.id"))
    kind: Mapped[str] = mapped_column(sa.String(10))  # pdf
    name: Mapped[str] = mapped_column(sa.String(1000))
    blob_id: Mapped[UUID] = mapped_column(sa.ForeignKey("blob.id"))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    page_count: Mapped[int | None]
    preview: Mapped[str] = mapped_column(sa.String(10), default="pending")
    preview_reason: Mapped[str] = mapped_column(Said, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    blob: Mapped[Blob] = relationship(lazy="raise")

    __table_args__ = (
        sa.Index("ix_document_unplaced", "id", sqlite_where=sa.text("instance_id IS NULL"),
                 postgresql_where=sa.text("instance_id IS NULL")),
    )  # fmt: skip


class Rendition(Base):
    """A preview, frame, proxy, poster or page made from an Instance or a Document, and kept; what came before a file
    is its line's in the manifest."""

    __tablename__ = "rendition"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    source_id: Mapped[UUID]  # an Instance, a Document or a ManifestItem
    kind: Mapped[str] = mapped_column(sa.String(10))  # preview, frame, proxy, poster, page
    frame: Mapped[int] = mapped_column(default=0)  # of a page: its number
    recipe: Mapped[int]  # raised when the way it is made changes; older ones are made anew
    blob_id: Mapped[UUID] = mapped_column(sa.ForeignKey("blob.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)

    blob: Mapped[Blob] = relationship(lazy="raise")

    __table_args__ = (sa.UniqueConstraint("source_id", "kind", "frame", "recipe"),)
