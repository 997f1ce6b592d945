"""Notification: one row a person, with the visible state of its mail."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, now
from app.people.models import Person

# Refused for good, or still being tried; what is only switched off is no fault. The same words in the index's WHERE
# clause and in the query, or the index is not used.
UNSENT_SQL = "read_at IS NULL AND (mail_status = 'failed' OR (mail_status = 'queued' AND mail_reason <> ''))"


class Notification(Base):
    __tablename__ = "notification"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # as whose member they are told
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(sa.String(30))  # review.requested, report.signed, …
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"))
    subject: Mapped[str] = mapped_column(sa.String(200))  # priority, site, deadline, code: never a name or a finding
    created_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]
    mail_status: Mapped[str] = mapped_column(sa.String(10), default="queued")  # queued, sent, failed
    mail_reason: Mapped[str] = mapped_column(sa.String(200), default="")
    sent_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")

    __table_args__ = (
        sa.Index("ix_notification_person", "person_id", "id"),
        sa.Index("ix_notification_unsent", "organization_id", "id",
                 sqlite_where=sa.text(UNSENT_SQL), postgresql_where=sa.text(UNSENT_SQL)),
    )  # fmt: skip
