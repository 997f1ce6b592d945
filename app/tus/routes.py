"""/uploads: creation, HEAD, PATCH and DELETE of tus 1.0."""

import time
from uuid import UUID

import anyio
from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.config import settings
from app.db import reading, transaction
from app.errors import TooLarge
from app.http.actor import Acting
from app.http.idempotency import RequestKey, once, streamed_key
from app.http.limits import content_length
from app.http.problems import DoorRefusal
from app.storage.spool import ask_for_room, writers
from app.tus import begin, finish, own, protocol
from app.tus import end as ends
from app.tus import lease as leases
from app.tus.models import Upload, UploadState
from app.tus.protocol import TusRoute
from app.tus.writing import Writing, drain

ROOT = "/uploads"
router = APIRouter(prefix=ROOT, route_class=TusRoute, include_in_schema=False)
ASK_AGAIN_S = 0.05


@router.options("")
@router.options("/{upload_id}")
def options() -> Response:
    return Response(status_code=204, headers={
        "Tus-Version": protocol.VERSION, "Tus-Extension": protocol.EXTENSIONS,
        "Tus-Max-Size": str(settings().max_file_bytes), "Tus-Checksum-Algorithm": ",".join(protocol.ALGORITHMS),
    })  # fmt: skip


@router.post("", status_code=201)
async def create(request: Request, who: Acting) -> Response:
    """With a body of `application/offset+octet-stream` the first bytes too."""
    if "upload-concat" in request.headers or "upload-defer-length" in request.headers:
        raise DoorRefusal(400, "Neither concatenation nor a length that comes later are had here.")
    size_bytes, metadata = protocol.number(request, "Upload-Length"), protocol.metadata(request)
    answer = Response(status_code=201)
    has_body = content_length(request) != 0 and "content-type" in request.headers
    if has_body:
        protocol.require_content_type(request)
        _refuse_more(content_length(request), size_bytes)
    checksum = protocol.checksum(request)
    key = streamed_key(request, who, answer, "upload-length", "upload-metadata")
    given = request.headers.get("upload-metadata", "")
    upload, is_new = await to_thread.run_sync(_begin, who, size_bytes, metadata, given, key, limiter=writers())
    answer.headers["Location"] = f"{ROOT}/{upload.id}"
    if is_new and (has_body or size_bytes == 0):
        upload = await _append(request, who, upload.id, 0, checksum)
    return _said(answer, upload)


@router.head("/{upload_id}")
async def look(upload_id: UUID, who: Acting) -> Response:
    """Where to go on. Whoever still writes, on a line that its client has given up, lets go first."""
    upload = await to_thread.run_sync(_find, who, upload_id)
    if upload.state == UploadState.RECEIVING:
        await _until_free(who, upload_id)
        upload = await to_thread.run_sync(_whole_or_not, who, upload_id)
    answer = _said(Response(), upload)
    answer.headers["Upload-Length"] = str(upload.size_bytes)
    if upload.given:
        answer.headers["Upload-Metadata"] = upload.given
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.patch("/{upload_id}")
async def append(upload_id: UUID, request: Request, who: Acting) -> Response:
    protocol.require_content_type(request)
    offset_bytes, checksum = protocol.number(request, "Upload-Offset"), protocol.checksum(request)
    return _said(Response(status_code=204), await _append(request, who, upload_id, offset_bytes, checksum))


@router.delete("/{upload_id}")
async def end(upload_id: UUID, who: Acting) -> Response:
    await to_thread.run_sync(ends.refuse_done, who, upload_id)
    await _until_free(who, upload_id)
    await to_thread.run_sync(ends.end, who, upload_id)
    return Response(status_code=204)


