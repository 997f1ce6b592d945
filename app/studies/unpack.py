"""A ZIP of files: opened within limits, its entries ingested one by one, so that one bad one stops only itself."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.config import settings
from app.db import now, reading, transaction
from app.errors import Counted, Invalid, Refusal, Sentence, TooLarge
from app.referrals import manifest
from app.referrals.given import name_within
from app.referrals.models import ARRIVED, FileStatus, ManifestItem, Referral
from app.storage.spool import Spooled, ask_for_room, spooled_copy, too_large
from app.studies.ingest import Arrival
from app.studies.receive import Keep, for_sending, quarantine, receive

MAGIC, DIRECTORY = b"PK\x03\x04", b"PK\x01\x02"
IGNORED = {"thumbs.db", "dicomdir", ".ds_store", "desktop.ini"}
READ_BYTES = 1 << 18
# What systems make of a folder. LZMA takes as much memory as the archive asks for, and fails in ways of its own.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MOST_NAMED = 5
DIRECTORY_BYTES_PER_ENTRY = 1_024  # a name and extras; more is no archive of images


def is_archive(spooled: Spooled) -> bool:
    with spooled.path.open("rb") as file:
        return file.read(4) == MAGIC


def unpack(
    actor: Actor, referral: Referral, arrival: Arrival, keep: Keep | None = None
) -> tuple[ManifestItem, list[ManifestItem]]:
    """The archive's own line in the manifest, and a line for each of its entries.

    Sent again after a cut, what arrived before is recognized by its bytes."""
    began, archive = now(), _note_archive(actor, referral, arrival)
    try:
        with io.FileIO(arrival.spooled.path) as file, zipfile.ZipFile(_Bounded(file)) as opened:
            entries = [entry for entry in opened.infolist() if not _is_ignored(entry)]
            _refuse_bomb(opened, entries)
            items = [_entry(actor, referral, archive.id, opened, entry) for entry in entries]
    except (zipfile.BadZipFile, struct.error, UnicodeDecodeError, RuntimeError, EOFError) as damaged:
        raise _refused(actor, archive, "This ZIP is damaged or was cut off.", keep) from damaged
    except (Invalid, TooLarge) as refusal:
        raise _refused(actor, archive, refusal.sentence, keep) from refusal
    return _finish(actor, archive, FileStatus.STORED, _what_was_in_it(items, began), keep), items


def _what_was_in_it(items: list[ManifestItem], began: datetime) -> Sentence:
    """'3 files were in it. 1 of them is refused. 1 of them was here already: a.dcm.'"""
    wrong = sum(item.status == FileStatus.QUARANTINED for item in items)
    before = [item.name for item in items if item.status in ARRIVED and item.arrived_at and item.arrived_at < began]
    said: dict[str, Sentence] = {"all": Counted("{n} file was in it.", "{n} files were in it.", n=len(items))}
    if wrong:
        said["wrong"] = Counted("{n} of them is refused.", "{n} of them are refused.", n=wrong)
    if before:
        names = ", ".join(before[:MOST_NAMED]) + (" …" if len(before) > MOST_NAMED else "")
        said["before"] = Counted(
            "{n} of them was here already: {names}.", "{n} of them were here already: {names}.",
            n=len(before), names=names,
        )  # fmt: skip
    return Sentence(" ".join(f"{{{name}}}" for name in said), **said)


def entries_of(session: Session, archive_id: UUID) -> list[ManifestItem]:
    """The lines of what an archive brought; what was here before it stays with what it came in."""
    return list(session.scalars(
        sa.select(ManifestItem).where(ManifestItem.archive_id == archive_id).order_by(ManifestItem.id)
    ))  # fmt: skip


def _entry(
    actor: Actor, referral: Referral, archive_id: UUID, opened: zipfile.ZipFile, entry: zipfile.ZipInfo
) -> ManifestItem:
    name = name_within(entry.filename)
    if entry.file_size > settings().max_file_bytes:
        return quarantine(actor, referral.id, name, too_large(settings().max_file_bytes), size_bytes=entry.file_size,
                          archive_id=archive_id)  # fmt: skip
    try:
        with spooled_copy(_inflated(opened, entry), settings().max_file_bytes) as spooled:
            return receive(actor, referral, Arrival(spooled, name), archive_id)
    except Invalid as refusal:
        if "file_id" in refusal.facts:  # quarantined, with a line of its own
            with reading(actor) as session:
                return session.get_one(ManifestItem, UUID(str(refusal.facts["file_id"])))
        raise
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError):
        damaged = Invalid("This file could not be unpacked.", reason_code="damaged")
        return quarantine(actor, referral.id, name, damaged, size_bytes=entry.file_size, archive_id=archive_id)


def _inflated(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Stops at the limit while inflating: the sizes that a ZIP states are only claims."""
    if entry.compress_type not in METHODS:
        raise zipfile.BadZipFile
    limit_bytes = max(1 << 20, entry.compress_size * settings().max_archive_ratio)
    inflated_bytes = 0
    with opened.open(entry) as stream:
        while chunk := stream.read(READ_BYTES):
            inflated_bytes += len(chunk)
            if inflated_bytes > min(limit_bytes, entry.file_size):
                raise Invalid("This ZIP unpacks to far more than it says; it is not opened further.")
            yield chunk


