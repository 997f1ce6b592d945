"""The engine, `transaction()`, `reading()`, and what every table shares."""

import base64
import binascii
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa
import uuid_utils.compat
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.sql.dml import ReturningInsert

from app.config import settings
from app.errors import Invalid, Sentence, Unavailable


class Acting(Protocol):
    """What a transaction and an audit event need to know of the actor."""

    @property
    def kind(self) -> str: ...
    @property
    def person_id(self) -> UUID | None: ...
    @property
    def organization_ids(self) -> tuple[UUID, ...]: ...


def new_id() -> UUID:
    """UUIDv7 (RFC 9562 5.7): rows sort by the time they were made."""
    return uuid_utils.compat.uuid7()


def now() -> datetime:
    return datetime.now(UTC)


class UTCDateTime(sa.TypeDecorator[datetime]):
    """A time with its zone; SQLite would give it back naive."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Said(sa.TypeDecorator[str]):
    """A text that may be a sentence of ours: kept with its values, so that each reads it in their own language.

    What people typed stays as it is; it never begins so, for control characters are taken from it."""

    impl = sa.Text
    cache_ok = True
    BEGINS = "\x1f"

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return self.BEGINS + json.dumps(value.to_json()) if isinstance(value, Sentence) else value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return Sentence.from_json(json.loads(value[1:])) if value and value.startswith(self.BEGINS) else value


JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


class Base(DeclarativeBase):
    # Unnamed constraints cannot be dropped by a batch migration on SQLite.
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime(), dict[str, Any]: JSON, list[Any]: JSON, UUID: sa.Uuid()}  # noqa: RUF012 - SQLAlchemy's own declaration

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


# For a statement that is made once: to put one together and find it in the cache costs more than most of them take.
IDS = sa.bindparam("ids", type_=sa.Uuid(), expanding=True)


def table_of(model: type[Base]) -> sa.Table:
    return cast("sa.Table", model.__table__)


_engine: sa.Engine | None = None
_write: sessionmaker[Session]
_read: sessionmaker[Session]


def make_engine(url: str) -> sa.Engine:
    if not url.startswith("sqlite"):
        limits = (
            f"-c lock_timeout={round(settings().postgresql_lock_s * 1000)}ms -c idle_in_transaction_session_timeout=60s"
        )
        return sa.create_engine(
            url, pool_pre_ping=True, pool_size=20, max_overflow=20, pool_timeout=10,
            connect_args={"options": limits, "connect_timeout": 3},
        )  # fmt: skip
    engine = sa.create_engine(
        url, connect_args={"timeout": settings().sqlite_lock_s}, pool_size=20, max_overflow=20, pool_timeout=10
    )
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not send BEGIN itself
    # WAL stays in the file; NORMAL may lose the last commits at a power cut; keys are off by default.
    # LIKE without case would answer otherwise than on PostgreSQL, and walk no index.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "case_sensitive_like=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: sa.Connection) -> None:
    # A deferred transaction that reads, then writes, fails at once when another wrote in between.
    mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")


def connect(url: str) -> sa.Engine:
    """Bind this process to its database; the doors and verbs reach it by the two functions below."""
    global _engine, _write, _read  # noqa: PLW0603 - the process has one database
    if _engine is not None:
        _engine.dispose()
    _engine = make_engine(url)
    _write = sessionmaker(_engine, expire_on_commit=False)  # rows stay readable after the block
    _read = sessionmaker(_engine.execution_options(sqlite_begin="DEFERRED"), expire_on_commit=False)
    return _engine


def engine() -> sa.Engine:
    if _engine is None:
        raise RuntimeError("connect() comes first")
    return _engine


@contextmanager
def transaction(actor: Acting) -> Iterator[Session]:
    """Commits at the end of the block. Keep it short: no network and no file inside, never one within another.

    The actor's ids are taken from the first day, so that row-level security later touches no door."""
    with _away_is_unavailable(), _write.begin() as session:
        session.info["actor"] = actor
        yield session


@contextmanager
def reading(actor: Acting) -> Iterator[Session]:
    """A consistent view, neither blocked by a writer nor blocking one (WAL)."""
    with _away_is_unavailable(), _read() as session:
        session.info["actor"] = actor
        yield session  # closing lets the rows go as they are; a rollback would expire them


Made = TypeVar("Made")


@dataclass
class _Call:
    """Somebody waits for a verb to be committed."""

    verb: Callable[[Session], Any]
    done: bool = False
    made: Any = None
    error: BaseException | None = None


