"""What is looked at: previews and exact frames of instances, pages of documents."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import joinedload, undefer

from app.access.actor import Actor
from app.audit import events
from app.db import reading, transaction
from app.dicom.facts import Facts
from app.errors import Conflict, NotFound, Unavailable
from app.jobs.queue import enqueue
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies import decoding
from app.studies.images import seen
from app.studies.models import Document, Instance, Study
from app.studies.renditions import Made, Wanted, as_file, kept, kept_or_made

RECIPE = 1
STRIP_PX, PREVIEW_PX = 320, 1024


def instance_for(actor: Actor, instance_id: UUID) -> Instance:
    """The instance with its bytes and its facts; looking at it is one event a study in a quarter of an hour."""
    with reading(actor) as session:
        instance = seen(session, actor, Instance, instance_id, joinedload(Instance.blob), undefer(Instance.facts))
    events.note_opening(actor, "study.viewed", organization_id=instance.organization_id, entity_id=instance.study_id)
    return instance


def document_for(actor: Actor, document_id: UUID) -> Document:
    with reading(actor) as session:
        document = seen(session, actor, Document, document_id, joinedload(Document.blob))
    events.note_opening(actor, "document.viewed", organization_id=document.organization_id, entity_id=document.id,
                        referral_id=document.referral_id)  # fmt: skip
    return document


def preview(actor: Actor, instance: Instance, max_side: int) -> Blob:
    """WebP of a still, or of the middle of a clip, made at its first request."""
    refuse_unseeable(instance)
    size = STRIP_PX if max_side <= STRIP_PX else PREVIEW_PX
    if is_film(instance):
        poster = _poster(actor, instance)
        if poster is None:
            raise being_prepared(actor, instance)
        return poster
    middle = instance.number_of_frames // 2 if instance.is_clip else 0
    wanted = Wanted(instance.organization_id, instance.id, "preview", size, RECIPE)
    return kept_or_made(actor, wanted, lambda: _frame(instance, middle, form="webp", max_side=size))


def exact(actor: Actor, instance: Instance, number: int) -> Blob:
    """Frame `number`, from 1, as the JPEG it was stored as, or encoded once and kept."""
    refuse_unseeable(instance)
    if not 1 <= number <= instance.number_of_frames:
        raise NotFound(f"There are {instance.number_of_frames} frames.")
    if is_film(instance):
        raise Conflict("The frames of this film are in the film itself.")
    wanted = Wanted(instance.organization_id, instance.id, "frame", number, RECIPE)
    return kept_or_made(actor, wanted, lambda: _frame(instance, number - 1, form="jpeg", max_side=None))


def small(actor: Actor, instance: Instance, number: int, max_side: int) -> bytes:
    """Frame `number`, from 1, as a JPEG of at most that size; of a film its poster. Made anew at each call."""
    refuse_unseeable(instance)
    if is_film(instance):
        poster = _poster(actor, instance)
        if poster is None:
            raise being_prepared(actor, instance)
        data = b"".join(blobs.read(poster))
        return bytes(decoding.pool().run("smaller", data=data, form="jpeg", max_side=max_side)["body"])
    return _bytes(instance, number, form="jpeg", max_side=max_side)


def marked(instance: Instance, number: int, max_side: int, marks: list[dict[str, Any]]) -> bytes:
    """The same with what is drawn on it: each {kind, points, label}, the points in pixels of the picture."""
    refuse_unseeable(instance)
    if is_film(instance):
        raise Conflict("The frames of this film are in the film itself.")
    data = _bytes(instance, number, form="png", max_side=max_side)
    # A photograph that is shown turned has the same longer side
    side = max(instance.columns or 1, instance.rows or 1)
    return bytes(decoding.pool().run("marked", data=data, side=side, marks=marks, form="jpeg")["body"])


def page(actor: Actor, document: Document, number: int) -> Blob:
    """Page `number`, from 1, of a PDF."""
    if number < 1 or (document.page_count is not None and number > document.page_count):
        raise NotFound("There is no such page.")
    wanted = Wanted(document.organization_id, document.id, "page", number, RECIPE)
    return kept_or_made(actor, wanted, lambda: _page(document, number))


def being_prepared(actor: Actor, instance: Instance) -> Unavailable:
    """What is said of a clip meanwhile; one that no referral asks about is prepared from here on, as somebody looks."""
    study_id = instance.study_id
    with transaction(actor) as session:
        version = session.get_one(Study, study_id).content_version
        # By the name that `catch_up` gives: a job that failed for good is not begun anew at each look.
        job_id = f"settle-{study_id}-{version}"
        enqueue(session, "studies.settle", study_id, once=f"settle-{study_id}", job_id=job_id)
    return Unavailable("This clip is being prepared.", retry_after_s=2)


def refuse_unseeable(instance: Instance) -> None:
    if instance.preview == "none":
        raise Conflict(instance.preview_reason or "There is no picture of this file.", preview="none")


def is_film(instance: Instance) -> bool:
    if instance.kind == "mp4":
        return True
    pixels = Facts.from_json(instance.facts).pixels
    return pixels is not None and pixels.is_video


def _poster(actor: Actor, instance: Instance) -> Blob | None:
    return kept(actor, Wanted(instance.organization_id, instance.id, "poster", 0, RECIPE))


def _bytes(instance: Instance, number: int, *, form: str, max_side: int) -> bytes:
    if not 1 <= number <= instance.number_of_frames:
        raise NotFound(f"There are {instance.number_of_frames} frames.")
    body = _frame(instance, number - 1, form=form, max_side=max_side).body
    return body if isinstance(body, bytes) else body.path.read_bytes()


def _frame(instance: Instance, index: int, *, form: str, max_side: int | None) -> Made:
    facts = Facts.from_json(instance.facts)
    if instance.kind in ("jpeg", "png"):
        with as_file(instance.blob) as path:  # a child opens it: it may be large, and it is a stranger's
            answer = decoding.pool().run("still", path=str(path), form=form, max_side=max_side)
    elif facts.document is not None or instance.kind == "pdf":  # seen by its first page
        document = list(facts.document) if facts.document else None
        with as_file(instance.blob) as path:
            answer = decoding.pool().run("page", path=str(path), number=0, document=document, form=form)
    else:
        if facts.pixels is None or facts.frames is None:
            raise Conflict("There is no picture in this file.")
        table = facts.pixels.palette.ranges if facts.pixels.palette else ()
        answer = decoding.pool().run(
            "frame", data=blobs.read_ranges(instance.blob, facts.frames.ranges(index)), pixels=facts.pixels.to_json(),
            palette=blobs.read_ranges(instance.blob, list(table)), form=form, max_side=max_side,
        )  # fmt: skip
    return Made(answer["body"], answer["media_type"])


def _page(document: Document, number: int) -> Made:
    with as_file(document.blob) as path:
        answer = decoding.pool().run("page", path=str(path), number=number - 1)
    return Made(answer["body"], answer["media_type"])
