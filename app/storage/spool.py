"""Where arriving bytes wait: streamed to a file of their own while they are counted and hashed."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio import to_thread

from app.config import settings
from app.errors import Sentence, TooLarge, Unavailable

BATCH_BYTES = 1 << 19  # hash and write by the half megabyte: fewer hops to a thread, little memory

# Writers of the spool never take the threads that answer other requests.
_writers: anyio.CapacityLimiter | None = None


@dataclass(frozen=True)
class Spooled:
    """A complete file in the spool, its size and its SHA-256 in hex."""

    path: Path
    size_bytes: int
    sha256: str
    key: str | None = None  # under which the same bytes lie in the store already

    def discard(self) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()


class Spooling:
    """A file that is being written; `write` in a thread, in order, never two at once."""

    def __init__(self, limit_bytes: int) -> None:
        folder = settings().spool_dir
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        self._digest = hashlib.sha256()
        self._limit_bytes = limit_bytes
        self.size_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)
        self._digest.update(data)
        view = memoryview(data)
        try:
            while view:  # an unbuffered write may be short
                view = view[self._file.write(view) :]
        except OSError as error:
            raise Unavailable("There is no room left for this file.", disk_full=is_disk_full(error)) from error

    def finish(self) -> Spooled:
        self._file.close()
        return Spooled(self.path, self.size_bytes, self._digest.hexdigest())

    def discard(self) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self.path.unlink()


async def drain(
    stream: AsyncIterator[bytes], expected_bytes: int | None = None, limit_bytes: int | None = None
) -> Spooled:
    """Take a request's body; nothing of it stays when it is too large, cut off or there is no room."""
    limit_bytes = limit_bytes or settings().max_file_bytes
    if expected_bytes is not None and expected_bytes > limit_bytes:
        raise too_large(limit_bytes)
    ask_for_room(expected_bytes or 0)
    spooling = await to_thread.run_sync(Spooling, limit_bytes)
    try:
        batch = bytearray()
        async for chunk in stream:
            batch += chunk
            if len(batch) >= BATCH_BYTES:
                await to_thread.run_sync(spooling.write, batch, limiter=writers())
                batch = bytearray()
        await to_thread.run_sync(spooling.write, batch, limiter=writers())
        return spooling.finish()
    except BaseException:  # a disconnect too: what did not arrive whole was never here
        spooling.discard()
        raise


@contextmanager
def spooled_copy(chunks: Iterator[bytes], limit_bytes: int) -> Iterator[Spooled]:
    """Bytes from elsewhere (a ZIP entry, an object of S3) as a spooled file, gone after the block."""
    spooling = Spooling(limit_bytes)
    try:
        for chunk in chunks:
            spooling.write(chunk)
        yield spooling.finish()
    finally:
        spooling.discard()


@contextmanager
def place_for_output() -> Iterator[Path]:
    """A name in the spool that a decoder may write to; gone after the block."""
    spooling = Spooling(0)
    spooling.finish()
    try:
        yield spooling.path
    finally:
        spooling.discard()


def measured(path: Path) -> Spooled:
    """A complete file that lies in the spool already, counted and hashed."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Spooled(path, path.stat().st_size, digest)


def ask_for_room(expected_bytes: int) -> None:
    """Disk is asked for before it is taken."""
    folder = settings().spool_dir
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < expected_bytes + settings().min_free_disk_bytes:
        raise Unavailable("There is no room for this file at the moment.", disk_full=True, retry_after_s=600)


def too_large(limit_bytes: int) -> TooLarge:
    sentence = Sentence("The file is larger than {limit}, the limit here.", limit=limit_words(limit_bytes))
    return TooLarge(sentence, reason_code="too-large")


def is_disk_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def writers() -> anyio.CapacityLimiter:
    global _writers  # noqa: PLW0603 - one limiter for the process, made inside its event loop
    _writers = _writers or anyio.CapacityLimiter(8)
    return _writers


def limit_words(size_bytes: int) -> str:
    """'25 MB'."""
    return f"{size_bytes / (1 << 30):.0f} GB" if size_bytes >= 1 << 30 else f"{size_bytes / (1 << 20):.0f} MB"
