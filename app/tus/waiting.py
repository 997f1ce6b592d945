"""The file in which an upload's bytes wait: the place itself beside a folder store, a copy to work from with S3."""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from app.config import settings
from app.errors import Unavailable
from app.http.problems import DoorRefusal
from app.storage.filesystem import sync_dir
from app.storage.spool import Spooled, ask_for_room, is_disk_full, measured
from app.tus.lease import BOOT

if TYPE_CHECKING:
    from hashlib import _Hash

REMEMBERED = 10_000
READ_BYTES = 1 << 20
STALE_S = 3600  # a file that is written is touched every minute
_swept_at = -float(STALE_S)


@dataclass(frozen=True)
class _Known:
    """What this process knows of a file that it wrote: to where, from where, and the digest so far."""

    offset_bytes: int
    begins_at: int
    digest: "_Hash | None"
    fence: int  # of that writer: the next one's is one more, or somebody was in between


_known: OrderedDict[UUID, _Known] = OrderedDict()
_lock = threading.Lock()


def path_of(upload_id: UUID) -> Path:
    """With S3 each process has its own, which is worth nothing after it."""
    name = f"{upload_id}-{BOOT.hex[-12:]}" if settings().on_s3 else str(upload_id)
    return settings().uploads_dir / name


class Waiting:
    """Open for the one writer; `write` in order, in threads, never two at once."""

    def __init__(self, upload_id: UUID, offset_bytes: int, fence: int) -> None:
        self.upload_id, self.path, self._fence = upload_id, path_of(upload_id), fence
        self.size_bytes = self._kept_bytes = offset_bytes
        known = _recall(upload_id, offset_bytes, fence)
        folder = settings().uploads_dir
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if settings().on_s3:
            _sweep_copies(folder)
        elif known is None and fence > 1 and not settings().on_sqlite:
            self._take_over(offset_bytes)
        if self._open(offset_bytes) < offset_bytes:
            known = None  # a copy that was swept
        # From where on this file has the bytes; without its digest all of it is read once more at the end.
        self.begins_at = known.begins_at if known else offset_bytes if settings().on_s3 else 0
        self._digest = known.digest if known else None if offset_bytes else hashlib.sha256()
        self._kept_digest = self._digest.copy() if self._digest else None

    def _open(self, offset_bytes: int) -> int:
        """How much of it was there."""
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _no_room(error) from error
        there = os.fstat(self._file).st_size
        if there < offset_bytes and not settings().on_s3:
            os.close(self._file)
            raise DoorRefusal(410, "The bytes of this upload are lost. Begin a new one.")
        os.ftruncate(self._file, offset_bytes)  # what came and was not acknowledged; with S3, a hole
        if offset_bytes == 0 and not settings().on_s3:
            sync_dir(self.path.parent)  # the name, before the first byte is acknowledged
        return there

    def _take_over(self, offset_bytes: int) -> None:
        """Another process may still have the file open, stopped, and go on: what it writes then goes to the old one."""
        ask_for_room(offset_bytes)
        new, left = self.path.with_name(f"{self.upload_id}.{self._fence}"), offset_bytes
        try:
            with self.path.open("rb") as old, new.open("wb") as file:
                while left > 0 and (chunk := old.read(min(READ_BYTES, left))):
                    file.write(chunk)
                    left -= len(chunk)
                file.flush()
                os.fdatasync(file.fileno())
            new.replace(self.path)
            sync_dir(self.path.parent)
        except FileNotFoundError:
            return  # where nothing had come yet; _open says so where something is lost
        except OSError as error:
            new.unlink(missing_ok=True)
            raise _no_room(error) from error

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view, at = memoryview(data), self.size_bytes
        try:
            while view:
                written = os.pwrite(self._file, view, at)
                view, at = view[written:], at + written
        except OSError as error:
            raise _no_room(error) from error
        if self._digest is not None:
            self._digest.update(data)
        self.size_bytes = at

    def fill(self, at: int, chunks: Iterator[bytes]) -> None:
        """Bytes that another server took, fetched for this one."""
        try:
            for chunk in chunks:
                at += os.pwrite(self._file, chunk, at)
        except OSError as error:
            raise _no_room(error) from error

    def read(self, at: int, size_bytes: int) -> bytes:
        return os.pread(self._file, size_bytes, at)

    def sync(self) -> None:
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise _no_room(error) from error

    def keep(self, offset_bytes: int) -> None:
        """So far it is acknowledged."""
        if offset_bytes == self.size_bytes:
            self._kept_bytes, self._kept_digest = offset_bytes, self._digest.copy() if self._digest else None

    def take_back(self) -> None:
        """What came since it was last kept was never here."""
        self.size_bytes = self._kept_bytes
        self._digest = self._kept_digest.copy() if self._kept_digest else None
        os.ftruncate(self._file, self._kept_bytes)

    def whole(self, key: str | None) -> Spooled:
        """The complete file with its digest, and the key under which it lies in the store already, if it does.

        Closed from now on: the folder store links this very file."""
        self._close()
        if self._digest is not None and self.begins_at == 0:
            return Spooled(self.path, self.size_bytes, self._digest.hexdigest(), key)
        return replace(measured(self.path), key=key)

    def close(self) -> None:
        """Ready for the next request."""
        if self._file < 0:
            return
        if self.size_bytes != self._kept_bytes:
            self.take_back()
        self._close()
        with _lock:
            _known[self.upload_id] = _Known(self.size_bytes, self.begins_at, self._digest, self._fence)
            while len(_known) > REMEMBERED:
                _known.popitem(last=False)

    def _close(self) -> None:
        os.close(self._file)
        self._file = -1


def discard(upload_id: UUID) -> None:
    with _lock:
        _known.pop(upload_id, None)
    with suppress(FileNotFoundError):
        path_of(upload_id).unlink()


def _sweep_copies(folder: Path) -> None:
    """What nobody here writes any more; each serving process does it for its own machine."""
    global _swept_at  # noqa: PLW0603 - once in a while for the process
    if time.monotonic() - _swept_at < STALE_S / 4:
        return
    _swept_at = time.monotonic()
    for path in list(folder.iterdir()):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - STALE_S:
                path.unlink()


def _recall(upload_id: UUID, offset_bytes: int, fence: int) -> _Known | None:
    with _lock:
        known = _known.pop(upload_id, None)
    return known if known and (known.offset_bytes, known.fence) == (offset_bytes, fence - 1) else None


def _no_room(error: OSError) -> Unavailable:
    return Unavailable("There is no room left for this file.", disk_full=is_disk_full(error), retry_after_s=60)
