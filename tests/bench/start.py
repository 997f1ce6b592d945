"""Time from `serve` to ready, and idle memory."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests import people
from tests.bench.client import Client
from tests.bench.processes import cpu_s, pss_mb, tree
from tests.bench.report import Figure
from tests.servers.app import Column, Running, bound, launch
from tests.servers.process import free_ports

SETTLED_S = 5.0
GIVE_UP_S = 60.0


def measure(column: Column, folder: Path, quick: bool) -> list[Figure]:
    with column.fresh(folder) as environment:
        with bound(environment):
            token = people.places().reviewer.token
        took, worked = [], []
        for _ in range(1 if quick else 5):
            with _started(environment) as (running, _url, seconds):
                took.append(seconds)
                worked.append(cpu_s(running.process.pid))
        with _started(environment) as (running, url, _seconds):
            time.sleep(SETTLED_S)
            idle_mb = pss_mb(tree(running.process.pid))
            with Client(url, token) as client:
                client.get("/api/v1/worklist")
            time.sleep(SETTLED_S)
            warm_mb = pss_mb(tree(running.process.pid))
    return [
        Figure(column.name, "`serve` to ready (median / worst)", "s", (statistics.median(took), max(took)), "≤ 3 s"),
        Figure(column.name, "`serve` to ready, processor time", "s", (statistics.median(worked),)),
        Figure(
            column.name, "idle memory (5 s after ready / after a request), PSS", "MB", (idle_mb, warm_mb), "≤ 200 MB"
        ),
    ]


@contextmanager
def _started(environment: dict[str, str]) -> Iterator[tuple[Running, str, float]]:
    """A service that is ready, its address, and the seconds that it took."""
    (port,) = free_ports(1)
    began = time.monotonic()
    running = launch(environment, "serve", "--port", str(port))
    try:
        while not _ready(port):
            if running.process.poll() is not None or time.monotonic() > began + GIVE_UP_S:
                raise RuntimeError(running.log.read_text()[-3000:])
            time.sleep(0.01)
        yield running, f"http://127.0.0.1:{port}", time.monotonic() - began
    finally:
        running.end()


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
