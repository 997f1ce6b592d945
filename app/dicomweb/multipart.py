"""A multipart/related answer (PS3.18 8.6.1.2), streamed from the store, decoded part by part as it is sent."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from starlette.responses import Response, StreamingResponse

from app.dicom.facts import Range
from app.storage import blobs
from app.storage.blobs import Blob

FIRST_PIECES = 4  # a part's head, the frame that is decoded for it, the end: one is sent as a whole
SMALL_BYTES = 4 << 20  # an answer up to here is put together in memory: one write instead of many


@dataclass(frozen=True)
class Body:
    """One part: bytes, ranges of a blob, or what is made when its turn comes."""

    media_type: str
    source: bytes | Blob | Callable[[], Iterator[bytes]]
    ranges: Sequence[Range] = ()
    location: str = ""

    @property
    def size_bytes(self) -> int | None:
        """None where only its making tells; `ranges` say it otherwise."""
        if isinstance(self.source, bytes):
            return len(self.source)
        return sum(length for _, length in self.ranges) if self.ranges else None

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source
        elif isinstance(self.source, Blob):
            for offset, length in self.ranges:
                yield from blobs.read(self.source, offset, offset + length)
        else:
            yield from self.source()


def whole(blob: Blob, media_type: str, location: str = "") -> Body:
    return Body(media_type, blob, [(0, blob.size_bytes)], location)


def multipart(bodies: Sequence[Body], kind: str) -> Response:
    """`kind` is the type of the parts, which the answer's own type names."""
    boundary = secrets.token_hex(16)
    heads = [_head(boundary, body, first=at == 0) for at, body in enumerate(bodies)]
    end = f"\r\n--{boundary}--\r\n".encode()
    media_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    return streamed(_chunks(heads, bodies, end), media_type, _length([*heads, end], bodies))


def alone(body: Body, headers: dict[str, str] | None = None) -> Response:
    """The one part as the answer itself (PS3.18 8.6.1.1)."""
    return streamed(body.chunks(), body.media_type, body.size_bytes, headers)


def streamed(
    chunks: Iterator[bytes], media_type: str, size_bytes: int | None, headers: dict[str, str] | None = None
) -> Response:
    """Where no length is known beforehand, what cannot be made at all is refused before the answer begins."""
    if size_bytes is not None and size_bytes <= SMALL_BYTES:
        return Response(b"".join(chunks), headers=headers, media_type=media_type)
    if size_bytes is not None:
        length = {"Content-Length": str(size_bytes)}
        return StreamingResponse(chunks, headers={**(headers or {}), **length}, media_type=media_type)
    first = [piece for _, piece in zip(range(FIRST_PIECES), chunks, strict=False)]
    if len(first) < FIRST_PIECES:
        return Response(b"".join(first), headers=headers, media_type=media_type)
    return StreamingResponse(chain(first, chunks), headers=headers, media_type=media_type)


def _length(around: Sequence[bytes], bodies: Sequence[Body]) -> int | None:
    total = sum(len(one) for one in around)
    for body in bodies:
        size_bytes = body.size_bytes
        if size_bytes is None:
            return None
        total += size_bytes
    return total


def _head(boundary: str, body: Body, *, first: bool) -> bytes:
    location = f"\r\nContent-Location: {body.location}" if body.location else ""
    start = "" if first else "\r\n"
    return f"{start}--{boundary}\r\nContent-Type: {body.media_type}{location}\r\n\r\n".encode("latin-1", "replace")


def _chunks(heads: list[bytes], bodies: Sequence[Body], end: bytes) -> Iterator[bytes]:
    for head, body in zip(heads, bodies, strict=True):
        yield head
        yield from body.chunks()
    yield end
