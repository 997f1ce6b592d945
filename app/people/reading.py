"""Who reads for whom: without a reading relation nothing can be sent."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.errors import Invalid, Sentence
from app.people.models import Organization, ReadingRelation


def readers_for(session: Session, organization_id: UUID) -> list[Organization]:
    return list(session.scalars(
        sa.select(Organization)
        .join(ReadingRelation, ReadingRelation.reading_organization_id == Organization.id)
        .where(ReadingRelation.organization_id == organization_id, ReadingRelation.ended_at.is_(None))
        .order_by(Organization.name)
    ))  # fmt: skip


def reader_for(session: Session, organization_id: UUID, wanted_id: UUID | None) -> Organization:
    """The one that reads for this organization; none or several that fit are named."""
    fitting = [one for one in readers_for(session, organization_id) if wanted_id in (None, one.id)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(one.name for one in fitting)
        choices = [{"id": str(one.id), "name": one.name} for one in fitting]
        raise Invalid(
            Sentence("Several read for you: {names}. Choose one.", names=names),
            field="reading_organization_id",
            choices=choices,
        )
    raise Invalid(
        "No organization reads for yours yet. An administrator can set that up.",
        field="reading_organization_id",
    )
