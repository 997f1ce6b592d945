"""One writer at a time: an upload is leased to a server, and what an outrun writer still does moves nothing."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app import log
from app.access.actor import WORKER
from app.config import settings
from app.db import Acting, new_id, reading, table_of, transaction
from app.errors import Unavailable
from app.http.problems import DoorRefusal
from app.tus.models import Upload, UploadServer, UploadState

BOOT = new_id()  # this process: after a restart its leases are nobody's
BEAT_S = 1.0

_held: dict[UUID, "Lease"] = {}
_lock = threading.Lock()
_heart: threading.Thread | None = None


class Lease:
    """This process writes an upload, until it lets go."""

    def __init__(self, upload_id: UUID) -> None:
        self.upload_id = upload_id
        self.fence = 0
        self.is_asked_for = False
        self.is_written_back = False  # with the end of the upload
        self._wake: Callable[[], object] = lambda: None

    def on_asked(self, wake: Callable[[], object]) -> None:
        """Call it as soon as somebody else wants to go on."""
        self._wake = wake
        if self.is_asked_for:
            wake()

    def ask(self) -> None:
        self.is_asked_for = True
        self._wake()

    def moves(self) -> tuple[sa.ColumnElement[bool], ...]:
        """The condition of every change that this writer makes: that it is still the newest."""
        return Upload.id == self.upload_id, Upload.fence == self.fence, Upload.state == UploadState.RECEIVING


def take(
    actor: Acting, upload_id: UUID, find: Callable[[Session], Upload], check: Callable[[Upload], None] | None = None
) -> tuple[Lease, Upload]:
    """The lease and the row as it stands, or 423; `find` refuses whom it is not for, `check` how it stands."""
    if not settings().on_sqlite:
        _keep_beating()
    lease = _reserve(upload_id)
    try:
        with transaction(actor) as session:
            upload = find(session)
            lease.fence = _move_fence(session, upload_id)
            session.refresh(upload)
            if upload.state != UploadState.RECEIVING:  # it ended while we asked
                upload = find(session)
            if check is not None:
                check(upload)
    except BaseException:
        _forget(lease)
        raise
    return lease, upload


def let_go(lease: Lease) -> None:
    """Others may go on; harmless where somebody does already."""
    if lease.is_written_back:
        _forget(lease)
        return
    try:
        with transaction(WORKER) as session:
            mine = sa.update(Upload).where(Upload.id == lease.upload_id, Upload.fence == lease.fence)
            session.execute(mine.values(server_id=None, is_asked_for=False))
    except Unavailable:  # the row still says us, and we know better
        log.get().warning("a lease was not written back", backend="database")
    finally:
        _forget(lease)


def ask(actor: Acting, upload_id: UUID) -> bool:
    """Ask whoever writes this upload to let go; False when nobody does."""
    with _lock:
        lease = _held.get(upload_id)
    if lease is not None:
        lease.ask()
        return True
    if settings().on_sqlite:
        return False
    with transaction(actor) as session:
        asked = sa.update(Upload).where(Upload.id == upload_id, Upload.server_id.is_not(None), _is_alive())
        return bool(session.execute(asked.values(is_asked_for=True)).rowcount)  # type: ignore[attr-defined]  # it is a CursorResult


def is_free(actor: Acting, upload_id: UUID) -> bool:
    with _lock:
        if upload_id in _held:
            return False
    if settings().on_sqlite:
        return True
    with reading(actor) as session:
        held = sa.select(Upload.id).where(Upload.id == upload_id, Upload.server_id != BOOT, _is_alive())
        return session.scalar(held) is None


def _reserve(upload_id: UUID) -> Lease:
    lease = Lease(upload_id)
    with _lock:
        if _held.setdefault(upload_id, lease) is not lease:
            raise busy()
    return lease


def _forget(lease: Lease) -> None:
    with _lock:
        if _held.get(lease.upload_id) is lease:
            del _held[lease.upload_id]


def _move_fence(session: Session, upload_id: UUID) -> int:
    # What the row says of this process is old: what it writes now is in `_held`.
    free = sa.or_(Upload.server_id.is_(None), Upload.server_id == BOOT, sa.not_(_is_alive()))
    moved = sa.update(Upload).where(Upload.id == upload_id, free).returning(Upload.fence)
    values = {"server_id": BOOT, "fence": Upload.fence + 1, "is_asked_for": False}
    fence = session.scalar(moved.values(**values).execution_options(synchronize_session=False))
    if fence is None:
        raise busy()
    return int(fence)


def _is_alive() -> sa.ColumnElement[bool]:
    """Of the server that an upload is leased to. SQLite serves one process: any other is gone."""
    if settings().on_sqlite:
        return sa.false()
    limit = sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 0, settings().upload_lease_s)
    return sa.exists().where(UploadServer.id == Upload.server_id, UploadServer.seen_at > limit)


def busy() -> DoorRefusal:
    return DoorRefusal(423, "This upload is being written by another request.", headers={"Retry-After": "1"})


def _keep_beating() -> None:
    """One heartbeat a second for all that this server writes, from its first upload on."""
    global _heart  # noqa: PLW0603 - the process has one heart
    with _lock:
        if _heart is not None and _heart.is_alive():
            return
        _beat()  # known as alive before the first lease names us
        _heart = threading.Thread(target=_go_on, name="uploads-heartbeat", daemon=True)
        _heart.start()


def _go_on() -> None:
    while True:
        time.sleep(BEAT_S)
        if settings().on_sqlite:  # a test's process may be bound to another database by now
            return
        try:
            asked = _beat()
        except Unavailable:  # while the database is away nobody can take a lease over either
            continue
        for upload_id in asked:
            with _lock:
                lease = _held.get(upload_id)
            if lease is not None:
                lease.ask()


def _beat() -> list[UUID]:
    """Say that we live; which of ours somebody asks for."""
    at = sa.func.clock_timestamp()
    say = postgresql.insert(table_of(UploadServer)).values(id=BOOT, seen_at=at)
    with transaction(WORKER) as session:
        session.execute(say.on_conflict_do_update(index_elements=["id"], set_={"seen_at": at}))
        return list(session.scalars(sa.select(Upload.id).where(Upload.server_id == BOOT, Upload.is_asked_for)))
