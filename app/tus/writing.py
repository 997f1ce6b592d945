"""One request's writing: bytes into the waiting file, and the offset after them once they are durable."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import ClientDisconnect

from app.access.actor import Actor
from app.config import settings
from app.db import now, transaction
from app.errors import TooLarge
from app.http.problems import DoorRefusal
from app.storage.spool import BATCH_BYTES, writers
from app.tus import lease as leases
from app.tus import parts
from app.tus.lease import Lease
from app.tus.models import Upload, UploadPart
from app.tus.protocol import MISMATCH, Checksum
from app.tus.waiting import Waiting

if TYPE_CHECKING:
    from hashlib import _Hash


class Writing:
    """Made, used and closed in threads; the upload is leased to this process meanwhile."""

    def __init__(self, who: Actor, lease: Lease, upload: Upload) -> None:
        self.who, self.lease, self.upload = who, lease, upload
        self.rows: list[UploadPart] = parts.rows_of(who, upload.id) if settings().on_s3 and upload.offset_bytes else []
        self.file = Waiting(upload.id, upload.offset_bytes, lease.fence)
        try:
            if settings().on_s3 and not self.is_complete:
                parts.fetch_tails(upload, self.rows, self.file)
        except BaseException:
            self.file.close()
            raise
        self._committed_at = time.monotonic()
        self._checking: _Hash | None = None

    @property
    def is_complete(self) -> bool:
        """All bytes are here."""
        return self.file.size_bytes == self.upload.size_bytes

    def check_with(self, checksum: Checksum | None) -> None:
        self._checking = checksum.begin() if checksum else None

    def write(self, data: bytes | bytearray) -> None:
        if self.file.size_bytes + len(data) > self.upload.size_bytes:
            raise TooLarge("These are more bytes than Upload-Length said.")
        if self._checking is not None:
            self.file.write(data)
            self._checking.update(data)
            return
        step, view = self._step_bytes(), memoryview(data)
        while view:
            room = step - self.file.size_bytes % step
            self.file.write(view[:room])
            view = view[room:]
            if self._is_due(step) and not self.is_complete:
                self.commit()

    def end(self, checksum: Checksum | None, *, came_whole: bool) -> None:
        """Acknowledge what came; with a checksum all of it or nothing."""
        if checksum is not None and self._checking is not None:
            checking, self._checking = self._checking, None
            if not came_whole or checking.digest() != checksum.digest:
                self.file.take_back()
                if came_whole:
                    raise DoorRefusal(MISMATCH, "These bytes changed on their way. Send them again.")
                return
        self.commit()

    def commit(self) -> None:
        """First the bytes, then the offset, which only the newest writer moves."""
        upload, file = self.upload, self.file
        if file.size_bytes == upload.offset_bytes or (settings().on_s3 and parts.is_put_whole(upload, file)):
            return
        if settings().on_s3:
            pushed = parts.push(upload, self.lease.fence, self.rows, file)
        else:
            file.sync()
            pushed = parts.Pushed(file.size_bytes, None, None)
        at = now()
        values = {"offset_bytes": pushed.offset_bytes, "key": pushed.key, "multipart_id": pushed.multipart_id,
                  "updated_at": at, "expires_at": at + timedelta(hours=settings().upload_kept_h)}  # fmt: skip
        with transaction(self.who) as session:
            moved = session.execute(sa.update(Upload).where(*self.lease.moves()).values(**values))
            if moved.rowcount != 1:  # type: ignore[attr-defined]  # it is a CursorResult
                raise leases.busy()
            session.add_all(pushed.new)
            session.execute(sa.delete(UploadPart).where(UploadPart.id.in_([row.id for row in pushed.joined])))
        for name, value in values.items():
            setattr(upload, name, value)
        gone = {row.id for row in pushed.joined}
        self.rows = [row for row in (*self.rows, *pushed.new) if row.id not in gone]
        file.keep(pushed.offset_bytes)
        self._committed_at = time.monotonic()
        parts.drop_tails(pushed.joined)

    def close(self) -> None:
        self.file.close()
        leases.let_go(self.lease)

    def _step_bytes(self) -> int:
        """At multiples of this what came is made safe: with S3 where a part ends, which leaves no tail."""
        return parts.part_bytes(self.upload.size_bytes) if settings().on_s3 else settings().upload_commit_bytes

    def _is_due(self, step: int) -> bool:
        waits_bytes = self.file.size_bytes - self.upload.offset_bytes
        late = time.monotonic() - self._committed_at > settings().upload_commit_s
        return waits_bytes > 0 and (late or self.file.size_bytes % step == 0)


async def drain(stream: AsyncIterator[bytes], writing: Writing) -> bool:
    """Take the body as it comes, until its end, its sender's, or until somebody else asks to go on; True at its end.

    A slow line's bytes go on by the second, a fast one's by the batch."""
    loop, scope = asyncio.get_running_loop(), anyio.CancelScope()
    writing.lease.on_asked(lambda: loop.call_soon_threadsafe(scope.cancel))
    batch, came_whole, since = bytearray(), False, time.monotonic()
    with scope:
        try:
            async for chunk in stream:
                batch += chunk
                if len(batch) >= BATCH_BYTES or time.monotonic() - since > 1:
                    full, batch, since = batch, bytearray(), time.monotonic()
                    await to_thread.run_sync(writing.write, full, limiter=writers())
            came_whole = True
        except ClientDisconnect:
            pass
    with anyio.CancelScope(shield=True):  # what has come stays, also when the server stops
        await to_thread.run_sync(writing.write, batch, limiter=writers())
    return came_whole
