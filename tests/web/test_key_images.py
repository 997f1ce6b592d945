"""What a reader drew on a key image is read over before it is signed, and seen by whoever reads the report."""

import pytest
from playwright.sync_api import expect

from tests.dicom.phantom import UPPER, phantom
from tests.people import Places, set_password
from tests.reports.test_key_images import MARKS, draw, marked
from tests.reports.test_one_source import TEXT, write_and_sign
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import ok
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture, until

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
IS_SHOWN = "[...document.querySelectorAll('.keys img')].every((one) => one.complete && one.naturalWidth > 0)"


def test_what_was_drawn_is_read_over_and_seen(server: Running, places: Places, arrive: Arrive) -> None:
    set_password(places.reviewer, cases.PASSWORD)
    placed = cases.place(server, places, ("still.dcm", phantom(UPPER)), ("clip.dcm", cases.dicom("ybr_color")))
    with cases.client_of(server, places.reviewer) as reader:
        ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        keys = marked(reader, placed)
        draw(reader, keys[0], *MARKS)
        body = {**TEXT, "key_images": keys}
        saved = reader.put(f"/reviews/{placed.review_id}/report", json=body)
        over = arrive(places.reviewer, f"/reviews/{placed.review_id}/sign", expected=("409", "412"))
        said = over.locator(".signed-text")
        expect(said).to_contain_text("Image 1 · CBD 54.0 mm · 24.88 cm² · 8.91 cm² · Cyst · Widest place.")
        expect(said).to_contain_text("Clip 2, frame 14 · Systole.")
        draw(reader, keys[0], {"kind": "text", "points": [[5, 5]], "text": "Sludge"})
        over.get_by_label("Your password").fill(cases.PASSWORD)
        over.get_by_role("button", name="Sign report").click()
        expect(over.get_by_role("alert").first).to_contain_text("what is drawn on a key image, changed")
        expect(said).to_contain_text("Cyst · Sludge · Widest place.")
        picture(over, "key-images-changed", full_page=True)
        signed = write_and_sign(reader, placed.review_id, body, saved.headers["etag"])
    for name, viewport in (("wide", WIDE), ("narrow", NARROW)):
        page = arrive(places.referrer, f"/reports/{signed['report_id']}", viewport=viewport)
        page.locator(".keys").scroll_into_view_if_needed()
        until(page, IS_SHOWN)
        expect(page.locator(".keys li")).to_have_count(2)
        width = page.locator(".keys img").first.evaluate("(one) => one.naturalWidth")
        assert width == 640, "the picture that is in the PDF, with what is drawn on it"
        accessible(page)
        picture(page, f"key-images-{name}", full_page=True)
        shown = page.locator(".keys img").first.get_attribute("src") or ""
        assert page.locator(".keys a").first.get_attribute("href") == shown, "large, at a press"
