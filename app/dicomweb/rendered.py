"""WADO-RS of pictures (PS3.18 10.4.1.1.3, 10.4.1.1.4): rendered frames, films, documents, and thumbnails."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.audit import events
from app.db import reading
from app.dicom.untouched import untouched
from app.dicomweb import accept
from app.dicomweb.frames import numbers_of, refuse_beyond
from app.dicomweb.multipart import Body, multipart
from app.dicomweb.resolve import Target, picture_of, series_of, study_of
from app.dicomweb.retrieve import INSTANCE, SERIES, STUDY, one
from app.errors import NotFound
from app.http.actor import Acting
from app.http.description import answered
from app.http.problems import DoorRefusal
from app.http.ranges import stored
from app.storage import blobs
from app.studies import decoding, films
from app.studies.pictures import RECIPE, STRIP_PX, being_prepared
from app.studies.renditions import Made, Wanted, as_file, kept, kept_or_made

JPEG, PNG, WEBP, MP4, PDF = "image/jpeg", "image/png", "image/webp", "video/mp4", "application/pdf"
IMAGES = (JPEG, PNG, WEBP)  # the first one where any will do
router = APIRouter(responses=answered(*IMAGES))


@dataclass(frozen=True)
class View:
    """How a picture is wanted (PS3.18 8.3.5): its type, and what was asked beside."""

    media_type: str
    quality: int | None = None
    window: tuple[float, float] | None = None
    viewport: tuple[int, int] | None = None  # width and height that it must fit in; it is never made larger

    @property
    def is_plain(self) -> bool:
        return self.media_type == JPEG and not (self.quality or self.window or self.viewport)

    def max_side(self, columns: int, rows: int) -> int | None:
        if self.viewport is None:
            return None
        scale = min(self.viewport[0] / columns, self.viewport[1] / rows, 1.0)
        return max(1, round(max(columns, rows) * scale))


@router.get(
    INSTANCE + "/rendered", response_class=Response, responses=answered(*IMAGES, MP4, PDF),
    summary="Retrieve a rendered instance (WADO-RS)",
)  # fmt: skip
def instance(
    study_uid: str, series_uid: str, uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    """A still or the first frame as a picture, a clip as a film, an encapsulated PDF as itself or its first page."""
    target = one(who, study_uid, series_uid, uid, organization)
    is_film = bool(target.facts.pixels and target.facts.pixels.is_video)
    offered = [*([MP4] if is_film else []), *([PDF] if _is_pdf(target) else []), *IMAGES]
    if target.row.is_clip and not is_film:
        offered.append(MP4)
    kind = _acceptable(request, [one for one in offered if not is_film or one not in IMAGES])
    if kind == MP4:
        return stored(films.proxy(who, target.row), request)
    if kind == PDF and target.facts.document is not None:
        return Response(blobs.read_ranges(target.blob, [target.facts.document]), media_type=PDF)
    return _picture(who, target, 1, _view(request, kind))


@router.get(
    INSTANCE + "/frames/{numbers}/rendered", response_class=Response, responses=answered(*IMAGES, "multipart/related"),
    summary="Retrieve rendered frames (WADO-RS)",
)  # fmt: skip
def frames(
    study_uid: str, series_uid: str, uid: str, numbers: str, request: Request, who: Acting,
    organization: UUID | None = None,
) -> Response:  # fmt: skip
    wanted = numbers_of(numbers)
    target = one(who, study_uid, series_uid, uid, organization)
    refuse_beyond(target, wanted)
    view = _view(request, _acceptable(request, IMAGES))
    if len(wanted) == 1:
        return _picture(who, target, wanted[0], view)
    return multipart(
        [Body(view.media_type, partial(_drawn, who, target, number, view)) for number in wanted], view.media_type
    )


@router.get(STUDY + "/thumbnail", response_class=Response, summary="Retrieve a study's thumbnail (WADO-RS)")
def study_thumbnail(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _thumbnail(who, _first_picture(who, organization, study_uid, None), None, request)


@router.get(SERIES + "/thumbnail", response_class=Response, summary="Retrieve a series' thumbnail (WADO-RS)")
def series_thumbnail(
    study_uid: str, series_uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _thumbnail(who, _first_picture(who, organization, study_uid, series_uid), None, request)


@router.get(INSTANCE + "/thumbnail", response_class=Response, summary="Retrieve an instance's thumbnail (WADO-RS)")
def instance_thumbnail(
    study_uid: str, series_uid: str, uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _thumbnail(who, one(who, study_uid, series_uid, uid, organization), None, request)


@router.get(
    INSTANCE + "/frames/{numbers}/thumbnail", response_class=Response, summary="Retrieve a frame's thumbnail (WADO-RS)"
)
def frame_thumbnail(
    study_uid: str, series_uid: str, uid: str, numbers: str, request: Request, who: Acting,
    organization: UUID | None = None,
) -> Response:  # fmt: skip
    wanted = numbers_of(numbers)
    target = one(who, study_uid, series_uid, uid, organization)
    refuse_beyond(target, wanted)
    return _thumbnail(who, target, wanted[0], request)


def _drawn(who: Actor, target: Target, number: int, view: View) -> Iterator[bytes]:
    yield bytes(_picture(who, target, number, view).body)


def _picture(who: Actor, target: Target, number: int, view: View) -> Response:
    """A frame's own JPEG where a browser shows it right; else made, and kept where it is the usual one."""
    pixels, frames_ = target.facts.pixels, target.facts.frames
    if target.facts.document is not None:
        return _of(_page(target, view))
    if pixels is None or frames_ is None or pixels.is_video:
        raise NotFound("This instance has no picture that can be rendered.")
    if view.is_plain:
        data = blobs.read_ranges(target.blob, frames_.ranges(number - 1))
        original = untouched(data, pixels)
        if original is not None:
            return Response(original, media_type=JPEG)
        wanted = Wanted(target.organization_id, target.id, "frame", number, RECIPE)
        blob = kept_or_made(who, wanted, lambda: _made(target, number, view))
        return Response(b"".join(blobs.read(blob)), media_type=blob.media_type)
    return _of(_made(target, number, view))


