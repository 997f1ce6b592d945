"""Studies for other systems: lists by cursor, what came without a referral, and everything of one as a ZIP."""

import hashlib
import io
import shutil
import subprocess
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.access.models import Grant
from app.audit.events import AuditEvent
from app.config import Settings
from app.db import engine, now, reading, transaction
from app.people.models import Role
from app.storage import blobs
from app.storage.spool import spooled_copy
from app.studies import read
from app.studies.archive import Archive, Entry, written
from tests import people
from tests.conformance.dicomweb import files, store
from tests.dicom import made
from tests.people import Places, Somebody, count
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg, a_pdf
from tests.web.cases import Placed, client_of, film, numbered_clip, ok, place, send, settled


def study_of(server: Running, who: Somebody, placed: Placed) -> str:
    with client_of(server, who) as client:
        return str(ok(client.get(f"/referrals/{placed.referral_id}"))["study_ids"][0])


def opened(server: Running, who: Somebody, study_id: str) -> zipfile.ZipFile:
    with client_of(server, who) as client:
        answer = client.get(f"/studies/{study_id}/archive")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_studies_come_newest_first_by_cursor(server: Running, places: Places) -> None:
    for _ in range(5):
        assert store(server, places.referrer, files(a_dicom())).status_code == 200
    seen: list[str] = []
    with client_of(server, places.referrer) as client:
        page = ok(client.get("/studies?limit=2"))
        seen += [one["id"] for one in page["items"]]
        while page["next_cursor"]:
            page = ok(client.get(f"/studies?limit=2&cursor={page['next_cursor']}"))
            seen += [one["id"] for one in page["items"]]
        assert client.get("/studies?cursor=nothing").status_code == 422
    assert (len(seen), seen) == (5, sorted(seen, reverse=True))


def test_study_without_a_referral_is_unmatched_until_one_asks_about_it(server: Running, places: Places) -> None:
    body = a_dicom()
    store(server, places.referrer, files(body, a_dicom()))
    with client_of(server, places.referrer) as client:
        both = ok(client.get("/studies?unmatched=true"))["items"]
        placed = place(server, places, ("a.dcm", body))
        (left,) = ok(client.get("/studies?unmatched=true"))["items"]
        matched = ok(client.get(f"/studies/{study_of(server, places.referrer, placed)}"))
    assert len(both) == 2
    assert (left["referral_ids"], left["instance_count"], left["modalities"]) == ([], 1, ["US"])
    assert left["patient"] == {"name": "Otieno^Jane", "identifier": "", "issuer": "", "birth_date": "", "sex": "F"} | {
        "birth_date": left["patient"]["birth_date"], "sex": left["patient"]["sex"]}  # fmt: skip
    assert matched["referral_ids"] == [placed.referral_id]
    assert matched["id"] not in left["id"]


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(("unmatched", "index"), [(True, "ix_study_unmatched"), (False, "ix_study_newest")])
def test_a_page_walks_an_index_made_for_it(db: Settings, places: Places, unmatched: bool, index: str) -> None:
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if "UNION" in statement or "LIMIT" in statement:
            plans.extend(row[-1] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given))

    sa.event.listen(engine(), "before_cursor_execute", explain)
    with reading(places.referrer.actor) as session:
        read.page(session, places.referrer.actor, unmatched=unmatched, cursor=uuid4(), limit=10)
    sa.event.remove(engine(), "before_cursor_execute", explain)
    assert any(index in plan and "id<?" in plan for plan in plans), plans
    assert not any(plan.startswith("SCAN study") for plan in plans), plans


def test_reader_sees_a_study_as_long_as_it_is_shown_to_them(server: Running, places: Places) -> None:
    placed = place(server, places, ("a.jpg", a_jpeg()))
    study_id = study_of(server, places.referrer, placed)
    with client_of(server, places.reviewer) as reader:
        assert [one["id"] for one in ok(reader.get("/studies"))["items"]] == [study_id]
        assert ok(reader.get("/studies?unmatched=true"))["items"] == []
        assert ok(reader.get(f"/studies/{study_id}"))["referral_ids"] == [placed.referral_id]
        with transaction(WORKER) as session:
            session.execute(sa.update(Grant).where(Grant.study_id == UUID(study_id)).values(valid_to=now()))
        assert ok(reader.get("/studies"))["items"] == []
        assert reader.get(f"/studies/{study_id}").status_code == 404
        assert reader.get(f"/studies/{study_id}/archive").status_code == 404


