"""Notification: one row a person, with the visible state of its mail."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Said, now
from app.people.models import Person

QUEUED, DIGEST, SENT, FAILED, OFF = "queued", "digest", "sent", "failed", "off"  # of a mail
UNREAD_SQL = "read_at IS NULL AND settled_at IS NULL"
DIGEST_SQL = "mail_status = 'digest'"
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
    for_anyone: Mapped[bool] = mapped_column(default=False)  # it waits for whoever is free, until somebody takes it
    settled_at: Mapped[datetime | None]  # somebody else did what it asks for: it waits no more
    mail_status: Mapped[str] = mapped_column(sa.String(10), default=QUEUED)
    mail_reason: Mapped[str] = mapped_column(Said, default="")
    sent_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")

    __table_args__ = (
        sa.Index("ix_notification_person", "person_id", "id"),
        sa.Index("ix_notification_unread", "person_id", "referral_id",
                 sqlite_where=sa.text(UNREAD_SQL), postgresql_where=sa.text(UNREAD_SQL)),
        sa.Index("ix_notification_referral", "referral_id"),
        sa.Index("ix_notification_digest", "person_id", "id",
                 sqlite_where=sa.text(DIGEST_SQL), postgresql_where=sa.text(DIGEST_SQL)),
        sa.Index("ix_notification_unsent", "organization_id", "id",
                  sqlite_where=sa.text(UNSENT_SQL), postgresql_where=sa.text(UNSENT_SQL)),
    )  # fmt: skip

    @property
    def state(self) -> str:
        """read, else what became of its mail: queued, sent, failed or off."""
        return "read" if self.read_at else QUEUED if self.mail_status == DIGEST else self.mail_status
