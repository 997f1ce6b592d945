"""A small picture comes before its file over a slow line: shown as such, never counted, gone when the file is here."""

import io
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from PIL import Image

from app.access.actor import WORKER
from app.config import settings
from app.db import reading
from app.referrals.models import ManifestItem
from app.reports import late
from app.storage.blobs import DELETING, Blob
from app.studies.models import Rendition
from tests.people import Places, count, set_password
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg
from tests.tus.client import Tus
from tests.tus.test_protocol import sha256
from tests.web import cases


def small(shade: str = "gray") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), shade).save(out, "JPEG")
    return out.getvalue()


def preview(
    tus: Tus, referral_id: str, body: bytes, of: bytes, name: str = "photo.jpg", **given: str
) -> httpx.Response:
    named: dict[str, Any] = {"referral_id": referral_id, "filename": name, "preview_of_size_bytes": str(len(of)),
                             "preview_of_sha256": sha256(of), **given}  # fmt: skip
    return tus.create(len(body), body, **named)


def submitted(tus: Tus) -> tuple[str, str]:
    referral_id = tus.place()
    review = cases.ok(tus.json.post(f"/referrals/{referral_id}/submit"))["review"]
    return referral_id, str(review["id"])


def test_it_is_shown_to_both_sides_and_counted_nowhere_and_ends_when_its_file_arrives(
    server: Running, places: Places, tus: Tus
) -> None:
    (referral_id, review_id), photo = submitted(tus), a_jpeg()
    assert preview(tus, referral_id, small(), photo).status_code == 201
    (file,) = tus.files(referral_id)
    assert (file["name"], file["status"], file["preview"]) == ("photo.jpg", "declared", "image")
    assert (file["size_bytes"], file["instance_id"]) == (len(photo), None)
    seen = tus.referral(referral_id)
    assert (seen["arrived_count"], seen["declared_count"], seen["instance_ids"]) == (0, 1, [])
    with Tus(server.base_url, places.reviewer) as reader:
        picture = reader.json.get(f"/files/{file['id']}/preview")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
        room = reader.http.get(f"/reviews/{review_id}").text
        assert f"/api/v1/files/{file['id']}" in room
        assert "Preview; the original is on the way" in room
    for page in ("", "/receipt"):
        assert "Preview; the original is on the way" in tus.http.get(f"/referrals/{referral_id}{page}").text
    with Tus(server.base_url, places.stranger_reviewer) as stranger:
        assert stranger.json.get(f"/files/{file['id']}/preview").status_code == 404
    assert tus.create(len(photo), photo, referral_id=referral_id, filename="photo.jpg").status_code == 201
    (came,) = tus.files(referral_id)
    assert (came["id"], came["status"], came["preview"]) == (file["id"], "stored", None)
    assert tus.json.get(f"/files/{file['id']}/preview").status_code == 404
    assert tus.referral(referral_id)["arrived_count"] == 1
    assert nothing_stays(file["id"])


def nothing_stays(file_id: str) -> bool:
    """No row of it, and its bytes are the sweep's to take."""
    with reading(WORKER) as session:
        is_there = session.scalar(sa.select(Rendition.id).where(Rendition.source_id == UUID(file_id)))
        here = sa.select(ManifestItem.organization_id).where(ManifestItem.id == UUID(file_id)).scalar_subquery()
        given_up = session.scalar(
            sa.select(sa.func.count()).where(Blob.state == DELETING, Blob.organization_id == here)
        )
    return is_there is None and given_up == 1


def test_that_of_a_film_moves(tus: Tus, tmp_path: Path) -> None:
    referral_id, film = tus.place(), cases.film(str(tmp_path / "film.mp4"))
    assert preview(tus, referral_id, film, a_dicom(), "film.mp4").status_code == 201
    (file,) = tus.files(referral_id)
    assert file["preview"] == "film"
    assert tus.json.get(f"/files/{file['id']}/proxy").headers["content-type"] == "video/mp4"
    assert tus.json.get(f"/files/{file['id']}/preview").headers["content-type"] == "image/webp"


def test_one_that_is_none_is_refused_and_its_file_comes_all_the_same(tus: Tus) -> None:
    referral_id, photo = tus.place(), a_jpeg()
    assert preview(tus, referral_id, b"nothing of use", photo).status_code == 422
    assert preview(tus, referral_id, a_dicom(), photo).status_code == 422
    assert preview(tus, referral_id, small(), photo, sha256="0" * 64).status_code == 422
    (file,) = tus.files(referral_id)
    assert (file["status"], file["reason"], file["preview"]) == ("declared", "", None)
    assert tus.create(len(photo), photo, referral_id=referral_id, filename="photo.jpg").status_code == 201
    assert [one["status"] for one in tus.files(referral_id)] == ["stored"]


