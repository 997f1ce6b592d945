"""Jobs that were given up: shown to the admin, and tried again when asked."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app import db
from app.db import Acting
from app.errors import NotFound
from app.jobs import queue

PARKED = ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


@dataclass(frozen=True)
class Parked:
    """What an admin needs to decide: which job, on which ids, since when, and why."""

    job_id: str
    name: str
    ids: tuple[str, ...]
    parked_at: datetime
    reason: str


def parked(limit: int = 200) -> list[Parked]:
    """The latest first."""
    found = queue.client().list_workflows(status=PARKED, sort_desc=True, limit=limit)
    return [
        Parked(
            job_id=job.workflow_id,
            name=job.name,
            ids=tuple(str(each) for each in (job.input or {"args": ()})["args"]),
            parked_at=datetime.fromtimestamp((job.updated_at or 0) / 1000, UTC),
            reason=str(job.error) if job.error else "It was interrupted too often.",
        )
        for job in found
    ]


def retry(actor: Acting, job_id: str) -> None:
    """Queue it anew, with all its attempts before it; asked twice, it is queued once."""
    job = next((job for job in parked() if job.job_id == job_id), None)
    if job is None:
        raise NotFound
    with db.transaction(actor) as session:
        queue.enqueue(session, job.name, *job.ids, job_id=f"{job_id}+")
    queue.client().delete_workflow(job_id)
