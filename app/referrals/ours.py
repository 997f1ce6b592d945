"""The organizations for which a person refers."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.people.models import Organization


def own(session: Session, who: Actor) -> list[Organization]:
    """By name."""
    mine = sa.select(Organization).where(Organization.id.in_(who.organizations_for("referral.place")))
    return list(session.scalars(mine.order_by(Organization.name)))
