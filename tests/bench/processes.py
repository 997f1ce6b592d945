"""Memory of a process and all below it, as the kernel counts it."""

import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

EVERY_S = 0.02
LOOK_FOR_CHILDREN_S = 0.5


def tree(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def pss_mb(pids: list[int]) -> float:
    """Proportional set size: what several of them share is counted once."""
    return sum(_field_kb(pid, "smaps_rollup", "Pss:") for pid in pids) / 1024


def rss_mb(pid: int) -> float:
    return _field_kb(pid, "status", "VmRSS:") / 1024


def cpu_s(pid: int) -> float:
    """What the process itself has used: unlike a time on the clock, it hardly depends on what else runs."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def _field_kb(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:  # it ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))


class Watch:
    """Samples 50 times a second while the block runs; the highest of each is kept."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.most_pss_mb = self.most_rss_mb = 0.0
        self.samples = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        looked, pids = 0.0, [self.pid]
        while not self._over.wait(EVERY_S):
            if time.monotonic() - looked > LOOK_FOR_CHILDREN_S:
                looked, pids = time.monotonic(), tree(self.pid)
            self.most_pss_mb = max(self.most_pss_mb, pss_mb(pids))
            self.most_rss_mb = max(self.most_rss_mb, rss_mb(self.pid))
            self.samples += 1
