"""WADO-RS of bulk data (PS3.18 10.4.1.1.5): whatever the metadata name by a BulkDataURI."""

from functools import partial
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from app.access.actor import WORKER, Actor
from app.db import reading
from app.dicom import syntaxes
from app.dicomweb import accept, frames
from app.dicomweb.accept import Range
from app.dicomweb.multipart import Body, alone, multipart
from app.dicomweb.resolve import Target
from app.dicomweb.retrieve import INSTANCE, one
from app.dicomweb.uncompressed import octets, refuse_too_large
from app.errors import NotFound
from app.http.actor import Acting
from app.http.description import answered
from app.studies.models import InstanceHeader

router = APIRouter(responses=answered("multipart/related", "application/octet-stream"))
OCTETS, PDF, PIXEL_DATA, DOCUMENT = "application/octet-stream", "application/pdf", "7FE00010", "00420011"
# The bytes are a sender's own: a browser that comes here by itself saves them, and runs nothing of them.
KEPT_APART = {"Content-Disposition": "attachment", "Content-Security-Policy": "default-src 'none'; sandbox"}


@router.get(INSTANCE + "/bulkdata/{name}", response_class=Response, summary="Retrieve bulk data (WADO-RS)")
def bulk_data(
    study_uid: str, series_uid: str, uid: str, name: str, request: Request, who: Acting,
    organization: UUID | None = None,
) -> Response:  # fmt: skip
    target = one(who, study_uid, series_uid, uid, organization)
    is_packed = name == PIXEL_DATA and target.facts.frames is not None and not target.facts.frames.stride
    count = target.frame_count if is_packed else 1
    offered = _of_frames(target) if is_packed else _of_value(target, name)
    for wanted in accept.ranges(request):
        is_single = not wanted.is_multipart and (wanted.kind != "*/*" or count == 1)
        found = None if is_single and count > 1 else _chosen(wanted, target, offered, is_packed=is_packed)
        if found is None:
            continue
        kind, syntax = found
        bodies = _frames(who, target, kind, syntax) if is_packed else [_value(target, name, kind)]
        return alone(bodies[0], KEPT_APART) if is_single else multipart(bodies, kind)
    forms = [f'multipart/related; type="{kind}"' for kind in offered]
    raise accept.refusal(*(offered if count == 1 else ()), *forms)


def _of_frames(target: Target) -> list[str]:
    """The stored media type, and decoded but for a film."""
    is_video = target.facts.pixels is not None and target.facts.pixels.is_video
    return [syntaxes.media_type(target.transfer_syntax_uid), *([] if is_video else [OCTETS])]


def _of_value(target: Target, name: str) -> list[str]:
    """Of a document only a PDF is called what its sender calls it."""
    is_pdf = name == DOCUMENT and target.facts.document_mime_type == PDF
    return [PDF, OCTETS] if is_pdf else [OCTETS]


def _chosen(wanted: Range, target: Target, offered: list[str], *, is_packed: bool) -> tuple[str, str] | None:
    """(media type, transfer syntax), as of frames where it is compressed pixel data."""
    if not is_packed:
        kind = next((one for one in offered if wanted.takes(one)), None)
        return (kind, "") if kind else None
    found = frames.representation(wanted, target.transfer_syntax_uid)
    return found if found and found[0] in offered else None


def _frames(who: Actor, target: Target, kind: str, syntax: str) -> list[Body]:
    """One part a frame; of a film the stream, which is one."""
    if kind == OCTETS:
        refuse_too_large(target)
    return [frames.body(who, target, number, kind, syntax) for number in range(1, target.frame_count + 1)]


def _value(target: Target, name: str, kind: str) -> Body:
    place = bulk_of(target.id).get(name)
    if place is None:
        raise NotFound
    offset, length, word_bytes = place
    if word_bytes > 1:  # kept big endian
        return Body(kind, partial(octets, target.blob, offset, length, word_bytes), [(offset, length)])
    return Body(kind, target.blob, [(offset, length)])


def bulk_of(instance_id: UUID) -> dict[str, tuple[int, int, int]]:
    with reading(WORKER) as session:
        found = session.scalar(sa.select(InstanceHeader.bulk).where(InstanceHeader.id == instance_id))
    return {name: (place[0], place[1], place[2]) for name, place in (found or {}).items()}
