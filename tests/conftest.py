"""What all tests share: the two columns of design §5, an empty database, a running service."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from httpx._config import create_ssl_context

from app.config import Settings
from tests import people
from tests.people import Places
from tests.servers import app as service
from tests.servers import memory
from tests.servers.app import Column, Running, bound
from tests.servers.postgres import throwaway_postgres
from tests.servers.s3 import S3Server, throwaway_s3
from tests.servers.smtp import Mailbox, throwaway_smtp

# Folders whose tests start, kill and wait for processes; "tests" are the files beside this one.
WAITING = ("cli", "faults", "jobs", "journeys", "servers", "tests", "tus")


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: tests wait for disks, browsers and servers a third of their time."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a column
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Beside each other, what takes minutes begins first, or one file would run on alone at the end.

    Files that wait for processes and files that keep a browser busy take turns, so that neither find the machine idle
    nor crowded."""
    if not hasattr(config, "workerinput"):
        return
    turns = {path: turn for kind in (WAITING, ("web",)) for turn, path in enumerate(dict.fromkeys(
        item.path for item in items if item.path.parent.name in kind))}  # fmt: skip
    items.sort(key=lambda item: turns.get(item.path, len(items)))


def pytest_configure(config: pytest.Config) -> None:
    memory.use(config)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    memory.leave(session.config, exitstatus)


@pytest.fixture(scope="session", autouse=True)
def _without_the_developers_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Settings.model_config, "env_file", None)
        for name in [name for name in os.environ if name.startswith("SONOPOST_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """A client of httpx reads all of them anew, 57 ms of processor, also where it speaks plain HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", cache(create_ssl_context))
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The database `postgres` of a server that lasts as long as the test run."""
    with throwaway_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with throwaway_s3() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", server.access_key_id)
        patch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_access_key)
        yield server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with throwaway_smtp() as box:
        yield box


@pytest.fixture(scope="session")
def _columns() -> dict[str, Column]:
    """Made once a process, whatever the order in which its files ask for them."""
    return {}


@pytest.fixture(
    scope="session",
    params=["sqlite+folder", pytest.param("postgresql+s3", marks=pytest.mark.postgres)],
)
def column(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _columns: dict[str, Column]
) -> Column:
    """Tests run on both; `@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)` picks one."""
    if request.param not in _columns:
        folder = tmp_path_factory.mktemp("template")
        if request.param == "sqlite+folder":
            _columns[request.param] = service.sqlite_and_folder(folder)
        else:
            postgres_url, s3 = request.getfixturevalue("postgres_url"), request.getfixturevalue("s3")
            _columns[request.param] = service.postgresql_and_s3(folder, postgres_url, s3)
    return _columns[request.param]


@pytest.fixture
def environment(column: Column, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a process needs to run on a fresh, migrated, empty database and a store of its own."""
    with column.fresh(tmp_path / "data") as names:
        yield names


@pytest.fixture
def db_settings(environment: dict[str, str]) -> Iterator[Settings]:
    """This process bound to that database, store and queue; the same that `environment` names."""
    with bound(environment) as settings:
        yield settings


@pytest.fixture(name="db")
def _db(db_settings: Settings) -> Settings:
    """For tests of verbs: `with transaction(actor) as session:` works on a fresh database."""
    return db_settings


@pytest.fixture(scope="session")
def _sqlite_server(_columns: dict[str, Column], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from _served(_columns["sqlite+folder"], tmp_path_factory)


@pytest.fixture(scope="session")
def _postgresql_server(_columns: dict[str, Column], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from _served(_columns["postgresql+s3"], tmp_path_factory)


def _served(column: Column, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with column.fresh(tmp_path_factory.mktemp("serve") / "data") as names, service.serving(names) as running:
        yield running


@pytest.fixture
def _shared_server(request: pytest.FixtureRequest, column: Column) -> Running:
    """A fixture that had the column as its parameter would be stopped and started by each file that asks for both."""
    running: Running = request.getfixturevalue(f"_{column.name.partition('+')[0]}_server")
    return running


@pytest.fixture
def server(_shared_server: Running) -> Iterator[Running]:
    """A running `sonopost serve`, shared by the tests of a column; this process is bound to its database too.

    Make your own `places` in it, and count only what is theirs. One to kill: `serving(environment)`.
    """
    with bound(_shared_server.environment):
        yield _shared_server


@pytest.fixture
def places(request: pytest.FixtureRequest) -> Places:
    """A new clinic, hospital and stranger with people and tokens, in the database that the test uses."""
    request.getfixturevalue("server" if "server" in request.fixturenames else "db")
    return people.places()
