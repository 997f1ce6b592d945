"""Alembic on SQLite and PostgreSQL, beside the tables of dbos; every table of ours is collected here."""

import sqlite3

import sqlalchemy as sa
from alembic import context

import app.access.models
import app.audit.events
import app.jobs.timers
import app.notifications.models
import app.people.models
import app.referrals.models
import app.referrals.pregnancy
import app.reports.critical_finding
import app.reports.kept_template
import app.reports.late
import app.reports.macros
import app.reports.models
import app.reports.send_back
import app.reports.teaching
import app.reviews.models
import app.reviews.opinion
import app.reviews.seen
import app.storage.blobs
import app.studies.measurement
import app.studies.models
import app.tus.models  # noqa: F401 - imported for their tables, like those above
from app.config import settings
from app.db import Base, make_engine

OWN = set(Base.metadata.tables)
MIGRATING = 7001  # an advisory lock of ours: two processes that start at once wait for each other


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    # dbos keeps its tables in a schema of its own on PostgreSQL, but among ours on SQLite;
    # without this, --autogenerate would write DROP TABLE for them.
    if kind == "schema":
        return name is None
    return kind != "table" or name in OWN


def run() -> None:
    engine = make_engine(context.config.get_main_option("sqlalchemy.url") or settings().database_url)
    on_sqlite = engine.dialect.name == "sqlite"
    if on_sqlite:
        # Batch mode copies a table and drops the old one: not with enforced keys, which cannot change inside.
        sa.event.listen(engine, "connect", _keys_off)
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, include_name=include_name,
            render_as_batch=on_sqlite, compare_type=True, user_module_prefix="db.",
        )  # fmt: skip
        with context.begin_transaction():
            if not on_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})
            context.run_migrations()
        if on_sqlite and (bad := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
            raise RuntimeError(f"dangling references after migration: {bad[:5]}")


def _keys_off(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")


run()
