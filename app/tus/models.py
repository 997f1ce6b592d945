"""Upload, the parts of it that lie in S3, and the servers that write uploads."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, now


class UploadState(StrEnum):
    RECEIVING = "receiving"
    DONE = "done"  # its file is recorded: only now has all of it arrived
    REFUSED = "refused"
    ENDED = "ended"  # by its sender
    EXPIRED = "expired"


def only(words: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(words), "postgresql_where": sa.text(words)}


class Upload(Base):
    """A file on its way, over as many requests as it takes; its sender's alone until it is recorded."""

    __tablename__ = "upload"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    referral_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("referral.id"))  # None: an unmatched study's
    item_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("manifest_item.id"))  # expected, then what it became
    made_item: Mapped[bool] = mapped_column(default=False)  # nobody had declared it before
    is_preview: Mapped[bool] = mapped_column(default=False)  # of that file, which comes by itself
    name: Mapped[str] = mapped_column(sa.String(1000))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str | None] = mapped_column(sa.String(64))  # as its sender or the manifest says
    given: Mapped[str] = mapped_column(sa.Text, default="")  # Upload-Metadata, to be given back as it came
    state: Mapped[str] = mapped_column(sa.String(10), default=UploadState.RECEIVING)
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    offset_bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # durable, and acknowledged
    # Who writes it now; the fence grows with each writer, and only the newest moves the offset.
    server_id: Mapped[UUID | None]
    fence: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    is_asked_for: Mapped[bool] = mapped_column(default=False)
    # On S3, once there is more than one part: where they will be joined.
    key: Mapped[str | None] = mapped_column(sa.String(120))
    multipart_id: Mapped[str | None] = mapped_column(sa.Text)
    has_leftovers: Mapped[bool] = mapped_column(default=True)  # bytes outside of any blob
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]

    __table_args__ = (
        sa.Index("ix_upload_open", "person_id", "id", **only("state = 'receiving'")),
        sa.Index("ix_upload_waiting", "organization_id", "size_bytes", **only("state = 'receiving'")),
        sa.Index("ix_upload_expires", "expires_at", "id"),
        sa.Index("ix_upload_leftovers", "id", **only("has_leftovers AND state != 'receiving'")),
        sa.Index("ix_upload_server", "server_id", **only("server_id IS NOT NULL")),
    )


class UploadPart(Base):
    """Bytes of an upload in S3: a part of its multipart upload, or a tail that becomes one when it is large enough."""

    __tablename__ = "upload_part"

    upload_id: Mapped[UUID] = mapped_column(sa.ForeignKey("upload.id"))
    offset_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    number: Mapped[int | None]  # of a part, from 1
    etag: Mapped[str] = mapped_column(sa.String(200), default="")
    key: Mapped[str] = mapped_column(sa.String(200), default="")  # of a tail, which never changes

    __table_args__ = (sa.Index("ix_upload_part_upload", "upload_id", "offset_bytes"),)


class UploadServer(Base):
    """A serving process of several: alive as long as it says so, by the database's clock."""

    __tablename__ = "upload_server"

    seen_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