class _Bounded(io.BufferedReader):
    """The file as zipfile reads it: a directory beyond the limit is refused before it is taken apart.

    What a ZIP's end says of its directory is only a claim, behind which ZIP64's may hide (APPNOTE 4.3.14)."""

    def read(self, size: int | None = -1, /) -> bytes:
        limit = settings().max_archive_entries
        too_long = size is not None and size > limit * DIRECTORY_BYTES_PER_ENTRY
        data = b"" if too_long else super().read(size)
        if too_long or (data.startswith(DIRECTORY) and data.count(DIRECTORY) > limit):
            raise TooLarge(Sentence("This ZIP holds more than {limit} files, the limit here.", limit=limit))
        return data


def _refuse_bomb(opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    total_bytes = sum(entry.file_size for entry in entries)
    if total_bytes > settings().max_archive_bytes:
        raise TooLarge(
            Sentence(
                "This ZIP unpacks to more than {limit}, the limit here.",
                limit=f"{settings().max_archive_bytes >> 30} GB",
            )
        )
    ends = 0
    for entry in sorted(opened.infolist(), key=lambda each: each.header_offset):
        if entry.header_offset < ends:
            raise Invalid("The files in this ZIP overlap; it is not opened.")
        ends = entry.header_offset + 30 + entry.compress_size
    ask_for_room(max((entry.file_size for entry in entries), default=0))


def _is_ignored(entry: zipfile.ZipInfo) -> bool:
    """Folders, links and what operating systems leave behind."""
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    is_folder = not path.name or entry.filename.endswith("/")  # is_dir() fails where there is no name at all
    return is_folder or is_link or "__MACOSX" in path.parts or path.name.lower() in IGNORED


def _note_archive(actor: Actor, referral: Referral, arrival: Arrival) -> ManifestItem:
    with transaction(actor) as session:
        referral, spooled = for_sending(session, actor, referral.id, lock=True), arrival.spooled
        # The same archive again (after a cut, say) is the same line; what was in it is recognized by its bytes.
        item = manifest.already_here(session, referral.id, spooled.sha256) or manifest.expected_or_new(
            session, referral, arrival.name, spooled.size_bytes, spooled.sha256
        )
        item.kind, item.is_archive, item.status = "zip", True, FileStatus.RECEIVING
    return item


def _refused(actor: Actor, archive: ManifestItem, sentence: str, keep: Keep | None) -> Refusal:
    _finish(actor, archive, FileStatus.QUARANTINED, sentence, keep)
    return Invalid(sentence, file_id=str(archive.id))


def _finish(actor: Actor, archive: ManifestItem, status: FileStatus, reason: str, keep: Keep | None) -> ManifestItem:
    with transaction(actor) as session:
        item = session.get_one(ManifestItem, archive.id)
        item.status, item.reason = status, reason
        events.record(session, actor, "archive.unpacked", organization_id=item.organization_id, entity_id=item.id,
                      referral_id=item.referral_id, status=status)  # fmt: skip
        if keep is not None:
            keep(session, item)
    return item
