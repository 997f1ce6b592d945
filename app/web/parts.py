"""A multipart/form-data body (RFC 7578) as it comes: its files go to the spool, its fields stay in memory."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from anyio import to_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.config import settings
from app.errors import Sentence, TooLarge
from app.http.limits import content_length
from app.http.problems import DoorRefusal
from app.referrals.given import name_within
from app.storage.spool import BATCH_BYTES, Spooling, ask_for_room, writers
from app.studies.ingest import Arrival


class Parts:
    """Finished files lie in `finished` until they are taken; those that are too large are named in `refused`."""

    def __init__(self, boundary: bytes, limit_bytes: int, most: int | None = None) -> None:
        self.finished: list[Arrival] = []
        self.refused: list[tuple[str, TooLarge]] = []
        self.fields: dict[str, list[str]] = {}
        self.file_count = 0
        self.is_complete = False
        self._limit_bytes, self._most, self._field_bytes = limit_bytes, most, 0
        self._name = self._text = self._field_name = b""
        self._field_value = bytearray()
        self._file_name = ""
        self._spooling: Spooling | None = None
        callbacks: dict[str, Callable[..., Any]] = {
            "on_part_begin": self._begin, "on_header_field": self._field, "on_header_value": self._value,
            "on_header_end": self._header_end, "on_headers_finished": self._open, "on_part_data": self._data,
            "on_part_end": self._end, "on_end": self._finish,
        }  # fmt: skip
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # its own TypedDict of the same

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError:
            raise DoorRefusal(400, "This form cannot be understood.") from None

    def value(self, name: str) -> str:
        return next(iter(self.fields.get(name, ())), "")

    def discard(self) -> None:
        """What did not arrive whole was never here."""
        if self._spooling is not None:
            self._spooling.discard()
        for arrival in self.finished:
            arrival.spooled.discard()

    def _begin(self) -> None:
        self._file_name, self._field_name, self._spooling = "", b"", None
        self._field_value = bytearray()

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _kind, options = parse_options_header(self._text)
            name = options.get(b"filename", b"").decode("utf-8", "replace").replace("%22", '"')
            self._file_name, self._field_name = name_within(name), options.get(b"name", b"")
        self._name = self._text = b""

    def _open(self) -> None:
        """A part without a file name is a field, or a file that was not chosen."""
        if self._file_name:
            self.file_count += 1
            is_one_of_them = self._most is None or self.file_count <= self._most
            self._spooling = Spooling(self._limit_bytes) if is_one_of_them else None

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._file_name:
            self._field_bytes += end - start
            if self._field_bytes > settings().max_body_bytes:
                limit = f"{settings().max_body_bytes:,}"
                raise TooLarge(Sentence("The body may have {limit} bytes.", limit=limit))
            self._field_value += data[start:end]
        if self._spooling is None:
            return
        try:
            self._spooling.write(memoryview(data)[start:end])
        except TooLarge as refusal:  # this file alone; the others go on
            self.refused.append((self._file_name, refusal))
            self._spooling.discard()
            self._spooling = None

    def _end(self) -> None:
        if self._spooling is not None:
            self.finished.append(Arrival(self._spooling.finish(), self._file_name))
        elif not self._file_name:
            name = self._field_name.decode("utf-8", "replace")
            self.fields.setdefault(name, []).append(self._field_value.decode("utf-8", "replace"))
        self._spooling = None

    def _finish(self) -> None:
        self.is_complete = True  # the closing boundary was seen; the parser's own finalize() misses a cut


async def begun(request: Request, limit_bytes: int, most: int | None = None) -> Parts:
    """Once it is known who sends; before the first byte is taken there is a look at the disk."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:  # RFC 2046 5.1.1
        raise DoorRefusal(415, "Send files by the form.")
    await to_thread.run_sync(ask_for_room, content_length(request) or 0)
    return Parts(boundary, limit_bytes, most)


async def fed(parts: Parts, stream: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Batch by batch, so that between two the caller takes what is whole."""
    batch = bytearray()
    async for chunk in stream:
        batch += chunk
        if len(batch) >= BATCH_BYTES:
            await to_thread.run_sync(parts.feed, bytes(batch), limiter=writers())
            yield
            batch = bytearray()
    await to_thread.run_sync(parts.feed, bytes(batch), limiter=writers())
    yield
