"""A child that dies, hangs or exceeds its limits costs its own call only; none outlives the service."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.dicom.admission import examine
from app.dicom.pool import Pool
from app.errors import Invalid, Unavailable
from tests.dicom import made, real

Found = TypeVar("Found")
CLIP = real.named("color3d_jpeg_baseline.dcm")
SOUND: dict[str, Any] = {
    "data": bytes(64 * 64),
    "pixels": {"transfer_syntax_uid": made.EXPLICIT, "rows": 64, "columns": 64},
    "form": "png",
}


@contextmanager
def started(size: int = 2) -> Iterator[Pool]:
    pool = Pool(size)
    pool.start()
    try:
        yield pool
    finally:
        pool.stop()


@pytest.fixture(name="pool")
def _pool() -> Iterator[Pool]:
    with started() as pool:
        yield pool


def clip(output: Path, **changed: Any) -> dict[str, Any]:
    facts = examine(CLIP)
    assert facts.pixels
    assert facts.frames
    return {
        "path": str(CLIP), "output": str(output), "pixels": facts.pixels.to_json(),
        "frames": facts.frames.to_json(), "frame_time_ms": facts.frame_time_ms,
    } | changed  # fmt: skip


def descendants(pid: int) -> dict[int, str]:
    """Process id → state, of all processes below this one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            parents[int(entry.name)] = (int(parent), state)
    found: dict[int, str] = {}
    while more := {child: state for child, (parent, state) in parents.items()
                   if (parent == pid or parent in found) and child not in found}:  # fmt: skip
        found |= more
    return found


