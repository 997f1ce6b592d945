"""Figures as a markdown table and as JSON, and the machine that they were measured on."""

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

SYNCS = 100


@dataclass(frozen=True)
class Figure:
    """What was measured of one thing in one column; `goal` is what it should reach."""

    column: str
    what: str
    unit: str
    values: tuple[float, ...]
    goal: str = ""


def table(figures: Sequence[Figure], columns: Sequence[str]) -> str:
    rows: dict[str, dict[str, Figure]] = {}
    for each in figures:
        rows.setdefault(each.what, {})[each.column] = each
    lines = ["| | " + " | ".join(columns) + " | goal |", "|---|" + "---:|" * len(columns) + "---|"]
    for what, found in rows.items():
        cells = [_words(found[name]) if name in found else "" for name in columns]
        goal = next(iter(found.values())).goal
        lines.append(f"| {what} | " + " | ".join(cells) + f" | {goal} |")
    return "\n".join(lines)


def _words(figure: Figure) -> str:
    return " / ".join(_digits(value) for value in figure.values) + f" {figure.unit}"


def _digits(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def write(path: Path, machine: str, figures: Sequence[Figure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "figures": [asdict(each) for each in figures]}, indent=1) + "\n")


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def of_a_loop(as_long_as_ms: float, times: int) -> tuple[float, float]:
    """p50 and p99, in ms, of a loop that takes so long by itself: of any p99 so much is the machine's own."""
    turns = 100_000
    turns = max(1, round(turns * as_long_as_ms / min(_loop_ms(turns) for _ in range(10))))
    took = [_loop_ms(turns) for _ in range(times)]
    return percentile(took, 50), percentile(took, 99)


def _loop_ms(turns: int) -> float:
    began = time.perf_counter()
    for _ in range(turns):
        pass
    return (time.perf_counter() - began) * 1000


def machine(folder: Path) -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory_gb:.0f} GB, a sync of 4 kB {_sync_ms(folder):.1f} ms, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}; "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _sync_ms(folder: Path) -> float:
    """What the disk takes for the smallest durable write: no upload can be faster."""
    took = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)
