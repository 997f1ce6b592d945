"""Decodes outside the service: each act in a fresh, limited child that was started before it was needed."""

import itertools
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.config import environment_of_decoder, settings
from app.dicom import wire
from app.dicom.acts import ALLOWANCES
from app.errors import Invalid, Sentence, Unavailable

WAITING = 64  # calls at once, being served or waiting; more are told to come back
_ROOT = Path(__file__).parents[2]


@contextmanager
def _held(places: threading.Semaphore | None, wait_s: float) -> Iterator[None]:
    """One of the places, if they count, or Unavailable."""
    if places is not None and not places.acquire(timeout=wait_s):
        raise Unavailable("Too many pictures are being prepared; please try again.")
    try:
        yield
    finally:
        if places is not None:
            places.release()


class _Child:
    """One end of the socket to a child that waits for its act."""

    def __init__(self, number: int, ours: socket.socket, nursery: "subprocess.Popen[bytes]") -> None:
        self.number = number
        self.socket = ours
        self._nursery = nursery

    def died_with_its_nursery(self) -> bool:
        """The nursery's end kills its children a moment before it can be seen itself."""
        try:
            self._nursery.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            return False
        return True


class Pool:
    """`size` children at most, always as many waiting as there is room for; safe to call from any thread.

    A child serves one act and ends, so that nothing of one patient's file is left for the next one's, and a
    file that takes over its decoder has taken over nothing else."""

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._ready: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._long = threading.BoundedSemaphore(max(1, size - 1))
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._nursery: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Returns at once; the decoders are loaded while the service starts."""
        with self._lock:
            if self._nursery is None:
                self._start_nursery()
        for _ in range(self._size):
            self._add_child()

    def stop(self) -> None:
        """End the nursery and with it every child; calls that wait are refused."""
        with self._lock:
            nursery, self._nursery = self._nursery, None
            if self._control is not None:
                self._control.close()
        if nursery is not None:
            nursery.kill()  # it has nothing to lose, and its children end with it
            nursery.wait()
        while not self._ready.empty():
            self._ready.get().socket.close()

    def run(
        self,
        act: str,
        *,
        frame_count: int = 1,
        wait_s: float | None = None,
        deadline_s: float | None = None,
        **given: Any,
    ) -> dict[str, Any]:
        """What the act answers. Invalid: the file cannot be decoded; Unavailable: no child became free.

        `frame_count` is how many the act goes through: it lengthens the time that a film may take."""
        allowance = ALLOWANCES[act]
        wait_s = settings().decode_wait_s if wait_s is None else wait_s
        wall_s = deadline_s or allowance.cpu_limit_s(frame_count) * allowance.wall_factor
        until = time.monotonic() + wait_s
        request = {"_act": act, "_frames": frame_count, **given}
        with _held(self._waiting, 0.0), _held(self._long if allowance.is_long else None, wait_s):
            # A child that died while it waited was told to, or its nursery was: no file's fault
            for _ in range(2 * self._size + 1):
                answer = self._ask_one(request, until, wall_s)
                if answer is not None:
                    return answer
        raise Unavailable("Pictures cannot be prepared at the moment; please try again.")

    def _ask_one(self, request: wire.Message, until: float, wall_s: float) -> wire.Message | None:
        """The answer of the next child that is ready; None when it ended through no fault of the file."""
        try:
            child = self._ready.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise Unavailable("Other pictures are being prepared; please try again.") from None
        try:
            deadline = time.monotonic() + wall_s
            if not self._begins(child, request, deadline):
                return None
            return self._answer(child, deadline)
        finally:
            self._replace(child)

    def _begins(self, child: _Child, request: wire.Message, deadline: float) -> bool:
        child.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            wire.send(child.socket, request)
            wire.receive(child.socket, deadline)
        except (OSError, wire.Broken):
            return False
        return True

    def _answer(self, child: _Child, deadline: float) -> wire.Message | None:
        try:
            answer = wire.receive(child.socket, deadline)
        except (OSError, wire.Broken) as failure:  # TimeoutError is an OSError
            if self._nursery is None:
                raise Unavailable("The service is stopping; please try again.") from None
            if not isinstance(failure, TimeoutError) and child.died_with_its_nursery():
                return None
            # 'died' may also be the machine's doing, short of memory: worth another try
            kind = "slow" if isinstance(failure, TimeoutError) else "died"
            raise Invalid("This file could not be decoded.", reason_code=kind) from None
        if "_refused" in answer:
            raise Invalid(_said(answer["_refused"]), reason_code=str(answer.get("_code", "")))
        if "_failed" in answer:
            raise Invalid("This file could not be decoded.", reason_code="undecodable")
        return answer

    def _replace(self, child: _Child) -> None:
        """Whatever the child does now, it ends; another one takes its place."""
        child.socket.close()
        self._order(b"K", child.number)
        self._add_child()

    def _add_child(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = next(self._numbers)
            nursery = self._order(b"F", number, theirs.fileno())
        if nursery is not None:
            self._ready.put(_Child(number, ours, nursery))
        else:
            ours.close()

    def _order(self, order: bytes, number: int, *descriptors: int) -> "subprocess.Popen[bytes] | None":
        """Tell the nursery, which is started anew when it is gone; None when the pool was stopped."""
        message = order + str(number).encode()
        with self._lock:
            for _ in range(2):
                if self._nursery is None or self._control is None:
                    break
                try:
                    socket.send_fds(self._control, [message], descriptors)
                except OSError:
                    self._nursery.kill()
                    self._nursery.wait()
                    self._control.close()
                    self._start_nursery()
                else:
                    return self._nursery
        return None

    def _start_nursery(self) -> None:
        """With an environment of its own: no secret of the service reaches a decoder."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._nursery = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "app.dicom.nursery", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=_ROOT,
                # One thread and one heap arena: threads' stacks would count as memory of each act
                env=environment_of_decoder()
                | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            )


def _said(answer: object) -> Sentence:
    """What a child refuses with; a child that a file has taken over may say anything, but no more than one sentence."""
    try:
        return Sentence.from_json(answer) if isinstance(answer, dict) else Sentence("This file could not be decoded.")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return Sentence("This file could not be decoded.")
