"""A way to another server that a test can shut, leave silent, and open again."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Gate:
    """Forwards bytes from its own port; shut, it cuts what is open and what comes; silent, it takes and answers nothing."""

    to_port: int
    listening: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    state: Literal["open", "shut", "silent"] = "open"
    _pairs: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def open(self) -> None:
        self._cut()
        self.state = "open"

    def shut(self) -> None:
        self.state = "shut"
        self._cut()

    def silence(self) -> None:
        self.state = "silent"
        self._cut()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            self._pairs.append(client)
            if self.state == "shut":
                client.close()
            elif self.state == "open":
                self._forward(client)

    def _forward(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.to_port))
        except OSError:
            client.close()
            return
        self._pairs.append(server)
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()

    def _cut(self) -> None:
        for each in self._pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._pairs.clear()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def gate(to_port: int) -> Iterator[Gate]:
    made = Gate(to_port)
    threading.Thread(target=made.serve, daemon=True).start()
    try:
        yield made
    finally:
        made.listening.close()
        made.shut()
