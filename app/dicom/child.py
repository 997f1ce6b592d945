"""One child's life: one request, one act within its limits, one answer."""

import importlib
import math
import os
import resource
import socket

from app.dicom import wire
from app.dicom.acts import ALLOWANCES, MODULES
from app.errors import Invalid, as_sentence

FILE_BYTES = 4 << 30  # the largest film written


def serve(service: socket.socket) -> None:
    """Wait for the request, answer it; an end of the socket before it means that the service is done."""
    try:
        request = wire.receive(service)
    except wire.Broken:
        return
    name, frames = request.pop("_act"), request.pop("_frames")
    _limit(name, frames)
    wire.send(service, {"_begun": True})  # if this child dies from here on, it is the file's doing
    try:
        answer = getattr(importlib.import_module(MODULES[name]), name)(**request)
    except Invalid as refusal:
        answer = {
            "_refused": as_sentence(refusal.sentence).to_json(),
            "_code": refusal.facts.get("reason_code", "damaged"),
        }
    except BaseException as failure:  # noqa: BLE001 - decoders raise anything, PanicException and MemoryError too
        answer = {"_failed": type(failure).__name__}
    wire.send(service, answer)


def _limit(name: str, frames: int) -> None:
    """Memory over what this child has mapped already, CPU over what it has used."""
    allowance = ALLOWANCES[name]
    with open("/proc/self/statm", encoding="ascii") as counts:  # noqa: PTH123 - Path costs a stat more
        mapped_bytes = int(counts.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (mapped_bytes + allowance.memory_bytes, hard))
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = math.ceil(used.ru_utime + used.ru_stime + allowance.cpu_limit_s(frames))
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
