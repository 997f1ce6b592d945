"""The two columns for a bench: the tests' own servers, with every sync that production has."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.servers import app as service
from tests.servers.app import Column
from tests.servers.postgres import throwaway_postgres
from tests.servers.s3 import throwaway_s3


@contextmanager
def _sqlite(folder: Path) -> Iterator[Column]:
    yield service.sqlite_and_folder(folder)


@contextmanager
def _postgresql(folder: Path) -> Iterator[Column]:
    # No settings: fsync, synchronous_commit and full_page_writes stay on, as they are by default.
    with throwaway_postgres(settings=()) as url, throwaway_s3() as s3:
        os.environ |= {"AWS_ACCESS_KEY_ID": s3.access_key_id, "AWS_SECRET_ACCESS_KEY": s3.secret_access_key}
        yield service.postgresql_and_s3(folder, url, s3)


COLUMNS: dict[str, Callable[[Path], AbstractContextManager[Column]]] = {
    "sqlite+folder": _sqlite, "postgresql+s3": _postgresql,
}  # fmt: skip


def opened(name: str, folder: Path) -> AbstractContextManager[Column]:
    return COLUMNS[name](folder / "template")
