"""The reader gives something back to who scanned while signing, and is not led by their reading before."""

import pytest
from playwright.sync_api import expect

from tests.people import Places, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import PASSWORD
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
OWN = "I think it is a tumour of the gallbladder."


def test_from_the_hidden_reading_to_what_the_operator_sees(server: Running, places: Places, arrive: Arrive) -> None:
    set_password(places.reviewer, PASSWORD)
    files = [{"name": "a.dcm"}, {"name": "late.dcm", "size_bytes": 10, "sha256": "0" * 64}]
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), provisional_reading=OWN, files=files)
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.get_by_text("Read on what is here; 1 original on the way")).to_be_visible()
    expect(page.get_by_text("It is shown when your impression is written")).to_be_visible()
    assert OWN not in page.content()
    picture(page, "teaching-room")
    page.get_by_role("link", name="Write freely instead").click()
    expect(page.locator("#form")).to_have_count(0)
    page.get_by_label("Impression").fill("Gallstones.")
    expect(page.locator("#own")).to_contain_text(OWN)
    page.get_by_role("button", name="Read over and sign").click()
    expect(page.locator(".teach")).to_contain_text(OWN)
    page.get_by_label("Different").check()
    page.get_by_label("4 small flaws").check()
    page.get_by_label("Remark").fill("Turn the probe a little further for the neck: 12.5 cm deep.")
    page.get_by_label("Show a frame of").select_option(index=1)
    for name, viewport in (("wide", WIDE), ("narrow", NARROW)):
        page.set_viewport_size(viewport)
        accessible(page)
        picture(page, f"teaching-sign-{name}", full_page=True)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.get_by_role("heading", name="Impression")).to_be_visible()
    path = page.url.removeprefix(server.base_url)
    for name, viewport in (("wide", WIDE), ("narrow", NARROW)):
        told = arrive(places.referrer, path, viewport=viewport)
        expect(told.locator(".feedback")).to_contain_text("Quality of the images: 4 of 5, small flaws")
        expect(told.locator(".feedback")).to_contain_text("Turn the probe")
        told.locator(".marked img").scroll_into_view_if_needed()
        expect(told.locator(".marked img")).to_be_visible()
        accessible(told)
        picture(told, f"teaching-report-{name}", full_page=True)
