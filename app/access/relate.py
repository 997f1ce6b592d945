"""Organizations, and who reads for whom: both sides agree before a referral can go from one to the other."""

import re
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import links
from app.access.actor import Actor
from app.access.administer import require_admin
from app.audit import events
from app.db import insert_or_nothing, new_id, now
from app.errors import Invalid, NotFound
from app.people.models import Organization, ReadingRelation
from app.people.names import one_line


def add_organization(
    session: Session, actor: Actor, name: str, *, time_zone: str = "UTC", language: str = "en", issuer: str = ""
) -> Organization:
    """An organization without anybody in it yet; the operator's, or the first one's, to make."""
    made = Organization(
        id=new_id(), name=named(name), time_zone=zone_called(time_zone), language=language, issuer=issuer
    )  # fmt: skip
    session.add(made)
    session.flush()
    events.record(session, actor, "organization.added", organization_id=made.id, entity_id=made.id)
    return made


def set_clock(
    session: Session, actor: Actor, organization_id: UUID, time_zone: str, clips_from: str = "", clips_until: str = ""
) -> Organization:
    """By which clock times are shown; what was signed keeps the one it was signed under. And, where that is given,
    between which hours of it clips leave that were put off."""
    require_admin(actor, organization_id)
    organization = session.get_one(Organization, organization_id, with_for_update=True)
    before, organization.time_zone = organization.night, zone_called(time_zone)
    organization.clips_from = hour_called(clips_from, "clips_from") if clips_from else organization.clips_from
    organization.clips_until = hour_called(clips_until, "clips_until") if clips_until else organization.clips_until
    if before != organization.night:
        events.record(session, actor, "organization.changed", organization_id=organization_id, entity_id=organization_id,
                      before=" ".join(before.values()), after=" ".join(organization.night.values()))  # fmt: skip
    return organization


def offer_reading(session: Session, actor: Actor, organization_id: UUID) -> str:
    """The secret of a link by which another organization's administrator may have us read for them; seven days, once."""
    require_admin(actor, organization_id)
    link, secret = links.make(session, "reading", organization_id=organization_id, invited_by_id=actor.person_id)
    events.record(session, actor, "reading.offered", organization_id=organization_id, entity_id=link.id)
    return secret


def accept_reading(session: Session, actor: Actor, secret: str, organization_id: UUID) -> ReadingRelation:
    """From now on the offering organization reads for this one."""
    require_admin(actor, organization_id)
    link = links.use(session, "reading", secret)
    if link.organization_id is None:
        raise NotFound
    return begin_reading(session, actor, link.organization_id, organization_id)


def begin_reading(session: Session, actor: Actor, reader_id: UUID, organization_id: UUID) -> ReadingRelation:
    """The relation, on the record of both; agreed by `offer_reading`, or set by the operator."""
    pair = {"organization_id": organization_id, "reading_organization_id": reader_id}
    insert_or_nothing(session, ReadingRelation, {**pair, "created_at": now()})
    relation = session.scalars(sa.select(ReadingRelation).filter_by(**pair)).one()
    relation.ended_at = None
    _record(session, actor, "reading.begun", relation)
    return relation


def end_reading(session: Session, actor: Actor, reader_id: UUID, organization_id: UUID) -> None:
    """Nothing new can be sent; what was sent stays readable. Either side may end it."""
    mine = actor.organizations_for("organization.administer")
    if actor.kind != "operator" and not {reader_id, organization_id} & set(mine):
        raise NotFound
    pair = {"organization_id": organization_id, "reading_organization_id": reader_id, "ended_at": None}
    relation = session.scalars(sa.select(ReadingRelation).filter_by(**pair)).one_or_none()
    if relation is None:
        raise NotFound
    relation.ended_at = now()
    _record(session, actor, "reading.ended", relation)


def reading_relations(
    session: Session, actor: Actor, organization_id: UUID
) -> tuple[list[Organization], list[Organization]]:
    """(who reads for us, for whom we read), each by name."""
    require_admin(actor, organization_id)
    readers = sa.select(ReadingRelation.reading_organization_id).where(
        ReadingRelation.organization_id == organization_id, ReadingRelation.ended_at.is_(None)
    )
    senders = sa.select(ReadingRelation.organization_id).where(
        ReadingRelation.reading_organization_id == organization_id, ReadingRelation.ended_at.is_(None)
    )
    by_name = sa.select(Organization).order_by(Organization.name)
    return (
        list(session.scalars(by_name.where(Organization.id.in_(readers)))),
        list(session.scalars(by_name.where(Organization.id.in_(senders)))),
    )


def _record(session: Session, actor: Actor, action: str, relation: ReadingRelation) -> None:
    for organization_id in (relation.organization_id, relation.reading_organization_id):
        events.record(session, actor, action, organization_id=organization_id, entity_id=relation.id)


def named(name: str) -> str:
    """An organization's name as it is kept."""
    if not (kept := one_line(name)):
        raise Invalid("The organization's name, please, in at most 200 letters.", field="organization")
    return kept


def hour_called(text: str, field: str) -> str:
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise Invalid("Write the hour as 20:00.", field=field)
    return text


def zone_called(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a path out of the folder, a folder
        raise Invalid(
            "There is no such time zone; it is called for example Africa/Nairobi.", field="time_zone"
        ) from None
