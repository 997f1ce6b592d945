"""What the background does: every job's name with its function, and what runs by the clock."""

import os
import signal

from app.access import sweep as access
from app.access.actor import WORKER
from app.config import Settings
from app.db import transaction
from app.jobs import timers
from app.jobs.attempts import Handler
from app.jobs.run import Schedule, Turn, Worker
from app.notifications import digest, mail
from app.reports import chase as reports
from app.reports import late, publish, redated
from app.reviews import chase as reviews
from app.storage import sweep as storage
from app.studies import decoding, match, settle
from app.tus import sweep as uploads

HANDLERS: dict[str, Handler] = {
    "notifications.digest": digest.send_digest,
    "notifications.mail": mail.send_mail,
    "reports.escalate": reports.escalate,
    "reports.late": late.late,
    "reports.publish": publish.publish,
    "reports.redated": redated.redated,
    "studies.match": match.match,
    "studies.match_referral": match.match_referral,
    "reports.unread": reports.unread,
    "reviews.due": reviews.due,
    "reviews.lapse": reviews.lapse,
    "reviews.mend": reviews.mend,
    "reviews.unanswered": reviews.unanswered,
    "reviews.warn": reviews.warn,
    "studies.settle": settle.settle,
    "studies.settle_document": settle.settle_document,
}

_worker: Worker | None = None
_lost = False


def sweep_storage() -> None:
    storage.sweep(WORKER, spared=uploads.waiting_keys())


def forget_old() -> None:
    with transaction(WORKER) as session:
        access.forget_old(session)


TURNS = (Turn("jobs.ring", 15, timers.ring), Turn("studies.catch_up", 20, settle.catch_up))

# Cron with seconds. Hourly rather than nightly: a small clinic's machine is off at night.
SCHEDULES = (
    Schedule("notifications.gather", "0 0 * * * *", digest.gather),
    Schedule("tus.sweep", "7 * * * * *", uploads.sweep),
    Schedule("storage.sweep", "0 17 * * * *", sweep_storage),
    Schedule("access.forget_old", "0 37 * * * *", forget_old),
)


def start(settings: Settings) -> None:
    """Run jobs in this process until `stop`."""
    global _worker  # noqa: PLW0603 - dbos has one instance a process
    decoding.start()
    _worker = Worker(
        settings.database_url, HANDLERS, SCHEDULES,
        turns=TURNS, threads=settings.job_workers, adopt_every_s=settings.adopt_every_s, on_lost=leave,
    )  # fmt: skip


def stop() -> int:
    """Let running jobs end; what does not, comes again. The process's exit code: 1 when its name was taken."""
    global _worker  # noqa: PLW0603 - as above
    if _worker is not None:
        _worker.stop()
        _worker = None
    decoding.stop()
    return int(_lost)


def leave() -> None:
    """End as if told to, but with exit code 1, so that a supervisor starts us again: another has our name and jobs."""
    global _lost  # noqa: PLW0603 - as above
    _lost = True
    os.kill(os.getpid(), signal.SIGTERM)
