"""A key image is called the same, and has beside it what was signed with it, wherever the report is read."""

from typing import Any

import httpx
import pytest

from tests.dicom.phantom import UPPER, phantom
from tests.people import Places, set_password
from tests.reports.test_one_source import TEXT, Forms, forms, write_and_sign
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import Placed, client_of, ok

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
    return write_and_sign(reader, placed.review_id, {**TEXT, "key_images": keys}, tag)  # type: ignore[dict-item]


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
