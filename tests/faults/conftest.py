"""A service to kill for each column, and a process bound to its database."""

from collections.abc import Iterator

import pytest

from tests import people
from tests.faults import mortal as mortals
from tests.faults.mortal import PASSWORD, Mortal
from tests.people import Places
from tests.servers.app import Column, bound


@pytest.fixture(scope="module")
def _mortal(column: Column, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    with column.fresh(tmp_path_factory.mktemp("mortal") / "data") as names, mortals.mortal(names) as one:
        yield one


@pytest.fixture
def mortal(_mortal: Mortal) -> Iterator[Mortal]:
    """A running service, shared by a module's tests of a column; whoever kills it starts it again."""
    if _mortal.process.poll() is not None:  # a test failed before it came to that
        _mortal.start()
    with bound(_mortal.environment):
        yield _mortal


@pytest.fixture(name="places")
def _places(mortal: Mortal) -> Places:
    places = people.places()
    people.set_password(places.reviewer, PASSWORD)
    return places
