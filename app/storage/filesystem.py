"""The folder store: a name appears only when its bytes are durable, and never changes."""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from io import FileIO
from pathlib import Path

from app.errors import Unavailable
from app.storage.spool import Spooled, is_disk_full

CHUNK_BYTES = 1 << 20  # each is a turn in a thread for whoever sends it on


class FolderStore:
    """Objects under one folder; the spool lies beside them, on the same file system."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self._made: set[Path] = set()

    def put(self, key: str, spooled: Spooled) -> None:
        path = self._path(key)
        try:
            self._make_durable_dirs(path.parent)
            with spooled.path.open("rb") as file:
                os.fdatasync(file.fileno())  # the bytes, before the name
            with suppress(FileExistsError):  # our own first attempt: the key is random and ours alone
                os.link(spooled.path, path)  # never overwrites, as rename() would
            sync_dir(path.parent)  # the name: only now is it stored
        except OSError as error:
            raise Unavailable(
                "The store has no room for this file." if is_disk_full(error) else "The store does not answer.",
                disk_full=is_disk_full(error),
            ) from error

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        try:
            file = self._path(key).open("rb", buffering=0)
        except OSError as error:
            raise Unavailable("The store does not have these bytes at the moment.") from error
        return _chunks(file, start, end)

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self._path(key).unlink()

    def drop_unfinished(self, before: datetime, spared: Collection[str] = ()) -> None:
        """A link is there or not: there is nothing to drop, and the spool is swept by itself."""

    def keys(self) -> Iterator[str]:
        """Every key that has bytes, for the search for orphans."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and not path.relative_to(self.root).parts[0].startswith("."):
                yield str(path.relative_to(self.root))

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def check(self) -> None:
        """Raise unless a byte can be written and removed again."""
        probe = self.root / ".check"
        try:
            probe.write_bytes(b"1")
            probe.unlink()
        except OSError as error:
            raise Unavailable("The store's folder cannot be written.") from error

    def _path(self, key: str) -> Path:
        # Keys are made by the service itself, never taken from a request; checked all the same.
        parts = key.split("/")
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise ValueError("bad key")
        return self.root.joinpath(*parts)

    def _make_durable_dirs(self, directory: Path) -> None:
        """mkdir -p that makes each new entry durable too."""
        if directory in self._made or directory == self.root:
            return
        self._make_durable_dirs(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir()
        sync_dir(directory.parent)
        self._made.add(directory)


def sync_dir(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chunks(file: FileIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = end - start
        while left > 0 and (data := file.read(min(CHUNK_BYTES, left))):
            left -= len(data)
            yield data
