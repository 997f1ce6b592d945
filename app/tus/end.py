"""Uploads that end otherwise than by their client's last byte: ended by their sender, completed later, or expired."""

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.db import now, reading, transaction
from app.errors import Conflict
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.studies.renditions import drop_preview
from app.tus import finish, own
from app.tus import lease as leases
from app.tus.models import Upload, UploadState
from app.tus.writing import Writing

ENDED = "Its sender ended the upload before all of it had arrived."
EXPIRED = "The upload of this file was not finished in time. Send it again."


def refuse_done(who: Actor, upload_id: UUID) -> None:
    with reading(who) as session:
        upload = own.mine(session, who, upload_id)
    if upload.state == UploadState.DONE:
        raise Conflict("The file has arrived: withdraw it from its referral.", file_id=upload.item_id)
    if upload.state != UploadState.RECEIVING:
        raise own.over(upload)


def end(who: Actor, upload_id: UUID) -> None:
    """Its bytes go, and the line that it brought into the manifest counts no more."""
    lease, upload = leases.take(who, upload_id, lambda session: own.mine(session, who, upload_id))
    try:
        with transaction(who) as session:
            close(session, who, upload, lease, UploadState.ENDED, "")
    finally:
        leases.let_go(lease)
    finish.clear(who, upload)


def close(
    session: Session, who: Actor, upload: Upload, lease: leases.Lease, state: UploadState, reason: str
) -> None:  # fmt: skip
    values = {"state": state, "reason": reason, "updated_at": now()}
    session.execute(sa.update(Upload).where(*lease.moves()).values(**values))
    item = session.get(ManifestItem, upload.item_id) if upload.item_id and not upload.is_preview else None
    if item is not None and item.status == FileStatus.DECLARED:
        if state is UploadState.ENDED and (upload.made_item or item.preview):
            item.status, item.reason = FileStatus.WITHDRAWN, ENDED
            drop_preview(session, item)
        elif state is UploadState.EXPIRED:
            item.reason = reason
        at = now()
        session.execute(sa.update(Referral).where(Referral.id == item.referral_id).values(updated_at=at))
    events.record(session, who, f"upload.{state}", organization_id=upload.organization_id, entity_id=upload.id,
                  referral_id=upload.referral_id)  # fmt: skip


def complete(who: Actor, upload_id: UUID, find: Callable[[Session], Upload]) -> Upload:
    """Record a file whose bytes are all durable, where whoever took them did not come to it."""
    lease, upload = leases.take(who, upload_id, find)
    try:
        writing = Writing(who, lease, upload)
    except BaseException:
        leases.let_go(lease)
        raise
    try:
        if writing.is_complete:
            finish.finish(writing)
    finally:
        writing.close()
    return writing.upload
