"""UIDs to rows: a UID that two organizations show is the caller's own, else they say whose (PS3.18 10.1)."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor
from app.errors import Conflict, NotFound
from app.studies.models import Series, Study


def study_of(session: Session, who: Actor, uid: str, organization_id: UUID | None) -> Study:
    """NotFound where the actor may see none, Conflict where several, none of them their own."""
    query = sa.select(Study).where(Study.study_instance_uid == uid, scope.visible(Study, who))
    if organization_id is not None:
        query = query.where(Study.organization_id == organization_id)
    found = list(session.scalars(query))
    own = [study for study in found if study.organization_id in who.organization_ids]
    if len(found) == 1 or len(own) == 1:
        return (own or found)[0]
    if not found:
        raise NotFound
    raise Conflict(
        "Several organizations show a study of this UID. Say with ?organization= whose.",
        organizations=sorted(study.organization_id for study in found),
    )


def series_of(session: Session, study: Study, uid: str) -> UUID:
    """The id of the study's series of this UID."""
    query = sa.select(Series.id).where(Series.study_id == study.id, Series.series_instance_uid == uid)
    found = session.scalar(query)
    if found is None:
        raise NotFound
    return found
