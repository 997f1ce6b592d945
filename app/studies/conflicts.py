"""Other bytes under a UID that is taken: kept aside until somebody says that the first ones stay."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import NotFound
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.studies.models import InstanceConflict

FIRST_STAYS = "The first one stays."


def settle(session: Session, actor: Actor, conflict_id: UUID) -> InstanceConflict:
    """The bytes and the record of them stay, too; twice is once. A referral's line of them says what became of it."""
    row = found(session, actor, conflict_id, lock=True)
    if row.settled_at is not None:
        return row
    _settle(session, actor, row)
    for item in lines_of(session, row):
        item.status, item.reason = FileStatus.WITHDRAWN, FIRST_STAYS
        session.execute(sa.update(Referral).where(Referral.id == item.referral_id).values(updated_at=now()))
        events.record(session, actor, "file.withdrawn", organization_id=item.organization_id, entity_id=item.id,
                      referral_id=item.referral_id)  # fmt: skip
    return row


def withdrawn(session: Session, actor: Actor, item: ManifestItem) -> None:
    """A referral's line was taken off: nobody need be asked about its bytes, unless another one still names them."""
    query = sa.select(InstanceConflict).where(
        InstanceConflict.instance_id == item.instance_id, InstanceConflict.sha256 == item.sha256,
        InstanceConflict.settled_at.is_(None),
    )  # fmt: skip
    row = session.scalars(query).first()
    session.flush()
    if row is not None and not lines_of(session, row):
        _settle(session, actor, row)


def found(session: Session, actor: Actor, conflict_id: UUID, *, lock: bool = False) -> InstanceConflict:
    """One of an organization for which the actor sends."""
    query = sa.select(InstanceConflict).where(InstanceConflict.id == conflict_id)
    query = query.options(joinedload(InstanceConflict.blob))
    row = session.scalars(query.with_for_update(of=InstanceConflict) if lock else query).one_or_none()
    if row is None or row.organization_id not in actor.organization_ids:
        raise NotFound
    require(actor, "referral.send", row.organization_id)
    return row


def lines_of(session: Session, row: InstanceConflict) -> list[ManifestItem]:
    """The files of referrals that are these bytes."""
    query = sa.select(ManifestItem).where(
        ManifestItem.instance_id == row.instance_id, ManifestItem.sha256 == row.sha256,
        ManifestItem.organization_id == row.organization_id, ManifestItem.status == FileStatus.CONFLICT,
    )  # fmt: skip
    return list(session.scalars(query.order_by(ManifestItem.id)))


def _settle(session: Session, actor: Actor, row: InstanceConflict) -> None:
    row.settled_at, row.settled_by_id = now(), actor.person_id
    events.record(session, actor, "conflict.settled", organization_id=row.organization_id, entity_id=row.id,
                  instance_id=str(row.instance_id))  # fmt: skip
