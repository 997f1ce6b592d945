"""The rows of what arrived: studies, series, instances or conflicts, inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.config import settings
from app.db import insert_new, insert_or_nothing, new_id, table_of
from app.dicom.facts import Facts
from app.dicom.metadata import Header
from app.jobs.queue import enqueue
from app.storage.blobs import Blob
from app.studies import headers, known
from app.studies.images import NOTHING_TO_SHOW
from app.studies.models import Instance, InstanceConflict, Series, Study


@dataclass(frozen=True)
class Arrived:
    """An admitted file and where it belongs; `blob` is None where the same bytes were already here."""

    facts: Facts
    sha256: str
    blob: Blob | None
    study_uid: str
    series_uid: str
    header: Header | None = None


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
    patient_id: UUID | None = None, default_study: tuple[str, str] = ("", ""),
) -> Recorded:  # fmt: skip
    """One of a referral; `default_study` gives the study and series UIDs of what has none of its own (JPEG, PNG, MP4)."""
    own = facts.study_instance_uid or "", facts.series_instance_uid or ""
    arrived = Arrived(facts, sha256, blob, *(own if all(own) else default_study))
    return record_instances(session, organization_id, [arrived], patient_id=patient_id)[0]


def place_of(
    session: Session, organization_id: UUID, facts: Facts, uids: tuple[str, str], patient_id: UUID
) -> tuple[UUID, UUID, int]:
    """Study and series of these UIDs, made where there are none yet, and the next number in that series."""
    one = Arrived(facts, "", None, *uids)
    studies = _studies(session, organization_id, [one], patient_id)
    study_id = studies[one.study_uid]
    series_id = _series(session, organization_id, [one], studies)[study_id, one.series_uid]
    return study_id, series_id, _next_number(session, series_id)


def note_study(session: Session, study_id: UUID) -> sa.Row[Any]:
    """Its content changed: whom it is of. One that a referral asks about is settled after a moment of quiet; the pages
    show no other, whose pictures are made at their first request."""
    noted = session.connection().execute(_NOTE, {"study": study_id}).one()
    if noted.matched_at is not None:
        enqueue(session, "studies.settle", study_id, once=f"settle-{study_id}", delay_s=settings().settle_quiet_s)
    return noted


def record_instances(
    session: Session, organization_id: UUID, arrived: Sequence[Arrived], *, patient_id: UUID | None = None
) -> list[Recorded]:
    """Insert or re-select study, series and instance of each, in one statement a table.

    Unique is (organization, SOP Instance UID): the same digest is success, another one is kept aside as a conflict."""
    studies = _studies(session, organization_id, arrived, patient_id)
    series = _series(session, organization_id, arrived, studies)
    rows = []
    for one in arrived:
        study_id = studies[one.study_uid]
        row = _columns(organization_id, study_id, series[study_id, one.series_uid], one)
        if one.facts.kind != "dicom":  # numbered as they come, so that their order stays when they are wrapped
            row["instance_number"] = _next_number(session, row["series_id"])
        rows.append(row)
    new = [row for row in rows if row["blob_id"]]
    made = insert_new(session, Instance, new) if new else set()
    headers.keep_all(session, [
        (row["id"], one.header) for row, one in zip(rows, arrived, strict=True) if row["id"] in made and one.header
    ])  # fmt: skip
    others = [row["sop_instance_uid"] for row in rows if row["id"] not in made]
    here = known.by_uid(session, organization_id, others) if others else {}
    return [
        Recorded(row["id"], row["study_id"], is_new=True, is_conflict=False, blob=one.blob)
        if row["id"] in made
        else _known(session, organization_id, here[row["sop_instance_uid"]], one)
        for row, one in zip(rows, arrived, strict=True)
    ]


def _note() -> ReturningUpdate[Any]:
    study = table_of(Study)
    unasked = study.c.matched_at.is_(None)
    return (
        sa.update(study).where(study.c.id == sa.bindparam("study"))
        .values(
            content_version=study.c.content_version + 1,
            settled_version=sa.case((unasked, study.c.content_version + 1), else_=study.c.settled_version),
        )
        .returning(  # itself: SQLite 3.40 answers 1 to `IS NOT NULL` of a NULL here
            study.c.matched_at, study.c.patient_id, study.c.patient_name, study.c.patient_identifier,
            study.c.patient_birth_date, study.c.accession_number,
        )
    )  # fmt: skip


_NOTE = _note()
_STUDIES = sa.select(Study.study_instance_uid, Study.id).where(
    Study.organization_id == sa.bindparam("organization"), Study.study_instance_uid.in_(sa.bindparam("uids", expanding=True))
)  # fmt: skip
_SERIES = sa.select(Series.study_id, Series.series_instance_uid, Series.id).where(
    Series.study_id.in_(sa.bindparam("studies", expanding=True)),
    Series.series_instance_uid.in_(sa.bindparam("uids", expanding=True)),
)  # fmt: skip


def _studies(
    session: Session, organization_id: UUID, arrived: Sequence[Arrived], patient_id: UUID | None
) -> dict[str, UUID]:
    """The ids by UID; a new one is described by the first of its files."""
    first: dict[str, Arrived] = {}
    for one in arrived:  # in the order in which they came, which search keeps
        first.setdefault(one.study_uid, one)
    asked = {"organization": organization_id, "uids": list(first)}
    here: dict[str, UUID] = {row[0]: row[1] for row in session.connection().execute(_STUDIES, asked)}
    if missing := [one for uid, one in first.items() if uid not in here]:
        rows = [
            {"id": new_id(), "organization_id": organization_id, "study_instance_uid": one.study_uid,
             "patient_id": patient_id, **headers.study_columns(one.facts, one.header)}
            for one in missing
        ]  # fmt: skip
        made = insert_new(session, Study, rows)
        names = [
            (row["id"], one.facts.patient.name) for row, one in zip(rows, missing, strict=True) if row["id"] in made
        ]
        headers.keep_names(session, organization_id, names)
        here = {row[0]: row[1] for row in session.connection().execute(_STUDIES, asked)}
    if patient_id is not None:
        unclaimed = sa.update(Study).where(Study.id.in_(here.values()), Study.patient_id.is_(None))
        session.execute(unclaimed.values(patient_id=patient_id))
    return here


def _series(
    session: Session, organization_id: UUID, arrived: Sequence[Arrived], studies: dict[str, UUID]
) -> dict[tuple[UUID, str], UUID]:
    first: dict[tuple[UUID, str], Arrived] = {}
    for one in arrived:
        first.setdefault((studies[one.study_uid], one.series_uid), one)
    asked = {"studies": list(studies.values()), "uids": list({uid for _, uid in first})}

    def found() -> dict[tuple[UUID, str], UUID]:
        return {(row[0], row[1]): row[2] for row in session.connection().execute(_SERIES, asked)}

    here = found()
    missing = [(place, one) for place, one in first.items() if place not in here]
    if not missing:
        return here
    insert_new(session, Series, [
        {"organization_id": organization_id, "study_id": study_id, "series_instance_uid": uid,
         **headers.series_columns(one.facts, one.header)}
        for (study_id, uid), one in missing
    ])  # fmt: skip
    return found()


def _next_number(session: Session, series_id: UUID) -> int:
    here = session.scalar(sa.select(sa.func.count()).where(Instance.series_id == series_id))
    return 1 + (here or 0)


def _known(session: Session, organization_id: UUID, same: Any, one: Arrived) -> Recorded:
    if same.sha256 == one.sha256:  # it came before, or at this moment by another door
        return Recorded(same.id, same.study_id, is_new=False, is_conflict=False, blob=None)
    kept = one.blob is not None and insert_or_nothing(session, InstanceConflict, {
        "organization_id": organization_id, "instance_id": same.id, "blob_id": one.blob.id, "sha256": one.sha256,
    })  # fmt: skip
    return Recorded(same.id, same.study_id, is_new=False, is_conflict=True, blob=one.blob if kept else None)


def _columns(organization_id: UUID, study_id: UUID, series_id: UUID, one: Arrived) -> dict[str, Any]:
    facts, blob_id = one.facts, one.blob.id if one.blob else None
    date = facts.acquisition_date or facts.content_date or facts.study_date
    time = facts.acquisition_time or facts.content_time or facts.study_time
    frames = facts.number_of_frames or 1
    row_id = new_id()
    is_unseeable = facts.kind == "dicom" and facts.pixels is None and facts.document is None
    return {
        "id": row_id, "organization_id": organization_id, "study_id": study_id, "series_id": series_id,
        "sop_instance_uid": facts.sop_instance_uid or f"2.25.{row_id.int}",  # PS3.5 B.2: a UUID as UID
        "sop_class_uid": facts.sop_class_uid or "", "instance_number": facts.instance_number,
        "kind": facts.kind, "blob_id": blob_id, "sha256": one.sha256, "rows": facts.rows, "columns": facts.columns,
        "dicom_blob_id": blob_id if facts.kind == "dicom" else None,
        "transfer_syntax_uid": facts.transfer_syntax_uid or "",
        "bits_allocated": facts.pixels.bits_allocated if facts.pixels else None,
        "number_of_frames": frames, "frame_time_ms": facts.frame_time_ms, "acquired": f"{date} {time}".strip()[:32],
        "is_clip": facts.kind == "mp4" or frames > 1 or bool(facts.pixels and facts.pixels.is_video),
        "facts": facts.to_json(), "preview": "none" if is_unseeable else "pending",
        "preview_reason": NOTHING_TO_SHOW if is_unseeable else "",
    }  # fmt: skip
