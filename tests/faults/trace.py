"""The system calls of a running service while something is asked of it, as strace sees them."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = "fdatasync,fsync,link,linkat,mkdir,mkdirat,pwrite64,sendto,sendmsg,write,writev"
# strace pads a process number of less than five digits.
STARTED = re.compile(r"(?P<tid>\d+) +(?P<name>\w+)\((?P<rest>.*)")
RESUMED = re.compile(r"(?P<tid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")


@dataclass(frozen=True)
class Call:
    """`began` and `ended` are lines of the trace: calls of several threads lie within each other."""

    tid: str
    name: str
    text: str
    began: int
    ended: int

    @property
    def paths(self) -> list[str]:
        """Behind descriptors (strace -y) or as arguments."""
        return [one or other for one, other in re.findall(r'<(/[^>]*)>|"(/[^"]*)"', self.text)]


def why_not() -> str:
    """Why no process can be traced here, or nothing."""
    if not shutil.which("strace"):
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"ptrace is refused here: {tried.stderr.strip()[-80:]}" if tried.returncode else ""


def traced(pid: int, output: Path, act: Callable[[], object]) -> list[Call]:
    """The calls of all threads of the process while `act` runs."""
    command = ["strace", "-f", "-y", "-s", "160", "-e", f"trace={CALLS}", "-o", str(output), "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert tracer.stderr
        while "attached" not in (line := tracer.stderr.readline()):
            assert line, "strace ended"
        act()
        time.sleep(0.2)  # what is written at the very end of the answer
    finally:
        tracer.send_signal(signal.SIGINT)  # it detaches, the service goes on
        tracer.communicate(timeout=20)
    return list(_calls(output.read_text(errors="replace").splitlines()))


def _calls(lines: list[str]) -> Iterator[Call]:
    under_way: dict[str, tuple[str, str, int]] = {}
    for at, line in enumerate(lines):
        if resumed := RESUMED.match(line):
            name, text, began = under_way.pop(resumed["tid"], (resumed["name"], "", at))
            yield Call(resumed["tid"], name, text + resumed["rest"], began, at)
        elif started := STARTED.match(line):
            if line.endswith("<unfinished ...>"):
                under_way[started["tid"]] = (started["name"], started["rest"], at)
            else:
                yield Call(started["tid"], started["name"], started["rest"], at, at)
