"""A sender at the shared server."""

from collections.abc import Iterator

import pytest

from tests.people import Places
from tests.servers.app import Running
from tests.tus.client import Tus


@pytest.fixture
def tus(server: Running, places: Places) -> Iterator[Tus]:
    with Tus(server.base_url, places.referrer) as client:
        yield client
