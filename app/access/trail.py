"""What happens to a person's access is on the record of each organization that they belong to."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.people.models import Membership


def record_person(session: Session, actor: Actor, action: str, person_id: UUID | None, **detail: Any) -> None:
    """One event for each of the person's organizations, so that each one's administrator finds it."""
    theirs = sa.select(Membership.organization_id).where(
        Membership.person_id == person_id, Membership.ended_at.is_(None)
    )
    for organization_id in [*session.scalars(theirs.distinct())] or [None]:
        events.record(session, actor, action, organization_id=organization_id, entity_id=person_id, **detail)
