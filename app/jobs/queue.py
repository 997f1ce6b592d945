"""Enqueue a job in the caller's transaction: it and the business row commit or roll back together."""

import threading
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy.orm import Session

from app.jobs.tables import dbos_url

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions, WorkflowStatus

QUEUE = "sonopost"
# Recovery and dequeueing match on it. Raise it only with a change that old jobs cannot survive; unset, it
# would be a hash of the code, and yesterday's jobs would wait for ever.
JOBS_VERSION = "1"
APP_NAME = "sonopost"

_url = ""
_client: "DBOSClient | None" = None
_connecting = threading.Lock()


def connect(database_url: str) -> None:
    """Bind this process to the job tables, which `migrate` has made in the same database."""
    global _url  # noqa: PLW0603 - the process has one queue
    disconnect()
    _url = database_url


def disconnect() -> None:
    global _client  # noqa: PLW0603 - the process has one queue
    with _connecting:
        if _client is not None:
            _client.destroy()
            _client = None


def client() -> "DBOSClient":
    """Made at its first use: the import of dbos takes longer than a port should keep people waiting."""
    global _client  # noqa: PLW0603 - the process has one queue
    with _connecting:
        if _client is None:
            from dbos import DBOSClient, DBOSPortableJSONSerializer

            _client = DBOSClient(
                system_database_url=dbos_url(_url),
                serializer=DBOSPortableJSONSerializer(),  # the default is pickle in the database
                application_name=APP_NAME,
            )
        return _client


def enqueue(
    session: Session, name: str, *ids: UUID | str | int, once: str | None = None, delay_s: float = 0,
    job_id: str | None = None,
) -> bool:  # fmt: skip
    """Queue the job `folder.verb` with ids as arguments, which its handler gets as strings.

    False if a job with the same `once` key waits or runs. The same `job_id` is one job for ever."""
    from dbos import error

    options = {"workflow_name": name, "queue_name": QUEUE, "app_version": JOBS_VERSION}
    given = {"deduplication_id": once, "delay_seconds": delay_s or None, "workflow_id": job_id}
    options |= {key: value for key, value in given.items() if value is not None}  # type: ignore[misc]  # mixed
    try:
        with session.begin_nested():  # a collision would abort the caller's transaction on PostgreSQL
            client().enqueue_in_transaction(session, cast("EnqueueOptions", options), *map(str, ids))
    except error.DBOSQueueDeduplicatedError:
        return False
    return True


def find(job_id: str) -> "WorkflowStatus | None":
    """What is known of a job, without its arguments."""
    found = client().list_workflows(workflow_ids=[job_id], load_input=False, load_output=False)
    return found[0] if found else None


def waiting_count() -> int:
    """How many jobs wait or run, counted up to a thousand."""
    waiting = ["ENQUEUED", "DELAYED", "PENDING"]
    return len(client().list_workflows(status=waiting, limit=1000, load_input=False, load_output=False))
