"""Pictures, films, pages and original files, by range where a player asks for one."""

from collections.abc import Iterator
from email.utils import formatdate
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from app.access import scope
from app.api.schemas import DocumentOut, InstanceOut
from app.db import reading
from app.http.actor import Acting
from app.http.etag import is_unchanged
from app.http.problems import DoorRefusal
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies import films, pictures
from app.studies.models import Document, Instance

router = APIRouter(tags=["media"])
KEPT_BY_THE_BROWSER = "private, max-age=3600"  # never by a proxy; the reading room asks for frames again and again


@router.get("/instances/{instance_id}")
def get_instance(instance_id: UUID, who: Acting) -> InstanceOut:
    with reading(who) as session:
        return InstanceOut.of(scope.get(session, Instance, instance_id, who))


@router.get("/instances/{instance_id}/preview", response_class=Response)
def get_preview(
    instance_id: UUID, who: Acting, request: Request, size: Annotated[int, Query(ge=64, le=1024)] = 1024
) -> Response:
    """WebP, at most 1024 px; of a clip its middle frame."""
    return stored(pictures.preview(who, pictures.instance_for(who, instance_id), size), request)


@router.get("/instances/{instance_id}/frames/{number}", response_class=Response)
def get_frame(instance_id: UUID, number: int, who: Acting, request: Request) -> Response:
    """Exactly frame `number` (from 1) as JPEG."""
    return stored(pictures.exact(who, pictures.instance_for(who, instance_id), number), request)


@router.get("/instances/{instance_id}/proxy", response_class=Response)
def get_proxy(instance_id: UUID, who: Acting, request: Request) -> Response:
    """A clip as a film that browsers play, at its recorded rate; 503 while it is being made."""
    return stored(films.proxy(who, pictures.instance_for(who, instance_id)), request)


@router.get("/instances/{instance_id}/original", response_class=Response)
def get_original(instance_id: UUID, who: Acting, request: Request) -> Response:
    """The file as it came."""
    instance = pictures.instance_for(who, instance_id)
    ending = {"dicom": "dcm", "jpeg": "jpg"}.get(instance.kind, instance.kind)
    return stored(instance.blob, request, name=f"{instance.id}.{ending}")


@router.get("/documents/{document_id}")
def get_document(document_id: UUID, who: Acting) -> DocumentOut:
    with reading(who) as session:
        return DocumentOut.of(scope.get(session, Document, document_id, who))


@router.get("/documents/{document_id}/pages/{number}", response_class=Response)
def get_page(document_id: UUID, number: int, who: Acting, request: Request) -> Response:
    return stored(pictures.page(who, pictures.document_for(who, document_id), number), request)


@router.get("/documents/{document_id}/original", response_class=Response)
def get_document_original(document_id: UUID, who: Acting, request: Request) -> Response:
    document = pictures.document_for(who, document_id)
    return stored(document.blob, request, name=document.name)


def stored(blob: Blob, request: Request, *, name: str | None = None) -> Response:
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
    return StreamingResponse(body, 206 if wanted else 200, headers, blob.media_type)


def _range(request: Request, blob: Blob) -> tuple[int, int] | None:
    """(start, end) of a single range, the end not included; several are answered whole, as RFC 9110 14.2 allows."""
    given = request.headers.get("range", "")
    if_range = request.headers.get("if-range")
    if not given.startswith("bytes=") or "," in given or (if_range and if_range != f'"{blob.sha256}"'):
        return None
    first, dash, last = given.removeprefix("bytes=").strip().partition("-")
    if not dash or not (first or last) or not (first + last).isdigit() or len(first + last) > 40:
        return None
    size = blob.size_bytes
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= size or end <= start:
        raise DoorRefusal(416, "The file ends before that.", headers={"Content-Range": f"bytes */{size}"})
    return start, end
