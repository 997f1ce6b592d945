"""A study as one ZIP, written while it is sent: every file as it came, numbered, with their digests beside them."""

import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor
from app.audit import events
from app.db import reading
from app.referrals.models import ManifestItem
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies import read
from app.studies.models import Document, Instance
from app.studies.read import Whole

ENDINGS = {"dicom": ".dcm", "jpeg": ".jpg", "png": ".png", "mp4": ".mp4", "pdf": ".pdf"}
DIGESTS = "SHA256SUMS"
STEM_CHARS = 40  # four bytes each at most: with number and ending under the 255 of file systems


@dataclass(frozen=True)
class Entry:
    """One file of the ZIP."""

    name: str
    blob: Blob


@dataclass(frozen=True)
class Archive:
    """What will be sent, known before the first byte: nothing of it needs the database any more."""

    name: str
    entries: list[Entry]


def archive_for(actor: Actor, study_id: UUID) -> Archive:
    """All that the actor may see of the study; taking it away is on the record."""
    with reading(actor) as session:
        found = read.whole(session, actor, study_id)
        codes = read.codes(session, actor, study_id)
        names = _names(session, actor, found)
    rows: list[Instance | Document] = [*found.instances, *found.documents]
    digits = max(3, len(str(len(rows))))
    entries = [
        Entry(f"{number:0{digits}}{_stem(names.get(row.id, ''))}{ENDINGS.get(row.kind, '.bin')}", row.blob)
        for number, row in enumerate(rows, 1)
    ]
    study = found.line.study
    events.note_opening(actor, "study.downloaded", organization_id=study.organization_id, entity_id=study.id)
    date = study.study_date if study.study_date.isdecimal() else ""
    return Archive("-".join(filter(None, (codes[0] if codes else "study", date))) + ".zip", entries)


def written(archive: Archive) -> Iterator[bytes]:
    """The ZIP as a stream. Never inside `reading()`; the standard library writes to what cannot seek (APPNOTE 4.3.9)."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as opened:  # type: ignore[call-overload]  # it only needs write and flush
        sums = "".join(f"{one.blob.sha256}  {one.name}\n" for one in archive.entries)
        opened.writestr(DIGESTS, sums)
        yield from sink.taken()
        for one in archive.entries:
            # With its size, or the entry of a large file would lack its 64-bit fields.
            info = zipfile.ZipInfo(one.name, one.blob.created_at.timetuple()[:6])
            info.file_size, info.external_attr = one.blob.size_bytes, 0o644 << 16
            with opened.open(info, "w") as entry:
                for chunk in blobs.read(one.blob):
                    entry.write(chunk)
                    yield from sink.taken()
            yield from sink.taken()
    yield from sink.taken()


class _Sink:
    """Holds what was written until it is taken: one piece of a file, and some headers."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing lies further down."""

    def taken(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces


def _names(session: Session, actor: Actor, found: Whole) -> dict[UUID, str]:
    """What the senders called them, where they came with a referral; the first name stays."""
    query = sa.select(ManifestItem.instance_id, ManifestItem.document_id, ManifestItem.name).where(
        ManifestItem.referral_id.in_(found.line.referral_ids), scope.visible(ManifestItem, actor)
    )
    rows = session.execute(query.order_by(ManifestItem.id.desc()))
    return {row.instance_id or row.document_id: row.name for row in rows}


def _stem(name: str) -> str:
    """`_ruq` of `C:\\scans\\ruq.dcm`: letters, digits and their marks; behind a number no name is a reserved one."""
    bare = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
    stem = bare.rpartition(".")[0] or bare
    kept = "".join(one if unicodedata.category(one)[0] in "LMN" or one == "-" else " " for one in stem)
    short = "_".join(kept[:STEM_CHARS].split())
    return f"_{short}" if short else ""