def _of(made: Made) -> Response:
    if not isinstance(made.body, bytes):
        raise TypeError("a picture in memory")
    return Response(made.body, media_type=made.media_type)


def _made(target: Target, number: int, view: View, max_side: int | None = None) -> Made:
    facts = target.facts
    if facts.pixels is None or facts.frames is None:
        raise NotFound("This instance has no picture that can be rendered.")
    table = list(facts.pixels.palette.ranges) if facts.pixels.palette else []
    answer: dict[str, Any] = decoding.pool().run(
        "frame", data=blobs.read_ranges(target.blob, facts.frames.ranges(number - 1)), pixels=facts.pixels.to_json(),
        palette=blobs.read_ranges(target.blob, table), form=view.media_type.removeprefix("image/"),
        max_side=max_side or view.max_side(facts.pixels.columns, facts.pixels.rows), quality=view.quality,
        window=view.window,
    )  # fmt: skip
    return Made(answer["body"], answer["media_type"])


def _page(target: Target, view: View, max_side: int | None = None) -> Made:
    if not _is_pdf(target) or target.facts.document is None:
        raise NotFound("This document cannot be rendered.")
    form = view.media_type.removeprefix("image/")
    with as_file(target.blob) as path:
        answer = decoding.pool().run(
            "page", path=str(path), number=0, document=list(target.facts.document), form=form, quality=view.quality,
            fit=[max_side, max_side] if max_side else view.viewport,
        )  # fmt: skip
    return Made(answer["body"], answer["media_type"])


