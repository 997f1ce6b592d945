"""A Rendition is made once, at its first request or when the study settles, and kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.db import insert_or_nothing, reading, transaction
from app.referrals.models import ManifestItem
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import Spooled, ask_for_room, spooled_copy
from app.studies.models import Rendition

LIMIT_BYTES = 4 << 30  # of what is made here


@dataclass(frozen=True)
class Wanted:
    """Which rendition; `recipe` is raised when the way it is made changes."""

    organization_id: UUID
    source_id: UUID
    kind: str
    frame: int = 0
    recipe: int = 1


@dataclass(frozen=True)
class Made:
    """Bytes, or a file in the spool that they lie in, and what they are."""

    body: bytes | Spooled
    media_type: str


def kept(actor: Actor, wanted: Wanted) -> Blob | None:
    """The rendition's bytes, if it was made before."""
    query = sa.select(Rendition).where(
        Rendition.source_id == wanted.source_id, Rendition.kind == wanted.kind, Rendition.frame == wanted.frame,
        Rendition.recipe == wanted.recipe,
    )  # fmt: skip
    with reading(actor) as session:
        row = session.scalars(query.options(joinedload(Rendition.blob))).one_or_none()
        return row.blob if row else None


def kept_or_made(actor: Actor, wanted: Wanted, make: Callable[[], Made]) -> Blob:
    """Two who ask at once may both make it; one row stays, the other's bytes are swept."""
    if (blob := kept(actor, wanted)) is not None:
        return blob
    return keep(actor, wanted, make())


def keep(actor: Actor, wanted: Wanted, made: Made) -> Blob:
    if isinstance(made.body, bytes):
        with spooled_copy(iter([made.body]), len(made.body)) as spooled:
            return _keep(actor, wanted, spooled, made.media_type)
    return _keep(actor, wanted, made.body, made.media_type)


def _keep(actor: Actor, wanted: Wanted, spooled: Spooled, media_type: str) -> Blob:
    blob = blobs.keep(actor, wanted.organization_id, spooled, media_type)
    with transaction(actor) as session:
        if insert_or_nothing(session, Rendition, {**vars(wanted), "blob_id": blob.id}):
            blobs.record(session, [blob])
            return blob
    return kept(actor, wanted) or blob


def drop_preview(session: Session, item: ManifestItem) -> None:
    """The file itself is here, or it will not come: nothing small is shown in its place any more."""
    if item.preview is None:
        return
    item.preview, item.preview_frames = None, 1
    blob_ids = session.scalars(sa.select(Rendition.blob_id).where(Rendition.source_id == item.id)).all()
    session.execute(sa.delete(Rendition).where(Rendition.source_id == item.id))
    for blob_id in blob_ids:
        blobs.give_up(session, blob_id)


@contextmanager
def as_file(blob: Blob) -> Iterator[Path]:
    """The bytes as a file for a decoder: where they lie, or a copy from the store that is gone after the block."""
    path = blobs.local_path(blob)
    if path is not None:
        yield path
        return
    ask_for_room(blob.size_bytes)
    with spooled_copy(blobs.read(blob), blob.size_bytes) as spooled:
        yield spooled.path
