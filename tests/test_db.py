"""`together`: several verbs, one commit; each caller is told its own."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import db
from app.access.actor import WORKER
from app.audit.events import AuditEvent, note_opening, record
from app.config import Settings
from app.db import new_id, together, transaction
from app.errors import Invalid, Unavailable
from app.people.models import Organization
from tests import people
from tests.servers.app import Column, bound

Verb = Callable[[Session], Any]


def named(name: str) -> Verb:
    return lambda session: record(session, WORKER, name, organization_id=None)


def count(name: str) -> int:
    return people.count(AuditEvent, AuditEvent.action == name)


@contextmanager
def in_one_turn(*verbs: Verb) -> Iterator[list[Future[Any]]]:
    """All of them wait behind one call, so that the next to have the turn takes them together."""
    begun, go = threading.Event(), threading.Event()

    def first(_session: Session) -> None:
        begun.set()
        assert go.wait(20)

    with ThreadPoolExecutor(len(verbs) + 1) as pool:
        holder = pool.submit(together, WORKER, first)
        try:
            assert begun.wait(20)
            calls = []
            for waiting, verb in enumerate(verbs, 2):
                calls.append(pool.submit(together, WORKER, verb))
                until(lambda waiting=waiting: db._turns[WORKER].waiting == waiting)  # type: ignore[misc]  # its default is of now
        finally:
            go.set()
        holder.result(20)
        yield calls


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_calls_of_one_moment_share_a_transaction(db_settings: Settings) -> None:
    seen: list[Session] = []

    def verb(session: Session) -> int:
        seen.append(session)
        return len(seen)

    with in_one_turn(verb, verb, verb) as calls:
        assert [call.result(20) for call in calls] == [1, 2, 3]
    assert len(set(seen)) == 1


def test_one_that_fails_keeps_the_others_from_nothing(db_settings: Settings) -> None:
    def refused(session: Session) -> None:
        named("db.wrong")(session)
        raise Invalid("Not this one.")

    with in_one_turn(named("db.first"), refused, named("db.third")) as calls:
        calls[0].result(20)
        calls[2].result(20)
        with pytest.raises(Invalid, match="Not this one"):
            calls[1].result(20)
    assert (count("db.first"), count("db.wrong"), count("db.third")) == (1, 0, 1)
    assert not db._turns


def test_a_database_that_is_away_is_told_to_each_in_an_exception_of_its_own(db_settings: Settings) -> None:
    def away(_session: Session) -> None:
        raise sa.exc.OperationalError("", {}, OSError("away"))

    with in_one_turn(named("db.never"), away) as calls:
        errors = [call.exception(20) for call in calls]
    assert [type(error) for error in errors] == [Unavailable, Unavailable]
    assert errors[0] is not errors[1]
    assert count("db.never") == 0


@pytest.mark.parametrize("column", [pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True)
def test_a_deadlock_of_the_shared_transaction_fails_none_of_its_calls(db_settings: Settings) -> None:
    x, y = people.organization("X"), people.organization("Y")
    x_is_locked, tries = threading.Event(), []

    def takes_x(session: Session) -> None:
        tries.append(1)
        rename(session, x, "X by us")
        x_is_locked.set()

    with ExitStack() as turn:
        with transaction(WORKER) as session:
            session.execute(sa.text("SET LOCAL deadlock_timeout = '30s'"))  # the others find it, and are undone
            rename(session, y, "Y by another")
            calls = turn.enter_context(in_one_turn(takes_x, lambda session: rename(session, y, "Y by us")))
            assert x_is_locked.wait(20)
            # Only locked: whichever of the two comes first after the deadlock, ours is the name that stays.
            session.execute(sa.select(Organization.id).where(Organization.id == x).with_for_update())
        assert [call.result(20) for call in calls] == [None, None]
    assert len(tries) == 2
    assert people.count(Organization, Organization.name.in_(("X by us", "Y by us"))) == 2


def rename(session: Session, organization_id: UUID, name: str) -> None:
    session.execute(sa.update(Organization).where(Organization.id == organization_id).values(name=name))


def test_an_opening_noted_in_one_database_is_noted_in_the_next_one_too(column: Column, tmp_path: Path) -> None:
    organization_id, study_id = new_id(), new_id()
    for name in ("first", "second"):
        with column.fresh(tmp_path / name) as environment, bound(environment):
            note_opening(WORKER, "study.opened", organization_id=organization_id, entity_id=study_id)
            assert count("study.opened") == 1
