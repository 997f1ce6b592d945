"""`sonopost` with a fault planted from outside: it dies at a named point, or leaves out a named sync.

    python -m tests.faults.faulty serve --port 0

A file `die-at` in the data folder names the point; it is removed as the process dies, so that the next one lives.
`LEAVE_OUT` in the environment names the sync."""

import os
import signal
import sqlite3
import threading
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

    referring.drain = _dying_after_awaiting(referring.drain, "spooled")
    # Of uploads only: renditions are begun and put as well.
    own = {**vars(blobs), "begin": _dying_after(blobs.begin, "pending"), "put": _dying_after(blobs.put, "put")}
    ingest.blobs = SimpleNamespace(**own)  # type: ignore[assignment]  # as good as the module
    settle._prepare = _dying_after(settle._prepare, "prepared")
    settle._count = _dying_before(settle._count, "before:settled")
    publish.pdf = _dying_after(publish.pdf, "published")
    events.record = _marking(events.record, lambda session, actor, action, **_: (session, action))
    Done.keep = _marking(Done.keep, lambda done, *_: (done.session, "key"))  # type: ignore[method-assign]  # planted
    event.listen(Session, "before_commit", _note_marks)
    event.listen(sa.Engine, "commit", lambda _: _die_at_marks("before"))
    event.listen(Session, "after_commit", _after_commit)


def leave_out(sync: str) -> None:
    """The service without one of its syncs: what the test of their order has to notice."""
    from app import db
    from app.storage import filesystem

    if sync == "bytes":
        real = os.fdatasync
        os.fdatasync = lambda fd: None if ".spool" in os.readlink(f"/proc/self/fd/{fd}") else real(fd)
    elif sync == "name":
        filesystem._sync_dir = lambda directory: None
    elif sync == "commit":
        connected = db._on_sqlite_connect
        db._on_sqlite_connect = lambda connection, record: _without_sync(connected, connection, record)


def _without_sync(connected: Callable[..., None], connection: sqlite3.Connection, record: object) -> None:
    connected(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


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
    leave_out(os.environ.get("LEAVE_OUT", ""))
    from app.cli import main

    main()
