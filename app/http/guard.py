"""Cuts whoever falls silent while sending a request, for which uvicorn has no limit; slow uploads pass."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.config import settings

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """A connection that sends nothing, half a head or half a body does not stay open for ever."""

    _timer: asyncio.TimerHandle | None = None
    _body_is_due = False  # of the request that came last
    _answered = 0.0
    _dropped_bytes = 0
    _moved_on = False  # whether a head or a body ended in the bytes at hand

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._header_s, self._body_s = settings().header_silence_s, settings().body_silence_s
        self._reader_s = settings().reader_silence_s
        self._most_head_bytes = settings().max_head_bytes  # httptools itself takes megabytes of headers
        self._linger_s, self._linger_bytes = settings().linger_s, settings().linger_bytes
        self._every_s = min(1.0, self._header_s / 4, self._body_s / 4)
        self._last = self.loop.time()
        # Since when, and with how many bytes so far, the current request's head is awaited.
        self._head_since: float | None = self._last
        self._head_bytes = 0
        self._unsent, self._unsent_since = 0, self._last
        self._timer = self.loop.call_later(self._every_s, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:  # the transport gets another protocol now
        self._stop()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._last, self._moved_on = self.loop.time(), False
        super().data_received(data)
        if self._body_is_due:
            if self._is_answered:
                self._drop(len(data))
            return
        if self._moved_on:
            return
        if self._head_since is None and self._is_answered:
            self._head_since = self._last  # even a lone CRLF ends uvicorn's keep-alive timer
        self._head_bytes += len(data)
        if self._head_bytes > self._most_head_bytes:
            self._refuse(TOO_LONG)

    def _drop(self, size_bytes: int) -> None:
        """Of a body that was answered before all of it came: its sender sees the answer, and the next request begins
        where it begins; but neither for ever nor however long it is."""
        self._dropped_bytes += size_bytes
        if self._dropped_bytes > self._linger_bytes:
            self.transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field after the body is none of the head (RFC 9110 6.5.1): nobody is signed in by one."""
        if not self._body_is_due:
            super().on_header(name, value)
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._most_head_bytes:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        self._head_since, self._head_bytes, self._moved_on = None, 0, True
        head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head_bytes > self._most_head_bytes:  # all of it came at once
            self._refuse(TOO_LONG)
            raise ValueError("the head is too long")  # the parser stops here, and uvicorn answers what is no HTTP
        super().on_headers_complete()
        self._body_is_due = True

    def on_message_complete(self) -> None:
        self._body_is_due, self._head_bytes, self._moved_on = False, 0, True
        super().on_message_complete()
        if self._is_answered:  # before its end: uvicorn waited for the next request from then on
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        self._answered, self._dropped_bytes = self.loop.time(), 0
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """One answer to one request, and none in the middle of another's."""
        is_unasked = self.cycle.response_started if self._body_is_due else not self._is_answered
        if is_unasked or self.pipeline:
            self.transport.abort()
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    @property
    def _is_answered(self) -> bool:
        """Whatever has begun here has its answer; nothing may have."""
        return self.cycle is None or self.cycle.response_complete

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, answer: bytes) -> None:
        """Of a request whose head is not here; where an earlier one is unanswered, it would take this for its own."""
        self._stop()
        if not self._is_answered:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _check(self) -> None:
        now, cycle = self.loop.time(), cast("Any", self.cycle)
        self._timer = self.loop.call_later(self._every_s, self._check)
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        if self._head_since is not None:
            if now - self._head_since > self._header_s:
                self._refuse(TOO_SLOW)
        elif now - self._unsent_since > self._reader_s:
            self.transport.abort()
        elif self._body_is_due and self._is_answered:
            if now - self._answered > self._linger_s or now - self._last > self._body_s:
                self.transport.close()
        elif not self._is_answered and cycle.more_body:
            if self.flow.read_paused:  # our own application is the slow side
                self._last = now
            elif now - self._last > self._body_s:
                self.transport.abort()  # request.stream() raises ClientDisconnect: partial files get removed
