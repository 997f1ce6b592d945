"""The sweep removes what no row needs and nothing else; the deep check finds what a disk did to the bytes."""

import os
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.config import Settings, settings
from app.db import now, transaction
from app.errors import Unavailable
from app.storage import blobs, sweep
from app.storage.blobs import DELETING, STORED, Blob
from app.storage.s3 import S3Store
from tests.people import Places, count
from tests.storage.test_stores import ON_S3, spooled, state_of, stored

pytestmark = pytest.mark.usefixtures("db")
LONG_AGO = timedelta(days=2)


def begun(places: Places, body: bytes = b"begun", age: timedelta = timedelta(0)) -> Blob:
    with spooled(body) as file:
        blob = blobs.keep(WORKER, places.clinic, file, "image/jpeg")
    with transaction(WORKER) as session:
        session.execute(sa.update(Blob).where(Blob.id == blob.id).values(created_at=now() - age))
    return blob


def test_only_what_was_begun_long_ago_and_never_recorded_is_removed(places: Places) -> None:
    kept, fresh, old = stored(places, b"kept"), begun(places, b"fresh"), begun(places, b"old", LONG_AGO)
    with transaction(WORKER) as session:
        session.execute(sa.update(Blob).where(Blob.id == kept.id).values(created_at=now() - LONG_AGO))
    assert sweep.sweep(WORKER) == 1
    assert set(blobs.store().keys()) == {kept.key, fresh.key}
    assert count(Blob, Blob.id == old.id) == 0
    assert b"".join(blobs.read(kept)) == b"kept"


def test_a_blob_without_bytes_is_swept_as_well(places: Places) -> None:
    with spooled(b"never put") as file:
        blob = blobs.begin(WORKER, places.clinic, [(file, "image/jpeg")])[0]
    with transaction(WORKER) as session:
        session.execute(sa.update(Blob).where(Blob.id == blob.id).values(created_at=now() - LONG_AGO))
    assert sweep.sweep(WORKER) == 1
    assert count(Blob) == 0


def test_a_sweep_that_was_cut_off_is_finished_by_the_next(places: Places) -> None:
    blob = begun(places)
    with transaction(WORKER) as session:
        session.execute(sa.update(Blob).where(Blob.id == blob.id).values(state=DELETING))
    blobs.store().delete(blob.key)  # as far as it came
    assert sweep.sweep(WORKER) == 1
    assert count(Blob) == 0


def test_what_is_swept_cannot_be_recorded_any_more(places: Places) -> None:
    blob = begun(places, age=LONG_AGO)
    sweep.sweep(WORKER)
    with pytest.raises(Unavailable), transaction(WORKER) as session:
        blobs.record(session, [blob])


def test_an_upload_that_records_while_it_is_swept_wins_or_loses_but_never_half(places: Places) -> None:
    rows = [begun(places, b"%d" % number, LONG_AGO) for number in range(12)]
    recorded: set[object] = set()
    start = threading.Barrier(2)

    def record_all() -> None:
        start.wait()
        for blob in rows:
            try:
                with transaction(WORKER) as session:
                    blobs.record(session, [blob])
            except Unavailable:
                continue
            recorded.add(blob.id)

    recorder = threading.Thread(target=record_all)
    recorder.start()
    start.wait()
    time.sleep(0.01)
    sweep.sweep(WORKER)
    recorder.join()
    for blob in rows:
        if blob.id in recorded:
            assert state_of(blob) == STORED
            assert b"".join(blobs.read(blob))
        else:
            assert count(Blob, Blob.id == blob.id) == 0
    assert set(blobs.store().keys()) == {blob.key for blob in rows if blob.id in recorded}


def test_what_a_killed_server_left_in_the_spool_goes_after_a_day(db: Settings) -> None:
    settings().spool_dir.mkdir(parents=True, exist_ok=True)
    old, fresh = settings().spool_dir / "old", settings().spool_dir / "fresh"
    for path in (old, fresh):
        path.write_bytes(b"half a file")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    sweep.sweep(WORKER)
    assert list(settings().spool_dir.iterdir()) == [fresh]


def test_the_deep_check_finds_each_planted_flip_and_each_missing_file(places: Places) -> None:
    rows = [stored(places, bytes([number]) * 300_000) for number in range(8)]
    flipped, missing, cut = rows[1], rows[4], rows[6]
    put_raw(flipped.key, b"\1" * 299_999 + b"\0")
    blobs.store().delete(missing.key)
    put_raw(cut.key, b"\6" * 299_999)
    found = {blob.id: fault for blob, fault in sweep.damaged(WORKER)}
    assert found == {
        flipped.id: "the bytes have changed", missing.id: "the bytes are not there", cut.id: "the bytes have changed",
    }  # fmt: skip


def test_the_deep_check_reads_more_than_one_page(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 3)
    rows = [stored(places, b"%d" % number) for number in range(7)]
    blobs.store().delete(rows[6].key)
    assert [blob.id for blob, _ in sweep.damaged(WORKER)] == [rows[6].id]


def test_bytes_without_a_row_are_listed_and_left_alone(places: Places) -> None:
    known = stored(places, b"known")
    key = blobs.new_key(places.clinic)
    put_raw(key, b"whose?")
    assert list(sweep.orphans(WORKER)) == [key]
    sweep.sweep(WORKER)
    assert set(blobs.store().keys()) == {known.key, key}


@ON_S3
def test_parts_that_a_killed_server_left_are_dropped_after_a_day(places: Places) -> None:
    store = blobs.store()
    assert isinstance(store, S3Store)
    key = store._key(blobs.new_key(places.clinic))
    store.client.create_multipart_upload(Bucket=store.bucket, Key=key)
    sweep.sweep(WORKER)
    assert [upload["Key"] for upload in uploads(store)] == [key], "an upload may be under way"
    sweep.sweep(WORKER, abandoned_after=timedelta(0))
    assert uploads(store) == []


def uploads(store: S3Store) -> list[dict[str, str]]:
    answer = store.client.list_multipart_uploads(Bucket=store.bucket, Prefix=store._key(""))
    return list(answer.get("Uploads", []))  # type: ignore[arg-type]  # dictionaries of boto3's own types


def put_raw(key: str, body: bytes) -> None:
    """As a disk, or somebody with another program, would change them."""
    store = blobs.store()
    if isinstance(store, S3Store):
        store.client.put_object(Bucket=store.bucket, Key=store._key(key), Body=body)
        return
    path = store.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(body)


def test_a_blob_that_cannot_be_deleted_keeps_no_other_from_it(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, others = begun(places, b"stuck", LONG_AGO), [begun(places, b"%d" % one, LONG_AGO) for one in range(2)]
    store, delete = blobs.store(), blobs.store().delete

    def refuse_one(key: str) -> None:
        if key == stuck.key:
            raise Unavailable("Away.")
        delete(key)

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", refuse_one)
        with pytest.raises(Unavailable):
            sweep.sweep(WORKER)
    assert count(Blob, Blob.id.in_([one.id for one in others])) == 0
    assert sweep.sweep(WORKER) == 1
    assert count(Blob) == 0
