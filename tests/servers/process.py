"""What the throw-away servers share: free ports, and a process that dies with the test run."""

import ctypes
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def free_ports(count: int) -> list[int]:
    """Held open together, so that all differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def dying_with_us(number: signal.Signals) -> Callable[[], None]:
    """For preexec_fn: the kernel sends the signal when we die, however that happens."""
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, number) and None


def start(command: list[str], log: Path, last_signal: signal.Signals, **popen: Any) -> subprocess.Popen[bytes]:
    """Start a server that writes to `log` and gets `last_signal` when this process dies."""
    if threading.current_thread() is not threading.main_thread():
        # prctl(2): the signal comes when the *thread* that forked ends.
        raise RuntimeError("start servers in the main thread")
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            preexec_fn=dying_with_us(last_signal),  # noqa: PLW1509 - one prctl, prepared before the fork
            **popen,
        )
