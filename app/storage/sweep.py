"""Removes what no row needs: first the row says so, then the bytes go, then the row."""

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import sqlalchemy as sa

from app.config import settings
from app.db import Acting, now, reading, transaction
from app.errors import Unavailable
from app.storage import blobs
from app.storage.blobs import DELETING, PENDING, STORED, Blob

ABANDONED_AFTER = timedelta(days=1)  # no upload acts on a pending row for that long
BATCH = 200


def sweep(actor: Acting, abandoned_after: timedelta = ABANDONED_AFTER, spared: Collection[str] = ()) -> int:
    """Remove blobs that were begun and never recorded; safe beside running uploads and other sweeps.

    `spared` are keys under which the store holds parts that wait for more."""
    oldest = now() - abandoned_after
    with transaction(actor) as session:
        old = sa.and_(Blob.state == PENDING, Blob.created_at < oldest)
        # By compare-and-swap: an upload that records at this moment wins or loses, but never half.
        session.execute(sa.update(Blob).where(old).values(state=DELETING))
    removed, away = 0, None
    with reading(actor) as session:
        doomed = list(session.scalars(sa.select(Blob).where(Blob.state == DELETING).limit(BATCH)))
    for blob in doomed:
        try:
            blobs.store().delete(blob.key)
        except Unavailable as refusal:  # this one again next time; those behind it now
            away = refusal
            continue
        with transaction(actor) as session:
            session.execute(sa.delete(Blob).where(Blob.id == blob.id, Blob.state == DELETING))
        removed += 1
    blobs.store().drop_unfinished(oldest, spared)
    _sweep_spool()
    if away is not None:
        raise away
    return removed


def _sweep_spool() -> None:
    """What a killed server left behind; a day is longer than any transfer in one request."""
    oldest = time.time() - ABANDONED_AFTER.total_seconds()
    for path in settings().spool_dir.glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def damaged(actor: Acting) -> Iterator[tuple[Blob, str]]:
    """Every stored blob whose bytes are away or differ from their digest, by reading all of them again."""
    last = None
    while True:
        page = sa.select(Blob).where(Blob.state == STORED).order_by(Blob.id).limit(BATCH)
        with reading(actor) as session:
            rows = list(session.scalars(page if last is None else page.where(Blob.id > last)))
        for blob in rows:
            if fault := _fault(blob):
                yield blob, fault
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _fault(blob: Blob) -> str | None:
    digest = sha256()
    try:
        for chunk in blobs.read(blob):
            digest.update(chunk)
    except Unavailable:
        return "the bytes are not there"
    return None if digest.hexdigest() == blob.sha256 else "the bytes have changed"


def orphans(actor: Acting) -> Iterator[str]:
    """Keys that have bytes and no row."""
    for key in blobs.store().keys():
        with reading(actor) as session:
            known = session.scalar(sa.select(Blob.id).where(Blob.key == key))
        if known is None:
            yield key
