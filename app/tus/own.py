"""A sender's own uploads: one that goes on, whatever became of one, and all that are unfinished."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.db import now
from app.errors import Conflict, NotFound
from app.http.problems import DoorRefusal
from app.studies.receive import for_sending
from app.tus.models import Upload, UploadState

OVER = "This upload is over: it has expired or was ended. Begin a new one with POST /uploads."


def mine(session: Session, who: Actor, upload_id: UUID) -> Upload:
    """The sender's own, whatever became of it; anybody else's does not exist."""
    own = sa.select(Upload).where(Upload.id == upload_id, Upload.person_id == person_of(who))
    upload = session.scalars(own).one_or_none()
    if upload is None:
        raise NotFound
    return upload


def going_on(session: Session, who: Actor, upload_id: UUID) -> Upload:
    """One that still takes bytes, from one who still may send them there."""
    upload = mine(session, who, upload_id)
    if upload.state != UploadState.RECEIVING or upload.expires_at < now():
        raise over(upload)
    if upload.referral_id is None:
        require(who, "referral.send", upload.organization_id)
        return upload
    try:
        for_sending(session, who, upload.referral_id)
    except Conflict as closed:  # 409 would have the client try again
        raise DoorRefusal(410, closed.sentence) from None
    return upload


def over(upload: Upload) -> DoorRefusal:
    if upload.state == UploadState.DONE:
        return DoorRefusal(410, "All of this upload has arrived and is recorded.", file_id=upload.item_id)
    reason = upload.reason if upload.state == UploadState.REFUSED else OVER
    return DoorRefusal(410, reason, file_id=upload.item_id)


def unfinished(
    session: Session, who: Actor, *, referral_id: UUID | None = None, after: UUID | None = None, limit: int = 50
) -> list[Upload]:
    """The oldest first, so that a client without memory of its own finds where to go on."""
    query = sa.select(Upload).where(
        Upload.person_id == person_of(who), Upload.state == UploadState.RECEIVING, Upload.expires_at > now()
    )
    if referral_id is not None:
        query = query.where(Upload.referral_id == referral_id)
    if after is not None:
        query = query.where(Upload.id > after)
    return list(session.scalars(query.order_by(Upload.id).limit(limit)))
