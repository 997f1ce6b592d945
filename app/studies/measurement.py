"""Measurement: what somebody of one organization measured on a frame; it is that organization's until a report says it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, now


class Measurement(Base):
    """Never changed: a better one is made beside it, a wrong one removed."""

    __tablename__ = "measurement"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # of whoever measured
    instance_id: Mapped[UUID] = mapped_column(sa.ForeignKey("instance.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    frame: Mapped[int]  # from 1
    kind: Mapped[str] = mapped_column(sa.String(20))  # of app.dicom.measuring.KINDS, or 'machine': accepted
    points: Mapped[list[Any]]  # [[x, y], …] in pixels of the image
    quantity: Mapped[str] = mapped_column(sa.String(60), default="")
    fetus: Mapped[str] = mapped_column(sa.String(10), default="")
    side: Mapped[str] = mapped_column(sa.String(10), default="")
    site: Mapped[str] = mapped_column(sa.String(100), default="")
    text: Mapped[str] = mapped_column(sa.Text, default="")
    cycles: Mapped[int | None]
    millimetres: Mapped[float | None]  # of a scale: what lies between its two points
    scale_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("measurement.id"))  # by which it is nearly true
    machine_key: Mapped[str] = mapped_column(sa.String(200), default="")  # its place in the machine's own report
    # What the server found
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(sa.String(30), default="")
    calibrated: Mapped[bool] = mapped_column(default=False)
    approximate: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(sa.String(20), default="")  # a key of app.dicom.measuring.REASONS
    region: Mapped[int | None]
    more: Mapped[dict[str, Any]]  # name -> {"value", "unit"}: axes, circumference, what lies along each axis
    choices: Mapped[list[Any]]  # regions that disagree
    created_at: Mapped[datetime] = mapped_column(default=now)
    # A nearly true one counts for age, weight and guarded sentences only once somebody says so; it stays nearly true
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    removed_at: Mapped[datetime | None]
    removed_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))

    __table_args__ = (sa.Index("ix_measurement_instance", "instance_id", "organization_id", "id"),)
