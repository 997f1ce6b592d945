"""A sender at the shared server, and a service to kill."""

from collections.abc import Iterator

import pytest

from tests.faults import mortal as mortals
from tests.faults.mortal import Mortal
from tests.people import Places
from tests.servers.app import Column, Running, bound
from tests.tus.client import Tus


@pytest.fixture
def tus(server: Running, places: Places) -> Iterator[Tus]:
    with Tus(server.base_url, places.referrer) as client:
        yield client


@pytest.fixture(scope="module")
def _one(column: Column, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    folder = tmp_path_factory.mktemp("one") / "data"
    with column.fresh(folder) as names, mortals.mortal(names | {"SONOPOST_UPLOAD_COMMIT_S": "0.2"}) as service:
        yield service


@pytest.fixture
def one(_one: Mortal) -> Iterator[Mortal]:
    """Shared by a module's tests of a column; whoever kills it starts it again, and nothing of an upload is left."""
    if _one.process.poll() is not None:  # a test failed before it came to that
        _one.start()
    with bound(_one.environment):
        yield _one
