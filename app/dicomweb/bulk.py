"""WADO-RS of bulk data (PS3.18 10.4.1.1.5): whatever the metadata name by a BulkDataURI."""

from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from app.access.actor import WORKER
from app.db import reading
from app.dicom import syntaxes
from app.dicom.json_values import turned
from app.dicomweb import accept
from app.dicomweb.multipart import Body, multipart
from app.dicomweb.resolve import Target
from app.dicomweb.retrieve import INSTANCE, one
from app.errors import NotFound
from app.http.actor import Acting
from app.http.description import answered
from app.storage import blobs
from app.studies.models import InstanceHeader

router = APIRouter(responses=answered("multipart/related", "application/octet-stream"))
OCTETS, PIXEL_DATA, DOCUMENT = "application/octet-stream", "7FE00010", "00420011"


@router.get(INSTANCE + "/bulkdata/{name}", response_class=Response, summary="Retrieve bulk data (WADO-RS)")
def bulk_data(
    study_uid: str, series_uid: str, uid: str, name: str, request: Request, who: Acting,
    organization: UUID | None = None,
) -> Response:  # fmt: skip
    target = one(who, study_uid, series_uid, uid, organization)
    bodies = _bodies(target, name)
    kind = bodies[0].media_type.partition(";")[0]
    for wanted in accept.ranges(request):
        if wanted.takes(kind) or wanted.takes(OCTETS):
            if wanted.is_multipart or len(bodies) > 1:
                return multipart(bodies, kind)
            return _alone(bodies[0])
    raise accept.refusal(kind, f'multipart/related; type="{kind}"')


def _bodies(target: Target, name: str) -> list[Body]:
    """One value; of compressed pixel data one part a frame."""
    frames = target.facts.frames
    if name == PIXEL_DATA and frames is not None and not frames.stride:
        kind = syntaxes.media_type(target.transfer_syntax_uid)
        media_type = f"{kind}; transfer-syntax={target.transfer_syntax_uid}"
        ranges = [frames.ranges(number) for number in range(frames.count)]
        return [Body(media_type, target.blob, one) for one in ranges]
    place = bulk_of(target.id).get(name)
    if place is None:
        raise NotFound
    offset, length, word_bytes = place
    kind = (target.facts.document_mime_type or OCTETS) if name == DOCUMENT else OCTETS
    if word_bytes > 1:  # kept big endian
        return [Body(kind, turned(blobs.read_ranges(target.blob, [(offset, length)]), word_bytes))]
    return [Body(kind, target.blob, [(offset, length)])]


def bulk_of(instance_id: UUID) -> dict[str, tuple[int, int, int]]:
    with reading(WORKER) as session:
        found = session.scalar(sa.select(InstanceHeader.bulk).where(InstanceHeader.id == instance_id))
    return {name: (place[0], place[1], place[2]) for name, place in (found or {}).items()}


def _alone(body: Body) -> Response:
    chunks: Iterator[bytes] = body.chunks()
    return StreamingResponse(chunks, headers={"Content-Length": str(body.size_bytes)}, media_type=body.media_type)
