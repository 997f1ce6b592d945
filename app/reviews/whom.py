"""Who is told: the coordinator on the reading side, whoever may answer on the referring one."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import READERS
from app.people.models import Membership, Person, Role
from app.referrals.models import Referral


def in_charge(session: Session, organization_id: UUID) -> list[UUID]:
    """The coordinators; where there is none the supervisors, and where there is none of these the readers."""
    for role in (Role.COORDINATOR, Role.SUPERVISOR, Role.REVIEWER):
        if found := _with_role(session, organization_id, role):
            return found
    return []


def coordinators(session: Session, organization_id: UUID) -> list[UUID]:
    """Nobody, where the organization has none."""
    return _with_role(session, organization_id, Role.COORDINATOR)


def supervisors(session: Session, organization_id: UUID) -> list[UUID]:
    """Who counter-signs."""
    return _with_role(session, organization_id, Role.SUPERVISOR)


def readers(session: Session, organization_id: UUID) -> list[UUID]:
    """Whoever reads there."""
    return _with_role(session, organization_id, *READERS)


def senders(session: Session, referral: Referral) -> list[UUID]:
    """The author, and whoever else refers for the site: anyone of it may answer and acknowledge."""
    return [referral.author_id, *_with_role(session, referral.organization_id, Role.REFERRER)]


def _with_role(session: Session, organization_id: UUID, *roles: Role) -> list[UUID]:
    return list(session.scalars(
        sa.select(Membership.person_id).join(Person, Person.id == Membership.person_id)
        .where(Membership.organization_id == organization_id, Membership.role.in_(roles), Membership.ended_at.is_(None),
               Person.disabled_at.is_(None))
        .distinct().order_by(Membership.person_id)
    ))  # fmt: skip