def test_study_has_its_instances_with_the_links_that_answer(server: Running, places: Places, tmp_path: Path) -> None:
    sent = [("a.jpg", a_jpeg()), ("b.mp4", film(str(tmp_path / "b.mp4"))), ("c.pdf", a_pdf())]
    placed = place(server, places, *sent)
    settled(server, places, placed)
    with client_of(server, places.reviewer) as reader:
        found = ok(reader.get(f"/studies/{study_of(server, places.referrer, placed)}"))
        still, clip = sorted(
            (one for each in found["series"] for one in each["instances"]), key=lambda one: one["kind"]
        )
        assert (found["instance_count"], found["clip_count"], len(found["documents"])) == (2, 1, 1)
        assert (still["links"]["proxy"], clip["links"]["frames"]) == (None, None)
        for one in (still, clip):
            for link in filter(None, one["links"].values()):
                assert reader.get(f"{server.base_url}{link}".format(number=1)).status_code == 200, link
            assert ok(reader.get(f"/instances/{one['id']}"))["links"] == one["links"]


def test_frames_of_a_clip_are_a_link_with_a_number(server: Running, places: Places) -> None:
    placed = place(server, places, ("a.dcm", numbered_clip(frames=3)))
    settled(server, places, placed)
    with client_of(server, places.reviewer) as reader:
        (one,) = ok(reader.get(f"/studies/{study_of(server, places.referrer, placed)}"))["series"][0]["instances"]
        urls = [f"{server.base_url}{one['links']['frames'].format(number=number)}" for number in (1, 3, 4)]
        assert [reader.get(url).status_code for url in urls] == [200, 200, 404]


def test_unknown_transfer_syntax_is_marked_as_not_to_be_seen_and_has_no_links_to_pictures(
    server: Running, places: Places
) -> None:
    uid = f"2.25.{uuid4().int}"
    picture = made.picture(
        pixel_data=made.encapsulated(b"own!"), instead={0x00080018: made.element(0x00080018, "UI", uid)}
    )
    body = made.file(picture, "1.2.3.4.5", sop_instance=uid.encode())
    store(server, places.referrer, files(body))
    with client_of(server, places.referrer) as client:
        study_id = ok(client.get("/studies"))["items"][0]["id"]
        for _ in range(240):
            (one,) = ok(client.get(f"/studies/{study_id}"))["series"][0]["instances"]
            if one["preview"] != "pending":
                break
            time.sleep(0.25)
        assert (one["preview"], one["links"]["preview"], one["links"]["frames"]) == ("none", None, None)
        assert one["preview_reason"]
        assert client.get(f"{server.base_url}{one['links']['original']}").content == body
    assert opened(server, places.referrer, study_id).read("001.dcm") == body


def test_what_was_taken_back_is_no_longer_of_the_study(server: Running, places: Places) -> None:
    placed = place(server, places, ("a.jpg", a_jpeg()), ("b.pdf", a_pdf()), ("c.jpg", a_jpeg()))
    study_id = study_of(server, places.referrer, placed)
    with client_of(server, places.referrer) as sender, client_of(server, places.reviewer) as reader:
        for item in ok(sender.get(f"/referrals/{placed.referral_id}"))["files"][:2]:
            ok(sender.post(f"/referrals/{placed.referral_id}/files/{item['id']}/withdraw", json={"reason": "Wrong."}))
        for client in (sender, reader):
            found = ok(client.get(f"/studies/{study_id}"))
            assert (found["instance_count"], found["documents"]) == (1, [])
            assert ok(client.get("/studies"))["items"][0]["instance_count"] == 1
    for who in (places.referrer, places.reviewer):
        assert opened(server, who, study_id).namelist() == ["SHA256SUMS", "001_c.jpg"]


@pytest.mark.parametrize(
    ("tail", "action"), [("", "study.viewed"), ("/archive", "study.downloaded"), ("/instance", "study.viewed")]
)
def test_every_opening_is_on_the_record_once(server: Running, places: Places, tail: str, action: str) -> None:
    placed = place(server, places, ("a.jpg", a_jpeg()))
    study_id = study_of(server, places.referrer, placed)
    with client_of(server, places.referrer) as client:
        (instance_id,) = ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
        path = f"/instances/{instance_id}" if tail == "/instance" else f"/studies/{study_id}{tail}"
        for _ in range(2):
            assert client.get(path).status_code == 200
    of_it = (AuditEvent.action == action, AuditEvent.entity_id == UUID(study_id))
    assert count(AuditEvent, *of_it, AuditEvent.person_id == places.referrer.id) == 1