def is_running(pid: int) -> bool:
    """Not when it only waits for its new parent to read how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # a child of the act before, on its way out
        return b""


def nursery_of(pool: Pool) -> int:
    assert pool._nursery
    return pool._nursery.pid


def working(pool: Pool, count: int = 1) -> list[int]:
    """The children that are at work, once there are so many."""
    return eventually(lambda: busy if len(busy := _busy(pool)) >= count else [])


def _busy(pool: Pool) -> list[int]:
    """Those that have used more than the 50 ms which waiting takes."""

    def ticks(pid: int) -> int:
        try:
            return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        except OSError:
            return 0

    return [pid for pid in descendants(nursery_of(pool)) if ticks(pid) > 5]


def eventually(look: Callable[[], Found]) -> Found:
    until = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def served(pool: Pool) -> bool:
    return bool(pool.run("frame", **SOUND)["media_type"] == "image/png")


def test_the_service_itself_imports_no_decoder() -> None:
    code = (
        "import sys; import app.dicom.pool, app.dicom.admission; "
        "print([name for name in ('numpy', 'pydicom', 'PIL', 'av', 'imagecodecs') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_child_that_is_killed_at_work_costs_that_call_only(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / "film"))
        os.kill(working(pool)[0], signal.SIGKILL)
        with pytest.raises(Invalid, match="could not be decoded"):
            call.result()
    assert served(pool)


def test_a_child_that_hangs_is_ended_at_its_deadline(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(pool.run, "clip", deadline_s=8, **clip(tmp_path / "film"))
        child = working(pool)[0]
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(Invalid) as refusal:
            call.result()
    assert refusal.value.facts["reason_code"] == "slow"
    eventually(lambda: child not in descendants(nursery_of(pool)))
    assert served(pool)


def test_a_child_may_not_take_more_memory_than_its_act(pool: Pool) -> None:
    """JPEG that states 30,000 × 30,000 wants 2.7 GB; the check refuses it before, here it comes in directly."""
    huge = made.jpeg_stating(30_000, 30_000, 3)
    pixels = {"transfer_syntax_uid": made.JPEG, "rows": 512, "columns": 512, "samples_per_pixel": 3}
    with pytest.raises(Invalid, match="could not be decoded"):
        pool.run("frame", data=huge, pixels=pixels, form="webp")
    assert served(pool)


def test_an_aborting_decoder_costs_that_call_only(pool: Pool) -> None:
    """The RLE decoder aborts its process when it cannot have the memory for 65,535 × 65,535."""
    pixels = {"transfer_syntax_uid": made.RLE, "rows": 65_535, "columns": 65_535}
    with pytest.raises(Invalid):
        pool.run("frame", data=made.rle_stating(1), pixels=pixels, form="webp")
    assert served(pool)


def test_each_act_has_limits_of_memory_time_and_file_size(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / "film"))
        limits = Path(f"/proc/{working(pool)[0]}/limits").read_text()
        call.result()
    soft = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert 26 <= int(soft["Max cpu time"]) <= 27
    assert int(soft["Max address space"]) < 4 << 30
    assert soft["Max core file size"] == "0"
    assert soft["Max file size"].isdigit()


def test_no_secret_of_the_service_is_in_a_childs_environment(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    with started() as fresh:
        assert served(fresh)
        family = eventually(lambda: descendants(nursery_of(fresh)))
        found = [environment_of(pid) for pid in (nursery_of(fresh), *family)]
    assert any(b"OPENBLAS" in names for names in found)
    assert not any(b"very-secret" in names for names in found)


def test_a_child_serves_one_file_only(pool: Pool) -> None:
    assert served(pool)
    before = eventually(lambda: two if len(two := set(descendants(nursery_of(pool)))) == 2 else set())
    for _ in range(4):
        assert served(pool)
    after = eventually(lambda: two if len(two := set(descendants(nursery_of(pool)))) == 2 else set())
    assert not before & after


def test_idle_children_that_die_cost_nobody_a_call(pool: Pool) -> None:
    assert served(pool)
    for pid in eventually(lambda: list(two) if len(two := descendants(nursery_of(pool))) == 2 else []):
        with suppress(ProcessLookupError):  # the child of the act before, on its way out
            os.kill(pid, signal.SIGKILL)
    assert all(served(pool) for _ in range(4))


def test_a_nursery_that_dies_is_replaced(pool: Pool) -> None:
    assert served(pool)
    os.kill(nursery_of(pool), signal.SIGKILL)
    assert all(served(pool) for _ in range(4))


def test_a_nursery_that_dies_takes_no_call_with_it(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / "film"))
        working(pool)
        os.kill(nursery_of(pool), signal.SIGKILL)
        assert call.result()["frames"] == 120


def test_a_still_does_not_wait_behind_clips(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        clips = [
            threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / f"film{number}")) for number in range(3)
        ]
        working(pool)
        assert served(pool)
        assert not any(call.done() for call in clips)
        assert [call.result()["frames"] for call in clips] == [120, 120, 120]


def test_many_threads_are_served_and_too_many_are_told_to_come_back(pool: Pool) -> None:
    with ThreadPoolExecutor(30) as threads:
        assert all(threads.map(lambda _: served(pool), range(90)))
    start = threading.Barrier(100)

    def at_once(_: int) -> str:
        start.wait()
        try:
            pool.run("frame", **SOUND)
        except Unavailable:
            return "later"
        return "served"

    with ThreadPoolExecutor(100) as threads:
        outcomes = list(threads.map(at_once, range(100)))
    assert set(outcomes) <= {"served", "later"}
    assert outcomes.count("served") >= 64
    assert served(pool)


def test_who_waits_too_long_is_told_to_come_back(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / "film"))
        working(pool)
        with pytest.raises(Unavailable):
            pool.run("clip", wait_s=0.01, **clip(tmp_path / "other"))
        call.result()


def test_a_call_that_is_at_work_when_the_pool_stops_does_not_blame_the_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads, started() as pool:
        call = threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / "film"))
        working(pool)
        pool.stop()
        with pytest.raises(Unavailable):
            call.result()


def test_stopping_leaves_no_process() -> None:
    with started() as pool:
        assert served(pool)
        family = {nursery_of(pool), *descendants(nursery_of(pool))}
    eventually(lambda: not any(is_running(pid) for pid in family))


def test_nothing_outlives_a_service_that_is_killed(tmp_path: Path) -> None:
    """A child is at work, stopped so that it cannot notice anything; the service dies by SIGKILL."""
    code = (
        "import json, sys; from app.dicom.pool import Pool; pool = Pool(2); pool.start(); "
        "pool.run('clip', **json.loads(sys.argv[1]))"
    )
    service = subprocess.Popen([sys.executable, "-c", code, json.dumps(clip(tmp_path / "film"))])
    family = eventually(lambda: found if len(found := descendants(service.pid)) == 3 else {})
    os.kill(max(family), signal.SIGSTOP)
    service.kill()
    service.wait()
    eventually(lambda: not any(is_running(pid) for pid in family))


def test_interrupting_the_service_does_not_end_a_child_at_work(pool: Pool, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(pool.run, "clip", frame_count=120, **clip(tmp_path / "film"))
        for pid in [nursery_of(pool), *working(pool)]:
            os.kill(pid, signal.SIGINT)
        assert call.result()["frames"] == 120
