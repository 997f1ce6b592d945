"""A multipart/related body as it streams in: each part in a file of the spool, counted and hashed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from anyio import to_thread
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.config import settings
from app.errors import TooLarge
from app.http.problems import DoorRefusal
from app.storage.spool import BATCH_BYTES, Spooled, Spooling, ask_for_room, writers

BOUNDARY_CHARS = 70  # RFC 2046 5.1.1


@dataclass
class Part:
    """One part's headers, and its bytes in the spool."""

    headers: dict[str, str] = field(default_factory=dict)
    spooled: Spooled | None = None

    @property
    def media_type(self) -> str:
        return media_type(self.headers.get("content-type", ""))[0]

    def file(self) -> Spooled:
        if self.spooled is None:
            raise DoorRefusal(400, "The body was cut off.")
        return self.spooled


class Parts:
    """Fed in threads, in order; `close` says that the body ended where it should."""

    def __init__(self, content_type: str) -> None:
        kind, parameters = media_type(content_type)
        self.parts: list[Part] = []
        self._spooling: Spooling | None = None
        self._parser: MultipartParser | None = None
        self._total_bytes = 0
        self._complete = self._begun = False
        self._name, self._value = b"", b""
        if kind == "multipart/related":
            self._parser = self._reader(parameters.get("boundary", ""))
        else:  # the body is one part
            self._begin()
            self.parts[0].headers["content-type"] = content_type

    def feed(self, data: bytes | bytearray) -> None:
        self._total_bytes += len(data)
        if self._total_bytes > settings().max_stow_bytes:
            raise TooLarge("The request is larger than the limit here; send it in several.")
        if self._parser is None:
            self._data(data, 0, len(data))
            return
        if not self._begun:  # the parser would skip more than empty lines, depending on how the body was cut
            data = data.lstrip(b"\r\n")
            self._begun = bool(data)
        try:
            self._parser.write(data)  # type: ignore[arg-type]  # it takes whatever can be sliced and searched
        except MultipartParseError as wrong:
            raise DoorRefusal(400, "The body is not the multipart that its boundary says.") from wrong

    def close(self) -> list[Part]:
        if self._parser is None:
            self._end()
            self._complete = True
        if not self._complete:  # the parser itself does not notice a missing end
            raise DoorRefusal(400, "The body was cut off. Nothing of it was stored.")
        return self.parts

    def discard(self) -> None:
        if self._spooling is not None:
            self._spooling.discard()
        for part in self.parts:
            if part.spooled is not None:
                part.spooled.discard()

    def _reader(self, boundary: str) -> MultipartParser:
        if not 1 <= len(boundary) <= BOUNDARY_CHARS or not boundary.isascii():
            raise DoorRefusal(400, "Say in Content-Type which boundary separates the parts.")
        return MultipartParser(boundary.encode(), {
            "on_part_begin": self._begin, "on_header_field": self._header_name, "on_header_value": self._header_value,
            "on_header_end": self._header_end, "on_part_data": self._data, "on_part_end": self._end,
            "on_end": self._finish,
        })  # fmt: skip

    def _begin(self) -> None:
        if len(self.parts) >= settings().max_stow_parts:
            raise TooLarge(f"A request may have {settings().max_stow_parts:,} parts; send it in several.")
        self.parts.append(Part())
        self._spooling = Spooling(settings().max_file_bytes)

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self.parts[-1].headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1").strip()
        self._name = self._value = b""

    def _data(self, data: bytes | bytearray, start: int, end: int) -> None:
        if self._spooling is not None:
            self._spooling.write(memoryview(data)[start:end])

    def _end(self) -> None:
        if self._spooling is not None:
            self.parts[-1].spooled = self._spooling.finish()
            self._spooling = None

    def _finish(self) -> None:
        self._complete = True


async def drain(stream: AsyncIterator[bytes], parts: Parts, expected_bytes: int) -> bytearray:
    """Feed all but the last batch, which the caller feeds in the thread that then goes on with the parts."""
    ask_for_room(expected_bytes)
    batch = bytearray()
    async for chunk in stream:
        batch += chunk
        if len(batch) >= BATCH_BYTES:
            await to_thread.run_sync(parts.feed, batch, limiter=writers())
            batch = bytearray()
    return batch


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """The type in lower case, and its parameters without their quotes (RFC 9110 8.3.1)."""
    kind, parameters = parse_options_header(value)
    return kind.decode("latin-1").lower(), {
        name.decode("latin-1").lower(): text.decode("latin-1") for name, text in parameters.items()
    }
