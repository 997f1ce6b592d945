"""What no client comes back for: expired uploads, complete ones that a kill kept from their record, and leftovers."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from app import log
from app.access import identify
from app.access.actor import WORKER
from app.config import settings
from app.db import now, reading, transaction
from app.errors import Refusal
from app.people.models import Person
from app.tus import end, finish
from app.tus import lease as leases
from app.tus.models import Upload, UploadServer, UploadState
from app.tus.waiting import STALE_S

BATCH = 200
QUIET = timedelta(minutes=1)  # a complete upload's own request may be recording it
REMEMBERED = timedelta(days=30)  # after its end an upload still says what became of it


def sweep() -> None:
    """Safe beside running uploads and other sweeps: each is leased first, one that is written is passed over."""
    _each(Upload.expires_at < now(), _expire)
    _each(sa.and_(Upload.offset_bytes == Upload.size_bytes, Upload.updated_at < now() - QUIET), _complete)
    with reading(WORKER) as session:
        left = sa.select(Upload).where(Upload.has_leftovers, Upload.state != UploadState.RECEIVING)
        over = list(session.scalars(left.order_by(Upload.id).limit(BATCH)))
    for upload in over:
        finish.clear(WORKER, upload)
    _forget()
    _sweep_files()


def waiting_keys() -> set[str]:
    """Where parts wait in S3 for those that are still to come."""
    if not settings().on_s3:
        return set()
    with reading(WORKER) as session:
        waits = sa.select(Upload.key).where(Upload.state == UploadState.RECEIVING, Upload.key.is_not(None))
        return {key for key in session.scalars(waits) if key is not None}


def _each(condition: sa.ColumnElement[bool], act: Callable[[UUID, UUID], None]) -> None:
    with reading(WORKER) as session:
        fit = sa.select(Upload.id, Upload.person_id).where(Upload.state == UploadState.RECEIVING, condition)
        found = list(session.execute(fit.order_by(Upload.id).limit(BATCH)))
    for upload_id, person_id in found:
        try:
            act(upload_id, person_id)
        except (Refusal, HTTPException) as refusal:  # it is written, or cannot be recorded now
            log.get().info("upload passed over", error=type(refusal).__name__)


def _expire(upload_id: UUID, _person_id: UUID) -> None:
    lease, upload = leases.take(WORKER, upload_id, lambda session: session.get_one(Upload, upload_id))
    try:
        if upload.expires_at > now():  # its client came back at this moment
            return
        with transaction(WORKER) as session:
            end.close(session, WORKER, upload, lease, UploadState.EXPIRED, end.EXPIRED)
    finally:
        leases.let_go(lease)
    finish.clear(WORKER, upload)


def _complete(upload_id: UUID, person_id: UUID) -> None:
    """As its sender, if they may still send."""
    with reading(WORKER) as session:
        who = identify.actor_of(session, session.get_one(Person, person_id))

    def find(session: Session) -> Upload:
        return session.get_one(Upload, upload_id)

    end.complete(who, upload_id, find)


def _forget() -> None:
    at = now()
    with transaction(WORKER) as session:
        old = sa.select(Upload.id).where(
            Upload.expires_at < at - REMEMBERED, Upload.state != UploadState.RECEIVING, Upload.has_leftovers.is_(False)
        )
        session.execute(sa.delete(Upload).where(Upload.id.in_(old)))
        session.execute(sa.delete(UploadServer).where(UploadServer.seen_at < at - timedelta(days=1)))


def _sweep_files() -> None:
    """What belongs to no upload that goes on: a kill came between its end and its removal."""
    folder = settings().uploads_dir
    if settings().on_s3 or not folder.is_dir():  # there they are copies, of which each server sweeps its own
        return
    oldest = time.time() - STALE_S
    stale: list[Path] = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                stale.append(path)
    for path in stale:
        if not _goes_on(path.name):
            path.unlink(missing_ok=True)


def _goes_on(name: str) -> bool:
    with suppress(ValueError), reading(WORKER) as session:  # a half-copied one has a fence behind its id, and goes
        upload = session.get(Upload, UUID(name))
        return upload is not None and upload.state == UploadState.RECEIVING
    return False
