"""The referrer answers whose a held file is, or takes a file back."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.dicom.facts import Facts
from app.errors import Conflict, Invalid, NotFound
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.storage.blobs import Blob
from app.studies import conflicts, describe, wrapping
from app.studies.models import Instance
from app.studies.receive import attach
from app.studies.renditions import drop_preview


def confirm(session: Session, actor: Actor, referral_id: UUID, item_id: UUID) -> ManifestItem:
    """'Same patient': the held file joins the referral; what its header says stays as it is."""
    referral, item = file_of(session, actor, referral_id, item_id)
    if item.status != FileStatus.HELD or item.facts is None:
        raise Conflict("This file is not held.", status=item.status)
    facts = Facts.from_json(item.facts)
    item.facts, item.reason = None, ""  # attached, it may have another
    _attach_held(session, referral, item, facts)
    item.identity = {
        **(item.identity or {}),
        "verdict": "confirmed",
        "by": str(actor.person_id),
        "at": now().isoformat(),
    }
    referral.updated_at = now()
    events.record(session, actor, "file.identity-confirmed", organization_id=referral.organization_id, entity_id=item.id,
                  referral_id=referral.id)  # fmt: skip
    return item


def withdraw(session: Session, actor: Actor, referral_id: UUID, item_id: UUID, reason: str) -> ManifestItem:
    """'Wrong file': it is no longer shown to the reader; the bytes and the record of it stay."""
    referral, item = file_of(session, actor, referral_id, item_id)
    if not reason:
        raise Invalid("Say why the file is withdrawn.", field="reason")
    if item.status == FileStatus.WITHDRAWN:
        return item
    was_conflict = item.status == FileStatus.CONFLICT
    item.status, item.reason = FileStatus.WITHDRAWN, reason
    drop_preview(session, item)
    if was_conflict:
        conflicts.withdrawn(session, actor, item)
    wrapping.take_back(session, item)
    if item.instance_id is not None:
        describe.anew(session, actor, item.instance_id)
    referral.updated_at = now()
    events.record(session, actor, "file.withdrawn", organization_id=referral.organization_id, entity_id=item.id,
                  referral_id=referral.id)  # fmt: skip
    return item


def alike(session: Session, actor: Actor, referral_id: UUID, item_id: UUID, last_id: UUID) -> list[ManifestItem]:
    """The held files that raise the same question as this one: those that name the same patient, to the last one shown."""
    _, item = file_of(session, actor, referral_id, item_id)
    if item.status != FileStatus.HELD:
        raise Conflict("This file is not held.", status=item.status)
    held = sa.select(ManifestItem).where(
        ManifestItem.referral_id == referral_id, ManifestItem.status == FileStatus.HELD, ManifestItem.id <= last_id
    )
    return [one for one in session.scalars(held.order_by(ManifestItem.id)) if question_of(one) == question_of(item)]


def question_of(item: ManifestItem) -> tuple[str, ...]:
    """What is asked about a held file, and whom it names."""
    named = (item.identity or {}).get("file", {})
    return item.reason, *(named.get(part, "") for part in ("name", "birth_date", "identifier"))


def _attach_held(session: Session, referral: Referral, item: ManifestItem, facts: Facts) -> None:
    """The bytes are stored already: only the rows are missing."""
    blob = session.get(Blob, item.blob_id) if item.blob_id else None
    here = sa.select(Instance).where(
        Instance.organization_id == referral.organization_id,
        Instance.sop_instance_uid == (facts.sop_instance_uid or ""),
    )
    if blob is None and session.scalars(here).one_or_none() is None:
        raise Conflict("The bytes of this file are not here any more. Send it again.")
    attach(session, referral, item, facts, blob)


def file_of(session: Session, actor: Actor, referral_id: UUID, item_id: UUID) -> tuple[Referral, ManifestItem]:
    """The referral, locked, and this line of it."""
    referral = scope.get(session, Referral, referral_id, actor, joinedload(Referral.patient), lock=True)
    require(actor, "referral.send", referral.organization_id)
    item = session.get(ManifestItem, item_id)
    if item is None or item.referral_id != referral.id:
        raise NotFound
    return referral, item
