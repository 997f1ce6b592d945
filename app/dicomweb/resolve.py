"""UIDs to rows: a UID that two organizations show is the caller's own, else they say whose (PS3.18 10.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from app.access import scope
from app.access.actor import Actor
from app.dicom.facts import Facts
from app.errors import Conflict, NotFound
from app.storage.blobs import Blob
from app.studies.images import taken_back
from app.studies.models import Instance, InstanceHeader, Series, Study

Row = TypeVar("Row", Study, Instance)


@dataclass(frozen=True)
class Target:
    """One instance in its DICOM encoding, and all that is needed to serve it after the session."""

    id: UUID
    organization_id: UUID
    study_id: UUID
    study_uid: str
    series_uid: str
    uid: str
    transfer_syntax_uid: str
    blob: Blob
    facts: Facts
    row: Instance

    @property
    def frame_count(self) -> int:
        return self.facts.frames.count if self.facts.frames else 0


def study_of(session: Session, who: Actor, uid: str, organization_id: UUID | None) -> Study:
    """NotFound where the actor may see none, Conflict where several, none of them their own."""
    query = sa.select(Study).where(Study.study_instance_uid == uid, scope.visible(Study, who))
    if organization_id is not None:
        query = query.where(Study.organization_id == organization_id)
    return _own(who, list(session.scalars(query)))


def series_of(session: Session, study: Study, uid: str) -> UUID:
    """The id of the study's series of this UID."""
    query = sa.select(Series.id).where(Series.study_id == study.id, Series.series_instance_uid == uid)
    found = session.scalar(query)
    if found is None:
        raise NotFound
    return found


def instance_of(
    session: Session, who: Actor, study_uid: str, series_uid: str, uid: str, organization_id: UUID | None
) -> Target:
    """By all three UIDs, in one query."""
    query = (
        sa.select(Instance)
        .join(Study, Study.id == Instance.study_id)
        .join(Series, Series.id == Instance.series_id)
        .where(
            Study.study_instance_uid == study_uid, Series.series_instance_uid == series_uid,
            Instance.sop_instance_uid == uid, Instance.dicom_blob_id.is_not(None), scope.visible(Study, who),
            ~taken_back(who),
        )
        .options(joinedload(Instance.dicom_blob), undefer(Instance.facts))
    )  # fmt: skip
    if organization_id is not None:
        query = query.where(Study.organization_id == organization_id)
    found = _own(who, list(session.scalars(query)))
    return _target(found, study_uid, series_uid, _facts_of(session, found))


def instances_of(session: Session, who: Actor, study: Study, series_id: UUID | None) -> list[Target]:
    """All of a study or series, in the order in which they came."""
    rows = session.execute(_instances(who, study, series_id).order_by(Instance.id))
    return [_target(row, study.study_instance_uid, uid, _facts(row, made)) for row, uid, made in rows]


def picture_of(session: Session, who: Actor, study: Study, series_id: UUID | None) -> Target:
    """One that can be shown: the first still or document, else the first clip; NotFound where there is none."""
    is_shown = sa.or_(*(Instance.facts[name].as_string().is_not(None) for name in ("pixels", "document")))
    is_made = Instance.dicom_blob_id != Instance.blob_id  # a picture, film or document that came without DICOM
    query = _instances(who, study, series_id).where(sa.or_(is_made, is_shown))
    row = session.execute(query.order_by(Instance.is_clip, Instance.id).limit(1)).one_or_none()
    if row is None:
        raise NotFound("There is no picture here.")
    return _target(row[0], study.study_instance_uid, row[1], _facts(row[0], row[2]))


def _instances(who: Actor, study: Study, series_id: UUID | None) -> sa.Select[tuple[Instance, str, dict[str, Any]]]:
    """With the UID of the series, and the facts of the DICOM encoding where that was made here."""
    is_made = sa.and_(InstanceHeader.id == Instance.id, Instance.dicom_blob_id != Instance.blob_id)
    query = (
        sa.select(Instance, Series.series_instance_uid, InstanceHeader.facts)
        .join(Series, Series.id == Instance.series_id)
        .outerjoin(InstanceHeader, is_made)
        .where(Instance.study_id == study.id, Instance.dicom_blob_id.is_not(None), ~taken_back(who))
        .options(joinedload(Instance.dicom_blob), undefer(Instance.facts))
    )
    return query.where(Instance.series_id == series_id) if series_id is not None else query


def _facts_of(session: Session, instance: Instance) -> dict[str, Any]:
    if instance.dicom_blob_id == instance.blob_id:
        return instance.facts
    made = session.scalar(sa.select(InstanceHeader.facts).where(InstanceHeader.id == instance.id))
    return _facts(instance, made)


def _facts(instance: Instance, made: dict[str, Any] | None) -> dict[str, Any]:
    """Of the DICOM encoding: the file's own, or those of what was made of it."""
    if instance.dicom_blob_id == instance.blob_id:
        return instance.facts
    return made or {"kind": "dicom", "size_bytes": 0}


def _target(row: Instance, study_uid: str, series_uid: str, facts: dict[str, Any]) -> Target:
    if row.dicom_blob is None:
        raise NotFound
    return Target(
        row.id, row.organization_id, row.study_id, study_uid, series_uid, row.sop_instance_uid,
        row.transfer_syntax_uid, row.dicom_blob, Facts.from_json(facts), row,
    )  # fmt: skip


def _own(who: Actor, found: Sequence[Row]) -> Row:
    if len(found) == 1:
        return found[0]
    own = [row for row in found if row.organization_id in who.organization_ids]
    if len(own) == 1:
        return own[0]
    if not found:
        raise NotFound
    raise Conflict(
        "Several organizations show this UID. Say with ?organization= whose.",
        organizations=sorted(row.organization_id for row in found),
    )
