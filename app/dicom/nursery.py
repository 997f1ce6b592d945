"""The process that has every decoder loaded and forks a child for each act, and ends with the service."""

import ctypes
import gc
import importlib
import os
import resource
import signal
import socket
import sys
from types import FrameType

from app.config import load_in_decoder
from app.dicom import child
from app.dicom.acts import MODULES

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # prctl(2)
_alive: dict[int, int] = {}  # the service's number of a child → its process id


def main(control_fd: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then closes the socket
    control = socket.socket(fileno=control_fd)
    load_in_decoder()
    for module in sorted(set(MODULES.values())):
        importlib.import_module(module)
    importlib.import_module("app.dicom.render").warm_up()
    _silence()
    gc.collect()
    gc.freeze()  # a child's garbage collector is not to touch, and so copy, what all share
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not message:
            os._exit(0)
        order, number = message[:1], int(message[1:])
        if order == b"F":
            _fork(control, number, descriptors[0])
        elif number in _alive:
            os.kill(_alive[number], signal.SIGKILL)


def _silence() -> None:
    """From here on stderr is the decoders', and what they print may quote a patient's file."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _fork(control: socket.socket, number: int, descriptor: int) -> None:
    nursery = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # no reaping before the id is noted
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        control.close()
        _confine(nursery)
        child.serve(socket.socket(fileno=descriptor))
        os._exit(0)
    _alive[number] = pid
    os.close(descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _confine(nursery: int) -> None:
    """Die with the nursery, gain no rights, leave no core dump: it would hold patients' images."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != nursery:  # it died before the line above
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reap(_signal: int, _frame: FrameType | None) -> None:
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            for number in [number for number, known in _alive.items() if known == pid]:
                del _alive[number]
    except ChildProcessError:
        return


if __name__ == "__main__":
    main(int(sys.argv[1]))
