"""A timer is a row that becomes a job once, however many look, whatever their clocks say, and acts once."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import clock, new_id, now, reading, transaction
from app.jobs import queue, timers
from app.jobs.timers import Timer, stop, take, wind
from tests.people import count
from tests.referrals.test_place import at_once

pytestmark = pytest.mark.usefixtures("db")
NAME = "reviews.due"


def wound(subject_id: UUID, *, in_s: float) -> str:
    with transaction(WORKER) as session:
        wind(session, NAME, subject_id, clock(session) + timedelta(seconds=in_s))
        return str(session.scalars(sa.select(Timer.id).where(Timer.subject_id == subject_id)).one())


def queued() -> list[list[str]]:
    return [
        [str(each) for each in (job.input or {"args": ()})["args"]] for job in queue.client().list_workflows(name=NAME)
    ]


def taken(timer_id: str) -> bool:
    with transaction(WORKER) as session:
        return take(session, timer_id)


def test_the_databases_clock_is_this_machines_here() -> None:
    with reading(WORKER) as session:
        assert abs(clock(session) - now()) < timedelta(seconds=2)


def test_what_is_due_becomes_its_job_once_and_what_is_not_waits() -> None:
    due, later = new_id(), new_id()
    timer_id = wound(due, in_s=-1)
    wound(later, in_s=60)
    for _ in range(3):
        timers.ring()
    assert queued() == [[str(due), timer_id]]


def test_of_eight_who_look_at_once_one_queues_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "AT_ONCE", 3)
    subjects = [new_id() for _ in range(10)]
    for subject_id in subjects:
        wound(subject_id, in_s=-1)
    assert at_once(8, timers.ring) == [None] * 8
    timers.ring()
    assert sorted(ids[0] for ids in queued()) == sorted(map(str, subjects))


def test_it_acts_once_and_not_at_all_where_the_transaction_fails() -> None:
    timer_id = wound(new_id(), in_s=-1)

    def fails() -> None:
        with transaction(WORKER) as session:
            assert take(session, timer_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert sorted(map(str, at_once(4, lambda: taken(timer_id)))) == ["False", "False", "False", "True"]
    assert not taken(timer_id)


def test_what_was_wound_anew_or_stopped_does_not_act_although_its_job_is_queued() -> None:
    subject_id = new_id()
    first = wound(subject_id, in_s=-1)
    timers.ring()
    second = wound(subject_id, in_s=-1)
    timers.ring()
    assert len(queued()) == 2
    assert not taken(first)
    with transaction(WORKER) as session:
        stop(session, subject_id, NAME)
    assert not taken(second)
    assert count(Timer) == 0


def test_a_timer_goes_with_the_row_it_is_about() -> None:
    def fails() -> None:
        with transaction(WORKER) as session:
            wind(session, NAME, new_id(), now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert count(Timer) == 0
