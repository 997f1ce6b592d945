"""A file read at any place through one block, so that memory stays bounded however large it is."""

import os
from pathlib import Path
from types import TracebackType

BLOCK_BYTES = 64 << 10


class Source:
    """Random reads of one open file; the head and the last block are kept."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._fd).st_size
        self.head = os.pread(self._fd, BLOCK_BYTES, 0)
        self.block = self.head
        self.block_at = 0

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; fewer at the end of the file."""
        if offset + length <= len(self.head):
            return self.head[offset : offset + length]
        return os.pread(self._fd, length, offset)

    def seek(self, offset: int, length: int) -> int:
        """Have `length` bytes at `offset` in `block`, as far as the file has them; the place in it."""
        at = offset - self.block_at
        if at < 0 or at + length > len(self.block):
            self.block = os.pread(self._fd, max(BLOCK_BYTES, length), offset)
            self.block_at, at = offset, 0
        return at
