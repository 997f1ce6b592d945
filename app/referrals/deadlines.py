"""When an answer is due: by the table of who asks, else of who reads, else ours, and before the patient leaves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.administer import require_admin
from app.audit import events
from app.errors import Invalid, NotFound, Sentence
from app.people.models import Organization
from app.referrals.models import DEADLINES, Priority, Referral

LEAST_MIN, MOST_MIN = 5, 30 * 24 * 60


def table(*organizations: Organization) -> dict[Priority, timedelta]:
    """What the first of them says counts; where none says anything, the default does."""
    own: dict[str, int] = {}
    for organization in reversed(organizations):
        own |= organization.deadlines_min
    return {each: timedelta(minutes=own[each]) if each in own else DEADLINES[each] for each in Priority}


def span(referral: Referral) -> timedelta:
    """How long the reader has; the clinic has as long for its reply, and for reading the answer."""
    return table(referral.organization, referral.reading_organization)[Priority(referral.priority)]


def deadline(referral: Referral, submitted_at: datetime, paused: timedelta = timedelta()) -> datetime:
    """From submission, without the time in which the clinic was asked; 'the patient leaves at' never pauses."""
    due_at = submitted_at + span(referral) + paused
    return min(due_at, referral.patient_leaves_at) if referral.patient_leaves_at else due_at


def change(
    session: Session, actor: Actor, organization_id: UUID, minutes: Mapping[Priority, int | None]
) -> Organization:
    """The organization's own table from now on, None for a default; what is sent already keeps its deadline."""
    require_admin(actor, organization_id)
    organization = session.get(Organization, organization_id, with_for_update=True)
    if organization is None:
        raise NotFound
    before = organization.deadlines_min
    own = {str(each): given for each, given in minutes.items() if given is not None}
    for name, given in own.items():
        if not LEAST_MIN <= given <= MOST_MIN:
            raise Invalid(
                Sentence("A deadline has {least} minutes at least and {most} days at most.", least=LEAST_MIN,
                         most=MOST_MIN // (24 * 60)), field=name,
            )  # fmt: skip
    organization.deadlines_min = own
    _refuse_disorder(organization)
    if own != before:
        events.record(session, actor, "deadlines.changed", organization_id=organization.id, entity_id=organization.id,
                      before=before, after=own)  # fmt: skip
    return organization


def _refuse_disorder(organization: Organization) -> None:
    """FHIR orders routine < urgent < asap < stat: what is more urgent cannot have more time."""
    now_set = table(organization)
    for calmer, hotter in pairwise(Priority):
        if now_set[hotter] > now_set[calmer]:
            raise Invalid("What is more urgent cannot have more time than what is less.", field=hotter)
