"""Pregnancy with the one date on which a birth is expected, and Dating: what it rested on, by whom and when."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, now
from app.people.models import Person


class Pregnancy(Base):
    """Of a patient; it is changed only by a new Dating, or by its end."""

    __tablename__ = "pregnancy"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # whose patient it is
    patient_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patient.id"))
    edd: Mapped[date]
    basis: Mapped[str] = mapped_column(sa.String(20))  # of app.referrals.redating.Basis
    is_certain: Mapped[bool]
    number: Mapped[int] = mapped_column(default=1)  # of the dating that counts
    dated_by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    dated_at: Mapped[datetime] = mapped_column(default=now)
    ended_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    dated_by: Mapped[Person] = relationship(lazy="raise")

    __table_args__ = (sa.Index("ix_pregnancy_patient", "patient_id", "id"),)


class Dating(Base):
    """One act of dating; never changed, and readable when a later one counts."""

    __tablename__ = "dating"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    pregnancy_id: Mapped[UUID] = mapped_column(sa.ForeignKey("pregnancy.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)  # in whose case it was done
    number: Mapped[int]
    edd: Mapped[date]
    basis: Mapped[str] = mapped_column(sa.String(20))
    is_certain: Mapped[bool]
    detail: Mapped[dict[str, Any]]  # the period, the scan with its day and formula, the transfer, the clinic's words
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=now)

    person: Mapped[Person] = relationship(lazy="raise")

    __table_args__ = (sa.UniqueConstraint("pregnancy_id", "number"),)
