"""What `serve` and `worker` do before they run: settings, secret key, lock, schema, connections."""

import os
import secrets

import sqlalchemy as sa

from app import config, db, log
from app.cli import one_process, schema
from app.config import Settings, WrongSetting
from app.errors import Unavailable
from app.jobs import queue
from app.storage import blobs


def prepare(settings: Settings) -> None:
    """Bring this process to where it can serve, or raise the sentence that says why it cannot."""
    log.set_up(settings.log_level)
    for name in config.unknown():
        log.get().warning("no such setting", setting=name)
    _make_data_dir(settings)
    if settings.on_sqlite:
        one_process.lock(settings.data_dir)
    _ensure_secret_key(settings)
    try:
        db.connect(settings.database_url)
        _ensure_schema(settings)
        queue.connect(settings.database_url)
    except sa.exc.OperationalError as away:
        raise Unavailable("The database does not answer: see SONOPOST_DATABASE_URL.") from away
    blobs.open_store(settings)


def _make_data_dir(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.spool_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise WrongSetting(f"SONOPOST_DATA_DIR cannot be written: {error.strerror}.") from None


def _ensure_secret_key(settings: Settings) -> None:
    """Made at the first start; where several servers share a database, they must share the key too."""
    path = settings.secret_key_file
    if path is None or path.is_file():
        return
    if not settings.on_sqlite:
        raise WrongSetting("SONOPOST_SECRET_KEY_FILE must exist with PostgreSQL: every server needs the same key.")
    written = path.with_name(path.name + ".new")  # a kill in between must not leave an empty key
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(descriptor)
    written.rename(path)


def _ensure_schema(settings: Settings) -> None:
    if schema.is_current():
        return
    if not settings.on_sqlite:
        raise Unavailable("The database's schema is behind: run `sonopost migrate` first.")
    schema.upgrade(settings.database_url)
