"""The reading room in a browser: looking, claiming, writing."""

import pytest
from playwright.sync_api import Page, expect

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_the_room_is_accessible_and_fits_a_phone(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(
        server, places, ("a.dcm", cases.dicom("rgb_color")), ("b.dcm", cases.dicom("ybr_color")),
        ("c.dcm", cases.dicom("palette_color")), ("photo.jpg", cases.jpeg()), ("letter.pdf", cases.pdf()),
    )  # fmt: skip
    cases.settled(server, places, placed)
    wide = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(wide.locator(".caption")).to_contain_text("Image 1 of 6")
    picture(wide, "room-wide")
    accessible(wide)
    narrow = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=NARROW, has_touch=True, is_mobile=True)
    picture(narrow, "room-narrow")
    accessible(narrow)
    narrow.get_by_role("link", name="Write").click()
    picture(narrow, "room-narrow-report")
    accessible(narrow)
