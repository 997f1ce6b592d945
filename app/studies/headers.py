"""The header of each instance as DICOM JSON, kept beside it, and what search finds studies and series by."""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from app import log
from app.access.actor import Actor
from app.db import insert_or_nothing, reading, table_of, transaction
from app.dicom.facts import Facts
from app.dicom.metadata import Header, header, least
from app.errors import Invalid
from app.studies.models import Instance, InstanceHeader, StudyName
from app.studies.renditions import as_file

_BETWEEN = re.compile(r"[\s^=,.\-]+")
NAME_CHARS = 400
_KEEP = sa.insert(table_of(InstanceHeader))
_KEEP_NAMES = sa.insert(table_of(StudyName))


def keep(session: Session, instance_id: UUID, header: Header, facts: Facts | None = None) -> bool:
    """`facts` where the DICOM encoding is not the file as it came; False if a header was kept before."""
    return insert_or_nothing(session, InstanceHeader, {
        "id": instance_id, "packed": zlib.compress(header.text, 1), "bulk": header.bulk,
        "facts": facts.to_json() if facts else None,
    })  # fmt: skip


def keep_all(session: Session, made: Sequence[tuple[UUID, Header]]) -> None:
    """Those of instances that were inserted just now."""
    if made:
        session.connection().execute(_KEEP, [
            {"id": instance_id, "packed": zlib.compress(header.text, 1), "bulk": header.bulk}
            for instance_id, header in made
        ])  # fmt: skip


def make_missing(actor: Actor, instance_ids: list[UUID]) -> None:
    """Of instances that were kept before their header was made: they came by another door, or were held."""
    here = sa.select(InstanceHeader.id).where(InstanceHeader.id == Instance.id)
    query = sa.select(Instance).where(Instance.dicom_blob_id == Instance.blob_id, ~here.exists())
    with reading(actor) as session:
        query = query.where(Instance.id.in_(instance_ids)).options(joinedload(Instance.blob), undefer(Instance.facts))
        missing = list(session.scalars(query))
    for instance in missing:
        facts = Facts.from_json(instance.facts)
        try:
            with as_file(instance.blob) as path:
                made = header(path, facts)
        except Invalid as refusal:  # that file has less of a header; the others of the study go on
            log.get().warning(
                "header failed", instance_id=str(instance.id), reason_code=refusal.facts.get("reason_code")
            )
            made = least(facts)
        with transaction(actor) as session:
            keep(session, instance.id, made)


def study_columns(facts: Facts, header: Header | None) -> dict[str, Any]:
    """As the file says them, cut to what their column holds."""
    patient = facts.patient
    return {
        "accession_number": facts.accession_number[:64], "study_date": facts.study_date[:8],
        "study_time": facts.study_time[:16], "study_description": facts.study_description[:200],
        "patient_name": patient.name[:NAME_CHARS], "patient_identifier": patient.identifier[:64],
        "patient_issuer": patient.issuer[:64], "patient_birth_date": patient.birth_date[:8],
        "patient_sex": patient.sex[:16], "dicom_study_id": facts.study_id[:64],
        "referring_physician_name": header.referring_physician_name[:NAME_CHARS] if header else "",
        "timezone_offset_from_utc": facts.timezone_offset_from_utc[:5],
    }  # fmt: skip


def series_columns(facts: Facts, header: Header | None) -> dict[str, Any]:
    asked = {
        "performed_start_date": header.performed_start_date[:8],
        "performed_start_time": header.performed_start_time[:16],
        "scheduled_step_id": header.scheduled_step_id[:64],
        "requested_procedure_id": header.requested_procedure_id[:64],
    } if header else {}  # fmt: skip
    return {
        "modality": facts.modality[:16] or "US", "series_number": facts.series_number,
        "series_description": facts.series_description[:200], **asked,
    }  # fmt: skip


def keep_names(session: Session, organization_id: UUID, named: Sequence[tuple[UUID, str]]) -> None:
    """The rows by which new studies are found by their patients' names."""
    rows = [
        {"organization_id": organization_id, "study_id": study_id, "is_word": is_word, "name": text}
        for study_id, name in named
        for is_word, texts in ((False, _groups(name[:NAME_CHARS])), (True, words(name[:NAME_CHARS])))
        for text in texts
    ]
    if rows:
        session.connection().execute(_KEEP_NAMES, rows)


def _groups(name: str) -> set[str]:
    return {folded(group) for group in name.split("=")} - {""}


def folded(group: str) -> str:
    """A component group without case, accents and empty components at its end (PS3.5 6.2.1)."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", group) if not unicodedata.combining(one))
    return "^".join(" ".join(part.split()) for part in bare.casefold().split("^")).rstrip("^ ")


def words(name: str) -> set[str]:
    return set(_BETWEEN.split(folded(name))) - {""}