@dataclass
class _Turn:
    """The calls of one actor that wait, and the lock of whoever commits them."""

    calls: list[_Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


_turns: dict[Acting, _Turn] = {}
_turning = threading.Lock()
_LOCKED = {"40P01", "55P03"}  # deadlock_detected, lock_not_available (PostgreSQL, appendix A)


def together(actor: Acting, verb: Callable[[Session], Made]) -> Made:
    """What `verb` makes, committed; calls of one actor at the same moment share a transaction.

    A clinic sends several files at a time, and each would wait for the disk by itself, and on SQLite for its turn
    to write by sleeping. Whoever has the turn takes along all that wait; where one fails, each goes by itself: a
    `verb` may run twice, and changes nothing but its session."""
    call = _Call(verb)
    with _turning:
        turn = _turns.setdefault(actor, _Turn())
        turn.calls.append(call)
        turn.waiting += 1
    with turn.lock:
        if not call.done:
            with _turning:
                calls, turn.calls = turn.calls, []
            _commit(actor, calls)
    with _turning:
        turn.waiting -= 1
        if not turn.waiting:
            del _turns[actor]
    if call.error is not None:
        raise call.error
    return call.made  # type: ignore[no-any-return]  # what its verb made


def _commit(actor: Acting, calls: list[_Call]) -> None:
    try:
        with transaction(actor) as session:
            for call in calls:
                call.made = call.verb(session)
    except BaseException as error:  # noqa: BLE001 - each caller is told its own
        if len(calls) > 1 and not _is_away(error):
            for call in calls:
                _commit(actor, [call])
            return
        for call in calls:
            call.error = error if len(calls) == 1 else copy(error)  # a raised one belongs to its thread
    for call in calls:
        call.done = True


def _is_away(error: BaseException) -> bool:
    """The database answers none of them; a deadlock or a lock waited for too long is a fault of this transaction."""
    away = error.__cause__
    return isinstance(away, sa.exc.SQLAlchemyError) and _sqlstate(away) not in _LOCKED


def _sqlstate(error: sa.exc.SQLAlchemyError) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


@contextmanager
def _away_is_unavailable() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as away:
        raise Unavailable("The database does not answer. Nothing was changed; try again.") from away


def clock(session: Session) -> datetime:
    """The database's time, by which timers go: one for all processes, however their own clocks are set."""
    if session.get_bind().dialect.name == "postgresql":
        return cast("datetime", session.scalar(sa.select(sa.func.clock_timestamp()))).astimezone(UTC)
    said = cast("str", session.scalar(sa.select(sa.func.strftime("%Y-%m-%d %H:%M:%f", "now"))))
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


Row = TypeVar("Row", bound=Base)


def insert_or_nothing(session: Session, model: type[Row], values: dict[str, Any]) -> bool:
    """Insert unless a unique key is taken; True if this call made the row."""
    return bool(insert_new(session, model, [values]))


def insert_new(session: Session, model: type[Row], rows: list[dict[str, Any]]) -> set[UUID]:
    """Insert those whose unique keys are free; the ids of the rows that this call made.

    All rows have the same names. By the table, not the class: the ORM's own way costs several times as much."""
    dialect = session.get_bind().dialect.name
    rows = [row if "id" in row else {"id": new_id(), **row} for row in rows]
    session.flush()  # what these rows refer to may wait in the session
    # psycopg's rowcount is -1 after an INSERT, so the rows themselves have to say that they were made.
    return set(session.connection().execute(_insert_new(table_of(model), dialect), rows).scalars())


@cache
def _insert_new(table: sa.Table, dialect: str) -> ReturningInsert[UUID]:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().returning(table.c.id)


def merged(parts: Sequence[sa.Select[UUID, Any]], limit: int) -> sa.Select[UUID, Any]:
    """The first rows by (time, id) over several queries of those columns, each walking its own index.

    One query with OR or IN over what they select would sort every row that fits."""
    ordered = [part.order_by(sa.column("at"), sa.column("id")).limit(limit).subquery() for part in parts]
    rows = sa.union_all(*(sa.select(one.c.id, one.c.at) for one in ordered)).subquery()
    return sa.select(rows.c.id, rows.c.at).distinct().order_by(rows.c.at, rows.c.id).limit(limit)


def paged(
    session: Session, parts: Sequence[sa.Select[UUID, Any]], limit: int
) -> tuple[list[UUID], str | None]:  # fmt: skip
    """The ids of a page of `merged`, and the cursor where the next one begins."""
    if not parts:
        return [], None
    rows = session.execute(merged(parts, limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return [row.id for row in rows[:limit]], encoded(last.at, last.id) if last else None


def encoded(at: datetime, row_id: UUID) -> str:
    """A keyset cursor: where in an order of (time, id) the next page begins."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), row_id.hex]).encode()).decode().rstrip("=")


def decoded(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(at).astimezone(UTC), UUID(str(row_id))
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as wrong:
        raise Invalid("This cursor was not given out here.", field="cursor") from wrong
