"""The service itself as a process of its own, on databases and stores that a test has to itself."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from app import config, db
from app.config import Settings
from app.jobs import queue
from app.storage import blobs
from tests.servers.postgres import fresh_database, libpq_url
from tests.servers.process import start
from tests.servers.s3 import S3Server

ROOT = Path(__file__).parents[2]
READY = "Sonopost is ready at "
_first_engines: dict[str, sa.Engine] = {}


@dataclass(frozen=True)
class Column:
    """One of the two supported sizes (design §5), with a migrated database to copy from."""

    name: str
    template: str  # a file on SQLite, the name of a database on PostgreSQL
    postgres_url: str | None = None
    s3: S3Server | None = None

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[dict[str, str]]:
        """The environment of a service that has a new, migrated, empty database and a store of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "secret.key").write_text("a key for tests\n")
        environment = {"SONOPOST_DATA_DIR": str(folder)}
        if self.s3:
            environment |= self.s3.environment(uuid.uuid4().hex)
        if not self.postgres_url:
            shutil.copyfile(self.template, folder / "sonopost.db")
            yield environment
            return
        with fresh_database(self.postgres_url, self.template) as url:
            yield environment | {"SONOPOST_DATABASE_URL": url}


def sqlite_and_folder(folder: Path) -> Column:
    folder.mkdir(parents=True, exist_ok=True)
    sonopost("migrate", environment={"SONOPOST_DATA_DIR": str(folder)}).check_returncode()
    with closing(sqlite3.connect(folder / "sonopost.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the file alone is copied
    return Column("sqlite+folder", str(folder / "sonopost.db"))


def postgresql_and_s3(folder: Path, postgres_url: str, s3: S3Server) -> Column:
    folder.mkdir(parents=True, exist_ok=True)
    template = "sonopost_template"
    with psycopg.connect(libpq_url(postgres_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {template}")
    url = postgres_url.rpartition("/")[0] + "/" + template
    environment = {"SONOPOST_DATA_DIR": str(folder), "SONOPOST_DATABASE_URL": url}
    sonopost("migrate", environment=environment).check_returncode()
    return Column("postgresql+s3", template, postgres_url, s3)


def clean(environment: dict[str, str]) -> dict[str, str]:
    """Ours and nothing of the developer's own settings."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("SONOPOST_")}
    return outer | {"PYTHONPATH": str(ROOT)} | environment


def sonopost(*arguments: str, environment: dict[str, str], timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=clean(environment),
        cwd=tempfile.gettempdir(),  # where no .env lies
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


@contextmanager
def bound(environment: dict[str, str]) -> Iterator[Settings]:
    """Connect this process to the same database, store and queue, as the service would."""
    given = {name.removeprefix("SONOPOST_").lower(): value for name, value in environment.items()
             if name.startswith("SONOPOST_")}  # fmt: skip
    settings = config.load(**given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "make_engine", _make_engine)
        engine = db.connect(settings.database_url)
    blobs.open_store(settings)
    queue.connect(settings.database_url)
    try:
        yield settings
    finally:
        queue.disconnect()
        engine.dispose()


def _make_engine(url: str, _make: Callable[[str], sa.Engine] = db.make_engine) -> sa.Engine:
    """An engine that knows how the earlier ones of this process put statements into SQL: each test has a new one, and
    would spend a third of its time on compiling the same again."""
    engine = _make(url)
    if (first := _first_engines.get(engine.dialect.name)) is None:
        first = _first_engines[engine.dialect.name] = engine
        engine.connect().close()  # a dialect learns from its first connection what its server can do
        engine._compiled_cache.capacity = 10_000  # type: ignore[union-attr]  # the statements of all tests
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine


@dataclass(frozen=True)
class Running:
    """A `serve` or `worker` under way; its output is in `log`."""

    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str]
    base_url: str = ""

    def kill(self) -> None:
        """As a power cut ends it: nothing is finished."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 30) -> int:
        """As a service manager ends it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def end(self) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def serving(environment: dict[str, str], *options: str, port: int = 0) -> Iterator[Running]:
    """`sonopost serve` that is ready; stopped at the end."""
    running = launch(environment, "serve", "--port", str(port), *options)
    try:
        port_taken = wait_for_line(running, READY).rpartition(" ")[2].rstrip(")")
        scheme = "https" if "--tls-cert" in options else "http"
        yield Running(running.process, running.log, environment, f"{scheme}://127.0.0.1:{port_taken}")
    finally:
        running.end()


@contextmanager
def working(environment: dict[str, str]) -> Iterator[Running]:
    """`sonopost worker` that is ready; stopped at the end."""
    running = launch(environment, "worker")
    try:
        wait_for_line(running, "Sonopost's worker is ready")
        yield running
    finally:
        running.end()


def launch(environment: dict[str, str], *arguments: str) -> Running:
    """Start a command and return at once."""
    folder = Path(environment["SONOPOST_DATA_DIR"])
    log = folder / f"{arguments[0]}-{uuid.uuid4().hex[:8]}.log"
    command = [sys.executable, "-m", "app", *arguments]
    # SIGKILL: whatever happens to the test run, no server of it stays.
    process = start(command, log, signal.SIGKILL, env=clean(environment), cwd=folder)
    return Running(process, log, environment)


def wait_for_line(running: Running, beginning: str, timeout_s: float = 90) -> str:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ended = running.process.poll() is not None
        for line in running.log.read_text().splitlines():
            if line.startswith(beginning):
                return line
        if ended:
            break
        time.sleep(0.02)
    raise RuntimeError(f"no line '{beginning}…':\n{running.log.read_text()[-3000:]}")
