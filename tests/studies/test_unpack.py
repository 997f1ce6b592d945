"""ZIPs, good and hostile: what is in them is ingested one by one, and no archive takes more than its limits."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from app.config import Settings, settings
from app.errors import Invalid
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.storage.spool import spooled_copy
from app.studies.ingest import Arrival
from app.studies.models import Instance
from app.studies.unpack import is_archive, unpack
from tests.faults.invariants import check_invariants
from tests.people import Places, count
from tests.referrals.test_place import placed
from tests.studies.sent import a_dicom, a_jpeg, a_pdf
from tests.studies.test_receive import counted

pytestmark = [pytest.mark.usefixtures("db"), pytest.mark.hostile]
UNIX_LINK = 0o120777 << 16


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in files:
            archive.writestr(zipfile.ZipInfo(name), body, method)
    return out.getvalue()


def opened(
    places: Places, referral: Referral, body: bytes, name: str = "a.zip"
) -> tuple[ManifestItem, list[ManifestItem]]:
    with spooled_copy(iter([body]), 1 << 40) as spooled:
        assert is_archive(spooled)
        archive, entries = unpack(places.referrer.actor, referral, Arrival(spooled, name))
    assert not list(settings().spool_dir.iterdir())
    return archive, entries


def refused(places: Places, body: bytes) -> str:
    """The sentence; nothing of it is shown or left behind."""
    referral = placed(places.referrer)
    with pytest.raises(Invalid) as refusal:
        opened(places, referral, body)
    assert count(ManifestItem, ManifestItem.status == FileStatus.QUARANTINED, ManifestItem.is_archive.is_(True)) == 1
    assert not list(settings().spool_dir.iterdir())
    return refusal.value.sentence


def test_each_file_has_its_line_and_one_bad_one_stops_only_itself(places: Places) -> None:
    referral = placed(places.referrer)
    archive, entries = opened(places, referral, zipped(
        ("scan/1.dcm", a_dicom()), ("scan/2.jpg", a_jpeg()), ("letter.pdf", a_pdf()), ("scan/cut.dcm", a_dicom()[:-90]),
        ("other/1.dcm", a_dicom()), ("note.txt", b"hello"),
    ))  # fmt: skip
    states = [(one.name, one.status) for one in entries]
    assert states == [("scan/1.dcm", "stored"), ("scan/2.jpg", "stored"), ("letter.pdf", "stored"), ("scan/cut.dcm", "quarantined"),
                      ("other/1.dcm", "stored"), ("note.txt", "quarantined")]  # fmt: skip
    assert {one.archive_id for one in entries} == {archive.id}
    assert (archive.status, archive.reason) == (FileStatus.STORED, "6 files were in it. 2 of them are refused.")
    assert counted(referral) == (6, 4)
    check_invariants()


def test_the_same_archive_twice_is_one(places: Places) -> None:
    referral, body = placed(places.referrer), zipped(("1.dcm", a_dicom()), ("2.jpg", a_jpeg()), ("no", b"nothing"))
    first, entries = opened(places, referral, body)
    again, same = opened(places, referral, body, "again.zip")
    assert again.id == first.id
    assert {one.id for one in same} == {one.id for one in entries}
    assert (first.reason, again.reason) == (
        "3 files were in it. 1 of them is refused.",
        "3 files were in it. 1 of them is refused. 2 of them were here already: 1.dcm, 2.jpg.",
    )
    assert count(ManifestItem, ManifestItem.is_archive.is_(True)) == 1
    assert counted(referral) == (3, 2)


def test_what_operating_systems_leave_behind_is_not_a_file(places: Places) -> None:
    left = ["__MACOSX/._1.dcm", "Thumbs.db", ".DS_Store", "scan/desktop.ini", "DICOMDIR", "folder/"]
    _, entries = opened(places, placed(places.referrer), zipped(("1.dcm", a_dicom()), *[(name, b"x") for name in left]))
    assert [one.name for one in entries] == ["1.dcm"]


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../../../tmp/x.dcm", "x.dcm"), ("/etc/x.dcm", "x.dcm"), ("..\\..\\x.dcm", "x.dcm"), ("C:\\x.dcm", "x.dcm"),
     ("a/../../x.dcm", "x.dcm"), ("x\n.dcm", "x.dcm"), ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0")],
)  # fmt: skip
def test_a_name_is_only_a_name(places: Places, tmp_path: Path, name: str, kept: str) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file() and "blobs" not in path.parts}
    _, (entry,) = opened(places, placed(places.referrer), zipped((name, a_dicom())))
    assert entry.status == FileStatus.STORED
    assert entry.name.endswith(kept.rpartition("/")[2].strip()) or entry.name == kept
    assert not entry.name.startswith(("/", "C:"))
    assert ".." not in entry.name
    after = {path for path in tmp_path.rglob("*") if path.is_file() and "blobs" not in path.parts}
    assert {path.name for path in after - before} <= {"sonopost.db-wal", "sonopost.db-shm"}


def test_a_link_in_an_archive_leads_nowhere(places: Places) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("secret.dcm")
        link.create_system, link.external_attr = 3, UNIX_LINK
        archive.writestr(link, "/etc/passwd")
        archive.writestr("1.dcm", a_dicom())
    _, entries = opened(places, placed(places.referrer), out.getvalue())
    assert [one.name for one in entries] == ["1.dcm"]


def test_a_bomb_is_refused_while_it_is_inflated(places: Places) -> None:
    assert "far more" in refused(places, zipped(("bomb.dcm", bytes(64 << 20))))
    assert count(Instance) == 0


def test_an_archive_that_says_it_is_too_large_is_refused_before_it_is_opened(
    db: Settings, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"max_archive_bytes": 5_000_000, "max_archive_entries": 20_000}
    monkeypatch.setattr("app.config._current", db.model_copy(update=small))
    body = zipped(*[(f"{number}.dcm", a_jpeg() * 1000) for number in range(4)], method=zipfile.ZIP_STORED)
    assert "unpacks to more than" in refused(places, body)
    assert count(ManifestItem) == 1


def test_sizes_that_lie_let_nothing_through(places: Places) -> None:
    """The directory says 100 bytes; what comes out of the stream is more."""
    body = bytearray(zipped(("lie.dcm", a_dicom() + bytes(3 << 20))))
    directory = body.index(b"PK\x01\x02")
    body[directory + 24 : directory + 28] = struct.pack("<I", 100)
    _, (entry,) = opened(places, placed(places.referrer), bytes(body))
    assert entry.status == FileStatus.QUARANTINED
    assert count(Instance) == 0


def test_files_that_overlap_are_refused(places: Places) -> None:
    one = zipped(("1.dcm", a_dicom()))
    start = one.index(b"PK\x01\x02")
    entry = one[start : one.index(b"PK\x05\x06")]
    body = one[:start] + entry * 50 + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, len(entry) * 50, start, 0)
    assert "overlap" in refused(places, body)


def entry_of(number: int) -> bytes:
    return (
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0) + b"%08d" % number
    )


def directory_of(entries: int, *, said: int, hidden: bool) -> bytes:
    """An end whose numbers lie, or which leaves the truth to ZIP64."""
    head = b"PK\x03\x04" + bytes(26)
    directory = entry_of(7) * entries
    end_at = len(head) + len(directory)
    zip64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, len(directory), len(head))
    zip64 += struct.pack("<4sLQL", b"PK\x06\x07", 0, end_at, 1)
    size_bytes = said * 54 if hidden else len(directory)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, said, said, size_bytes, len(head), 0)
    return head + directory + (zip64 if hidden else b"") + end


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(("said", "hidden"), [(20_001, False), (0xFFFF, False), (3, False), (3, True), (0xFFFF, True)])
@pytest.mark.parametrize("entries", [20_001, 1_000_000])
def test_more_files_than_the_limit_are_refused_whatever_the_end_says(
    places: Places, entries: int, said: int, hidden: bool
) -> None:
    body = directory_of(entries, said=said, hidden=hidden)
    tracemalloc.start()
    try:
        sentence = refused(places, body)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "more than 20000 files" in sentence
    assert peak_bytes < 32 << 20


@pytest.mark.parametrize("part", [0.3, 0.7, 0.97])
def test_an_archive_that_was_cut_off_says_so(places: Places, part: float) -> None:
    body = zipped(("1.dcm", a_dicom()), ("2.dcm", a_dicom()))
    assert "cut off" in refused(places, body[: int(len(body) * part)])


def test_a_damaged_entry_stops_only_itself(places: Places) -> None:
    body = bytearray(zipped(("1.jpg", a_jpeg()), ("2.dcm", a_dicom())))
    body[60:90] = bytes(30)
    _, entries = opened(places, placed(places.referrer), bytes(body))
    assert [one.status for one in entries] == [FileStatus.QUARANTINED, FileStatus.STORED]


def test_an_encrypted_entry_says_that_it_could_not_be_unpacked(places: Places) -> None:
    body = bytearray(zipped(("1.dcm", a_dicom()), ("2.dcm", a_dicom())))
    for header, flags in ((body.index(b"PK\x03\x04"), 6), (body.index(b"PK\x01\x02"), 8)):
        body[header + flags] |= 1
    _, entries = opened(places, placed(places.referrer), bytes(body))
    assert [one.status for one in entries] == [FileStatus.QUARANTINED, FileStatus.STORED]
    assert "could not be unpacked" in entries[0].reason


def test_an_archive_in_an_archive_is_refused_and_its_neighbours_come_in(places: Places) -> None:
    inner = zipped(("deep.dcm", a_dicom()))
    referral = placed(places.referrer)
    _, entries = opened(places, referral, zipped(("inner.zip", inner), ("1.dcm", a_dicom())))
    assert [one.status for one in entries] == [FileStatus.QUARANTINED, FileStatus.STORED]
    assert count(Instance) == 1


def test_the_same_file_twice_in_an_archive_is_one(places: Places) -> None:
    body, referral = a_dicom(), placed(places.referrer)
    _, entries = opened(places, referral, zipped(("a/1.dcm", body), ("b/1.dcm", body), ("A/1.DCM", a_dicom())))
    assert entries[0].id == entries[1].id != entries[2].id
    assert counted(referral) == (2, 2)
    check_invariants()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_entry_packed_in_a_rare_way_stops_only_itself_whatever_is_wrong_with_it(places: Places, method: int) -> None:
    rare = bytearray(zipped(("a.dcm", a_dicom()), method=method))
    rare[50:60] = b"\xff" * 10
    _archive, (entry,) = opened(places, placed(places.referrer), bytes(rare))
    assert (entry.status, entry.reason) == (FileStatus.QUARANTINED, "This file could not be unpacked.")


def test_an_entry_without_a_name_stops_only_itself(places: Places) -> None:
    body = zipped(("a", a_jpeg()), ("2.dcm", a_dicom()))
    at = body.index(b"PK\x01\x02")
    nameless = bytearray(body)
    nameless[at + 28 : at + 30] = bytes(2)  # the length of its name in the directory (APPNOTE 4.4.10) …
    nameless[at + 30 : at + 32] = (1).to_bytes(2, "little")  # … whose one byte is taken for an extra field now
    archive, _entries = opened(places, placed(places.referrer), bytes(nameless))
    assert archive.status == FileStatus.STORED


def test_files_of_one_name_in_several_folders_each_keep_their_line_and_reason(places: Places) -> None:
    """A scanner calls the first image of each series IM1."""
    referral = placed(places.referrer)
    body = zipped(("a/IM1", b"nothing"), ("b/IM1", b"nothing either"), ("c/IM1", a_dicom()))
    _, entries = opened(places, referral, body)
    assert [(one.name, one.status) for one in entries] == [
        ("a/IM1", "quarantined"), ("b/IM1", "quarantined"), ("c/IM1", "stored"),
    ]  # fmt: skip
    assert len({one.id for one in entries}) == 3
    assert all(one.reason for one in entries[:2])
    assert counted(referral) == (3, 1)


def test_an_entry_beyond_the_limit_of_a_file_stops_only_itself(
    db: Settings, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.config._current", db.model_copy(update={"max_file_bytes": 1 << 20}))
    large = ("large.dcm", bytes(2 << 20))
    _, entries = opened(places, placed(places.referrer), zipped(large, ("1.dcm", a_dicom()), method=zipfile.ZIP_STORED))
    assert [(one.name, one.status) for one in entries] == [("large.dcm", "quarantined"), ("1.dcm", "stored")]
    assert "larger than 1 MB" in entries[0].reason
