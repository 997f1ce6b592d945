"""SQLite is served by exactly one process: a lock on DATA_DIR that dies with its holder."""

import fcntl
import os
from pathlib import Path

from app.errors import Conflict

_held: int | None = None


def lock(data_dir: Path) -> None:
    """Hold the lock until this process ends, however it ends; Conflict if another one has it."""
    global _held  # noqa: PLW0603 - held by the process
    # Not inherited across exec (PEP 446), so no child keeps it after us.
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(
            f"Another sonopost already runs on {data_dir}: SQLite serves one process, PostgreSQL serves many."
        ) from None
    _held = descriptor
