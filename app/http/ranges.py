"""Stored bytes as an answer, whole or by range (RFC 9110 14), kept by the browser under their digest."""

from collections.abc import Iterator
from email.utils import formatdate
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.http.etag import is_unchanged
from app.http.problems import DoorRefusal
from app.storage import blobs
from app.storage.blobs import Blob

KEPT_BY_THE_BROWSER = "private, max-age=3600"  # never by a proxy; the reading room asks for frames again and again


def stored(blob: Blob, request: Request, *, name: str | None = None, media_type: str | None = None) -> Response:
    """A blob as an answer; with a name it is downloaded, never shown by the browser itself (RFC 9110 14, RFC 6266)."""
    headers = {
        "ETag": f'"{blob.sha256}"', "Accept-Ranges": "bytes", "Cache-Control": KEPT_BY_THE_BROWSER,
        "Last-Modified": formatdate((blob.stored_at or blob.created_at).timestamp(), usegmt=True),
    }  # fmt: skip
    if name is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    if is_unchanged(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    wanted = _range(request, blob)
    start, end = wanted or (0, blob.size_bytes)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size_bytes}"
    body: Iterator[bytes] = blobs.read(blob, start, end)
    return StreamingResponse(body, 206 if wanted else 200, headers, media_type or blob.media_type)


def _range(request: Request, blob: Blob) -> tuple[int, int] | None:
    """(start, end) of a single range, the end not included; several are answered whole, as RFC 9110 14.2 allows."""
    given = request.headers.get("range", "")
    if_range = request.headers.get("if-range")
    if not given.startswith("bytes=") or "," in given or (if_range and if_range != f'"{blob.sha256}"'):
        return None
    first, dash, last = given.removeprefix("bytes=").strip().partition("-")
    if not dash or not (first or last) or not (first + last).isdecimal() or len(first + last) > 40:
        return None
    size = blob.size_bytes
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= size or end <= start:
        raise DoorRefusal(416, "The file ends before that.", headers={"Content-Range": f"bytes */{size}"})
    return start, end
