"""A key image is called the same, and has beside it what was signed with it, wherever the report is read."""

import io
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pypdfium2
import pytest
from PIL import Image
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE as IMAGE

from app.access.actor import WORKER
from app.db import reading
from app.http.actor import PLAIN
from app.reports.draft import open_draft, report_of
from app.reports.seal import asked_for
from app.reviews import step
from tests.dicom.phantom import UPPER, phantom
from tests.people import Places, set_password
from tests.reports.test_one_source import TEXT, Forms, forms, write_and_sign
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import Placed, client_of, ok
from tests.web.conftest import cookie_of

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
NOTES = ("Widest place.", "Systole.")


@pytest.fixture
def reader(server: Running, places: Places) -> Any:
    set_password(places.reviewer, cases.PASSWORD)
    with client_of(server, places.reviewer) as client:
        yield client


@pytest.fixture
def placed(server: Running, places: Places, reader: httpx.Client) -> Placed:
    """A still and a clip."""
    placed = cases.place(server, places, ("still.dcm", phantom(UPPER)), ("clip.dcm", cases.dicom("ybr_color")))
    ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    return placed


def marked(reader: httpx.Client, placed: Placed) -> list[dict[str, Any]]:
    """Frame 1 of the still and frame 14 of the clip, with a note each."""
    images = ok(reader.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
    frames = {one: ok(reader.get(f"/instances/{one}"))["number_of_frames"] for one in images}
    still, clip = sorted(images, key=lambda one: frames[one])
    return [{"image": still, "frame": 1, "note": NOTES[0]}, {"image": clip, "frame": 14, "note": NOTES[1]}]


def signed(reader: httpx.Client, placed: Placed, keys: list[dict[str, Any]], tag: str | None = None) -> Any:
    return write_and_sign(reader, placed.review_id, {**TEXT, "key_images": keys}, tag)


def places_of(source: dict[str, Any], keys: list[dict[str, Any]]) -> list[int]:
    images = [one["id"] for one in source["images"]]
    return [images.index(one["image"]) + 1 for one in keys]


def test_its_name_and_its_note_stand_in_every_form(
    server: Running, places: Places, reader: httpx.Client, placed: Placed
) -> None:
    keys = marked(reader, placed)
    report_id = signed(reader, placed, keys)["report_id"]
    source = ok(reader.get(f"/reports/{report_id}"))["source"]
    still, clip = places_of(source, keys)
    found: Forms = forms(server, places, report_id, 1)
    for form, text in found.items():
        assert all(note in text for note in NOTES), form
    for form in ("pdf", "dicom", "page"):
        assert f"Key images Image {still} Widest place. Clip {clip}, frame 14 Systole." in found[form], form


LENGTH = {"kind": "length", "points": [[100, 200], [280, 200]], "quantity": "CBD"}
MARKS = (
    LENGTH,
    {"kind": "ellipse", "points": [[200, 150], [420, 150], [310, 70], [310, 230]]},
    {"kind": "area", "points": [[450, 40], [560, 60], [540, 160], [440, 120]]},
    {"kind": "arrow", "points": [[40, 40], [90, 100]]},
    {"kind": "text", "points": [[60, 260]], "text": "Cyst"},
)
SAID = "CBD 54.0 mm 24.88 cm² 8.91 cm² Cyst"


def draw(reader: httpx.Client, key: dict[str, Any], *marks: dict[str, Any]) -> list[Any]:
    place = f"/instances/{key['image']}/measurements"
    return [ok(reader.post(place, json={"frame": key["frame"], **mark}), 201) for mark in marks]


def signed_marks(reader: httpx.Client, report_id: str, version: int) -> list[list[str]]:
    """What is signed of each key image, by kind."""
    said = ok(reader.get(f"/reports/{report_id}?version={version}"))
    assert ok(reader.get(f"/reports/{report_id}/verify?version={version}"))["authentic"]
    assert [one.get("marks", []) for one in said["source"]["key_images"]] == [
        [{name: part for name, part in mark.items() if part not in ("", None, False)} for mark in one["marks"]]
        for one in said["key_images"]
    ]
    return [[mark["kind"] for mark in one["marks"]] for one in said["key_images"]]


def test_what_the_reader_drew_is_signed_and_stands_in_every_form(
    server: Running, places: Places, reader: httpx.Client, placed: Placed
) -> None:
    keys = marked(reader, placed)
    made = draw(reader, keys[0], *MARKS)
    draw(reader, keys[1] | {"frame": 3}, LENGTH)  # another frame than the one that is shown
    report_id = signed(reader, placed, keys)["report_id"]
    assert signed_marks(reader, report_id, 1) == [[one["kind"] for one in MARKS], []]
    still, clip = places_of(ok(reader.get(f"/reports/{report_id}"))["source"], keys)
    first = forms(server, places, report_id, 1)
    for form in ("pdf", "dicom", "page"):
        assert f"Image {still} {SAID} Widest place. Clip {clip}, frame 14 Systole." in first[form], form
    reader.delete(f"/instances/{keys[0]['image']}/measurements/{made[0]['id']}").raise_for_status()
    drafted = reader.post(f"/reports/{report_id}/amend", json={"kind": "corrected", "reason": "Seen again."})
    assert [one.keys() for one in ok(drafted, drafted.status_code)["key_images"]] == [{"image", "frame", "note"}] * 2
    signed(reader, placed, keys, drafted.headers["etag"])
    assert signed_marks(reader, report_id, 2)[0] == [one["kind"] for one in MARKS[1:]]
    assert signed_marks(reader, report_id, 1)[0] == [one["kind"] for one in MARKS], "what was signed stays"
    second = forms(server, places, report_id, 2)
    for form in ("pdf", "dicom", "page"):
        assert "54.0 mm" not in second[form], form
        assert "24.88 cm² 8.91 cm² Cyst" in second[form], form


def test_a_note_stays_where_a_frame_is_marked_without_one(reader: httpx.Client, placed: Placed) -> None:
    keys, path = marked(reader, placed), f"/reviews/{placed.review_id}/report"
    saved = reader.put(path, json={**TEXT, "key_images": keys})
    again = [{"image": one["image"], "frame": one["frame"]} for one in keys]
    saved = reader.put(path, json={"key_images": again}, headers={"If-Match": saved.headers["etag"]})
    assert [one["note"] for one in ok(saved)["key_images"]] == [one["note"] for one in keys]
    saved = reader.put(
        path, json={"key_images": [again[0] | {"note": ""}]}, headers={"If-Match": saved.headers["etag"]}
    )
    assert [one["note"] for one in ok(saved)["key_images"]] == [""]


def test_what_is_drawn_is_in_the_picture_light_within_dark_and_nowhere_else(
    server: Running, places: Places, reader: httpx.Client, placed: Placed
) -> None:
    keys = marked(reader, placed)
    draw(reader, keys[0], LENGTH)
    report_id = signed(reader, placed, keys)["report_id"]
    path = f"{server.base_url}/reports/{report_id}/key-images/"
    with httpx.Client(cookies={PLAIN: cookie_of(places.referrer)}, timeout=60) as clinic:
        body = clinic.get(f"{path}1?version=1").content
        others = [clinic.get(f"{path}{place}").status_code for place in (0, 2, 3)]
        pdf = clinic.get(f"{server.base_url}/reports/{report_id}.pdf").content
    assert others == [404, 404, 404], "nothing is drawn on the clip"
    assert httpx.get(f"{path}1", cookies={PLAIN: cookie_of(places.stranger_referrer)}).status_code == 404
    grey = np.asarray(Image.open(io.BytesIO(body)).convert("L")).astype(int)
    assert grey.shape == (480, 640), "the phantom of 800 × 600 on its grey of 40, smaller"
    line = grey[160, 95:210]
    assert line.min() > 150
    assert max(grey[157, 95:210].max(), grey[163, 95:210].max()) < 20
    around = grey.copy()
    around[120:180, 60:460] = 40
    assert np.abs(around - 40).max() < 10
    assert len(pdf) <= 100_000
    with pypdfium2.PdfDocument(pdf) as document:
        pictures = [one.get_bitmap().to_numpy() for page in document for one in page.get_objects([IMAGE])]
    assert any(one.shape[:2] == (480, 640) and one[160, 95:210].min() > 100 for one in pictures), "the same picture"


def test_what_a_passkey_signs_changes_with_what_is_drawn(
    server: Running, places: Places, reader: httpx.Client, placed: Placed
) -> None:
    keys = marked(reader, placed)
    ok(reader.put(f"/reviews/{placed.review_id}/report", json={**TEXT, "key_images": keys}))

    def asked() -> str:
        with reading(WORKER) as session:
            review = step.loaded(session, places.reviewer.actor, UUID(placed.review_id))
            draft = open_draft(report_of(session, review))
            assert draft
            return asked_for(session, review, draft, "")

    before = asked()
    draw(reader, keys[1] | {"frame": 3}, LENGTH)
    assert asked() == before, "a frame that is not marked"
    draw(reader, keys[1], LENGTH)
    assert asked() != before