def _thumbnail(who: Actor, target: Target, number: int | None, request: Request) -> Response:
    """At most 320 pixels: the preview that the worklist shows where WebP is acceptable, else one as JPEG."""
    explicit = [one for one in accept.ranges(request) if one.kind == WEBP]
    kind = WEBP if explicit else _acceptable(request, IMAGES)
    if target.facts.pixels is None or target.facts.pixels.is_video:
        return _poster(who, target, kind)
    number = number or target.row.number_of_frames // 2 + 1
    if kind == PNG:
        return _of(_made(target, number, View(PNG), STRIP_PX))
    name = "preview" if kind == WEBP else "thumbnail"
    middle = number == target.row.number_of_frames // 2 + 1
    if not middle:
        return _of(_made(target, number, View(kind), STRIP_PX))
    wanted = Wanted(target.organization_id, target.id, name, STRIP_PX, RECIPE)
    blob = kept_or_made(who, wanted, lambda: _made(target, number, View(kind), STRIP_PX))
    return Response(b"".join(blobs.read(blob)), media_type=blob.media_type)


def _poster(who: Actor, target: Target, kind: str) -> Response:
    """Of a film what its settling has made, made smaller; of a document its first page."""
    poster = kept(who, Wanted(target.organization_id, target.id, "poster", 0, RECIPE))
    if poster is not None:
        large, form = b"".join(blobs.read(poster)), kind.removeprefix("image/")
        answer = decoding.pool().run("smaller", data=large, form=form, max_side=STRIP_PX)
        return Response(answer["body"], media_type=answer["media_type"])
    if target.facts.pixels is not None and target.row.preview == "pending":
        raise being_prepared(who, target.row)
    return _of(_page(target, View(kind), STRIP_PX))


def _first_picture(who: Actor, organization_id: UUID | None, study_uid: str, series_uid: str | None) -> Target:
    with reading(who) as session:
        found = study_of(session, who, study_uid, organization_id)
        target = picture_of(session, who, found, series_of(session, found, series_uid) if series_uid else None)
    events.note_opening(who, "study.viewed", organization_id=found.organization_id, entity_id=found.id)
    return target


def _is_pdf(target: Target) -> bool:
    return target.facts.document is not None and target.facts.document_mime_type in ("", PDF)


def _acceptable(request: Request, offered: list[str] | tuple[str, ...]) -> str:
    for wanted in accept.ranges(request):
        if not wanted.is_multipart or wanted.kind != "*/*":
            fit = next((kind for kind in offered if wanted.takes(kind)), None)
            if fit is not None:
                return fit
    raise accept.refusal(*offered)


def _view(request: Request, media_type: str) -> View:
    """400 for values that are none; annotations and cut-outs are not drawn, and are refused rather than left out."""
    given = request.query_params
    if any(name in given for name in ("annotation", "iccprofile", "presentationseriesuid")):
        raise DoorRefusal(400, "annotation, iccprofile and presentation states are not supported.")
    quality = _numbers(given.get("quality"), "quality", 1, 1)
    if quality and not 1 <= quality[0] <= 100:
        raise DoorRefusal(400, "quality is a number from 1 to 100.")
    window = _numbers((given.get("window") or "").removesuffix(",linear") or None, "window", 2, 2)
    viewport = _numbers(given.get("viewport"), "viewport", 2, 2)
    if (window and window[1] < 1) or (viewport and not all(1 <= side <= 16_384 for side in viewport)):
        raise DoorRefusal(400, "window has a width of at least 1, viewport two sides of 1 to 16384.")
    return View(
        media_type, int(quality[0]) if quality else None, (window[0], window[1]) if window else None,
        (int(viewport[0]), int(viewport[1])) if viewport else None,
    )  # fmt: skip


def _numbers(text: str | None, name: str, least: int, most: int) -> list[float]:
    if text is None:
        return []
    parts = text.split(",")
    if not least <= len(parts) <= most or not all(re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", part) for part in parts):
        raise DoorRefusal(
            400, f"{name} has {least} numbers" + (", its function is linear." if name == "window" else ".")
        )
    return [float(part) for part in parts]
