"""A multipart/related answer (PS3.18 8.6.1.2), streamed from the store: its length is known beforehand."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from app.dicom.facts import Range
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import Spooled

CHUNK_BYTES = 1 << 18
SMALL_BYTES = 4 << 20  # an answer up to here is put together in memory: one write instead of many


@dataclass(frozen=True)
class Body:
    """One part: bytes, ranges of a blob, or a file in the spool that is gone when it was sent."""

    media_type: str
    source: bytes | Blob | Spooled
    ranges: Sequence[Range] = ()
    location: str = ""

    @property
    def size_bytes(self) -> int:
        if isinstance(self.source, bytes):
            return len(self.source)
        if isinstance(self.source, Spooled):
            return self.source.size_bytes
        return sum(length for _, length in self.ranges)

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source
            return
        if isinstance(self.source, Spooled):
            yield from _sent(self.source)
            return
        for offset, length in self.ranges:
            yield from blobs.read(self.source, offset, offset + length)


def _sent(spooled: Spooled) -> Iterator[bytes]:
    try:
        with spooled.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    finally:
        spooled.discard()


def whole(blob: Blob, media_type: str, location: str = "") -> Body:
    return Body(media_type, blob, [(0, blob.size_bytes)], location)


def multipart(bodies: Sequence[Body], kind: str) -> Response:
    """`kind` is the type of the parts, which the answer's own type names."""
    boundary = secrets.token_hex(16)
    heads = [_head(boundary, body, first=at == 0) for at, body in enumerate(bodies)]
    end = f"\r\n--{boundary}--\r\n".encode()
    length = sum(len(head) + body.size_bytes for head, body in zip(heads, bodies, strict=True)) + len(end)
    media_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    chunks = _chunks(heads, bodies, end)
    if length <= SMALL_BYTES:
        return Response(b"".join(chunks), media_type=media_type)
    return StreamingResponse(chunks, headers={"Content-Length": str(length)}, media_type=media_type)


def _head(boundary: str, body: Body, *, first: bool) -> bytes:
    location = f"\r\nContent-Location: {body.location}" if body.location else ""
    start = "" if first else "\r\n"
    return f"{start}--{boundary}\r\nContent-Type: {body.media_type}{location}\r\n\r\n".encode("latin-1", "replace")


def _chunks(heads: list[bytes], bodies: Sequence[Body], end: bytes) -> Iterator[bytes]:
    for head, body in zip(heads, bodies, strict=True):
        yield head
        yield from body.chunks()
    yield end
