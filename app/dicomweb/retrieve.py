"""WADO-RS (PS3.18 10.4): whole studies, series and instances as they were stored, and their metadata."""

import zlib
from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from app.access.actor import Actor
from app.audit import events
from app.db import reading
from app.dicom import syntaxes
from app.dicomweb import accept
from app.dicomweb.addresses import instance_url
from app.dicomweb.answers import DICOM_JSON, FOUND, json_bytes
from app.dicomweb.multipart import Body, multipart, whole
from app.dicomweb.resolve import Target, instance_of, instances_of, series_of, study_of
from app.dicomweb.uncompressed import uncompressed
from app.errors import NotFound
from app.http.actor import Acting
from app.http.description import answered
from app.http.ranges import stored
from app.studies import headers
from app.studies.images import taken_back
from app.studies.models import Instance, InstanceHeader, Series

router = APIRouter(responses=answered("multipart/related", "application/dicom"))
DICOM = "application/dicom"
STUDY, SERIES = "/studies/{study_uid}", "/studies/{study_uid}/series/{series_uid}"
INSTANCE = SERIES + "/instances/{uid}"
BATCH = 1_000  # headers read at a time: memory stays bounded however large a study is


@router.get(STUDY, response_class=Response, summary="Retrieve a study (WADO-RS)")
def study(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _retrieve(request, _several(who, organization, study_uid, None))


@router.get(SERIES, response_class=Response, summary="Retrieve a series (WADO-RS)")
def series(
    study_uid: str, series_uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _retrieve(request, _several(who, organization, study_uid, series_uid))


@router.get(INSTANCE, response_class=Response, summary="Retrieve an instance (WADO-RS)")
def instance(
    study_uid: str, series_uid: str, uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    target = one(who, study_uid, series_uid, uid, organization, "study.retrieved")
    if _wants_single(request) and _how(request, target) == target.transfer_syntax_uid:
        return stored(target.blob, request, media_type=_type_of(target.transfer_syntax_uid))
    return _retrieve(request, [target])


@router.get(
    STUDY + "/metadata", response_class=Response, responses=FOUND, summary="Retrieve a study's metadata (WADO-RS)"
)
def study_metadata(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _metadata(request, who, organization, study_uid)


@router.get(
    SERIES + "/metadata", response_class=Response, responses=FOUND, summary="Retrieve a series' metadata (WADO-RS)"
)
def series_metadata(
    study_uid: str, series_uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _metadata(request, who, organization, study_uid, series_uid)


@router.get(
    INSTANCE + "/metadata",
    response_class=Response,
    responses=FOUND,
    summary="Retrieve an instance's metadata (WADO-RS)",
)
def instance_metadata(
    study_uid: str, series_uid: str, uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _metadata(request, who, organization, study_uid, series_uid, uid)


def one(
    who: Actor, study_uid: str, series_uid: str, uid: str, organization_id: UUID | None, action: str = "study.viewed"
) -> Target:
    """The instance, its opening on the record before the first byte goes out."""
    with reading(who) as session:
        target = instance_of(session, who, study_uid, series_uid, uid, organization_id)
    events.note_opening(who, action, organization_id=target.organization_id, entity_id=target.study_id)
    return target


def _several(who: Actor, organization_id: UUID | None, study_uid: str, series_uid: str | None) -> list[Target]:
    with reading(who) as session:
        found = study_of(session, who, study_uid, organization_id)
        targets = instances_of(session, who, found, series_of(session, found, series_uid) if series_uid else None)
    if not targets:
        raise NotFound
    events.note_opening(who, "study.retrieved", organization_id=found.organization_id, entity_id=found.id)
    return targets


def _retrieve(request: Request, targets: list[Target]) -> Response:
    """Each instance as it is where that is acceptable, uncompressed where only that is."""
    bodies = [_body(target, _how(request, target)) for target in targets]
    return multipart(bodies, DICOM)


def _body(target: Target, syntax: str) -> Body:
    location = instance_url(target.study_uid, target.series_uid, target.uid)
    if syntax == target.transfer_syntax_uid:
        return whole(target.blob, _type_of(syntax), location)
    return Body(_type_of(syntax), uncompressed(target), location=location)


def _how(request: Request, target: Target) -> str:
    """The transfer syntax to send: the first acceptable one; without a word about it, or by *, the stored one."""
    for wanted in accept.ranges(request):
        if wanted.takes(DICOM):
            if wanted.transfer_syntax in ("", "*", target.transfer_syntax_uid):
                return target.transfer_syntax_uid
            if (
                wanted.transfer_syntax == syntaxes.EXPLICIT_LE
                and target.facts.pixels
                and not target.facts.pixels.is_video
            ):
                return syntaxes.EXPLICIT_LE
    kinds = dict.fromkeys((target.transfer_syntax_uid, syntaxes.EXPLICIT_LE))
    raise accept.refusal(*(f'multipart/related; type="{DICOM}"; transfer-syntax={one}' for one in kinds))


def _wants_single(request: Request) -> bool:
    """The instance alone, not as the only part of a multipart (PS3.18 8.7.3.1)."""
    best = next((one for one in accept.ranges(request) if one.takes(DICOM)), None)
    return best is not None and not best.is_multipart and best.kind == DICOM


def _type_of(syntax: str) -> str:
    return f"{DICOM}; transfer-syntax={syntax}"


def _metadata(
    request: Request, who: Actor, organization_id: UUID | None,
    study_uid: str, series_uid: str | None = None, uid: str | None = None,
) -> Response:  # fmt: skip
    accept.require(request, DICOM_JSON, "application/json")
    with reading(who) as session:
        found = study_of(session, who, study_uid, organization_id)
        wanted = [Instance.study_id == found.id, Instance.dicom_blob_id.is_not(None), ~taken_back(who)]
        wanted += [Instance.series_id == series_of(session, found, series_uid)] if series_uid else []
        wanted += [Instance.sop_instance_uid == uid] if uid else []
        missing = sa.select(Instance.id).where(*wanted, ~sa.exists().where(InstanceHeader.id == Instance.id))
        missing_ids = list(session.scalars(missing))
    for at in range(0, len(missing_ids), BATCH):
        headers.make_missing(who, missing_ids[at : at + BATCH])
    pages = _pages(who, study_uid, wanted)
    first = next(pages, [])
    if not first:
        raise NotFound
    events.note_opening(who, "study.viewed", organization_id=found.organization_id, entity_id=found.id)
    if len(first) < BATCH:
        return json_bytes(b"[" + b",".join(first) + b"]")
    return StreamingResponse(_streamed(first, pages), media_type=DICOM_JSON)


def _streamed(first: list[bytes], pages: Iterator[list[bytes]]) -> Iterator[bytes]:
    yield b"[" + b",".join(first)
    for page in pages:
        yield b"," + b",".join(page)
    yield b"]"


def _pages(who: Actor, study_uid: str, wanted: list[sa.ColumnElement[bool]]) -> Iterator[list[bytes]]:
    """The headers, some hundreds at a time, each with its bulk data at addresses of this service."""
    query = (
        sa.select(Instance.id, InstanceHeader.packed, Series.series_instance_uid, Instance.sop_instance_uid)
        .join(InstanceHeader, InstanceHeader.id == Instance.id)
        .join(Series, Series.id == Instance.series_id)
        .where(*wanted).order_by(Instance.id).limit(BATCH)
    )  # fmt: skip
    after: UUID | None = None
    while True:
        with reading(who) as session:
            rows = session.execute(query.where(Instance.id > after) if after else query).all()
        if rows:
            yield [with_addresses(packed, instance_url(study_uid, series, uid)) for _, packed, series, uid in rows]
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def with_addresses(packed: bytes, url: str) -> bytes:
    """A value cannot look like the name of a member: its quotes would be escaped."""
    return zlib.decompress(packed).replace(b'"BulkDataURI":"', f'"BulkDataURI":"{url}/bulkdata/'.encode())
