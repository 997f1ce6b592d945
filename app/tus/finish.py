"""All bytes of an upload are here: they go through the one door, and the upload says what became of them."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.config import settings
from app.db import now, reading, transaction
from app.errors import Conflict, Invalid, Refusal, TooLarge, Unavailable
from app.http.problems import DoorRefusal
from app.referrals.models import FileStatus, ManifestItem
from app.storage import blobs
from app.storage.blobs import PENDING, STORED, Blob
from app.storage.spool import Spooled
from app.studies import identity, previews
from app.studies.ingest import Arrival, ingest
from app.studies.receive import OTHER_PATIENT, Keep, may_send, quarantine, receive
from app.studies.renditions import drop_preview
from app.studies.unpack import is_archive, unpack
from app.tus import lease as leases
from app.tus import parts, waiting
from app.tus.models import Upload, UploadPart, UploadState
from app.tus.protocol import metadata_of
from app.tus.writing import Writing

CHANGED = (
    "The file changed on its way: its SHA-256 is another than was declared. Nothing of it was attached; send it again."
)
SAME_PATIENT = "same_patient"  # of Upload-Metadata
KEPT_ASIDE = "Another file with the same identifier is already here. Both are kept; the first one is shown."
# What became of it: the state and reason of the upload, written with what it became.
Say = Callable[[Session, UploadState, str, UUID | None], None]


def finish(writing: Writing) -> None:
    """Record the file; afterwards its upload is done. A refusal is an end too, but for Unavailable, which is none."""
    who, upload = writing.who, writing.upload
    key = parts.join(upload, writing.rows, writing.file) if settings().on_s3 else None
    spooled = writing.file.whole(key)
    if key is not None:
        _forget_tries(who, key)
    say = _saying(writing)
    try:
        if upload.referral_id is None:
            _to_archive(who, upload, spooled, say)
        elif upload.is_preview:
            _as_preview(who, upload, spooled, say)
        else:
            _to_referral(who, upload, upload.referral_id, spooled, say)
    except Unavailable:
        writing.lease.is_written_back = False  # what was said may not have been committed
        raise
    except (Invalid, TooLarge, Conflict) as refusal:
        if upload.state == UploadState.RECEIVING:  # not yet said with the line of the file
            with transaction(who) as session:
                say(session, UploadState.REFUSED, refusal.sentence, upload.item_id)
        clear(who, upload)
        if isinstance(refusal, Conflict):  # the referral takes no files any more; 409 would have the client try again
            raise DoorRefusal(410, refusal.sentence) from refusal
        raise
    clear(who, upload)


def clear(who: Actor, upload: Upload) -> None:
    """Remove what lies outside of the store's blobs; what is away now, the sweep removes later."""
    waiting.discard(upload.id)
    if not upload.has_leftovers:
        return
    try:
        adopted = upload.key is not None and _is_blob(who, upload.key)
        parts.drop(upload, parts.rows_of(who, upload.id), adopted=adopted)
        with transaction(who) as session:
            session.execute(sa.delete(UploadPart).where(UploadPart.upload_id == upload.id))
            session.execute(sa.update(Upload).where(Upload.id == upload.id).values(has_leftovers=False))
    except Unavailable:
        return


def _to_referral(who: Actor, upload: Upload, referral_id: UUID, spooled: Spooled, say: Say) -> None:
    keep = _keeping(say, confirms=who if metadata_of(upload.given).get(SAME_PATIENT) == "true" else None)
    referral = may_send(who, referral_id)
    if upload.sha256 not in (None, spooled.sha256):
        # By name and size, so that it is the declared line that says what was wrong.
        changed = Invalid(CHANGED, reason_code="digest")
        aside = blobs.keep(who, upload.organization_id, spooled, "application/octet-stream")
        item = quarantine(
            who, referral_id, upload.name, changed, size_bytes=upload.size_bytes, keep=_keeping(say, aside)
        )
        raise Invalid(CHANGED, file_id=str(item.id), reason_code="digest")
    arrival = Arrival(spooled, upload.name)
    if spooled.size_bytes and is_archive(spooled):
        # Its entries are stored one by one, it is not.
        unpack(who, referral, replace(arrival, spooled=replace(spooled, key=None)), keep)
    else:
        receive(who, referral, arrival, keep=keep)


