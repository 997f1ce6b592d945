"""What a study and series say of themselves, by the first file that is left when one is taken back."""

import zlib
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.dicom.facts import Facts
from app.dicom.metadata import Header, kept
from app.studies import headers
from app.studies.images import IS_SENT, withdrawn
from app.studies.models import Instance, InstanceHeader, Series, Study, StudyName


def anew(session: Session, actor: Actor, instance_id: UUID) -> None:
    """The study and series of an instance that was withdrawn; where nothing is left they stay, and no other finds them."""
    here = sa.select(Instance.study_id, Instance.series_id, Instance.organization_id, Instance.kind)
    row = session.execute(here.where(Instance.id == instance_id)).one()
    if row.kind != "dicom":  # it says nothing but what its referral says
        return
    if (found := _first(session, actor, Instance.study_id == row.study_id)) is not None:
        columns = headers.study_columns(*found)
        session.execute(sa.update(Study).where(Study.id == row.study_id).values(columns))
        session.execute(sa.delete(StudyName).where(StudyName.study_id == row.study_id))
        headers.keep_names(session, row.organization_id, [(row.study_id, found[0].patient.name)])
    if (found := _first(session, actor, Instance.series_id == row.series_id)) is not None:
        columns = headers.series_columns(*found)
        session.execute(sa.update(Series).where(Series.id == row.series_id).values(columns))


def _first(session: Session, actor: Actor, of_it: sa.ColumnElement[bool]) -> tuple[Facts, Header] | None:
    query = (
        sa.select(Instance.facts, InstanceHeader.facts.label("made"), InstanceHeader.packed)
        .outerjoin(InstanceHeader, InstanceHeader.id == Instance.id)
        .where(of_it, IS_SENT, Instance.dicom_blob_id.is_not(None), ~withdrawn(actor))
    )
    first = session.execute(query.order_by(Instance.id).limit(1)).one_or_none()
    if first is None:
        return None
    return Facts.from_json(first.made or first.facts), kept(zlib.decompress(first.packed) if first.packed else b"{}")