def test_one_that_comes_after_its_file_changes_nothing(tus: Tus) -> None:
    referral_id, photo = tus.place(), a_jpeg()
    tus.create(len(photo), photo, referral_id=referral_id, filename="photo.jpg")
    before = tus.files(referral_id)
    assert preview(tus, referral_id, small(), photo).status_code == 201
    assert tus.files(referral_id) == before


def test_it_is_small_and_of_a_referral(tus: Tus) -> None:
    large = settings().max_preview_bytes + 1
    given: dict[str, Any] = {"filename": "photo.jpg", "preview_of_size_bytes": "9"}
    assert tus.create(large, referral_id=tus.place(), **given).status_code == 413
    assert tus.create(9, **given).status_code == 422
    assert tus.create(9, referral_id=tus.place(), filename="a", preview_of_size_bytes="many").status_code == 422


@pytest.mark.parametrize("how", ["withdrawn", "ended"])
def test_what_will_not_come_is_not_shown_small_either(tus: Tus, how: str) -> None:
    referral_id, photo = tus.place(), a_jpeg()
    preview(tus, referral_id, small(), photo)
    (file,) = tus.files(referral_id)
    if how == "withdrawn":
        cases.ok(tus.json.post(f"/referrals/{referral_id}/files/{file['id']}/withdraw", json={"reason": "Wrong."}))
    else:
        url = tus.begun(len(photo), referral_id=referral_id, filename="photo.jpg", sha256=sha256(photo))
        assert tus.http.delete(url).status_code == 204
    (file,) = tus.files(referral_id)
    assert (file["status"], file["preview"]) == ("withdrawn", None)
    assert tus.json.get(f"/files/{file['id']}/preview").status_code == 404


def test_a_reading_on_it_says_so_and_its_file_opens_an_item(server: Running, places: Places, tus: Tus) -> None:
    (referral_id, review_id), photo = submitted(tus), a_jpeg()
    preview(tus, referral_id, small(), photo)
    (file,) = tus.files(referral_id)
    set_password(places.reviewer, cases.PASSWORD)
    with Tus(server.base_url, places.reviewer) as reader:
        cases.ok(reader.json.post(f"/reviews/{review_id}/claim"))
        assert "Read on previews; 1 original on the way" in reader.http.get(f"/reviews/{review_id}").text
        reader.json.put(f"/reviews/{review_id}/seen", json={"seen": {file["id"]: "exact"}})
        signed = cases.answer(server, places, review_id)
        report = cases.ok(reader.json.get(f"/reports/{signed['report_id']}"))
        assert report["source"]["seen"] == {"total": 0, "exact": 0, "preview": 0, "not_opened": 0, "ahead": 1}
        said = reader.http.get(f"/reports/{signed['report_id']}").text
        assert "Read on previews; 1 original was on the way." in said
        assert "exactly" not in said
    tus.create(len(photo), photo, referral_id=referral_id, filename="photo.jpg")
    late.late(referral_id)
    assert count(late.LateFiles, late.LateFiles.referral_id == UUID(referral_id)) == 1


def test_what_is_wanted_first_stands_first_among_what_is_missing(tus: Tus) -> None:
    files: list[dict[str, Any]] = [{"name": "later.dcm"}, {"name": "first.dcm", "priority": 1}]
    referral_id = cases.ok(tus.json.post("/referrals", json=cases.PLAIN | {"files": files}), 201)["id"]
    tus.begun(10, referral_id=referral_id, filename="last.dcm", priority="9")
    tus.begun(10, referral_id=referral_id, filename="before.dcm", priority="0")
    tus.begun(10, referral_id=referral_id, filename="own-words.dcm", priority="high")
    said = {one["name"]: one["priority"] for one in tus.files(referral_id)}
    assert said == {"later.dcm": None, "first.dcm": 1, "last.dcm": 9, "before.dcm": 0, "own-words.dcm": None}
    page = tus.http.get(f"/referrals/{referral_id}").text
    places = [page.index(f'data-name="{name}.dcm"') for name in ("before", "first", "later", "own-words", "last")]
    assert places == sorted(places)
