"""The rows of one arrival: study, series, instance or conflict, inside the caller's transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.config import settings
from app.db import insert_or_nothing, new_id
from app.dicom.facts import Facts
from app.dicom.metadata import Header
from app.jobs.queue import enqueue
from app.storage.blobs import Blob
from app.studies import headers
from app.studies.models import Instance, InstanceConflict, Series, Study


@dataclass(frozen=True)
class Recorded:
    """What became of an arrival; `blob` is the row to mark stored, if these bytes are kept."""

    instance_id: UUID
    study_id: UUID
    is_new: bool
    is_conflict: bool
    blob: Blob | None


def record_instance(
    session: Session, organization_id: UUID, facts: Facts, sha256: str, blob: Blob | None, *,
    patient_id: UUID | None = None, default_study: tuple[str, str] | None = None, header: Header | None = None,
) -> Recorded:  # fmt: skip
    """Insert or re-select study, series and instance.

    `blob` is None where the same bytes were already here; `default_study` gives the study and series UIDs
    of what has none of its own (JPEG, PNG, MP4). Unique is (organization, SOP Instance UID): the same digest is
    success, another one is kept aside as a conflict."""
    uids = (facts.study_instance_uid, facts.series_instance_uid)
    study_uid, series_uid = default_study if default_study and not all(uids) else uids
    study_id = _study(session, organization_id, study_uid or "", facts, patient_id, header)
    series_id = _series(session, organization_id, study_id, series_uid or "", facts, header)
    uid = facts.sop_instance_uid or f"2.25.{new_id().int}"  # PS3.5 B.2: a UUID as UID
    values = {} if blob is None else _columns(organization_id, study_id, series_id, uid, facts, blob)
    if values and insert_or_nothing(session, Instance, values):
        if header is not None:
            headers.keep(session, values["id"], header)
        return Recorded(values["id"], study_id, is_new=True, is_conflict=False, blob=blob)
    same = session.scalars(
        sa.select(Instance).where(Instance.organization_id == organization_id, Instance.sop_instance_uid == uid)
    ).one()
    if same.sha256 == sha256:  # it came before, or at this moment by another door
        return Recorded(same.id, same.study_id, is_new=False, is_conflict=False, blob=None)
    kept = blob is not None and insert_or_nothing(session, InstanceConflict, {
        "organization_id": organization_id, "instance_id": same.id, "blob_id": blob.id, "sha256": sha256,
    })  # fmt: skip
    return Recorded(same.id, same.study_id, is_new=False, is_conflict=True, blob=blob if kept else None)


def note_study(session: Session, study_id: UUID) -> None:
    """Its content changed: settle it after a moment of quiet."""
    session.execute(sa.update(Study).where(Study.id == study_id).values(content_version=Study.content_version + 1))
    enqueue(session, "studies.settle", study_id, once=f"settle-{study_id}", delay_s=settings().settle_quiet_s)


def _study(
    session: Session, organization_id: UUID, uid: str, facts: Facts, patient_id: UUID | None, header: Header | None
) -> UUID:
    here = sa.select(Study.id).where(Study.organization_id == organization_id, Study.study_instance_uid == uid)
    if (known := session.scalar(here)) is None:
        study_id = new_id()
        values = {"organization_id": organization_id, "study_instance_uid": uid, "patient_id": patient_id}
        columns = headers.study_columns(facts, header)
        if insert_or_nothing(session, Study, {"id": study_id, **values, **columns}):
            headers.keep_names(session, organization_id, study_id, facts.patient.name)
        known = session.scalars(here).one()
    if patient_id is not None:
        session.execute(
            sa.update(Study).where(Study.id == known, Study.patient_id.is_(None)).values(patient_id=patient_id)
        )
    return known


def _series(
    session: Session, organization_id: UUID, study_id: UUID, uid: str, facts: Facts, header: Header | None
) -> UUID:
    here = sa.select(Series.id).where(Series.study_id == study_id, Series.series_instance_uid == uid)
    if (known := session.scalar(here)) is None:
        values = {"organization_id": organization_id, "study_id": study_id, "series_instance_uid": uid}
        insert_or_nothing(session, Series, values | headers.series_columns(facts, header))
        known = session.scalars(here).one()
    return known


def _columns(
    organization_id: UUID, study_id: UUID, series_id: UUID, uid: str, facts: Facts, blob: Blob
) -> dict[str, Any]:
    date = facts.acquisition_date or facts.content_date or facts.study_date
    time = facts.acquisition_time or facts.content_time or facts.study_time
    frames = facts.number_of_frames or 1
    return {
        "id": new_id(), "organization_id": organization_id, "study_id": study_id, "series_id": series_id,
        "sop_instance_uid": uid, "sop_class_uid": facts.sop_class_uid or "", "instance_number": facts.instance_number,
        "kind": facts.kind, "blob_id": blob.id, "sha256": blob.sha256, "rows": facts.rows, "columns": facts.columns,
        "dicom_blob_id": blob.id if facts.kind == "dicom" else None,
        "transfer_syntax_uid": facts.transfer_syntax_uid or "",
        "bits_allocated": facts.pixels.bits_allocated if facts.pixels else None,
        "number_of_frames": frames, "frame_time_ms": facts.frame_time_ms, "acquired": f"{date} {time}".strip()[:32],
        "is_clip": facts.kind == "mp4" or frames > 1 or bool(facts.pixels and facts.pixels.is_video),
        "facts": facts.to_json(),
    }  # fmt: skip
