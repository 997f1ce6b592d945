"""Review, its table of states, and the messages between reader and referrer."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Said, now
from app.errors import Conflict, Sentence
from app.people.models import Organization, Person
from app.referrals.models import Referral
from app.storage.blobs import Blob


class ReviewStatus(StrEnum):
    """FHIR task-status, as far as it is used."""

    REQUESTED = "requested"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


S = ReviewStatus
OPEN = (S.REQUESTED, S.RECEIVED, S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD)
WAITING = (S.REQUESTED, S.RECEIVED)
ENDED = (S.COMPLETED, S.CANCELLED)
# The same words in an index's WHERE clause and in the query, or the index is not used.
OPEN_SQL = "status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')"
DECLINED_SQL = "status = 'rejected' AND returned_at IS NULL"  # the coordinator's
ASKED_SQL = "status = 'on-hold'"
ATTEST_SQL = "attest_at IS NOT NULL"
MEND_SQL = "mend_by IS NOT NULL"
UNCLAIMED_SQL = "owner_id IS NULL AND status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')"

# (status, act) -> status; what is not here is refused (clinical workflow after FHIR Task).
TRANSITIONS: dict[tuple[str, str], ReviewStatus] = {
    (S.REQUESTED, "see"): S.RECEIVED,
    (S.REQUESTED, "claim"): S.ACCEPTED,
    (S.RECEIVED, "claim"): S.ACCEPTED,
    (S.REQUESTED, "assign"): S.ACCEPTED,
    (S.RECEIVED, "assign"): S.ACCEPTED,
    (S.ACCEPTED, "assign"): S.ACCEPTED,
    (S.IN_PROGRESS, "assign"): S.ACCEPTED,
    (S.ON_HOLD, "assign"): S.ON_HOLD,  # the answer comes to whoever has it then
    (S.ACCEPTED, "write"): S.IN_PROGRESS,
    (S.IN_PROGRESS, "write"): S.IN_PROGRESS,
    (S.ON_HOLD, "write"): S.ON_HOLD,
    (S.ACCEPTED, "release"): S.RECEIVED,
    (S.IN_PROGRESS, "release"): S.RECEIVED,
    (S.ON_HOLD, "release"): S.RECEIVED,
    (S.ACCEPTED, "hold"): S.ON_HOLD,
    (S.IN_PROGRESS, "hold"): S.ON_HOLD,
    (S.ON_HOLD, "reply"): S.IN_PROGRESS,
    (S.ACCEPTED, "decline"): S.REJECTED,
    (S.IN_PROGRESS, "decline"): S.REJECTED,
    (S.REQUESTED, "decline"): S.REJECTED,
    (S.RECEIVED, "decline"): S.REJECTED,
    (S.ACCEPTED, "attest"): S.IN_PROGRESS,  # a supervised reader has signed: a supervisor has to, too
    (S.IN_PROGRESS, "attest"): S.IN_PROGRESS,
    (S.IN_PROGRESS, "countersign"): S.COMPLETED,
    (S.IN_PROGRESS, "send-back"): S.IN_PROGRESS,  # by the supervisor, with a remark: its reader signs it anew
    (S.ACCEPTED, "sign"): S.COMPLETED,
    (S.IN_PROGRESS, "sign"): S.COMPLETED,
    (S.ACCEPTED, "lapse"): S.RECEIVED,  # claimed, and no word of it saved
    (S.IN_PROGRESS, "lapse"): S.RECEIVED,  # the same, after the clinic replied
    (S.REJECTED, "assign"): S.ACCEPTED,  # declined, it is the coordinator's: another reader, or back to the clinic
    (S.REJECTED, "return"): S.REJECTED,
    (S.REJECTED, "send-on"): S.CANCELLED,  # another organization has a review of its own now
    **{(status, "cancel"): S.CANCELLED for status in (*OPEN, S.REJECTED)},
}


def after(status: str, act: str) -> ReviewStatus:
    """The state that `act` leads to from `status`; Conflict where it is not allowed."""
    try:
        return TRANSITIONS[(status, act)]
    except KeyError:
        raise Conflict(
            Sentence("This cannot be done now: the review is {status}.", status=ReviewStatus(status)), status=status
        ) from None


class Review(Base):
    __tablename__ = "review"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    # So that the worklist is an equality on an index.
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"), index=True)
    exam_type: Mapped[str] = mapped_column(sa.String(30))  # the referral's, here for the same reason
    language: Mapped[str] = mapped_column(sa.String(10), default="en")  # the same
    status: Mapped[str] = mapped_column(sa.String(12), default=S.REQUESTED)
    owner_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    owned_at: Mapped[datetime | None]
    written_at: Mapped[datetime | None]  # when its owner last saved; null: the claim may lapse
    due_at: Mapped[datetime]  # with the pauses that have ended; one that lasts is counted by `clocks.due`
    claim_by: Mapped[datetime | None]  # half of its time: unclaimed by then, it is the coordinator's
    held_at: Mapped[datetime | None]  # the reader's clock stands since then
    reply_due_at: Mapped[datetime | None]  # the referrer's clock, while the reader's stands
    paused_s: Mapped[int] = mapped_column(default=0)  # by pauses that have ended
    attest_at: Mapped[datetime | None]  # signed by a supervised reader, and waiting for a counter-signature since
    mend_by: Mapped[datetime | None]  # sent back by a supervisor: its reader's time to sign it anew
    returned_at: Mapped[datetime | None]  # declined, and left to the clinic by the coordinator
    sent_on_at: Mapped[datetime | None]  # declined, and given to another organization
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    ended_reason: Mapped[str] = mapped_column(Said, default="")
    advice: Mapped[str] = mapped_column(sa.Text, default="")

    referral: Mapped[Referral] = relationship(lazy="raise")
    reading_organization: Mapped[Organization] = relationship(foreign_keys=[reading_organization_id], lazy="raise")
    owner: Mapped[Person | None] = relationship(lazy="raise")

    __table_args__ = (
        sa.Index("ix_review_open", "reading_organization_id", "due_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        # What stands behind the id narrows further without a look at the rows.
        sa.Index("ix_review_open_site", "reading_organization_id", "organization_id", "due_at", "id", "exam_type",
                 "language", sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        sa.Index("ix_review_open_exam_type", "reading_organization_id", "exam_type", "due_at", "id", "language",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        sa.Index("ix_review_open_language", "reading_organization_id", "language", "due_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        sa.Index("ix_review_mine", "reading_organization_id", "owner_id", "due_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
        # PostgreSQL takes no order from an index in which a column IS NULL.
        sa.Index("ix_review_unclaimed", "reading_organization_id", "due_at", "id",
                 sqlite_where=sa.text(UNCLAIMED_SQL), postgresql_where=sa.text(UNCLAIMED_SQL)),
        sa.Index("ix_review_claim_by", "reading_organization_id", "claim_by", "id",
                 sqlite_where=sa.text(UNCLAIMED_SQL), postgresql_where=sa.text(UNCLAIMED_SQL)),
        sa.Index("ix_review_declined", "reading_organization_id", "updated_at", "id",
                 sqlite_where=sa.text(DECLINED_SQL), postgresql_where=sa.text(DECLINED_SQL)),
        # Over all organizations: never many at a time, and theirs on either side.
        sa.Index("ix_review_asked", "reply_due_at", "id",
                 sqlite_where=sa.text(ASKED_SQL), postgresql_where=sa.text(ASKED_SQL)),
        sa.Index("ix_review_attest", "reading_organization_id", "attest_at", "id",
                 sqlite_where=sa.text(ATTEST_SQL), postgresql_where=sa.text(ATTEST_SQL)),
        sa.Index("ix_review_mend", "reading_organization_id", "mend_by", "id",
                 sqlite_where=sa.text(MEND_SQL), postgresql_where=sa.text(MEND_SQL)),
        sa.Index("ix_review_status", "reading_organization_id", "status", "due_at", "id"),
        sa.Index("ix_review_owner", "owner_id", "status", "updated_at", "id"),  # what somebody signed, the latest first
    )  # fmt: skip


class Message(Base):
    """A question of the reader's, the referrer's reply, or a note of either that nobody has to wait for."""

    __tablename__ = "message"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(sa.String(10))  # question, reply, note
    from_reader: Mapped[bool] = mapped_column(default=False)  # which side said it
    text: Mapped[str] = mapped_column(sa.Text)
    file_ids: Mapped[list[Any]]
    at: Mapped[datetime] = mapped_column(default=now)

    person: Mapped[Person] = relationship(lazy="raise")
    enclosures: Mapped[list["Enclosure"]] = relationship(lazy="raise", order_by="Enclosure.id")


class Enclosure(Base):
    """A file of the reader's own that goes with a message: the reading organization's, and none of the clinic's files."""

    __tablename__ = "enclosure"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    message_id: Mapped[UUID] = mapped_column(sa.ForeignKey("message.id"))
    kind: Mapped[str] = mapped_column(sa.String(10))  # jpeg, png, mp4, pdf
    name: Mapped[str] = mapped_column(sa.String(1000))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    blob_id: Mapped[UUID] = mapped_column(sa.ForeignKey("blob.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)

    blob: Mapped[Blob] = relationship(lazy="raise")

    __table_args__ = (sa.UniqueConstraint("message_id", "sha256"),)
