"""`sonopost check`: one line for each part, and exit 1 when one of them fails."""

import argparse
import shutil
from collections.abc import Callable

import sqlalchemy as sa

from app import config, db, log
from app.access.actor import OPERATOR
from app.cli import schema
from app.config import Settings, load
from app.errors import Refusal, Unavailable
from app.jobs import queue
from app.jobs.parked import parked
from app.notifications import mail
from app.reports import lettering
from app.storage import blobs, sweep

Part = Callable[[Settings], str]


def check(given: argparse.Namespace) -> int:
    settings = load()  # a wrong one has ended the command with its sentence
    log.set_up(settings.log_level)
    parts: dict[str, Part] = {
        "settings": _settings, "database": _database, "schema": _schema, "storage": _storage, "queue": _queue,
        "disk": _disk, "mail": _mail, "fonts": _fonts,
    }  # fmt: skip
    if given.deep:
        parts |= {"digests": _digests, "orphans": _orphans}
    failed = [name for name, part in parts.items() if not _holds(name, part, settings)]
    return 1 if failed else 0


def _holds(name: str, part: Part, settings: Settings) -> bool:
    try:
        print(f"{name:9} ok    {part(settings)}", flush=True)
    except Refusal as refusal:
        print(f"{name:9} FAIL  {refusal.sentence}", flush=True)
    except mail.MailAway as away:
        print(f"{name:9} FAIL  {away}", flush=True)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        print(f"{name:9} FAIL  it does not answer ({type(error).__name__})", flush=True)
    else:
        return True
    return False


def _settings(settings: Settings) -> str:
    if settings.secret_key_file is None or not settings.secret_key_file.is_file():
        if settings.on_sqlite:
            return "the secret key will be made at the first start"
        raise Unavailable("SONOPOST_SECRET_KEY_FILE does not exist.")
    ignored = ", ".join(config.unknown())
    return f"read; without effect, for it is no setting: {ignored}" if ignored else "read"


def _fonts(_given: Settings) -> str:
    lettering.check_fonts()
    return "the report's are here"


def _database(settings: Settings) -> str:
    if settings.on_sqlite:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = db.connect(settings.database_url)
    with engine.connect() as connection:
        if settings.on_sqlite:
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if verdict != "ok":
                raise Unavailable("The file is damaged: restore a backup.")
            return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"
        return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"


def _schema(_settings: Settings) -> str:
    if not schema.is_current():
        raise Unavailable(f"It is at {schema.current() or 'nothing'}, not {schema.head()}: run `sonopost migrate`.")
    return f"at {schema.head()}"


def _storage(settings: Settings) -> str:
    blobs.open_store(settings).check()
    return "S3 answers" if settings.on_s3 else "the folder can be written"


def _queue(settings: Settings) -> str:
    if not schema.is_current():
        raise Unavailable("No tables yet.")
    queue.connect(settings.database_url)
    given_up = parked()
    if given_up:
        raise Unavailable(
            f"{len(given_up)} jobs were given up, the latest is {given_up[0].name}: see the admin's page."
        )
    return f"{queue.waiting_count()} jobs wait"


def _disk(settings: Settings) -> str:
    folder = settings.spool_dir
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < settings.min_free_disk_bytes:
        raise Unavailable(f"{free_bytes >> 20} MB are free: uploads are refused.")
    return f"{free_bytes >> 20} MB free"


def _mail(_settings: Settings) -> str:
    return mail.check()


def _digests(_settings: Settings) -> str:
    damaged = 0
    for blob, fault in sweep.damaged(OPERATOR):
        damaged += 1
        print(f"  blob {blob.id}: {fault}", flush=True)
    if damaged:
        raise Unavailable(f"{damaged} stored files are damaged: restore them from a backup.")
    return "every stored byte is as it came"


def _orphans(_settings: Settings) -> str:
    found = 0
    for key in sweep.orphans(OPERATOR):
        found += 1
        print(f"  {key}", flush=True)
    # Not a failure: an upload that is under way, or was cut off, looks like this.
    return f"{found} keys without a row" if found else "no bytes without a row"
