"""A file read at any place through one block, so that memory stays bounded however large it is."""

import os
import time
from pathlib import Path
from types import TracebackType

from app.config import file_limits
from app.dicom.refusals import refused

BLOCK_BYTES = 64 << 10
LOOK_AT_CLOCK_EVERY = 128  # reads, or blocks of a longer one: asking the clock costs as much as a read


class Source:
    """Random reads of one open file by one thread; the head and the last block are kept.

    Whatever takes long reads much: here the time of the check runs out, in whichever loop it is spent."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._fd).st_size
        self.head = os.pread(self._fd, BLOCK_BYTES, 0)
        self.block = self.head
        self.block_at = 0
        self._reads = 0
        self._until_s = time.thread_time() + file_limits().max_check_cpu_s

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer at the end of the file."""
        if offset + length <= len(self.head):
            return self.head[offset : offset + length]
        return self._from_disk(length, offset)

    def seek(self, offset: int, length: int) -> int:
        """Have `length` bytes at `offset` in `block`, as far as the file has them; the place in it."""
        at = offset - self.block_at
        if at < 0 or at + length > len(self.block):
            self.block = self._from_disk(max(BLOCK_BYTES, length), offset)
            self.block_at, at = offset, 0
        return at

    def _from_disk(self, length: int, offset: int) -> bytes:
        self._reads += 1 + length // BLOCK_BYTES
        if self._reads > LOOK_AT_CLOCK_EVERY:
            self._reads = 0
            if time.thread_time() > self._until_s:
                raise refused("slow", "This file is not accepted: it takes too long to look at.")
        return os.pread(self._fd, length, offset)
