"""The file form without script: its parts go to the spool as they come, and each is received by itself."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.access.actor import Actor
from app.config import settings
from app.errors import Invalid, TooLarge
from app.http.actor import Acting
from app.http.problems import DoorRefusal
from app.referrals.given import name_within
from app.referrals.models import Referral
from app.storage.spool import BATCH_BYTES, Spooling, ask_for_room, writers
from app.studies.ingest import Arrival
from app.studies.receive import may_send, quarantine, receive
from app.studies.unpack import is_archive, unpack
from app.web.pages import see_other

router = APIRouter(include_in_schema=False)


class Parts:
    """A multipart/form-data body (RFC 7578) as it comes: finished files lie in `finished` until they are taken."""

    def __init__(self, boundary: bytes) -> None:
        self.finished: list[Arrival] = []
        self.refused: list[tuple[str, TooLarge]] = []
        self.is_complete = False
        self._name = self._text = b""
        self._file_name = ""
        self._spooling: Spooling | None = None
        callbacks: dict[str, Callable[..., Any]] = {
            "on_part_begin": self._begin, "on_header_field": self._field, "on_header_value": self._value,
            "on_header_end": self._header_end, "on_headers_finished": self._open, "on_part_data": self._data,
            "on_part_end": self._end, "on_end": self._finish,
        }  # fmt: skip
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # its own TypedDict of the same

    def feed(self, data: bytes) -> None:
        self._parser.write(data)

    def discard(self) -> None:
        """What did not arrive whole was never here."""
        if self._spooling is not None:
            self._spooling.discard()
        for arrival in self.finished:
            arrival.spooled.discard()

    def _begin(self) -> None:
        self._file_name, self._spooling = "", None

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _kind, options = parse_options_header(self._text)
            name = options.get(b"filename", b"").decode("utf-8", "replace").replace("%22", '"')
            self._file_name = name_within(name)
        self._name = self._text = b""

    def _open(self) -> None:
        """A part without a file name is a field, or a file that was not chosen."""
        self._spooling = Spooling(settings().max_file_bytes) if self._file_name else None

    def _data(self, data: bytes, start: int, end: int) -> None:
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
        self._spooling = None

    def _finish(self) -> None:
        self.is_complete = True  # the closing boundary was seen; the parser's own finalize() misses a cut


@router.post("/referrals/{referral_id}/files")
async def send_files(referral_id: UUID, who: Acting, request: Request) -> Response:
    """Who may send is asked before the first byte; what is refused has its line on the page it comes back to."""
    referral = await to_thread.run_sync(may_send, who, referral_id)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:  # RFC 2046 5.1.1
        raise DoorRefusal(415, "Send files by the form.")
    length = request.headers.get("content-length", "")
    await to_thread.run_sync(ask_for_room, int(length) if length.isdigit() else 0)
    count, refused = await _drained(who, referral, request.stream(), Parts(boundary))
    if refused:
        raise TooLarge(" ".join(refused))
    if count == 0:
        raise Invalid("Choose at least one file.", field="file")
    return see_other(f"/referrals/{referral_id}#files")


async def _drained(who: Actor, referral: Referral, stream: AsyncIterator[bytes], parts: Parts) -> tuple[int, list[str]]:
    """How many files came, and what was too large; a body cut short keeps the files before the cut."""
    count, refused, batch = 0, list[str](), bytearray()
    try:
        async for chunk in stream:
            batch += chunk
            if len(batch) >= BATCH_BYTES:
                count += await _taken(who, referral, parts, bytes(batch))
                refused += await _refused(who, referral, parts)
                batch = bytearray()
        count += await _taken(who, referral, parts, bytes(batch))
        refused += await _refused(who, referral, parts)
    finally:
        parts.discard()
    if not parts.is_complete:
        raise DoorRefusal(
            400, "The form was cut off on its way. The files before the cut are safe; send the others again."
        )
    return count, refused


async def _refused(who: Actor, referral: Referral, parts: Parts) -> list[str]:
    """What was too large has its line like any other file, without a digest."""
    said = []
    while parts.refused:
        name, refusal = parts.refused.pop(0)
        await to_thread.run_sync(quarantine, who, referral.id, name, refusal)
        said.append(f"{name}: {refusal.sentence}")
    return said


async def _taken(who: Actor, referral: Referral, parts: Parts, data: bytes) -> int:
    """Write what came; receive each file that is whole now."""
    try:
        await to_thread.run_sync(parts.feed, data, limiter=writers())
    except FormParserError:
        raise DoorRefusal(400, "This form cannot be understood.") from None
    count = 0
    while parts.finished:
        arrival = parts.finished.pop(0)
        try:
            await to_thread.run_sync(_received, who, referral, arrival)
        finally:
            arrival.spooled.discard()
        count += 1
    return count


def _received(who: Actor, referral: Referral, arrival: Arrival) -> None:
    try:
        if is_archive(arrival.spooled):
            unpack(who, referral, arrival)
        else:
            receive(who, referral, arrival)
    except Invalid as refusal:
        if "file_id" not in refusal.facts:  # quarantined: its line says why
            raise
