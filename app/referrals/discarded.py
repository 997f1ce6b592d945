"""What was discarded on a device before it was sent: its coordinator is told, for a patient may wait for it."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import insert_or_nothing, now
from app.errors import Forbidden, NotFound
from app.referrals.models import OutboxDiscard, Referral


def report(
    session: Session, actor: Actor, key: str, *, files: int, size_bytes: int, written_at: datetime, discarded_at: datetime,
    referral_id: UUID | None = None, organization_id: UUID | None = None,
) -> OutboxDiscard:  # fmt: skip
    """One line of a device's outbox, by the device's own key: told twice is once."""
    mine = actor.organizations_for("referral.send")
    if referral_id is not None:
        organization_id = scope.get(session, Referral, referral_id, actor).organization_id
    if organization_id is not None:
        require(actor, "referral.send", organization_id)
    elif not mine:
        raise Forbidden("Your role here does not allow this.")
    owner = organization_id or mine[0]
    is_new = insert_or_nothing(session, OutboxDiscard, {
        "organization_id": owner, "person_id": person_of(actor), "key": key, "referral_id": referral_id, "files": files,
        "size_bytes": size_bytes, "written_at": written_at, "discarded_at": discarded_at, "created_at": now(),
    })  # fmt: skip
    same = sa.select(OutboxDiscard).where(OutboxDiscard.person_id == person_of(actor), OutboxDiscard.key == key)
    found = session.scalars(same).one()
    if is_new:
        events.record(session, actor, "outbox.discarded", organization_id=owner, entity_id=found.id,
                      referral_id=referral_id, files=files, size_bytes=size_bytes)  # fmt: skip
    return found


def note(session: Session, actor: Actor, discard_id: UUID) -> None:
    """Somebody of the organization knows of it; twice is once."""
    found = session.get(OutboxDiscard, discard_id, with_for_update=True)
    if found is None or not actor.may("attention.own", found.organization_id):
        raise NotFound
    if found.noted_at is None:
        found.noted_at, found.noted_by_id = now(), person_of(actor)
        events.record(session, actor, "outbox.discard-noted", organization_id=found.organization_id, entity_id=found.id,
                      referral_id=found.referral_id)  # fmt: skip
