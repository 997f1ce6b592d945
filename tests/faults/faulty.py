"""`sonopost` with a fault planted from outside: it dies at a named point, or leaves out a named sync."""

#     python -m tests.faults.faulty serve --port 0
#
# A file `die-at` in the data folder names the point; it is removed as the process dies, so that the next one lives.
# While a file `hold` is there, a settle job waits after its last look.
# `LEAVE_OUT` in the environment names the sync. What runs by the clock several times a minute runs every second.

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

# Where an upload can be cut off; `before:` and `after:` stand for the COMMIT of what the audit event tells of.
INGEST = ("spooled", "pending", "put", "before:file.received", "after:file.received", "before:key", "after:key")
SUBMIT = ("before:referral.submitted", "after:referral.submitted")
SIGN = ("before:report.signed", "after:report.signed")
JOBS = ("prepared", "before:settled", "published")

_armed = Path(os.environ.get("SONOPOST_DATA_DIR", ".")) / "die-at"
_committing = threading.local()


def die(point: str) -> None:
    try:
        if _armed.read_text() != point:
            return
        _armed.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def plant_deaths() -> None:
    """Wrap, from outside, what lies between two steps; the code under test knows nothing of it."""
    from app.api import referring
    from app.audit import events
    from app.http.idempotency import Done
    from app.reports import publish
    from app.storage import blobs
    from app.studies import ingest, settle

    plant(referring, "drain", _dying_after_awaiting, "spooled")
    # Of uploads only: renditions are begun and put as well.
    own = SimpleNamespace(**vars(blobs))
    plant(own, "begin", _dying_after, "pending")
    plant(own, "put", _dying_after, "put")
    vars(ingest)["blobs"] = own
    plant(settle, "_prepare", _dying_after, "prepared")
    plant(settle, "_note_settled", _dying_before, "before:settled")
    plant(settle, "_note_settled", _held_before)
    plant(publish, "_printed", _dying_after, "published")
    plant(events, "record", _marking, lambda *given, **_: (given[0], given[2]))
    plant(Done, "keep", _marking, lambda done, *_: (done.session, "key"))
    event.listen(Session, "before_commit", _note_marks)
    event.listen(sa.Engine, "commit", lambda _: _die_at_marks("before"))
    event.listen(Session, "after_commit", _after_commit)


def plant(where: object, name: str, wrap: Callable[..., object], *how: object) -> None:
    setattr(where, name, wrap(getattr(where, name), *how))


def hurry() -> None:
    """A test would wait for the quarter of a minute to be over, several times."""
    from app import worker

    vars(worker)["TURNS"] = tuple(each._replace(every_s=1) for each in worker.TURNS)


def leave_out(sync: str) -> None:
    """The service without one of its syncs: what the test of their order has to notice."""
    from app import db
    from app.storage import filesystem

    if sync == "bytes":
        plant(os, "fdatasync", _but_for_the_spool)
    elif sync == "name":
        plant(filesystem, "sync_dir", lambda _: lambda _directory: None)
    elif sync == "commit":
        plant(db, "_on_sqlite_connect", _without_sync)


def _but_for_the_spool(fdatasync: Callable[[int], None]) -> Callable[[int], None]:
    return lambda fd: None if ".spool" in str(Path(f"/proc/self/fd/{fd}").readlink()) else fdatasync(fd)


def _without_sync(connected: Callable[..., None]) -> Callable[..., None]:
    def connect(connection: sqlite3.Connection, record: object) -> None:
        connected(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    return connect


def _dying_after(function: Callable[..., Any], point: str) -> Any:
    def dying(*given: Any, **named: Any) -> Any:
        result = function(*given, **named)
        die(point)
        return result

    return dying


def _dying_before(function: Callable[..., Any], point: str) -> Any:
    def dying(*given: Any, **named: Any) -> Any:
        die(point)
        return function(*given, **named)

    return dying


def _held_before(function: Callable[..., Any]) -> Any:
    hold = _armed.with_name("hold")

    def held(*given: Any) -> Any:
        while hold.exists():
            _armed.with_name("held").touch()
            time.sleep(0.05)
        return function(*given)

    return held


def _dying_after_awaiting(function: Callable[..., Any], point: str) -> Any:
    async def dying(*given: Any, **named: Any) -> Any:
        result = await function(*given, **named)
        die(point)
        return result

    return dying


def _marking(function: Callable[..., Any], of: Callable[..., tuple[Session, str]]) -> Any:
    def marking(*given: Any, **named: Any) -> Any:
        session, mark = of(*given, **named)
        session.info.setdefault("marks", set()).add(mark)
        return function(*given, **named)

    return marking


def _note_marks(session: Session) -> None:
    _committing.marks = session.info.get("marks", set())


def _after_commit(session: Session) -> None:
    if session.get_nested_transaction() is None:  # the release of a savepoint says the same
        _die_at_marks("after")
        _committing.marks = set()


def _die_at_marks(when: str) -> None:
    for mark in getattr(_committing, "marks", ()):
        die(f"{when}:{mark}")


if __name__ == "__main__":
    plant_deaths()
    hurry()
    leave_out(os.environ.get("LEAVE_OUT", ""))
    from app.cli import main

    main()
