"""Pictures, films, pages and original files, by range where a player asks for one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.api.viewable import DocumentOut, InstanceOut
from app.http.actor import Acting
from app.http.description import answered
from app.http.ranges import stored
from app.studies import films, pictures, previews

router = APIRouter(tags=["media"])
ORIGINALS = ("application/dicom", "image/jpeg", "image/png", "video/mp4")
DOCUMENTS = ("application/pdf", "application/octet-stream")


@router.get("/instances/{instance_id}", summary="An image or clip, and where its bytes are")
def get_instance(instance_id: UUID, who: Acting) -> InstanceOut:
    return InstanceOut.of(pictures.instance_for(who, instance_id))


@router.get("/instances/{instance_id}/preview", response_class=Response, responses=answered("image/webp"))
def get_preview(
    instance_id: UUID, who: Acting, request: Request, size: Annotated[int, Query(ge=64, le=1024)] = 1024
) -> Response:
    """WebP, at most 1024 px; of a clip its middle frame."""
    return stored(pictures.preview(who, pictures.instance_for(who, instance_id), size), request)


@router.get("/instances/{instance_id}/frames/{number}", response_class=Response, responses=answered("image/jpeg"))
def get_frame(instance_id: UUID, number: int, who: Acting, request: Request) -> Response:
    """Exactly frame `number` (from 1) as JPEG."""
    return stored(pictures.exact(who, pictures.instance_for(who, instance_id), number), request)


@router.get("/instances/{instance_id}/proxy", response_class=Response, responses=answered("video/mp4"))
def get_proxy(instance_id: UUID, who: Acting, request: Request) -> Response:
    """A clip as a film that browsers play, at its recorded rate; 503 while it is being made."""
    return stored(films.proxy(who, pictures.instance_for(who, instance_id)), request)


@router.get("/instances/{instance_id}/original", response_class=Response, responses=answered(*ORIGINALS))
def get_original(instance_id: UUID, who: Acting, request: Request) -> Response:
    """The file as it came."""
    instance = pictures.instance_for(who, instance_id)
    ending = {"dicom": "dcm", "jpeg": "jpg"}.get(instance.kind, instance.kind)
    return stored(instance.blob, request, name=f"{instance.id}.{ending}")


@router.get("/files/{file_id}/preview", response_class=Response, responses=answered("image/jpeg", "image/webp"))
def get_file_preview(file_id: UUID, who: Acting, request: Request) -> Response:
    """Something small to look at until the file itself is here; of a film one of its pictures."""
    return stored(previews.shown(who, file_id, "preview"), request)


@router.get("/files/{file_id}/proxy", response_class=Response, responses=answered("video/mp4"))
def get_file_proxy(file_id: UUID, who: Acting, request: Request) -> Response:
    """The beginning of a film, small, until the film itself is here."""
    return stored(previews.shown(who, file_id, "proxy"), request)


@router.get("/documents/{document_id}", summary="A document that is no image")
def get_document(document_id: UUID, who: Acting) -> DocumentOut:
    return DocumentOut.of(pictures.document_for(who, document_id))


@router.get("/documents/{document_id}/pages/{number}", response_class=Response, responses=answered("image/webp"))
def get_page(document_id: UUID, number: int, who: Acting, request: Request) -> Response:
    return stored(pictures.page(who, pictures.document_for(who, document_id), number), request)


@router.get("/documents/{document_id}/original", response_class=Response, responses=answered(*DOCUMENTS))
def get_document_original(document_id: UUID, who: Acting, request: Request) -> Response:
    document = pictures.document_for(who, document_id)
    return stored(document.blob, request, name=document.name)
