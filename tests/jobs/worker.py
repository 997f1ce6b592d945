"""A worker with the tests' own jobs: `python -m tests.jobs.worker`, told by the environment which database."""

import os
import signal
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from app import config, db, log
from app.access.actor import WORKER
from app.jobs import attempts, queue
from app.jobs.run import Schedule, Turn, Worker
from app.people.models import Organization

attempts.BACK_OFF_S = (0, 0)


def note(text: str) -> None:
    """What ran is noted in a file: one short line is appended whole."""
    with Path(os.environ["NOTES"]).open("a") as file:
        file.write(text + "\n")


def rename(organization_id: str, new_name: str, seconds: str = "0") -> None:
    note(f"rename {new_name}")
    time.sleep(float(seconds))
    with db.transaction(WORKER) as session:
        session.execute(
            sa.update(Organization).where(Organization.id == sa.literal(organization_id, sa.Uuid(as_uuid=False)))
            .values(name=new_name)
        )  # fmt: skip
    note(f"renamed {new_name}")


def fail(times: str) -> None:
    note("fail")
    if Path(os.environ["NOTES"]).read_text().splitlines().count("fail") <= int(times):
        raise OSError("the text of this may quote a patient")


def die() -> None:
    note("die")
    os.kill(os.getpid(), signal.SIGKILL)


def turn() -> None:
    note("turn")
    raise OSError("the next one comes all the same")


def main() -> None:
    settings = config.load()
    log.set_up()
    db.connect(settings.database_url)
    queue.connect(settings.database_url)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    worker = Worker(
        settings.database_url, {"test.rename": rename, "test.fail": fail, "test.die": die},
        [Schedule("test.tick", "* * * * * *", lambda: note("tick"))],
        turns=[Turn("test.turn", 0.2, turn)], threads=4, adopt_every_s=0.5,
    )  # fmt: skip
    print("ready", flush=True)
    stop.wait()
    worker.stop()


if __name__ == "__main__":
    main()
