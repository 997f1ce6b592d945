"""Uploads a second: four clients send files one after the other, each to a referral of its own."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests import people
from tests.bench import files
from tests.bench.client import Client
from tests.bench.files import Copies
from tests.bench.processes import cpu_s
from tests.bench.report import Figure, percentile
from tests.servers.app import Column, Running, bound, serving

CLIENTS = 4
KINDS: dict[str, Callable[[str], Copies]] = {
    "1.6 MB RGB still": files.rgb_still, "100 kB JPEG still": files.jpeg_still, "10 MB JPEG clip": files.jpeg_clip,
}  # fmt: skip


@dataclass(frozen=True)
class Round:
    """What went through in one stretch of time."""

    seconds: float
    cpu_s: float
    size_bytes: int
    took_ms: list[float]


def measure(column: Column, folder: Path, quick: bool) -> list[Figure]:
    """Medians of several rounds; the worker runs beside, as it does in use."""
    figures = []
    for number, (kind, made) in enumerate(KINDS.items()):
        # Each on a service of its own: what one kind leaves to settle would slow the next.
        done = _rounds(column, folder / str(number), made, quick)
        figures += _figures(column.name, f"{CLIENTS} clients, {kind}", done)
    return figures


def _rounds(column: Column, folder: Path, made: Callable[[str], Copies], quick: bool) -> list[Round]:
    rounds, seconds = (1, 3.0) if quick else (5, 8.0)
    with column.fresh(folder) as environment, serving(environment) as running:
        with bound(environment):
            token = people.places().referrer.token
        _round(running, token, made, 1.0)
        return [_round(running, token, made, seconds) for _ in range(rounds)]


def _figures(column: str, what: str, done: list[Round]) -> list[Figure]:
    took = [each for one in done for each in one.took_ms]
    a_second = statistics.median(len(one.took_ms) / one.seconds for one in done)
    volume = statistics.median(one.size_bytes / 1e6 / one.seconds for one in done)
    worked = statistics.median(one.cpu_s * 1000 / len(one.took_ms) for one in done)
    answered = (percentile(took, 50), percentile(took, 99), worked)
    return [
        Figure(column, f"{what}: uploads", "/s", (a_second,)),
        Figure(column, f"{what}: volume", "MB/s", (volume,)),
        Figure(column, f"{what}: time to the answer (p50 / p99 / processor)", "ms", answered),
    ]


def _round(running: Running, token: str, made: Callable[[str], Copies], lasting_s: float) -> Round:
    copies = [made(files.new_uid()) for _ in range(CLIENTS)]
    began, worked = time.monotonic(), cpu_s(running.process.pid)
    with ThreadPoolExecutor(CLIENTS) as threads:
        sent = list(threads.map(lambda each: _send(running, token, each, began + lasting_s), copies))
    seconds, worked = time.monotonic() - began, cpu_s(running.process.pid) - worked
    return Round(seconds, worked, sum(size for size, _ in sent), [one for _, took in sent for one in took])


def _send(running: Running, token: str, copies: Copies, until: float) -> tuple[int, list[float]]:
    size_bytes, took_ms = 0, []
    with Client(running.base_url, token) as client:
        referral_id = client.place()
        while time.monotonic() < until:
            body = copies.new()
            client.send(referral_id, body, len(body))
            size_bytes += len(body)
            took_ms.append(client.took_ms)
    return size_bytes, took_ms
