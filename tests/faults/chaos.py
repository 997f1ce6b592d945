"""A line to a server that fails as lines do: slow, late, cut, reset, silent; each to be had at any moment."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue

PIECE_BYTES = 16 << 10
MOST_UNDER_WAY = 64  # pieces one way


@dataclass
class Chaos:
    """Forwards from its own port to `to_port`; what it does to the bytes can be changed while they flow."""

    to_port: int
    bytes_per_s: float = 0  # of both ways together; 0 is as fast as it goes
    delay_s: float = 0  # one way
    is_black_hole: bool = False  # takes everything, gives nothing
    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    up_bytes: int = 0
    connections: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: float = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def cut(self) -> None:
        """As a modem that is switched off: both sides see the end."""
        self._end_all(hard=False)

    def reset(self) -> None:
        """As a router that has forgotten the connection."""
        self._end_all(hard=True)

    def black_hole(self, *, on: bool) -> None:
        """Nothing passes and nobody is told; what was open then stays so."""
        self.is_black_hole = on

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
                server = socket.create_connection(("127.0.0.1", self.to_port))
            except OSError:
                if self.listening.fileno() < 0:
                    return
                client.close()  # the server is down
                continue
            self.connections += 1
            for each in (client, server):  # a line of its own would not hold small pieces back
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open += [client, server]
            for one, other, is_up in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._copy, args=(one, other, is_up), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, is_up: bool) -> None:
        under_way = Queue[tuple[float, bytes]](MOST_UNDER_WAY)
        threading.Thread(target=self._deliver, args=(under_way, one, other, is_up), daemon=True).start()
        with suppress(OSError):
            if is_up:
                time.sleep(2 * self.delay_s)  # a connection begins with a way there and back
            while data := one.recv(PIECE_BYTES):
                self._take_time(len(data))
                under_way.put((time.monotonic() + self.delay_s, data))
        under_way.put((0, b""))

    def _deliver(
        self, under_way: Queue[tuple[float, bytes]], one: socket.socket, other: socket.socket, is_up: bool
    ) -> None:
        """Each piece when it is due: several are on their way together."""
        with suppress(OSError):
            while (piece := under_way.get())[1]:
                due, data = piece
                time.sleep(max(0, due - time.monotonic()))
                while self.is_black_hole:
                    time.sleep(0.05)
                other.sendall(data)
                if is_up:
                    self.up_bytes += len(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _take_time(self, size_bytes: int) -> None:
        if self.bytes_per_s:
            with self._lock:
                begins = max(time.monotonic(), self._free_at)
                self._free_at = begins + size_bytes / self.bytes_per_s
            time.sleep(max(0, self._free_at - time.monotonic()))

    def _end_all(self, *, hard: bool) -> None:
        with self._lock:
            ending, self._open = self._open, []
        for each in ending:
            with suppress(OSError):
                if hard:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    each.shutdown(socket.SHUT_RD)  # whoever waits in recv() would keep it open
                    each.close()
                else:
                    each.shutdown(socket.SHUT_RDWR)


@contextmanager
def chaos(to_port: int, **given: float) -> Iterator[Chaos]:
    made = Chaos(to_port, **given)  # type: ignore[arg-type]  # its own numbers
    threading.Thread(target=made.serve, daemon=True).start()
    try:
        yield made
    finally:
        made.listening.close()
        made.cut()


def trouble(line: Chaos, rng: random.Random) -> str:
    """One misfortune of the kinds that end a connection."""
    kind = rng.choice(["cut", "reset", "black hole"])
    if kind == "cut":
        line.cut()
    elif kind == "reset":
        line.reset()
    else:
        line.black_hole(on=True)
        time.sleep(rng.uniform(0.2, 1))
        line.cut()  # its client is impatient
        line.black_hole(on=False)
    return kind
