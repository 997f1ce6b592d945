"""An upload begins: whose it is, what it will be, and whether there is room, before a byte is taken."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, sends_for
from app.audit import events
from app.config import settings
from app.db import new_id, now
from app.errors import Invalid, Sentence, Unavailable
from app.http.problems import DoorRefusal
from app.referrals import manifest
from app.referrals.given import name_within
from app.referrals.models import ManifestItem, Referral
from app.storage.spool import ask_for_room, too_large
from app.studies.receive import for_sending
from app.tus.models import Upload, UploadState
from app.tus.protocol import bytes_of, priority_of, sha256_of

PREVIEW_OF = "preview_of_size_bytes"  # by this key an upload is the preview of another file


def refuse_size(size_bytes: int, metadata: dict[str, str]) -> None:
    """What can be refused by its size alone, outside of any transaction."""
    limit = settings().max_preview_bytes if PREVIEW_OF in metadata else settings().max_file_bytes
    if size_bytes > limit:
        raise too_large(limit)
    ask_for_room(size_bytes)


def begin(session: Session, who: Actor, size_bytes: int, metadata: dict[str, str], given: str) -> Upload:
    """Its row, and its line in the referral's manifest: from now on everybody sees that it is expected."""
    sha256 = sha256_of(metadata.get("sha256"))
    name = name_within(metadata.get("filename", "")) or "unnamed"
    is_preview = PREVIEW_OF in metadata
    referral, item, made_item = None, None, False
    if referral_id := _id(metadata, "referral_id"):
        referral = for_sending(session, who, referral_id, lock=True)
        organization_id = referral.organization_id
    elif is_preview:
        raise Invalid("A preview is of a file of a referral: say with referral_id of which.", field="referral_id")
    else:
        ask = "Say with referral_id or organization for what this is sent."
        organization_id = sends_for(who, _id(metadata, "organization"), ask)
    _refuse_too_many(session, who, organization_id, size_bytes)
    if referral is not None:
        item, made_item = _line(session, referral, name, size_bytes, metadata)
        sha256 = sha256 or (None if is_preview else item.sha256)
        referral.updated_at = now()
    upload = Upload(
        id=new_id(), organization_id=organization_id, person_id=person_of(who), referral_id=referral and referral.id,
        item_id=item and item.id, made_item=made_item, is_preview=is_preview, name=name,
        size_bytes=size_bytes, sha256=sha256, given=given, fence=0,
        offset_bytes=0, state=UploadState.RECEIVING, reason="", is_asked_for=False,
        expires_at=now() + timedelta(hours=settings().upload_kept_h),
    )  # fmt: skip
    session.add(upload)
    session.flush()
    events.record(session, who, "upload.begun", organization_id=organization_id, entity_id=upload.id,
                  referral_id=upload.referral_id, size_bytes=size_bytes)  # fmt: skip
    return upload


def _line(
    session: Session, referral: Referral, name: str, size_bytes: int, metadata: dict[str, str]
) -> tuple[ManifestItem, bool]:
    """That of the file itself, also where its preview comes first."""
    sha256 = sha256_of(metadata.get("sha256"))
    if PREVIEW_OF in metadata:
        size_bytes = bytes_of(metadata[PREVIEW_OF], PREVIEW_OF)
        sha256 = sha256_of(metadata.get("preview_of_sha256"), "preview_of_sha256")
    return manifest.expect(session, referral, name, size_bytes, sha256, priority_of(metadata.get("priority")))


def _id(metadata: dict[str, str], name: str) -> UUID | None:
    try:
        return UUID(metadata[name]) if metadata.get(name) else None
    except ValueError:
        raise Invalid(f"{name} is no id.", field=name) from None


def _refuse_too_many(session: Session, who: Actor, organization_id: UUID, size_bytes: int) -> None:
    going = sa.select(sa.func.count()).where(Upload.person_id == person_of(who), Upload.state == UploadState.RECEIVING)
    if (session.scalar(going) or 0) >= settings().max_open_uploads:
        limit = settings().max_open_uploads
        raise DoorRefusal(429, Sentence("You have {n} unfinished uploads. Finish or end some first.", n=limit),
                          headers={"Retry-After": "60"})  # fmt: skip
    waiting = sa.select(sa.func.sum(Upload.size_bytes)).where(
        Upload.organization_id == organization_id, Upload.state == UploadState.RECEIVING
    )
    if int(session.scalar(waiting) or 0) + size_bytes > settings().max_waiting_bytes:
        raise Unavailable(
            "Your organization's unfinished uploads have no more room.", disk_full=True, retry_after_s=600
        )
