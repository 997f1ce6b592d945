"""A job commits with the row it is about, and is done although workers die, fail or fall silent."""

import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from app.access.actor import WORKER
from app.config import Settings
from app.db import new_id, reading, transaction
from app.errors import NotFound
from app.jobs import queue
from app.jobs.attempts import JobFailed, number_of, place_of
from app.jobs.parked import parked, retry
from app.people.models import Organization
from tests import people
from tests.servers.app import Running, clean, wait_for_line
from tests.servers.process import start

pytestmark = pytest.mark.usefixtures("db")


def launch(environment: dict[str, str], folder: Path) -> Running:
    log = folder / f"worker-{uuid.uuid4().hex}.log"
    names = clean(environment | {"NOTES": str(folder / "notes")})
    process = start([sys.executable, "-m", "tests.jobs.worker"], log, signal.SIGKILL, env=names, cwd=folder)
    return Running(process, log, environment)


@contextmanager
def working(environment: dict[str, str], folder: Path) -> Iterator[Running]:
    running = launch(environment, folder)
    try:
        wait_for_line(running, "ready")
        yield running
    finally:
        running.end()


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text().splitlines() if path.exists() else []


def until(true: Callable[[], object], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def name_of(organization_id: UUID) -> str:
    with reading(WORKER) as session:
        return session.get_one(Organization, organization_id).name


def enqueue(name: str, *ids: UUID | str, **options: str | float) -> bool:
    with transaction(WORKER) as session:
        return queue.enqueue(session, name, *ids, **options)  # type: ignore[arg-type]  # handed on by the tests


def waiting() -> list[str]:
    return [job.name for job in queue.client().list_workflows(status=["ENQUEUED", "DELAYED", "PENDING"])]


def test_a_job_and_its_row_commit_together() -> None:
    organization = Organization(id=new_id(), name="before")
    with transaction(WORKER) as session:
        session.add(organization)
        session.flush()
        assert queue.enqueue(session, "test.rename", organization.id, "after")
        assert waiting() == []  # not before the commit
    assert waiting() == ["test.rename"]


def test_a_job_is_rolled_back_with_its_row() -> None:
    def fail_half_way() -> None:
        with transaction(WORKER) as session:
            session.add(Organization(name="never"))
            queue.enqueue(session, "test.rename", new_id(), "after")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert waiting() == []
    assert people.count(Organization) == 0


def test_a_job_is_queued_once_under_its_key_and_the_row_is_kept() -> None:
    for name in ("first", "second"):
        with transaction(WORKER) as session:
            queued = queue.enqueue(session, "test.rename", new_id(), name, once="settle-1")
            session.add(Organization(name=name))
        assert queued is (name == "first")
    assert waiting() == ["test.rename"]
    assert people.count(Organization) == 2  # the collision did not take the caller's row with it


def test_a_worker_does_the_job_with_its_ids_as_text(environment: dict[str, str], tmp_path: Path) -> None:
    organization_id = people.organization("before")
    enqueue("test.rename", organization_id, "after", once="key")
    with working(environment, tmp_path) as worker:
        until(lambda: name_of(organization_id) == "after")
        until(lambda: not waiting())
        assert enqueue("test.rename", organization_id, "again", once="key")  # the key is free when done
        until(lambda: name_of(organization_id) == "again")
        assert worker.stop() == 0


def test_a_job_waits_for_its_delay(environment: dict[str, str], tmp_path: Path) -> None:
    organization_id = people.organization("before")
    with working(environment, tmp_path):
        enqueue("test.rename", organization_id, "late", delay_s=3)
        enqueue("test.rename", organization_id, "soon")
        until(lambda: name_of(organization_id) == "late")
    assert [line for line in notes(tmp_path) if line.startswith("renamed")] == ["renamed soon", "renamed late"]


def test_a_killed_workers_job_is_done_after_its_restart(environment: dict[str, str], tmp_path: Path) -> None:
    organization_id = people.organization("before")
    enqueue("test.rename", organization_id, "after", "1.5")
    with working(environment, tmp_path) as worker:
        until(lambda: "rename after" in notes(tmp_path))
        worker.kill()
    assert name_of(organization_id) == "before"
    with working(environment, tmp_path):
        until(lambda: name_of(organization_id) == "after")
    assert notes(tmp_path).count("renamed after") == 1


def test_a_killed_workers_job_is_done_by_another(environment: dict[str, str], tmp_path: Path) -> None:
    organization_id = people.organization("before")
    with working(environment, tmp_path) as first:
        enqueue("test.rename", organization_id, "after", "4")
        until(lambda: "rename after" in notes(tmp_path))  # while it is the only one
        with working(environment, tmp_path):
            time.sleep(1.5)  # three rounds of adoption: a living worker's job is left alone
            assert notes(tmp_path).count("rename after") == 1
            first.kill()  # and never comes back
            until(lambda: name_of(organization_id) == "after")
    assert notes(tmp_path).count("renamed after") == 1


def test_a_failing_job_is_tried_again(environment: dict[str, str], tmp_path: Path) -> None:
    enqueue("test.fail", "2", once="flaky")
    with working(environment, tmp_path):
        until(lambda: notes(tmp_path).count("fail") == 3)
        until(lambda: not [name for name in waiting() if name == "test.fail"])
    assert parked() == []


def test_a_job_that_always_fails_is_parked_with_its_reason_and_can_be_tried_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    enqueue("test.fail", "3")
    with working(environment, tmp_path) as worker:
        until(parked)
        (job,) = parked()
        assert (job.name, job.ids) == ("test.fail", ("3",))
        assert job.reason.startswith("OSError")
        assert "patient" not in job.reason + worker.log.read_text()
        assert notes(tmp_path).count("fail") == 3
        retry(WORKER, job.job_id)
        until(lambda: notes(tmp_path).count("fail") == 4)
        assert parked() == []
        with pytest.raises(NotFound):
            retry(WORKER, job.job_id)


def test_a_job_that_kills_its_worker_is_parked_and_those_beside_it_are_done(
    environment: dict[str, str], tmp_path: Path
) -> None:
    organization_id = people.organization("before")
    enqueue("test.die")
    enqueue("test.rename", organization_id, "after")
    for _ in range(10):  # a supervisor starts it again each time
        worker = launch(environment, tmp_path)
        while worker.process.poll() is None and not (parked() and name_of(organization_id) == "after"):
            time.sleep(0.05)
        if worker.process.poll() is None:
            worker.end()
            break
    (job,) = parked()
    assert (job.name, job.reason) == ("test.die", "The process ended each time while it ran.")
    assert notes(tmp_path).count("die") == 4


@pytest.mark.parametrize("column", [pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True)
def test_what_runs_by_the_clock_is_run_once_by_several_workers(environment: dict[str, str], tmp_path: Path) -> None:
    with working(environment, tmp_path), working(environment, tmp_path):
        until(lambda: "tick" in notes(tmp_path))
        time.sleep(3)
        before = notes(tmp_path).count("tick")
        time.sleep(3)
        assert 1 <= notes(tmp_path).count("tick") - before <= 4


def test_a_turn_that_fails_is_followed_by_the_next_and_leaves_no_row(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with working(environment, tmp_path):
        until(lambda: notes(tmp_path).count("turn") >= 3)
    assert not [job for job in queue.client().list_workflows() if job.name == "test.turn"]


def test_a_jobs_attempt_is_told_by_its_id() -> None:
    assert [number_of(job_id) for job_id in ("a-b", "a-b.2", "a-b.12", "a-b.12+", "a-b.12+.2")] == [1, 2, 12, 1, 2]


def test_of_an_error_only_its_type_and_place_are_kept(db: Settings) -> None:
    with pytest.raises(NotFound) as raised:
        retry(WORKER, "no such job")
    assert place_of(raised.value).startswith("NotFound in parked.py:")
    assert str(JobFailed("OSError in mail.py:41")) == "OSError in mail.py:41"
