"""Enqueue a job in the caller's transaction: it and the business row commit or roll back together."""

from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions

QUEUE = "sonopost"
# Recovery and dequeueing match on it. Raise it only with a change that old jobs cannot survive; unset, it
# would be a hash of the code, and yesterday's jobs would wait for ever.
JOBS_VERSION = "1"
APP_NAME = "sonopost"

_client: "DBOSClient"


def connect(database_url: str) -> None:
    """Bind this process to the job tables, which `migrate` has made in the same database."""
    from dbos import DBOSClient, DBOSPortableJSONSerializer

    global _client  # noqa: PLW0603 - the process has one queue
    _client = DBOSClient(
        system_database_url=database_url.replace("+psycopg", ""),
        serializer=DBOSPortableJSONSerializer(),  # the default is pickle in the database
        application_name=APP_NAME,
    )


def client() -> "DBOSClient":
    return _client


def enqueue(
    session: Session, name: str, *ids: UUID | str | int, once: str | None = None, delay_s: float = 0
) -> bool:
    """Queue the job `folder.verb` with ids as arguments; False if one with the same `once` key waits or runs."""
    from dbos import error

    options = {"workflow_name": name, "queue_name": QUEUE, "app_version": JOBS_VERSION}
    if once is not None:
        options["deduplication_id"] = once
    if delay_s:
        options["delay_seconds"] = delay_s  # type: ignore[assignment]  # a mixed TypedDict
    arguments = [str(each) if isinstance(each, UUID) else each for each in ids]
    try:
        with session.begin_nested():  # a collision would abort the caller's transaction on PostgreSQL
            _client.enqueue_in_transaction(session, cast("EnqueueOptions", options), *arguments)
    except error.DBOSQueueDeduplicatedError:
        return False
    return True
