"""A Blob is bytes in storage, known by a row: begun, put, recorded, and read by range."""

import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.config import Settings
from app.db import Acting, Base, new_id, now, table_of, together
from app.errors import Unavailable
from app.storage.filesystem import FolderStore
from app.storage.s3 import S3Store
from app.storage.spool import Spooled

PENDING, STORED, DELETING = "pending", "stored", "deleting"


class Blob(Base):
    __tablename__ = "blob"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    media_type: Mapped[str] = mapped_column(sa.String(100))
    state: Mapped[str] = mapped_column(sa.String(10), default=PENDING)
    created_at: Mapped[datetime] = mapped_column(default=now)
    stored_at: Mapped[datetime | None]

    __table_args__ = (
        # The sweep looks only at what is not stored; the deep check walks by id.
        sa.Index("ix_blob_unsettled", "created_at", sqlite_where=sa.text("state != 'stored'"),
                 postgresql_where=sa.text("state != 'stored'")),
    )  # fmt: skip


# By the table: rows of the session would cost several times as much, and this is done for every file.
_BEGUN = ("id", "organization_id", "key", "sha256", "size_bytes", "media_type", "state", "created_at")
_BEGIN = sa.insert(table_of(Blob))
_RECORD = (
    sa.update(table_of(Blob)).where(Blob.id.in_(sa.bindparam("ids", expanding=True)), Blob.state == PENDING)
    .values(state=STORED, stored_at=sa.bindparam("at"))
)  # fmt: skip

_store: FolderStore | S3Store


def open_store(settings: Settings) -> FolderStore | S3Store:
    """Bind this process to its store."""
    global _store  # noqa: PLW0603 - the process has one store
    _store = S3Store(settings) if settings.on_s3 else FolderStore(settings.storage_url.removeprefix("file:"))
    return _store


def store() -> FolderStore | S3Store:
    return _store


def new_key(organization_id: UUID) -> str:
    """Random under the organization, so that no name, id or digest shows and directories fan out evenly."""
    name = secrets.token_hex(16)
    return f"{organization_id}/{name[:2]}/{name}"


def begin(actor: Acting, organization_id: UUID, files: list[tuple[Spooled, str]]) -> list[Blob]:
    """Commit one `pending` row for each (spooled file, media type), before any byte goes to the store."""
    rows = [
        Blob(id=new_id(), organization_id=organization_id, key=spooled.key or new_key(organization_id), sha256=spooled.sha256,
             size_bytes=spooled.size_bytes, media_type=media_type, state=PENDING, created_at=now())
        for spooled, media_type in files
    ]  # fmt: skip
    values = [{name: getattr(row, name) for name in _BEGUN} for row in rows]
    together(actor, lambda session: session.connection().execute(_BEGIN, values))
    return rows


def put(blob: Blob, spooled: Spooled) -> None:
    """Make the bytes durable under the blob's key; the store verifies their digest."""
    if spooled.key is None:  # else they came part by part
        _store.put(blob.key, spooled)


def record(session: Session, blobs: list[Blob]) -> None:
    """`pending` → `stored` by row count, in the transaction that makes what refers to them."""
    done = session.connection().execute(_RECORD, {"ids": [blob.id for blob in blobs], "at": now()})
    if done.rowcount != len(blobs):
        raise Unavailable("The file took too long to arrive and was swept away. Send it again.")


def give_up(session: Session, blob_id: UUID) -> None:
    """Nothing refers to these bytes from this transaction on; the sweep removes them."""
    session.execute(sa.update(Blob).where(Blob.id == blob_id).values(state=DELETING))


def keep(actor: Acting, organization_id: UUID, spooled: Spooled, media_type: str) -> Blob:
    """begin and put of one file; the caller records it."""
    blob = begin(actor, organization_id, [(spooled, media_type)])[0]
    put(blob, spooled)
    return blob


def read(blob: Blob, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Bytes start..end, the end not included. Never inside `reading()`: collect the blob, close, then stream."""
    return _store.read(blob.key, start, blob.size_bytes if end is None else min(end, blob.size_bytes))


def read_ranges(blob: Blob, ranges: list[tuple[int, int]]) -> bytes:
    """The bytes of a few (offset, length) ranges, joined: one frame, one palette."""
    return b"".join(b"".join(read(blob, offset, offset + length)) for offset, length in ranges)


def local_path(blob: Blob) -> Path | None:
    """Where the bytes lie as a file, if they do: the folder store's own, read-only to everybody."""
    return _store.local_path(blob.key)
