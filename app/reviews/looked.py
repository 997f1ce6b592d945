"""Who has looked at a case is told when what they saw turns out to be somebody else's."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit.events import AuditEvent
from app.notifications.notify import tell
from app.people.models import Membership, Organization
from app.referrals.models import Referral
from app.reviews.models import Review

LOOKS = ("referral.opened", "report.opened", "study.viewed", "study.downloaded")


def tell_who_looked(
    session: Session, actor: Actor, referral: Referral, kind: str, entity_ids: Iterable[UUID] = (),
    also: Iterable[UUID] = (),
) -> None:  # fmt: skip
    """Everybody on either side, or where it was declined and sent on, who opened the case or one of these (reports,
    studies), its author and its readers, and `also` these people; not the one who acts.

    `referral` has its organizations loaded."""
    looked = sa.select(AuditEvent.person_id).where(
        AuditEvent.entity_id.in_({referral.id, *entity_ids}), AuditEvent.action.in_(LOOKS),
        AuditEvent.person_id.is_not(None),
    )  # fmt: skip
    owners = sa.select(Review.owner_id).where(Review.referral_id == referral.id, Review.owner_id.is_not(None))
    people = {referral.author_id, *also, *session.scalars(looked.distinct()), *session.scalars(owners)} - {
        actor.person_id
    }
    former = sa.select(Organization).join(Review, Review.reading_organization_id == Organization.id).where(
        Review.referral_id == referral.id, Review.sent_on_at.is_not(None)
    )  # fmt: skip
    for organization in (referral.reading_organization, referral.organization, *session.scalars(former)):
        members = sa.select(Membership.person_id).where(
            Membership.organization_id == organization.id,
            Membership.person_id.in_(people),
            Membership.ended_at.is_(None),
        )
        here = set(session.scalars(members))
        tell(session, here, kind, referral, to=organization)
        people -= here
