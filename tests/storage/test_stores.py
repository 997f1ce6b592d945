"""Both stores: what is put is read back, by any range, and never changes."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from app.access.actor import WORKER
from app.config import Settings, settings
from app.db import reading, transaction
from app.errors import Unavailable
from app.storage import blobs
from app.storage.blobs import PENDING, STORED, Blob
from app.storage.filesystem import CHUNK_BYTES, FolderStore
from app.storage.s3 import MULTIPART_BYTES
from app.storage.spool import Spooled, spooled_copy
from tests.people import Places

pytestmark = pytest.mark.usefixtures("db")
ON_FOLDER = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
ON_S3 = pytest.mark.parametrize("column", [pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True)


@contextmanager
def spooled(body: bytes) -> Iterator[Spooled]:
    with spooled_copy(iter([body]), 1 << 40) as made:
        yield made


def stored(places: Places, body: bytes) -> Blob:
    with spooled(body) as file:
        blob = blobs.keep(WORKER, places.clinic, file, "image/jpeg")
    with transaction(WORKER) as session:
        blobs.record(session, [blob])
    return blob


@pytest.mark.parametrize("size_bytes", [1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_is_put_is_read_back(places: Places, size_bytes: int) -> None:
    body = Random(size_bytes).randbytes(size_bytes)
    blob = stored(places, body)
    assert b"".join(blobs.read(blob)) == body
    assert (blob.size_bytes, blob.sha256) == (size_bytes, hashlib.sha256(body).hexdigest())


def test_any_range_is_read(places: Places) -> None:
    body = Random(1).randbytes(3 * CHUNK_BYTES + 17)
    blob = stored(places, body)
    edges = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5, len(body) - 1, len(body)]
    for start in edges:
        for end in edges:
            if start <= end:
                assert b"".join(blobs.read(blob, start, end)) == body[start:end], (start, end)
    assert b"".join(blobs.read(blob, 5, 10 * len(body))) == body[5:]
    assert (
        blobs.read_ranges(blob, [(3, 4), (CHUNK_BYTES - 2, 9)]) == body[3:7] + body[CHUNK_BYTES - 2 : CHUNK_BYTES + 7]
    )


def test_a_large_file_goes_in_parts_and_comes_back_whole(places: Places) -> None:
    body = os.urandom(1 << 20) * (MULTIPART_BYTES // (1 << 20)) + b"the end"
    blob = stored(places, body)
    digest = hashlib.sha256()
    for chunk in blobs.read(blob):
        digest.update(chunk)
    assert digest.hexdigest() == blob.sha256
    assert b"".join(blobs.read(blob, MULTIPART_BYTES - 3)) == body[-10:]


def test_putting_again_under_the_same_key_changes_nothing(places: Places) -> None:
    with spooled(b"bytes") as file:
        blob = blobs.keep(WORKER, places.clinic, file, "image/jpeg")
        blobs.put(blob, file)
    assert b"".join(blobs.read(blob)) == b"bytes"


def test_the_keys_are_what_was_put_and_deleting_twice_is_once(places: Places) -> None:
    kept, gone = stored(places, b"one"), stored(places, b"two")
    assert set(blobs.store().keys()) == {kept.key, gone.key}
    for _ in range(2):
        blobs.store().delete(gone.key)
    assert set(blobs.store().keys()) == {kept.key}
    with pytest.raises(Unavailable):
        b"".join(blobs.read(gone))
    assert b"".join(blobs.read(kept)) == b"one"


def test_a_key_is_random_under_its_organization(places: Places) -> None:
    keys = {blobs.new_key(places.clinic) for _ in range(1000)}
    assert len(keys) == 1000
    for key in keys:
        organization, fan, name = key.split("/")
        assert (organization, fan, len(name)) == (str(places.clinic), name[:2], 32)


def test_a_blob_is_pending_until_it_is_recorded_and_only_once(places: Places) -> None:
    with spooled(b"bytes") as file:
        blob = blobs.keep(WORKER, places.clinic, file, "image/jpeg")
    assert state_of(blob) == PENDING
    with transaction(WORKER) as session:
        blobs.record(session, [blob])
    assert state_of(blob) == STORED
    with pytest.raises(Unavailable, match="Send it again"), transaction(WORKER) as session:
        blobs.record(session, [blob])


def test_the_store_says_whether_it_answers(places: Places) -> None:
    blobs.store().check()
    assert list(blobs.store().keys()) == []


@ON_FOLDER
def test_a_stored_file_cannot_be_written_over(places: Places) -> None:
    blob = stored(places, b"first")
    with spooled(b"other") as other:
        blobs.store().put(blob.key, other)
    assert b"".join(blobs.read(blob)) == b"first"


@ON_FOLDER
@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a\0b/c", ""])
def test_no_key_leads_out_of_the_folder(db: Settings, key: str) -> None:
    store = blobs.store()
    assert isinstance(store, FolderStore)
    with pytest.raises(ValueError, match="bad key"):
        store.read(key, 0, 1)


@ON_FOLDER
def test_adopting_a_file_is_a_link_and_not_a_copy(places: Places) -> None:
    with spooled(b"bytes") as file:
        blob = blobs.keep(WORKER, places.clinic, file, "image/jpeg")
        path = blobs.local_path(blob)
        assert path
        assert path.samefile(file.path)
    assert path.stat().st_nlink == 1
    assert not list(settings().spool_dir.iterdir())


@ON_S3
@pytest.mark.parametrize("size_bytes", [1000, MULTIPART_BYTES + 1])
def test_bytes_that_changed_in_the_spool_are_refused_or_found(places: Places, size_bytes: int) -> None:
    """Below the size of parts the store refuses them; above, each part is verified, and the whole by the deep check."""
    with spooled(b"\0" * size_bytes) as file:
        flip(file.path)
        blob = blobs.begin(WORKER, places.clinic, [(file, "image/jpeg")])[0]
        if size_bytes < MULTIPART_BYTES:
            with pytest.raises(Unavailable):
                blobs.put(blob, file)
            assert list(blobs.store().keys()) == []
        else:
            blobs.put(blob, file)
            assert hashlib.sha256(b"".join(blobs.read(blob))).hexdigest() != blob.sha256


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(7)
        file.write(b"!")


def state_of(blob: Blob) -> str:
    with reading(WORKER) as session:
        return session.get_one(Blob, blob.id).state
