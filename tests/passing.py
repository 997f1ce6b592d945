"""Time that passes in a test's database: everything that happened lies so much further back, for every clock alike."""

from datetime import timedelta

import sqlalchemy as sa

import app.jobs.timers  # noqa: F401 - for its table
from app.access.actor import WORKER
from app.db import Base, UTCDateTime, transaction
from app.jobs import queue, timers
from app.worker import HANDLERS

# Who is signed in stays so, and what was signed says when.
STANDING = {"signature", "sign_in", "api_token", "link", "sign_in_try", "idempotency_key"}


def passes(**span: float) -> None:
    """`passes(hours=5)`."""
    length = timedelta(**span)
    with transaction(WORKER) as session:
        for table in Base.metadata.sorted_tables:
            moments = [column for column in table.c if isinstance(column.type, UTCDateTime)]
            if not moments or table.name in STANDING:
                continue
            for row in session.execute(sa.select(table.c.id, *moments)).mappings().all():
                moved = {column.name: row[column.name] - length for column in moments if row[column.name] is not None}
                if moved:
                    session.execute(sa.update(table).where(table.c.id == row["id"]).values(moved))


def worked(*, again: bool = False) -> list[str]:
    """Ring, and do the jobs that came of it, as a worker would; `again` as one whose end was not written down."""
    timers.ring()
    done = []
    jobs = queue.client().list_workflows(status=["ENQUEUED"], workflow_id_prefix="timer-")
    for job in jobs:
        ids = [str(each) for each in (job.input or {"args": ()})["args"]]
        for _ in range(2 if again else 1):
            HANDLERS[job.name](*ids)
        queue.client().delete_workflow(job.workflow_id)
        done.append(job.name)
    return sorted(done)
