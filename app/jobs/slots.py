"""A worker is known by a numbered slot that it holds a lock on: whoever can take the lock knows the owner dead."""

import fcntl
import zlib
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from app.jobs.tables import dbos_url

if TYPE_CHECKING:
    import psycopg

SPACE = zlib.crc32(b"sonopost worker") >> 1  # a positive int4, beside other users of advisory locks
# A worker whose machine vanished is noticed after 25 s.
KEEPALIVES = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


class FileSlots:
    """Beside the SQLite file, by flock: the kernel lets go when the process ends, however it ends."""

    def __init__(self, database_url: str) -> None:
        self._path = database_url.removeprefix("sqlite:///")
        self._held: dict[int, TextIOWrapper] = {}

    def try_lock(self, slot: int) -> bool:
        file = Path(f"{self._path}.worker-{slot}").open("w")  # noqa: SIM115 - held open as long as the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held[slot] = file
        return True

    def unlock(self, slot: int) -> None:
        self._held.pop(slot).close()

    def still_held(self, slot: int) -> bool:
        return slot in self._held

    def close(self) -> None:
        for slot in list(self._held):
            self.unlock(slot)


class AdvisorySlots:
    """On PostgreSQL, by a lock of the session: a direct connection, no pooler that shares it by transaction."""

    def __init__(self, database_url: str) -> None:
        self._url = dbos_url(database_url)
        self._connection = self._connect()

    def _connect(self) -> "psycopg.Connection":
        import psycopg

        return psycopg.connect(self._url, autocommit=True, connect_timeout=5, options=KEEPALIVES)

    def try_lock(self, slot: int) -> bool:
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (SPACE, slot)).fetchone()
        return bool(row and row[0])

    def unlock(self, slot: int) -> None:
        self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", (SPACE, slot))

    def still_held(self, slot: int) -> bool:
        """True after a lost connection too, if nobody took the slot in between."""
        import psycopg

        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self._connection.close()
            self._connection = self._connect()
            return self.try_lock(slot)
        return True

    def close(self) -> None:
        self._connection.close()


Slots = FileSlots | AdvisorySlots


def open_slots(database_url: str) -> Slots:
    return FileSlots(database_url) if database_url.startswith("sqlite") else AdvisorySlots(database_url)


def take(slots: Slots) -> int:
    """The first free slot: after a restart the same again, so that interrupted jobs go on at once."""
    return next(slot for slot in count() if slots.try_lock(slot))


def executor_id(slot: int) -> str:
    return f"worker-{slot}"


def slot_of(executor: str) -> int | None:
    name, _, slot = executor.partition("-")
    return int(slot) if name == "worker" and slot.isdecimal() else None
