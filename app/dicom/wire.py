"""Messages between the service and a decoding child: bounded JSON and byte strings, never pickles, which are code."""

import json
import socket
import time
from typing import Any

HEAD_BYTES = 4 << 20  # the JSON part: a frame index of 20,000 frames has about 150 kB
BODY_BYTES = 512 << 20  # one native frame of 40 Mpx in colour has 120 MB, of 16 bit 240 MB

Message = dict[str, Any]


class Broken(Exception):
    """The other end is gone, or does not keep to the form."""


def send(to: socket.socket, message: Message) -> None:
    blobs = {name: value for name, value in message.items() if isinstance(value, bytes)}
    head = {name: value for name, value in message.items() if name not in blobs}
    head["_blobs"] = {name: len(value) for name, value in blobs.items()}
    data = json.dumps(head, separators=(",", ":")).encode()
    to.sendall(len(data).to_bytes(4, "big") + data)
    for blob in blobs.values():
        to.sendall(blob)


def receive(source: socket.socket, deadline: float | None = None) -> Message:
    """One message, before `deadline` on the monotonic clock; TimeoutError after it, Broken at an end before it."""
    length = int.from_bytes(_exactly(source, 4, deadline), "big")
    if length > HEAD_BYTES:
        raise Broken
    try:
        message: Message = json.loads(_exactly(source, length, deadline))
        lengths: dict[str, int] = dict(message.pop("_blobs"))
        if sum(lengths.values()) > BODY_BYTES or min(lengths.values(), default=0) < 0:
            raise Broken
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Broken from None
    for name, size in lengths.items():
        message[name] = bytes(_exactly(source, size, deadline))
    return message


def _exactly(source: socket.socket, length: int, deadline: float | None) -> bytearray:
    data = bytearray(length)
    view, filled = memoryview(data), 0
    while filled < length:
        if deadline is not None:
            source.settimeout(max(0.001, deadline - time.monotonic()))
        got = source.recv_into(view[filled:])
        if not got:
            raise Broken
        filled += got
    return data
