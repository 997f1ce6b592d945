"""The script of the report's form comes when the form is touched, and nothing is lost that was typed or pressed before."""

import gzip
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, picture, until
from tests.web.test_sheet import claimed, draft, item, number, saved, tick
from tests.web.test_types import SCRIPT_BYTES, STATIC

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
WRITING = {"draft.js", "sheet.js", "again.js"}
KEPT = "kept on this device, not yet on the server"

SHOWN = """[...document.querySelectorAll("#write *")].filter((each) => each.checkVisibility())
  .map((each) => each.id || each.name || each.tagName).join()"""


@pytest.fixture
def reviewer(server: Running, places: Places) -> Iterator[httpx.Client]:
    set_password(places.reviewer, cases.PASSWORD)
    with cases.client_of(server, places.reviewer) as client:
        yield client


def held(page: Page) -> list[Route]:
    """What the page asks for of the form's script does not come yet."""
    asked = list[Route]()

    def hold(route: Route) -> None:
        asked.append(route)

    page.route("**/static/sheet.js", hold)
    return asked


def come(page: Page, asked: list[Route]) -> None:
    page.unroute("**/static/sheet.js")
    for route in asked:
        route.continue_()


def test_a_reader_who_looks_is_sent_little_and_a_reader_who_writes_the_rest(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), cases.numbered_clip(), provisional_reading="A stone.")
    cases.settled(server, places, placed)
    page = arrive(places.reviewer, "/healthz")
    sent = set[str]()
    page.on("request", lambda asked: sent.update(re.findall(r"/static/(\w+\.js)", asked.url)))
    page.goto(f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_contain_text("exact")
    page.keyboard.press("d")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".frame")).to_contain_text("exact")
    page.wait_for_timeout(4500)  # by now the next case was looked for
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes())) for name in sent}
    print(f"{sum(sizes.values()):,} bytes of script in {len(sizes)} files")
    assert "ahead.js" in sent
    assert not sent & WRITING
    assert sum(sizes.values()) <= SCRIPT_BYTES, sizes
    page.keyboard.press("w")
    page.keyboard.type("Gallstones.")
    saved(page)
    assert sent >= WRITING
    assert draft(reviewer, placed)["findings"] == "Gallstones."


def test_the_form_looks_the_same_before_and_after_it_is_touched(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="ob-first-trimester")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator("#write")).to_have_attribute("data-scripted", "")
    expect(item(page, "crl")).to_be_hidden()  # no embryo was ticked
    before = page.evaluate(SHOWN)
    picture(page, "touched-before")
    page.get_by_label("Findings").focus()
    until(page, "performance.getEntriesByName(`${location.origin}/static/sheet.js`).length > 1")
    page.wait_for_timeout(300)
    assert page.evaluate(SHOWN) == before
    picture(page, "touched-after")


def test_what_is_typed_before_the_script_is_there_is_saved_when_it_comes(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="aorta")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    asked = held(page)
    number(page, "mid").fill("18")
    page.get_by_label("Impression").fill("No aneurysm.")
    expect(page.locator("#saved")).to_have_text(KEPT)
    expect(page.locator("#question")).to_have_attribute("open", "")
    come(page, asked)
    saved(page)
    assert page.evaluate("localStorage.length") == 0
    kept = draft(reviewer, placed)
    assert kept["impression"] == "No aneurysm."
    assert kept["form"]["answers"]["mid"]["numbers"] == [18]


def test_a_window_that_closes_before_the_script_is_there_loses_nothing(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), cases.jpeg(), exam_type="aorta")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("ERR_FAILED",))
    held(page)
    tick(page, "aneurysm", "30 mm or more")
    number(page, "mid").fill("31,5")
    page.get_by_label("Findings").fill("Wide.\nTwo lines.")
    page.get_by_label("Key images").fill("2")
    page.close()
    again = page.context.new_page()
    again.goto(f"/reviews/{placed.review_id}")
    expect(again.get_by_label("Findings")).to_have_value("Wide.\nTwo lines.")
    expect(number(again, "mid")).to_have_value("31.5")
    saved(again)
    kept = draft(reviewer, placed)
    assert kept["form"]["answers"]["aneurysm"]["choice"]
    strip = again.locator(".strip a[data-key]").nth(1).get_attribute("data-key")
    assert [one["image"] for one in kept["key_images"]] == [strip]


def test_what_is_pressed_first_of_all_is_done_when_the_script_is_there(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="aorta")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    asked = held(page)
    page.keyboard.press("m")  # marks the picture, from the stage
    page.wait_for_timeout(300)
    expect(page.get_by_label("Key images")).to_have_value("")
    come(page, asked)
    expect(page.get_by_label("Key images")).to_have_value("1")
    saved(page)
    page.reload()
    asked = held(page)
    page.get_by_role("button", name="Read over and sign").click()
    page.wait_for_timeout(300)
    come(page, asked)
    expect(page).to_have_url(re.compile("missing=impression"))


def test_on_a_phone_the_script_comes_with_the_form(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=NARROW, has_touch=True, is_mobile=True)
    expect(page.locator(".caption")).to_contain_text("exact")
    with page.expect_response("**/static/draft.js"):
        page.get_by_role("link", name="Write").tap()
    page.get_by_label("Impression").fill("Gallstones.")
    saved(page)
    picture(page, "touched-narrow")
