"""Organization, Person, Membership, the reading relation, and Patient."""

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, now


class Role(StrEnum):
    """As what somebody belongs to an organization (clinical roles and offices)."""

    REFERRER = "referrer"
    REVIEWER = "reviewer"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    QA_LEAD = "qa_lead"
    ADMIN = "admin"
    PRIVACY_OFFICER = "privacy_officer"


class Organization(Base):
    __tablename__ = "organization"

    name: Mapped[str] = mapped_column(sa.String(200))
    time_zone: Mapped[str] = mapped_column(sa.String(60), default="UTC")  # IANA name
    language: Mapped[str] = mapped_column(sa.String(10), default="en")
    issuer: Mapped[str] = mapped_column(sa.String(64), default="")  # of its patient identifiers
    deadlines_min: Mapped[dict[str, Any]] = mapped_column(default=dict)  # by priority, where it has its own
    critical_findings: Mapped[dict[str, Any]] = mapped_column(default=dict)  # where its list is not the default one
    # When its line is cheap, by its own clock: clips that are put off leave then.
    clips_from: Mapped[str] = mapped_column(sa.String(5), default="20:00")
    clips_until: Mapped[str] = mapped_column(sa.String(5), default="06:00")
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def night(self) -> dict[str, str]:
        """As its devices keep it."""
        return {"from": self.clips_from, "until": self.clips_until, "zone": self.time_zone}


class ReadingRelation(Base):
    """`reading_organization` reads for `organization`: without it nothing can be sent from one to the other."""

    __tablename__ = "reading_relation"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]

    __table_args__ = (sa.UniqueConstraint("organization_id", "reading_organization_id"),)


class Mails(StrEnum):
    """Which mails a person wants; the pages tell everybody of everything."""

    INSTANTLY = "instantly"
    DIGEST = "digest"  # together, once an hour; what must be read within the hour comes at once all the same
    ASSIGNED = "assigned"  # of one's own cases, not of what waits for whoever is free


class Person(Base):
    __tablename__ = "person"

    email: Mapped[str] = mapped_column(sa.String(254), unique=True)  # folded
    name: Mapped[str] = mapped_column(sa.String(200))
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    totp_secret: Mapped[str | None] = mapped_column(sa.String(64))
    totp_last_step: Mapped[int | None]  # a code is good once (RFC 6238 5.2)
    language: Mapped[str | None] = mapped_column(sa.String(10))
    mails: Mapped[str] = mapped_column(sa.String(10), default="instantly")
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]

    memberships: Mapped[list["Membership"]] = relationship(back_populates="person", lazy="raise")


class Membership(Base):
    __tablename__ = "membership"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    role: Mapped[str] = mapped_column(sa.String(20))
    is_supervised: Mapped[bool] = mapped_column(
        default=False
    )  # what they sign waits for a supervisor's counter-signature
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(back_populates="memberships", lazy="raise")
    organization: Mapped[Organization] = relationship(lazy="raise")

    __table_args__ = (
        sa.UniqueConstraint("person_id", "organization_id", "role"),
        sa.Index("ix_membership_organization", "organization_id", "role"),
    )


class Patient(Base):
    """Known by (organization, issuer, identifier); names as given, and folded for search."""

    __tablename__ = "patient"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    issuer: Mapped[str] = mapped_column(sa.String(64), default="")
    identifier: Mapped[str] = mapped_column(sa.String(64))
    identifier_is_temporary: Mapped[bool] = mapped_column(default=False)
    family_name: Mapped[str] = mapped_column(sa.String(200), default="")
    given_name: Mapped[str] = mapped_column(sa.String(200), default="")
    name_local: Mapped[str] = mapped_column(sa.String(200), default="")  # in its own script
    name_unknown: Mapped[bool] = mapped_column(default=False)
    name_key: Mapped[str] = mapped_column(sa.String(600), default="")
    birth_date: Mapped[str | None] = mapped_column(sa.String(10))  # YYYY, YYYY-MM or YYYY-MM-DD
    age_value: Mapped[int | None]
    age_unit: Mapped[str | None] = mapped_column(sa.String(10))  # as stated on the day of `created_at`
    sex: Mapped[str] = mapped_column(sa.String(10), default="unknown")
    mother_patient_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("patient.id"))
    birth_order: Mapped[int | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("patient.id"))  # the record that stands for both
    created_at: Mapped[datetime] = mapped_column(default=now)

    mother: Mapped["Patient | None"] = relationship(
        foreign_keys=[mother_patient_id], remote_side="Patient.id", lazy="raise"
    )

    __table_args__ = (
        sa.UniqueConstraint("organization_id", "issuer", "identifier"),
        sa.Index("ix_patient_name", "organization_id", "name_key"),
        sa.Index("ix_patient_identifier", "identifier"),
    )

    @property
    def display_name(self) -> str:
        if self.name_unknown:
            return ""
        latin = ", ".join(part for part in (self.family_name, self.given_name) if part)
        return f"{latin} ({self.name_local})" if latin and self.name_local else latin or self.name_local


class PatientWord(Base):
    """One word of a patient's folded names, so that a search by the beginning of any of them walks an index."""

    __tablename__ = "patient_word"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    patient_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patient.id"))
    # By code point, or on PostgreSQL words with one beginning need not lie side by side.
    word: Mapped[str] = mapped_column(sa.String(600).with_variant(sa.String(600, collation="C"), "postgresql"))

    __table_args__ = (
        sa.UniqueConstraint("patient_id", "word"),
        sa.Index("ix_patient_word_word", "word", "patient_id"),
        sa.Index("ix_patient_word_here", "organization_id", "word", "patient_id"),
    )


class PatientAlias(Base):
    """How a patient was known before: until they were named, or in a record that was merged into theirs."""

    __tablename__ = "patient_alias"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    patient_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patient.id"), index=True)
    issuer: Mapped[str] = mapped_column(sa.String(64))
    identifier: Mapped[str] = mapped_column(sa.String(64))
    family_name: Mapped[str] = mapped_column(sa.String(200))
    given_name: Mapped[str] = mapped_column(sa.String(200))
    name_local: Mapped[str] = mapped_column(sa.String(200))
    birth_date: Mapped[str | None] = mapped_column(sa.String(10))
    until: Mapped[datetime] = mapped_column(default=now)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))  # who named or merged
    merge_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("patient_merge.id"))

    __table_args__ = (sa.Index("ix_patient_alias_identifier", "identifier", "organization_id"),)


class PatientMerge(Base):
    """Two records made one, and what moved, so that exactly that goes back when it was wrong."""

    __tablename__ = "patient_merge"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"), index=True)
    from_patient_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patient.id"))
    into_patient_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patient.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    announced_at: Mapped[datetime | None]  # the readers of both were told before
    merged_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    moved: Mapped[dict[str, Any]]  # ids of referrals, studies, children and pregnancies, and the words that were added

    __table_args__ = (sa.Index("ix_patient_merge_pair", "from_patient_id", "into_patient_id"),)


def bare(text: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def fold(text: str) -> str:
    """A key for search: no case, no accents, single spaces."""
    return " ".join(bare(text).casefold().replace("^", " ").replace(",", " ").split())
