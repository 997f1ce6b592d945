"""A job that fails is queued again, later each time; waiting, it takes nobody's turn."""

import os
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app import db, log
from app.jobs import queue
from app.jobs.acting import SERVICE

Handler = Callable[..., object]

# Seconds before the second, third … attempt: a day in all, then the job is parked for the admin.
BACK_OFF_S: tuple[float, ...] = (2, 10, 60, 300, 900, 1800, 3600, 7200, 14400, 14400, 14400, 28800)
LOW_PRIORITY = 10  # nice: uploads and pages go first


STARTS_ALONE = 3
_one_suspect = threading.Lock()


class KilledItsWorker(Exception):
    """It was the only suspect running, several times, when the process ended."""


class JobFailed(Exception):
    """What is kept of an error: its type and place; its text may quote what it handled."""


def attempt(name: str, handler: Handler, job_id: str, ids: tuple[str, ...]) -> str:
    """Run the handler once; on failure queue the next attempt, or raise when there is none."""
    yield_to_others()
    try:
        with alone_if_suspect(job_id):
            handler(*ids)
    except KilledItsWorker:
        log.get().error("job parked", job=name, job_id=job_id, error="killed its worker")
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the job must not be lost
        number, reason = number_of(job_id), place_of(error)
        log.get().warning("job failed", job=name, job_id=job_id, attempt=number, error=reason)
        if number > len(BACK_OFF_S):
            raise JobFailed(reason) from None
        _again(name, job_id, ids, number)
        return reason
    return "done"


def run_scheduled(name: str, handler: Handler, job_id: str) -> None:
    """By the clock, in one worker."""

    def alone() -> None:
        with alone_if_suspect(job_id):
            handler()

    yield_to_others()
    run_turn(name, alone)


def run_turn(name: str, handler: Handler) -> None:
    """A failure needs no other attempt than the next turn."""
    try:
        handler()
    except KilledItsWorker:
        raise
    except Exception as error:  # noqa: BLE001 - the next turn comes whatever it is
        log.get().warning("schedule failed", job=name, error=place_of(error))


@contextmanager
def alone_if_suspect(job_id: str) -> Iterator[None]:
    """A job that was running when a worker died may have been the cause, or only near it.

    Run one after another, each noted before it starts, the cause alone is found and given up."""
    job = queue.find(job_id)
    if job is None or (job.recovery_attempts or 0) <= 1:
        yield
        return
    with _one_suspect:
        starts = int((job.attributes or {}).get("alone", 0))
        if starts >= STARTS_ALONE:
            raise KilledItsWorker("The process ended each time while it ran.")
        queue.client().update_workflow_attributes(job_id, {"alone": starts + 1})
        try:
            yield
        finally:  # it did not end the process; the next one may, before this one is written down as done
            queue.client().update_workflow_attributes(job_id, {"alone": 0})


def number_of(job_id: str) -> int:
    """1 for a job's own id, 3 for `<id>.3`."""
    later = re.search(r"\.(\d+)$", job_id)
    return int(later[1]) if later else 1


def place_of(error: BaseException) -> str:
    """'OSError in mail.py:41', of the innermost line that is ours."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if f"{os.sep}app{os.sep}" in frame.filename]
    where = f" in {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}"


def _again(name: str, job_id: str, ids: tuple[str, ...], number: int) -> None:
    """The next attempt has an id made from this one's, so that a kill in between cannot make two of it."""
    following = f"{re.sub(r'[.][0-9]+$', '', job_id)}.{number + 1}"
    job = queue.find(job_id)
    once = job.deduplication_id if job else None
    if once is not None:
        # Not the job's own key: what changed since may be looked at right away, without this back-off.
        once = f"{re.sub(r'~[0-9]+$', '', once)}~{number + 1}"
    with db.transaction(SERVICE) as session:
        queue.enqueue(session, name, *ids, once=once, delay_s=BACK_OFF_S[number - 1], job_id=following)


def yield_to_others() -> None:
    # On Linux a thread has a niceness of its own; it only grows, and the threads here run nothing else.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
