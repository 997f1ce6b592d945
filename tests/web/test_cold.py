"""What a cold browser on a slow line needs until a case is seen, however long the study is."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect
from pydicom import examples

from app.http.actor import PLAIN
from tests.faults.chaos import Chaos
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import cookie_of, until

pytestmark = [pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True), pytest.mark.browser]
BYTES_PER_S, DELAY_S = 125_000, 0.15  # 1 Mbit/s, 300 ms there and back
MOST_LOOKS = 600  # at a page that comes slowly
MORE_REQUESTS, MORE_BYTES = 2, 20_000
MOST_REQUESTS, MOST_BYTES = 26, 160_000
AFTERWARDS = ("/frames/1", "/strip", "/proxy")  # asked for when the first image is there
CLOCK = """
  const note = (name) => { window[name] ??= performance.now(); };
  document.addEventListener("load", ({ target }) => target.matches(".sheet img") && note("seenAt"), true);
  document.addEventListener("playing", () => note("playsAt"), true);
"""
FETCHED_AHEAD = """(([, next]) => performance.getEntriesByName(`${location.origin}${next.dataset.source}/preview`).length > 0
)(document.querySelectorAll(".strip a[data-key]"))"""
NEXT = """async () => {
  const [began, before] = [performance.now(), document.querySelector(".strip [aria-current]")];
  document.getElementById("stage").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }));
  for (;;) {
    await new Promise(requestAnimationFrame);
    const picture = document.querySelector(".sheet > img.picture");
    if (before.ariaCurrent === null && picture?.complete) return performance.now() - began;
  }
}"""


@pytest.fixture
def far(
    browser: Browser, browser_context_args: dict[str, Any], places: Places, line: Chaos
) -> Iterator[Callable[[], Page]]:
    """The reviewer's browser behind the line, with nothing kept from before."""
    contexts = []

    def go() -> Page:
        given = {**browser_context_args, "base_url": line.base_url, "reduced_motion": "no-preference"}
        contexts.append(browser.new_context(**given))
        contexts[-1].add_cookies([{"name": PLAIN, "value": cookie_of(places.reviewer), "url": line.base_url}])
        contexts[-1].add_init_script(CLOCK)
        return contexts[-1].new_page()

    yield go
    for context in contexts:
        context.close()


class Counted:
    """What is asked for until the viewer has put the first image on the stage, and all that comes of it."""

    def __init__(self, page: Page) -> None:
        self.asked, self.is_done = list[Request](), False
        page.on("request", self.begins)

    def begins(self, request: Request) -> None:
        self.is_done = self.is_done or request.url.endswith(AFTERWARDS)
        if not self.is_done:
            self.asked.append(request)

    @property
    def received(self) -> int:
        sizes = [one.sizes() for one in self.asked]
        return sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)

    def __str__(self) -> str:
        return f"{len(self.asked)} requests, {self.received:,} bytes"


def ultrasound() -> bytes:
    """As a machine exports a still."""
    out = io.BytesIO()
    Image.fromarray(examples.rgb_color.pixel_array).save(out, "JPEG", quality=90)
    return out.getvalue()


def until_the_first_image(server: Running, places: Places, far: Callable[[], Page], images: int) -> Counted:
    picture = ultrasound()
    placed = cases.place(server, places, *[(f"{n}.jpg", picture + bytes([n])) for n in range(images)])
    page = far()
    counted = Counted(page)
    page.goto(f"/reviews/{placed.review_id}", wait_until="commit")
    expect(page.locator(".caption")).to_have_text(re.compile(f"Image 1 of {images} · (preview|exact)"))
    print(f"{images} images: {counted} until the first one")
    return counted


def test_a_hundred_images_cost_no_more_than_five(
    server: Running, places: Places, line: Chaos, far: Callable[[], Page]
) -> None:
    line.bytes_per_s, line.delay_s = BYTES_PER_S, DELAY_S
    few = until_the_first_image(server, places, far, 5)
    many = until_the_first_image(server, places, far, 100)
    assert len(many.asked) <= len(few.asked) + MORE_REQUESTS
    assert many.received <= few.received + MORE_BYTES


@pytest.mark.parametrize("first", ["image", "clip"])
def test_a_case_opens_from_the_worklist_on_one_megabit(
    server: Running, places: Places, line: Chaos, far: Callable[[], Page], first: str
) -> None:
    clip = [("clip.dcm", cases.dicom("ybr_color"))] if first == "clip" else []
    placed = cases.place(server, places, *clip, *[(f"{n}.jpg", ultrasound() + bytes([n])) for n in range(3)])
    cases.settled(server, places, placed)
    page = far()
    page.request.get(f"/reviews/{placed.review_id}")  # by which the service has read its templates
    line.bytes_per_s, line.delay_s = BYTES_PER_S, DELAY_S
    page.goto("/worklist")
    counted = Counted(page)
    page.get_by_role("link", name=placed.code).click(no_wait_after=True)
    page.wait_for_url("**/reviews/*", wait_until="commit")
    until(page, "Boolean(window.seenAt)", times=MOST_LOOKS)
    print(f"\n{first} seen after {page.evaluate('window.seenAt') / 1000:.2f} s, {counted}")
    if first == "clip":
        until(page, "Boolean(window.playsAt)", times=MOST_LOOKS)
        print(f"it plays {page.evaluate('window.playsAt - window.seenAt') / 1000:.2f} s later")
    until(page, FETCHED_AHEAD, times=MOST_LOOKS)
    print(f"the next image, fetched ahead, is there after {page.evaluate(NEXT) / 1000:.2f} s")
    assert len(counted.asked) <= MOST_REQUESTS
    assert counted.received <= MOST_BYTES
