"""The header of each instance as DICOM JSON, kept beside it, and what search finds studies and series by."""

import re
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
from app.people.models import bare
from app.studies.images import is_withdrawn
from app.studies.models import Instance, InstanceHeader, Series, Study, StudyName
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
            _fill(session, instance, made)


def _fill(session: Session, instance: Instance, made: Header) -> None:
    """What only a header says, where its study and series do not say it yet; but nothing by what was withdrawn."""
    of_it = sa.exists().where(Instance.id == instance.id, ~is_withdrawn()).correlate_except(Instance)
    if made.referring_physician_name:
        study = sa.update(Study).where(Study.id == instance.study_id, Study.referring_physician_name == "", of_it)
        session.execute(study.values(_referring(made)))
    columns = _performed(made)
    if any(columns.values()):
        empty = (getattr(Series, name) == "" for name in columns)
        session.execute(sa.update(Series).where(Series.id == instance.series_id, of_it, *empty).values(columns))


def study_columns(facts: Facts, header: Header | None) -> dict[str, Any]:
    """As the file says them, cut to what their column holds."""
    patient = facts.patient
    return {
        "accession_number": facts.accession_number[:64], "study_date": _plain(facts.study_date)[:8],
        "study_time": _plain(facts.study_time)[:16], "study_description": facts.study_description[:200],
        "patient_name": patient.name[:NAME_CHARS], "patient_identifier": patient.identifier[:64],
        "patient_issuer": patient.issuer[:64], "patient_birth_date": _plain(patient.birth_date)[:8],
        "patient_sex": patient.sex[:16], "dicom_study_id": facts.study_id[:64],
        "timezone_offset_from_utc": facts.timezone_offset_from_utc[:5], **_referring(header),
    }  # fmt: skip


def series_columns(facts: Facts, header: Header | None) -> dict[str, Any]:
    return {
        "modality": facts.modality[:16] or "US", "series_number": facts.series_number,
        "series_description": facts.series_description[:200], **_performed(header),
    }  # fmt: skip


def _referring(header: Header | None) -> dict[str, Any]:
    name = header.referring_physician_name[:NAME_CHARS] if header else ""
    return {"referring_physician_name": name, "referring_physician_key": folded_groups(name)[:NAME_CHARS]}


def _performed(header: Header | None) -> dict[str, Any]:
    return {
        "performed_start_date": _plain(header.performed_start_date)[:8] if header else "",
        "performed_start_time": _plain(header.performed_start_time)[:16] if header else "",
        "scheduled_step_id": header.scheduled_step_id[:64] if header else "",
        "requested_procedure_id": header.requested_procedure_id[:64] if header else "",
    }


def _plain(date_or_time: str) -> str:
    """Of the forms before DICOM 3.0 (2004.01.19, 10:15:30), which readers accept (PS3.5 6.2), the one that is sought."""
    if re.fullmatch(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}", date_or_time):
        return date_or_time.replace(".", "")
    return date_or_time.replace(":", "")


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
    return "^".join(" ".join(part.split()) for part in bare(group).casefold().split("^")).rstrip("^ ")


def folded_groups(name: str) -> str:
    """All of its component groups."""
    return "=".join(folded(group) for group in name.split("="))


def words(name: str) -> set[str]:
    return set(_BETWEEN.split(folded(name))) - {""}