ODD = {
    "C:\\scans\\ruq.dcm": "ruq", "../../etc/passwd": "passwd", "CON.jpg": "CON", "a<b>:c|d?.dcm": "a_b_c_d",
    "pied à terre.JPG": "pied_à_terre", "\u202egpj.exe": "gpj", "...": "", "अल्ट्रासाउंड.dcm": "अल्ट्रासाउंड",
    "x" * 400 + ".dcm": "x" * 40, " 1.2.840.10008": "1_2_840",
}  # fmt: skip


def test_archive_is_every_file_as_it_came_under_a_safe_name(server: Running, places: Places, tmp_path: Path) -> None:
    bodies = {name: a_jpeg() for name in ODD} | {"letter.pdf": a_pdf()}
    placed = place(server, places)
    for name, body in bodies.items():
        send(server, places, placed.referral_id, quote(name, safe=""), body)
    study_id = study_of(server, places.referrer, placed)
    with client_of(server, places.reviewer) as reader:
        answer = reader.get(f"/studies/{study_id}/archive")
    assert answer.headers["content-disposition"] == f"attachment; filename={placed.code}.zip"
    (tmp_path / "a.zip").write_bytes(answer.content)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        names = archive.namelist()[1:]
        assert [archive.read(name) for name in names] == list(bodies.values())
        archive.extractall(tmp_path / "out")
    expected = [f"{number:03}{'_' if stem else ''}{stem}.jpg" for number, stem in enumerate(ODD.values(), 1)]
    assert names == [*expected, f"{len(ODD) + 1:03}_letter.pdf"]
    summed = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    assert subprocess.run(summed, cwd=tmp_path / "out", capture_output=True).returncode == 0
    if shutil.which("unzip"):
        done = subprocess.run(["unzip", "-tq", "a.zip"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done


def test_archive_of_a_study_without_a_referral_is_named_by_its_date(server: Running, places: Places) -> None:
    body = a_dicom()
    store(server, places.referrer, files(body))
    with client_of(server, places.referrer) as client:
        (study,) = ok(client.get("/studies"))["items"]
        answer = client.get(f"/studies/{study['id']}/archive")
    date = f"-{study['study_date']}" if study["study_date"] else ""
    assert answer.headers["content-disposition"] == f"attachment; filename=study{date}.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("001.dcm") == body
        assert archive.read("SHA256SUMS") == f"{hashlib.sha256(body).hexdigest()}  001.dcm\n".encode()


def test_stranger_is_told_nothing_of_a_study(server: Running, places: Places) -> None:
    study_id = study_of(server, places.referrer, place(server, places, ("a.jpg", a_jpeg())))
    admin = people.somebody(places.clinic, Role.ADMIN)
    for who in (places.stranger_referrer, places.stranger_reviewer, admin):
        with client_of(server, who) as client:
            for tail in ("", "/archive"):
                theirs, absent = client.get(f"/studies/{study_id}{tail}"), client.get(f"/studies/{uuid4()}{tail}")
                assert (theirs.status_code, theirs.content) == (404, absent.content)
                assert theirs.headers["content-type"] == "application/problem+json"
            assert ok(client.get("/studies"))["items"] == []
    assert count(AuditEvent, AuditEvent.entity_id == UUID(study_id), AuditEvent.action == "study.downloaded") == 0


def test_large_archive_takes_little_memory(db: Settings, places: Places) -> None:
    piece, pieces = bytes(range(256)) * 4096, 96  # 1 MB each
    with spooled_copy(iter([piece] * pieces), 1 << 30) as spooled:
        blob = blobs.keep(WORKER, places.clinic, spooled, "application/dicom")
    tracemalloc.start()
    sizes = [len(chunk) for chunk in written(Archive("a.zip", [Entry(f"00{n}.dcm", blob) for n in (1, 2)]))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) > 2 * pieces * len(piece)
    assert peak < 16 << 20, peak
