"""The job tables lie in the same database as the rows that jobs are about, made by dbos itself."""

import sqlalchemy as sa

DBOS_SCHEMA = "dbos"  # of its own on PostgreSQL; on SQLite its tables lie among ours


def dbos_url(database_url: str) -> str:
    return database_url.replace("+psycopg", "")


def migrate(database_url: str) -> None:
    """Make the job tables or bring them up to date; safe beside a running service."""
    from dbos import run_dbos_database_migrations

    run_dbos_database_migrations(dbos_url(database_url))


def exist(engine: sa.Engine) -> bool:
    on_sqlite = engine.dialect.name == "sqlite"
    return sa.inspect(engine).has_table("workflow_status", schema=None if on_sqlite else DBOS_SCHEMA)
