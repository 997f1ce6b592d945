"""Where the tests' files lie: in memory where there is plenty of it, for a disk makes every commit of every test wait."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

SHARED_MEMORY = Path("/dev/shm")  # Linux: shm_overview(7)
FOLDER = "sonopost-tests-"
LEAST_THERE_BYTES = 3 << 30  # a run takes less than one
LEAST_FREE_BYTES = 6 << 30  # of all memory, with browsers and servers


def use(config: pytest.Config) -> None:
    """For this process and what it starts, xdist's workers among them; where TMPDIR is set, that stays."""
    if "TMPDIR" in os.environ or not _is_plenty():
        return
    for left in SHARED_MEMORY.glob(f"{FOLDER}*"):
        if not psutil.pid_exists(int(left.name.removeprefix(FOLDER))):  # of a run that was killed, or that failed
            shutil.rmtree(left, ignore_errors=True)
    folder = SHARED_MEMORY / f"{FOLDER}{os.getpid()}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # PostgreSQL's other user passes through
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    config.stash[_FOLDER] = folder


def leave(config: pytest.Config, exitstatus: int) -> None:
    """Of a run that failed the files stay to be looked at, until the next one."""
    if exitstatus == pytest.ExitCode.OK and (folder := config.stash.get(_FOLDER, None)):
        shutil.rmtree(folder, ignore_errors=True)


def _is_plenty() -> bool:
    if not SHARED_MEMORY.is_dir():
        return False
    mounted = os.statvfs(SHARED_MEMORY)
    if mounted.f_flag & (os.ST_RDONLY | os.ST_NOEXEC):  # a copy of PostgreSQL may have to run from there
        return False
    there, free = mounted.f_bavail * mounted.f_frsize, psutil.virtual_memory().available
    return there >= LEAST_THERE_BYTES and free >= LEAST_FREE_BYTES


_FOLDER = pytest.StashKey[Path]()
