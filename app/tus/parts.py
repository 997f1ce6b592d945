"""With S3: what came is parts of a multipart upload, what is smaller than one a tail, so that any server can go on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa

from app.db import Acting, new_id, reading
from app.errors import Unavailable
from app.storage import blobs
from app.storage.s3 import PART_BYTES, S3Store
from app.tus.models import Upload, UploadPart
from app.tus.waiting import Waiting

MOST_PARTS = 10_000  # of one object (S3)


@dataclass
class Pushed:
    """What is durable now, and the rows that say so."""

    offset_bytes: int
    key: str | None
    multipart_id: str | None
    new: list[UploadPart] = field(default_factory=list)
    joined: list[UploadPart] = field(default_factory=list)  # tails that lie in a part now


def part_bytes(size_bytes: int) -> int:
    """All parts but the last are equal, as some stores ask for."""
    return max(PART_BYTES, -(-size_bytes // MOST_PARTS))


def is_put_whole(upload: Upload, file: Waiting) -> bool:
    """No more than a part, and complete: it goes into the store as every other file, and is acknowledged after that."""
    return file.size_bytes == upload.size_bytes <= part_bytes(upload.size_bytes)


def rows_of(actor: Acting, upload_id: UUID) -> list[UploadPart]:
    query = sa.select(UploadPart).where(UploadPart.upload_id == upload_id).order_by(UploadPart.offset_bytes)
    with reading(actor) as session:
        return list(session.scalars(query))


def fetch_tails(upload: Upload, rows: Sequence[UploadPart], file: Waiting) -> None:
    """The unfinished part, which another server began, so that this one can make a part of it."""
    begins = upload.offset_bytes // part_bytes(upload.size_bytes) * part_bytes(upload.size_bytes)
    if file.begins_at <= begins:
        return
    at = begins
    for row in rows:
        if row.number is None and row.offset_bytes == at:
            file.fill(at, _store().read(row.key, 0, row.size_bytes))
            at += row.size_bytes
    if at != upload.offset_bytes:
        raise Unavailable("The store does not have these bytes at the moment.")
    file.begins_at = begins


def push(upload: Upload, fence: int, rows: Sequence[UploadPart], file: Waiting) -> Pushed:
    """Put what came since the last time."""
    each, end = part_bytes(upload.size_bytes), file.size_bytes
    pushed = Pushed(end, upload.key, upload.multipart_id)
    at = upload.offset_bytes // each * each
    if upload.size_bytes > each:
        while end - at >= each or (end == upload.size_bytes and end > at):
            _put_part(upload, pushed, file, at, min(each, end - at))
            pushed.joined += [row for row in rows if row.number is None and at <= row.offset_bytes < at + each]
            at += each
    if end > (begin := max(at, upload.offset_bytes)):
        _put_tail(upload, pushed, fence, begin, file.read(begin, end - begin))
    return pushed


def join(upload: Upload, rows: Sequence[UploadPart], file: Waiting) -> str | None:
    """The parts are one object; its key. None where there was one part only, and the file is put as every other."""
    if upload.key is None or upload.multipart_id is None:
        return None
    parts = [row for row in rows if row.number is not None]
    ends = 0
    for number, row in enumerate(parts, 1):
        if row.offset_bytes != ends or row.number != number:
            raise Unavailable("A part of this upload is missing.")
        ends += row.size_bytes
    if ends != upload.size_bytes:
        raise Unavailable("A part of this upload is missing.")
    _store().join_parts(upload.key, upload.multipart_id, [(row.etag, row.sha256) for row in parts])
    if file.begins_at > 0:
        file.fill(0, _store().read(upload.key, 0, file.begins_at))
        file.begins_at = 0
    return upload.key


def drop(upload: Upload, rows: Sequence[UploadPart], *, adopted: bool) -> None:
    """What lies in the store beside the blob; twice is once."""
    store = blobs.store()
    if not isinstance(store, S3Store):
        return
    if rows or upload.fence > 1:  # an outrun writer may have put a tail that no row names
        for key in list(store.keys(_tails(upload))):
            store.delete(key)
    if upload.key is not None and upload.multipart_id is not None and not adopted:
        store.drop_parts(upload.key, upload.multipart_id)
        store.delete(upload.key)


def drop_tails(rows: Sequence[UploadPart]) -> None:
    for row in rows:
        if row.number is None:
            _store().delete(row.key)


def _put_part(upload: Upload, pushed: Pushed, file: Waiting, at: int, size_bytes: int) -> None:
    if pushed.key is None or pushed.multipart_id is None:
        pushed.key = blobs.new_key(upload.organization_id)
        pushed.multipart_id = _store().begin_parts(pushed.key)
    data, number = file.read(at, size_bytes), at // part_bytes(upload.size_bytes) + 1
    etag = _store().put_part(pushed.key, pushed.multipart_id, number, data)
    pushed.new.append(UploadPart(
        id=new_id(), upload_id=upload.id, offset_bytes=at, size_bytes=size_bytes, sha256=sha256(data).hexdigest(),
        number=number, etag=etag,
    ))  # fmt: skip


def _put_tail(upload: Upload, pushed: Pushed, fence: int, at: int, data: bytes) -> None:
    # The writer's fence in its name: what an outrun one still puts lies beside it, not over it.
    key = f"{_tails(upload)}{at}-{fence}"
    _store().put_bytes(key, data)
    pushed.new.append(UploadPart(
        id=new_id(), upload_id=upload.id, offset_bytes=at, size_bytes=len(data), sha256=sha256(data).hexdigest(),
        key=key,
    ))  # fmt: skip


def _tails(upload: Upload) -> str:
    return f"{upload.organization_id}/uploads/{upload.id}/tail/"


def _store() -> S3Store:
    store = blobs.store()
    assert isinstance(store, S3Store)  # noqa: S101 - parts are only ever put there
    return store
