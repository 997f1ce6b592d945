"""The worker side of dbos: one identity a process, adoption of what dead workers left, schedules, forgetting."""

import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from app import log
from app.jobs import attempts
from app.jobs.attempts import Handler
from app.jobs.queue import APP_NAME, JOBS_VERSION, QUEUE
from app.jobs.slots import Slots, executor_id, open_slots, slot_of, take
from app.jobs.tables import dbos_url

if TYPE_CHECKING:
    from dbos import DBOSConfig

POLL_S = 0.25  # throughput is at most workers / POLL_S
# attempts.py finds the job that kills its worker long before; those beside it must not be parked with it.
MAX_RECOVERIES = 100
STOP_S = 15  # for running jobs; what is longer comes again
KEEP_DONE = {"sched-": timedelta(days=1), "": timedelta(days=7)}
KEEP_PARKED = timedelta(days=90)


class Schedule(NamedTuple):
    name: str
    cron: str  # six fields, the first are seconds
    handler: Handler


class Turn(NamedTuple):
    """What each worker does again and again; done twice at a time it does no harm.

    As a job of dbos every turn would cost 80 ms of processor and a row: a page asked for meanwhile takes twice as long."""

    name: str
    every_s: float
    handler: Handler


class Worker:
    """Runs the jobs of one database in this process; one in a process, as dbos has one global instance."""

    def __init__(
        self, database_url: str, handlers: Mapping[str, Handler], schedules: Sequence[Schedule], *,
        turns: Sequence[Turn] = (), threads: int, adopt_every_s: float = 20, on_lost: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        from dbos import DBOS

        _hush_dbos()
        self._slots: Slots = open_slots(database_url)
        self._slot = take(self._slots)
        self._on_lost = on_lost
        self._stopping = threading.Event()
        # A registry left by an earlier worker of this process would keep its functions.
        DBOS.destroy(destroy_registry=True)
        DBOS(config=_config(database_url, executor_id(self._slot)))
        for name, handler in handlers.items():
            _register(name, handler)
        clocked = [(each, _register_scheduled(each)) for each in schedules]
        DBOS.launch()  # recovers what this very slot left
        DBOS.register_queue(QUEUE, worker_concurrency=threads, polling_interval_sec=POLL_S, on_conflict="always_update")
        _apply(clocked)
        self._watch = threading.Thread(target=self._keep_house, args=(adopt_every_s,), name="housekeeping")
        self._turning = [threading.Thread(target=self._turn, args=(each,), name=each.name) for each in turns]
        for thread in (self._watch, *self._turning):
            thread.start()
        log.get().info("worker started", worker=executor_id(self._slot), count=len(handlers))

    def stop(self) -> None:
        """Give running jobs some seconds; what does not end by then is done again later."""
        from dbos import DBOS

        self._stopping.set()
        for thread in (self._watch, *self._turning):
            thread.join()
        DBOS.destroy(workflow_completion_timeout_sec=STOP_S)
        self._slots.close()

    def _turn(self, turn: Turn) -> None:
        attempts.yield_to_others()
        while True:
            attempts.run_turn(turn.name, turn.handler)
            if self._stopping.wait(turn.every_s):
                return

    def _keep_house(self, every_s: float) -> None:
        while not self._stopping.wait(every_s):
            try:
                if not self._slots.still_held(self._slot):
                    # Another worker has our name by now, and our jobs: running on would do them twice.
                    log.get().error("worker lost its slot", worker=executor_id(self._slot))
                    self._on_lost()
                    return
                adopt_orphans(self._slots, self._slot)
                forget_old()
            except Exception as error:  # noqa: BLE001 - the database may be away; the next turn tries again
                log.get().warning("housekeeping failed", error=type(error).__name__)


def adopt_orphans(slots: Slots, mine: int) -> None:
    """Queue again what other workers were running, where their lock can be had: they are dead."""
    from dbos import DBOS

    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    others = {slot_of(job.executor_id) for job in pending if job.executor_id} - {mine, None}
    for slot in sorted(slot for slot in others if slot is not None):
        if not slots.try_lock(slot):
            continue
        try:
            # Private, but idempotent, and it counts recoveries. The public resume_workflows() sets the count
            # to zero (a job that kills its worker would never be parked) and drops the `once` key.
            DBOS._recover_pending_workflows([executor_id(slot)])  # noqa: SLF001 - keeps recovery_attempts, as resume does not
            log.get().info("adopted jobs", worker=executor_id(slot))
        finally:
            slots.unlock(slot)


def forget_old() -> None:
    """dbos keeps every finished job with its arguments for ever."""
    from dbos import DBOS

    for prefix, kept in KEEP_DONE.items():
        _forget(DBOS.list_workflows(
            status=["SUCCESS", "CANCELLED"], workflow_id_prefix=prefix or None, completed_before=_ago(kept),
            limit=1000, load_input=False, load_output=False,
        ))  # fmt: skip
    _forget(DBOS.list_workflows(
        status="ERROR", completed_before=_ago(KEEP_PARKED), limit=1000, load_input=False, load_output=False,
    ))  # fmt: skip


def _forget(jobs: Sequence[object]) -> None:
    from dbos import DBOS

    if jobs:
        DBOS.delete_workflows([job.workflow_id for job in jobs])  # type: ignore[attr-defined]  # WorkflowStatus


def _ago(kept: timedelta) -> str:
    return (datetime.now(UTC) - kept).strftime("%Y-%m-%dT%H:%M:%SZ")


def _config(database_url: str, executor: str) -> "DBOSConfig":
    from dbos import DBOSPortableJSONSerializer

    return {
        "name": APP_NAME,
        # By its own engine: ours sends BEGIN IMMEDIATE, which collides with dbos's own.
        "system_database_url": dbos_url(database_url),
        "application_version": JOBS_VERSION,
        "executor_id": executor,  # the default is the same for all: a second worker would run the first one's jobs
        "serializer": DBOSPortableJSONSerializer(),  # as the client in queue.py
        "run_migrations": False,  # `migrate` does that
        "log_level": "WARNING",
        "enable_otlp": False,  # with no conductor key: nothing goes to the network
    }


def _register(name: str, handler: Handler) -> None:
    from dbos import DBOS

    def job(*ids: str) -> str:
        return attempts.attempt(name, handler, str(DBOS.workflow_id), ids)

    # The default name is the function's own, which a refactoring changes.
    DBOS.workflow(name=name, max_recovery_attempts=MAX_RECOVERIES)(job)


def _register_scheduled(schedule: Schedule) -> "Callable[[datetime, object], None]":
    from dbos import DBOS

    def turn(_at: datetime, _context: object) -> None:  # the signature that schedules require
        attempts.run_scheduled(schedule.name, schedule.handler, str(DBOS.workflow_id))

    return DBOS.workflow(name=schedule.name, max_recovery_attempts=MAX_RECOVERIES)(turn)


def _apply(clocked: "Sequence[tuple[Schedule, Callable[[datetime, object], None]]]") -> None:
    from dbos import DBOS

    names = {schedule.name for schedule, _ in clocked}
    for former in DBOS.list_schedules():
        if former["schedule_name"] not in names:
            DBOS.delete_schedule(former["schedule_name"])
    DBOS.apply_schedules([
        {"schedule_name": schedule.name, "workflow_fn": turn, "schedule": schedule.cron, "queue_name": QUEUE}
        for schedule, turn in clocked
    ])  # fmt: skip


def _hush_dbos() -> None:
    """Its lines quote exceptions, whose texts may quote what they handled: level and place are enough."""
    quiet = logging.StreamHandler(sys.stderr)
    place = '{"logger": "dbos", "level": "%(levelname)s", "error": "%(filename)s:%(lineno)d"}'
    quiet.setFormatter(_PlaceOnly(place))
    logger = logging.getLogger("dbos")
    logger.handlers[:] = [quiet]
    logger.propagate = False


class _PlaceOnly(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return self._fmt % record.__dict__ if self._fmt else ""
