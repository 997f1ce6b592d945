"""Resumable uploads: beside a raw copy on the same line, many at once, and over a line that loses connections."""

import hashlib
import random
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from app.cli.line import Line, Patience
from app.cli.pieces import Chosen, Pace, Sending
from tests import people
from tests.bench import files
from tests.bench.client import Client
from tests.bench.processes import cpu_s
from tests.bench.report import Figure, percentile
from tests.faults.chaos import chaos
from tests.servers.app import Column, Running, bound, serving

MBIT_100 = 100e6 / 8
AT_ONCE = 200
LOSS = 0.02
FRAMES = 40  # of 1.6 MB
READ_BYTES, QUARTER_BYTES = 1 << 16, 256 << 10


def measure(column: Column, folder: Path, quick: bool) -> list[Figure]:
    with column.fresh(folder) as environment, serving(environment) as running:
        with bound(environment):
            token = people.places().referrer.token
        clip = folder / "clip.dcm"
        figures = _beside_a_copy(column.name, running, token, clip, 1 if quick else 5)
        figures += _many_at_once(column.name, running, token, folder)
        return figures + _over_a_bad_line(column.name, running, token, clip)


def _beside_a_copy(column: str, running: Running, token: str, clip: Path, rounds: int) -> list[Figure]:
    shares, worked = [], []
    for _ in range(rounds):
        file = _a_clip(clip)
        with _sink() as port, chaos(port, bytes_per_s=MBIT_100) as line:
            copied_s = _copied(line.base_url, clip)
        with chaos(_port(running), bytes_per_s=MBIT_100) as line:
            before, began = cpu_s(running.process.pid), time.monotonic()
            _send(line.base_url, token, file)
            shares.append(100 * copied_s / (time.monotonic() - began))
            worked.append((cpu_s(running.process.pid) - before) * 1e9 / file.size_bytes)
    return [
        Figure(column, "resumable at 100 Mbit/s, of a raw copy", "%", (statistics.median(shares),), "≥ 90"),
        Figure(column, "resumable: processor a GB", "s", (statistics.median(worked),)),
    ]


def _many_at_once(column: str, running: Running, token: str, folder: Path) -> list[Figure]:
    stills = [files.jpeg_still(files.new_uid()) for _ in range(4)]
    chosen = []
    for number in range(AT_ONCE):
        path = folder / f"{number}.dcm"
        path.write_bytes(stills[number % 4].new())
        chosen.append(_chosen(path))
    with Client(running.base_url, token) as client:
        referral_id = client.place()
    over, took = threading.Event(), []

    def look() -> None:
        with Client(running.base_url, token) as client:
            while not over.is_set():
                client.get("/api/v1/exam-types")
                took.append(client.took_ms)

    looking = threading.Thread(target=look)
    looking.start()
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda file: _send(running.base_url, token, file, referral_id), chosen))
    seconds = time.monotonic() - began
    over.set()
    looking.join()
    return [
        Figure(column, f"{AT_ONCE} resumable uploads at once: all done", "s", (seconds,)),
        Figure(column, "a page meanwhile (p50 / p99)", "ms", (percentile(took, 50), percentile(took, 99)), "≤ 500"),
    ]


def _over_a_bad_line(column: str, running: Running, token: str, clip: Path) -> list[Figure]:
    """Each quarter of a megabyte loses the connection with this chance."""
    file, rng, over = _a_clip(clip), random.Random(5), threading.Event()
    with chaos(_port(running), bytes_per_s=MBIT_100) as line:

        def lose() -> None:
            passed = cuts = 0
            while not over.wait(0.002):
                for _ in range(line.up_bytes // QUARTER_BYTES - passed):
                    passed += 1
                    if rng.random() < LOSS:
                        line.cut()
                        cuts += 1
            assert cuts > 0

        with ThreadPoolExecutor(1) as threads:
            losing = threads.submit(lose)
            _send(line.base_url, token, file)
            over.set()
            losing.result()
        useful = line.up_bytes / file.size_bytes
    return [Figure(column, "bytes over the line a useful byte at 2 % loss of connections", "", (useful,), "≤ 1.1")]


def _send(base_url: str, token: str, file: Chosen, referral_id: str | None = None) -> None:
    line = Line(base_url, token, Patience(60))
    Sending(line, Pace(), file, lambda _: None).run(referral_id, None)
    line.close()


def _a_clip(path: Path) -> Chosen:
    _size, pieces = files.rgb_clip(files.new_uid(), FRAMES)
    path.write_bytes(b"".join(pieces))
    return _chosen(path)


def _chosen(path: Path) -> Chosen:
    body = path.read_bytes()
    return Chosen(path, path.name, len(body), hashlib.sha256(body).hexdigest())


def _port(running: Running) -> int:
    return int(running.base_url.rpartition(":")[2])


@contextmanager
def _sink() -> Iterator[int]:
    """Takes bytes until their end, then says one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            taken, _ = listening.accept()
            with taken:
                while taken.recv(READ_BYTES) != b"":
                    pass

        threading.Thread(target=take, daemon=True).start()
        yield listening.getsockname()[1]


def _copied(base_url: str, path: Path) -> float:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(base_url.rpartition(":")[2]))) as out, path.open("rb") as file:
        out.sendfile(file)
        out.shutdown(socket.SHUT_WR)
        out.recv(1)  # its end, when all has been taken
    return time.monotonic() - began