def _as_preview(who: Actor, upload: Upload, spooled: Spooled, say: Say) -> None:
    """Beside the line of its file, which it does not change: refused or damaged, the file comes all the same."""
    if upload.sha256 not in (None, spooled.sha256):
        raise Invalid(CHANGED, reason_code="digest")
    if upload.referral_id is not None and upload.item_id is not None:
        previews.take(who, upload.referral_id, upload.item_id, spooled, _keeping(say))


def _to_archive(who: Actor, upload: Upload, spooled: Spooled, say: Say) -> None:
    """An instance without a referral, as by STOW-RS."""
    if upload.sha256 not in (None, spooled.sha256):
        raise Invalid(CHANGED, reason_code="digest")
    (outcome,) = ingest(who, upload.organization_id, [Arrival(spooled, upload.name)])
    if isinstance(outcome, Refusal):
        raise outcome
    with transaction(who) as session:
        say(session, UploadState.DONE, KEPT_ASIDE if outcome.is_conflict else "", None)


def _saying(writing: Writing) -> Say:
    who, lease, upload = writing.who, writing.lease, writing.upload

    def say(session: Session, state: UploadState, reason: str, item_id: UUID | None) -> None:
        # A file that stays after a kill is found by its name; what lies in S3, by this.
        in_store = settings().on_s3 and bool(upload.key or writing.rows or lease.fence > 1)
        values = {"state": state, "reason": reason, "item_id": item_id, "offset_bytes": upload.size_bytes,
                  "updated_at": now(), "server_id": None, "has_leftovers": in_store}  # fmt: skip
        said = session.execute(sa.update(Upload).where(*lease.moves()).values(**values))
        if said.rowcount != 1:  # type: ignore[attr-defined]  # it is a CursorResult
            raise leases.busy()
        if upload.item_id not in (None, item_id):
            _take_off(session, upload)
        events.record(session, who, f"upload.{state}", organization_id=upload.organization_id, entity_id=upload.id,
                      referral_id=upload.referral_id)  # fmt: skip
        for name, value in values.items():
            setattr(upload, name, value)
        lease.is_written_back = True

    return say


def _take_off(session: Session, upload: Upload) -> None:
    """The line that its beginning made, or its preview: the same bytes turned out to be here already, under another."""
    made = session.get(ManifestItem, upload.item_id)
    if made is not None and made.status == FileStatus.DECLARED and (upload.made_item or made.preview):
        made.status, made.reason = FileStatus.WITHDRAWN, "The same bytes are here under another name."
        drop_preview(session, made)


def _keeping(say: Say, aside: Blob | None = None, confirms: Actor | None = None) -> Keep:
    """`aside` are bytes of which nothing is attached: they stay with the line, until the right ones come. Who `confirms` was
    asked about the name in the file before it left; whatever else is in doubt is asked now."""

    def keep(session: Session, item: ManifestItem) -> None:
        if confirms is not None and item.status == FileStatus.HELD and item.reason == OTHER_PATIENT:
            item = identity.confirm(session, confirms, item.referral_id, item.id)
        if aside is not None:
            if item.blob_id is not None:
                blobs.give_up(session, item.blob_id)
            blobs.record(session, [aside])
            item.blob_id = aside.id
        refused = item.status == FileStatus.QUARANTINED
        say(session, UploadState.REFUSED if refused else UploadState.DONE, item.reason, item.id)

    return keep


def _forget_tries(who: Actor, key: str) -> None:
    """A kill between the blob's beginning and its record: begun again, under the key where the bytes lie."""
    with transaction(who) as session:
        session.execute(sa.delete(Blob).where(Blob.key == key, Blob.state == PENDING))


def _is_blob(who: Actor, key: str) -> bool:
    with reading(who) as session:
        return session.scalar(sa.select(Blob.id).where(Blob.key == key, Blob.state == STORED)) is not None