@router.post("/{upload_id}")
async def overridden(upload_id: UUID, request: Request, who: Acting) -> Response:
    """For clients that can send no other methods (tus 1.0, X-HTTP-Method-Override)."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await append(upload_id, request, who)
    if method == "DELETE":
        return await end(upload_id, who)
    raise DoorRefusal(405, "This cannot be done here.", headers={"Allow": "HEAD, PATCH, DELETE, OPTIONS"})


async def _append(
    request: Request, who: Actor, upload_id: UUID, offset_bytes: int, checksum: protocol.Checksum | None
) -> Upload:
    """Take the body; where the file is whole with it, record it before this is answered."""
    length = content_length(request)
    # Never the threads that answer other requests: many uploads at once wait for each other here.
    writing = await to_thread.run_sync(_open, who, upload_id, offset_bytes, length, limiter=writers())
    try:
        writing.check_with(checksum)
        came_whole = await drain(request.stream(), writing)
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(_settle, writing, checksum, came_whole, limiter=writers())
        if not came_whole:
            raise leases.busy()  # heard only where the line still stands, and somebody else asked to go on
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(writing.close, limiter=writers())
    return writing.upload


def _begin(
    who: Actor, size_bytes: int, metadata: dict[str, str], given: str, key: RequestKey | None
) -> tuple[Upload, bool]:
    begin.refuse_size(size_bytes, metadata)
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            upload = own.mine(session, who, done.resource_id)
            if upload.state not in (UploadState.RECEIVING, UploadState.DONE):
                raise own.over(upload)
            return upload, False
        upload = begin.begin(session, who, size_bytes, metadata, given)
        done.keep(201, upload.id)
        return upload, True


def _open(who: Actor, upload_id: UUID, offset_bytes: int, length: int | None) -> Writing:
    """Everything that can be refused, before a byte is read."""

    def check(upload: Upload) -> None:
        if upload.offset_bytes != offset_bytes:
            headers = {"Upload-Offset": str(upload.offset_bytes)}
            raise DoorRefusal(409, "Ask with HEAD where this upload stands, and go on from there.", headers=headers)
        _refuse_more(length, upload.size_bytes - offset_bytes)

    lease, upload = leases.take(who, upload_id, lambda session: own.going_on(session, who, upload_id), check)
    try:
        ask_for_room(length or 0)
        return Writing(who, lease, upload)
    except BaseException:
        leases.let_go(lease)
        raise


def _settle(writing: Writing, checksum: protocol.Checksum | None, came_whole: bool) -> None:
    writing.end(checksum, came_whole=came_whole)
    if writing.is_complete:
        finish.finish(writing)


def _find(who: Actor, upload_id: UUID) -> Upload:
    with reading(who) as session:
        upload = own.mine(session, who, upload_id)
    if upload.state not in (UploadState.RECEIVING, UploadState.DONE):
        raise own.over(upload)
    return upload


def _whole_or_not(who: Actor, upload_id: UUID) -> Upload:
    """All bytes and no record: a server was killed in between. To its client it would look complete."""
    upload = _find(who, upload_id)
    if upload.state == UploadState.RECEIVING and upload.offset_bytes == upload.size_bytes:
        return ends.complete(who, upload_id, lambda session: own.going_on(session, who, upload_id))
    return upload


async def _until_free(who: Actor, upload_id: UUID) -> None:
    if not await to_thread.run_sync(leases.ask, who, upload_id):
        return
    until = time.monotonic() + settings().upload_let_go_s
    while not await to_thread.run_sync(leases.is_free, who, upload_id):
        if time.monotonic() > until:
            raise leases.busy()
        await anyio.sleep(ASK_AGAIN_S)


def _refuse_more(length: int | None, room_bytes: int) -> None:
    if length is not None and length > room_bytes:
        raise TooLarge("These are more bytes than Upload-Length said.")


def _said(answer: Response, upload: Upload) -> Response:
    answer.headers["Upload-Offset"] = str(upload.offset_bytes)
    if upload.state == UploadState.RECEIVING:
        answer.headers["Upload-Expires"] = protocol.expires(upload.expires_at)
    return answer
