"""The database's schema: brought up to date, or found to be behind."""

import argparse
import logging
from pathlib import Path

import sqlalchemy as sa

import app
from app.config import load
from app.db import connect, engine
from app.jobs import tables

MIGRATIONS = Path(app.__file__).parent.parent / "migrations"


def upgrade(database_url: str) -> None:
    """Alembic to head, then the tables of the jobs: both are safe to run twice, and side by side."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # ConfigParser reads % in a password as its own.
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    command.upgrade(config, "head")
    tables.migrate(database_url)


def head() -> str:
    """The newest revision that this program brings. Files are named by their revision, which begins with its date:
    asking Alembic would load it at every start, a tenth of the time until `serve` is ready."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("*.py"))


def current() -> str | None:
    """The revision of the connected database; None when it is empty."""
    if not sa.inspect(engine()).has_table("alembic_version"):
        return None
    with engine().connect() as connection:
        revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if revision is None else str(revision)


def is_current() -> bool:
    return current() == head() and tables.exist(engine())


def migrate(_given: argparse.Namespace) -> int:
    """`sonopost migrate`."""
    settings = load()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    connect(settings.database_url)
    upgrade(settings.database_url)
    print(f"The schema is at {current()}.")
    return 0
