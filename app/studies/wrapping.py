"""Each upload that is no DICOM gets a DICOM encoding beside it, from which DICOMweb serves; the upload stays as it came."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from app import log
from app.access.actor import WORKER
from app.config import settings
from app.db import reading, transaction
from app.dicom import wrap
from app.dicom.admission import examine
from app.dicom.facts import Facts
from app.dicom.metadata import Header, header
from app.dicom.wrap import About
from app.errors import Conflict, Invalid, TooLarge
from app.referrals.models import ManifestItem
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import place_for_output, spooled_copy
from app.studies import decoding, films, headers
from app.studies.about import about
from app.studies.images import is_withdrawn
from app.studies.models import Document, Instance, InstanceHeader, Study
from app.studies.renditions import LIMIT_BYTES, as_file
from app.studies.tries import tried

RECIPE = 1  # raised when the way it is made changes; older encodings are made anew, under their UIDs
MEDIA_TYPE = "application/dicom"


def missing(study_id: UUID) -> list[UUID]:
    """What of a study has none by this recipe yet, and was not refused by it."""
    query = sa.select(Instance.id).where(Instance.study_id == study_id, *_is_due()).order_by(Instance.id)
    with reading(WORKER) as session:
        return list(session.scalars(query))


def behind(most: int) -> list[UUID]:
    """Studies that hold such instances, by whatever way that came about; ordered as their index is."""
    query = sa.select(Instance.study_id).where(*_is_due()).order_by(Instance.wrap_recipe, Instance.study_id)
    with reading(WORKER) as session:
        return list(dict.fromkeys(session.scalars(query.limit(most))))


def _is_due() -> tuple[sa.ColumnElement[bool] | sa.TextClause, ...]:
    """What was withdrawn gets none: it would say that it is this patient's."""
    return Instance.wrap_recipe < RECIPE, sa.text("instance.kind != 'dicom'"), ~is_withdrawn()


def take_back(session: Session, item: ManifestItem) -> None:
    """Of a file that was withdrawn, in the same transaction; what came as DICOM says itself whose it is."""
    document = session.get(Document, item.document_id) if item.document_id else None
    instance_id = document.instance_id if document else item.instance_id
    if instance_id is not None:
        undo(session, instance_id)


def undo(session: Session, instance_id: UUID) -> None:
    """The encoding that says whose it was is gone; whatever it is then of has it made anew."""
    row = session.get(Instance, instance_id, with_for_update={"key_share": True})
    if row is not None and row.kind != "dicom" and row.dicom_blob_id is not None:
        session.execute(sa.delete(InstanceHeader).where(InstanceHeader.id == row.id))
        blobs.give_up(session, row.dicom_blob_id)
        row.dicom_blob_id, row.wrap_recipe = None, 0


def make(instance_id: UUID) -> None:
    """Make and keep one; what DICOM has no place for is said so, and stops nothing else."""
    with reading(WORKER) as session:
        query = sa.select(Instance).where(Instance.id == instance_id)
        instance = session.scalars(query.options(joinedload(Instance.blob), undefer(Instance.facts))).one()
        described = about(session, instance)
    try:
        tried(lambda: _MAKERS[instance.kind](instance, described))
    except (Invalid, Conflict, TooLarge) as refusal:
        log.get().warning("not wrapped", instance_id=str(instance_id), reason_code=refusal.facts.get("reason_code"))
        with transaction(WORKER) as session:
            values = {"wrap_recipe": RECIPE, "wrap_reason": refusal.sentence}
            session.execute(sa.update(Instance).where(Instance.id == instance_id).values(values))


def _still(instance: Instance, described: About) -> None:
    _refuse_unseeable(instance)
    with as_file(instance.blob) as path, place_for_output() as content:
        frame = decoding.pool().run("still_frame", wait_s=settings().film_wait_s, path=str(path), output=str(content))
        _keep(instance, described, wrap.picture(described, content, frame), {})


def _film(instance: Instance, described: About) -> None:
    """The upload's own stream; where DICOM has no place for it, that of the film that browsers play."""
    _refuse_unseeable(instance)
    with place_for_output() as content:
        try:
            stream = _stream(instance.blob, content, instance.number_of_frames)
        except Invalid as refusal:
            if refusal.facts.get("reason_code") != "profile":
                raise
            stream = _stream(films.proxy(WORKER, instance), content, instance.number_of_frames)
        _keep(instance, described, wrap.clip(described, content, stream), {"number_of_frames": stream["frames"]})


def _stream(blob: Blob, content: Path, frames: int) -> dict[str, Any]:
    with as_file(blob) as path:
        return decoding.pool().run(
            "film_stream", wait_s=settings().film_wait_s, frame_count=frames, path=str(path), output=str(content)
        )


def _document(instance: Instance, described: About) -> None:
    with as_file(instance.blob) as path:
        _keep(instance, described, wrap.document(described, path), {})


_MAKERS = {"jpeg": _still, "png": _still, "mp4": _film, "pdf": _document}


def _refuse_unseeable(instance: Instance) -> None:
    """What could not be decoded for a preview would be no valid instance."""
    if instance.preview == "none":
        raise Invalid(instance.preview_reason, reason_code="no-picture")


def _keep(instance: Instance, described: About, pieces: Iterator[bytes], more: dict[str, Any]) -> None:
    """Read as whatever comes in is read, put, and recorded with all that DICOMweb needs of it."""
    with spooled_copy(pieces, LIMIT_BYTES) as spooled:
        facts = examine(spooled.path)
        made = header(spooled.path, facts)
        blob = blobs.keep(WORKER, instance.organization_id, spooled, MEDIA_TYPE)
    _record(instance, described, facts, made, blob, more)


def _record(
    instance: Instance, described: About, facts: Facts, made: Header, blob: Blob, more: dict[str, Any]
) -> None:  # fmt: skip
    values = {
        "dicom_blob_id": blob.id, "wrap_recipe": RECIPE, "wrap_reason": "", "sop_class_uid": facts.sop_class_uid or "",
        "transfer_syntax_uid": facts.transfer_syntax_uid or "", "rows": facts.rows, "columns": facts.columns,
        "bits_allocated": facts.pixels.bits_allocated if facts.pixels else None,
        "instance_number": facts.instance_number, **more,
    }  # fmt: skip
    with transaction(WORKER) as session:
        # Before it is asked whether the file was withdrawn: either this waits for that, or that for this
        session.get(Instance, instance.id, with_for_update={"key_share": True})
        mine = sa.update(Instance).where(
            Instance.id == instance.id, Instance.sop_instance_uid == instance.sop_instance_uid, *_is_due()
        ).values(values)  # fmt: skip
        if session.execute(mine).rowcount != 1:  # type: ignore[attr-defined]  # DML gives a CursorResult
            return  # another worker was first, or the file was withdrawn or moved; these bytes are swept
        blobs.record(session, [blob])
        session.execute(sa.delete(InstanceHeader).where(InstanceHeader.id == instance.id))
        headers.keep(session, instance.id, made, facts)
        if instance.dicom_blob_id is not None:
            blobs.give_up(session, instance.dicom_blob_id)
        unnamed = sa.update(Study).where(
            Study.id == instance.study_id, Study.patient_name == "", Study.patient_identifier == "",
            Study.accession_number == "",
        )  # fmt: skip
        columns = headers.study_columns(facts, made)
        if session.execute(unnamed.values(columns)).rowcount == 1:  # type: ignore[attr-defined]  # as above
            headers.keep_names(session, instance.organization_id, [(instance.study_id, described.patient_name)])
