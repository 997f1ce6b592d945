"""WADO-RS (PS3.18 10.4): whole studies, series and instances as they were stored, and their metadata."""

import re
import zlib
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from app.access.actor import Actor
from app.audit import events
from app.db import reading
from app.dicom import syntaxes
from app.dicomweb import accept
from app.dicomweb.addresses import instance_url, whose
from app.dicomweb.answers import DICOM_JSON, FOUND, json_bytes
from app.dicomweb.multipart import Body, alone, multipart, whole
from app.dicomweb.resolve import Target, instance_of, instances_of, series_of, study_of
from app.dicomweb.uncompressed import refuse_too_large, uncompressed
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
BATCH = 1_000  # headers made at a time
_BULK = re.compile(rb'"BulkDataURI":"([^"]*)"')
PAGE_BYTES, ROWS = 16 << 20, 64  # of headers in memory at a time, and how many of them the database hands over


@router.get(STUDY, response_class=Response, summary="Retrieve a study (WADO-RS)")
def study(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _retrieve(request, who, _several(who, organization, study_uid, None))


@router.get(SERIES, response_class=Response, summary="Retrieve a series (WADO-RS)")
def series(
    study_uid: str, series_uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _retrieve(request, who, _several(who, organization, study_uid, series_uid))


@router.get(INSTANCE, response_class=Response, summary="Retrieve an instance (WADO-RS)")
def instance(
    study_uid: str, series_uid: str, uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    target = one(who, study_uid, series_uid, uid, organization, "study.retrieved")
    syntax, is_single = _how(request, target)
    if not is_single:
        return multipart([_body(who, target, syntax)], DICOM)
    if syntax == target.transfer_syntax_uid:
        return stored(target.blob, request, media_type=_type_of(syntax))
    return alone(_body(who, target, syntax))


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


def _retrieve(request: Request, who: Actor, targets: list[Target]) -> Response:
    """Each instance as it is where that is acceptable, uncompressed where only that is."""
    bodies = [_body(who, target, _how(request, target)[0]) for target in targets]
    return multipart(bodies, DICOM)


def _body(who: Actor, target: Target, syntax: str) -> Body:
    location = instance_url(target.study_uid, target.series_uid, target.uid) + whose(who, target.organization_id)
    if syntax == target.transfer_syntax_uid:
        return whole(target.blob, _type_of(syntax), location)
    refuse_too_large(target)
    return Body(_type_of(syntax), partial(uncompressed, target), location=location)


def _how(request: Request, target: Target) -> tuple[str, bool]:
    """The first acceptable transfer syntax, without a word about it, or by *, the stored one; and whether it is wanted
    alone, not as the only part of a multipart (PS3.18 8.7.3.1)."""
    for wanted in accept.ranges(request):
        if wanted.takes(DICOM):
            is_single = not wanted.is_multipart and wanted.kind == DICOM
            if wanted.transfer_syntax in ("", "*", target.transfer_syntax_uid):
                return target.transfer_syntax_uid, is_single
            if (
                wanted.transfer_syntax == syntaxes.EXPLICIT_LE
                and target.facts.pixels
                and not target.facts.pixels.is_video
            ):
                return syntaxes.EXPLICIT_LE, is_single
    kinds = dict.fromkeys((target.transfer_syntax_uid, syntaxes.EXPLICIT_LE))
    raise accept.refusal(*(f'multipart/related; type="{DICOM}"; transfer-syntax={one}' for one in kinds))


def _type_of(syntax: str) -> str:
    return f"{DICOM}; transfer-syntax={syntax}"


def _metadata(
    request: Request, who: Actor, organization_id: UUID | None,
    study_uid: str, series_uid: str | None = None, uid: str | None = None,
) -> Response:  # fmt: skip
    kind = accept.require(request, DICOM_JSON, "application/json")
    with reading(who) as session:
        found = study_of(session, who, study_uid, organization_id)
        wanted = [Instance.study_id == found.id, Instance.dicom_blob_id.is_not(None), ~taken_back(who)]
        wanted += [Instance.series_id == series_of(session, found, series_uid)] if series_uid else []
        wanted += [Instance.sop_instance_uid == uid] if uid else []
        missing = sa.select(Instance.id).where(*wanted, ~sa.exists().where(InstanceHeader.id == Instance.id))
        missing_ids = list(session.scalars(missing))
    for at in range(0, len(missing_ids), BATCH):
        headers.make_missing(who, missing_ids[at : at + BATCH])
    pages = _pages(who, study_uid, wanted, whose(who, found.organization_id))
    first = next(pages, [])
    if not first:
        raise NotFound
    events.note_opening(who, "study.viewed", organization_id=found.organization_id, entity_id=found.id)
    if sum(map(len, first)) <= PAGE_BYTES:
        return json_bytes(b"[" + b",".join(first) + b"]", media_type=kind)
    return StreamingResponse(_streamed(first, pages), media_type=kind)


def _streamed(first: list[bytes], pages: Iterator[list[bytes]]) -> Iterator[bytes]:
    yield b"[" + b",".join(first)
    for page in pages:
        yield b"," + b",".join(page)
    yield b"]"


def _pages(who: Actor, study_uid: str, wanted: list[sa.ColumnElement[bool]], suffix: str) -> Iterator[list[bytes]]:
    """The headers, up to so many bytes at a time, each with its bulk data at addresses of this service."""
    query = (
        sa.select(Instance.id, InstanceHeader.packed, Series.series_instance_uid, Instance.sop_instance_uid)
        .join(InstanceHeader, InstanceHeader.id == Instance.id)
        .join(Series, Series.id == Instance.series_id)
        .where(*wanted).order_by(Instance.id).execution_options(yield_per=ROWS)
    )  # fmt: skip
    after: UUID | None = None
    held = PAGE_BYTES + 1
    while held > PAGE_BYTES:
        page, held = [], 0
        with reading(who) as session:
            for row in session.execute(query.where(Instance.id > after) if after else query):
                after = row.id
                url = instance_url(study_uid, row.series_instance_uid, row.sop_instance_uid)
                page.append(with_addresses(row.packed, url, suffix))
                held += len(page[-1])
                if held > PAGE_BYTES:
                    break
        if page:
            yield page


def with_addresses(packed: bytes, url: str, suffix: str = "") -> bytes:
    """A value cannot look like the name of a member: its quotes would be escaped."""
    header = zlib.decompress(packed)
    if suffix:
        return _BULK.sub(lambda found: f'"BulkDataURI":"{url}/bulkdata/{found[1].decode()}{suffix}"'.encode(), header)
    return header.replace(b'"BulkDataURI":"', f'"BulkDataURI":"{url}/bulkdata/'.encode())
