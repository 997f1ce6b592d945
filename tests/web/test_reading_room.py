"""The reading room in a browser: what is looked at, and by which keys."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture, until

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
# The number that the picture itself shows, read from the topmost one on the stage.
SHOWN = """() => {
  const layers = [...document.querySelectorAll('.sheet > *')].filter((one) => !one.hidden);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [256, 64];
  const pen = canvas.getContext('2d');
  pen.drawImage(layers.at(-1), 0, 0, 256, 64);
  return [...Array(8).keys()].reduce((sum, bit) => sum * 2 + (pen.getImageData(bit * 32 + 16, 32, 1, 1).data[0] > 127), 0);
}"""


def room_of(server: Running, places: Places, arrive: Arrive, *files: tuple[str, bytes], **options: object) -> Page:
    placed = cases.place(server, places, *files)
    cases.settled(server, places, placed)
    return arrive(places.reviewer, f"/reviews/{placed.review_id}", **options)


def told(page: Page) -> int:
    return int(page.locator(".cine .frame").inner_text().split()[1])


def test_the_room_is_accessible_and_fits_a_phone(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(
        server, places, ("a.dcm", cases.dicom("rgb_color")), ("b.dcm", cases.dicom("ybr_color")),
        ("c.dcm", cases.dicom("palette_color")), ("photo.jpg", cases.jpeg()), ("letter.pdf", cases.pdf()),
    )  # fmt: skip
    cases.settled(server, places, placed)
    wide = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(wide.locator(".caption")).to_have_text("Image 1 of 6 · exact")
    wide.keyboard.press("ArrowDown")
    expect(wide.locator(".caption")).to_have_text("Image 2 of 6 · exact")
    picture(wide, "room-wide")
    accessible(wide)
    wide.keyboard.press("?")
    picture(wide, "room-keys")
    accessible(wide)
    narrow = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=NARROW, has_touch=True, is_mobile=True)
    expect(narrow.locator(".caption")).to_have_text("Image 1 of 6 · exact")
    picture(narrow, "room-narrow")
    accessible(narrow)
    narrow.get_by_role("link", name="Write").click()
    picture(narrow, "room-narrow-report")
    accessible(narrow)


def test_the_page_is_black_before_anything_is_loaded(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, java_script_enabled=False)
    assert page.locator("meta[name=color-scheme]").get_attribute("content") == "dark"
    assert page.locator("html").evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(0, 0, 0)"


def test_the_frame_told_is_the_frame_shown(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, ("clip.dcm", cases.numbered_clip()))
    frame = page.locator(".cine .frame")
    expect(frame).to_have_text("Frame 1 of 24 · exact")
    assert page.evaluate(SHOWN) == 1
    for key, expected in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowLeft", 24)):
        page.keyboard.press(key)
        expect(frame).to_have_text(f"Frame {expected} of 24 · exact")
        assert page.evaluate(SHOWN) == expected


def test_a_clip_plays_and_its_pause_shows_the_exact_frame(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, ("clip.dcm", cases.numbered_clip()), reduced_motion="no-preference")
    play = page.locator(".cine [data-act=play]")
    expect(play).to_contain_text("Pause")
    until(page, "document.querySelector('video').currentTime > 0.2")
    for _ in range(5):
        page.keyboard.press("Space")
        expect(play).to_contain_text("Play")
        expect(page.locator(".cine .frame")).to_contain_text("exact")
        assert page.evaluate(SHOWN) == told(page)
        page.keyboard.press("Space")
        expect(play).to_contain_text("Pause")
        page.wait_for_timeout(170)
    assert page.evaluate("document.querySelector('video').playbackRate") == 1
    assert page.locator("video").evaluate("film => [film.muted, film.loop]") == [True, True]


def test_a_clip_can_be_stepped_while_its_film_is_not_there(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("clip.dcm", cases.numbered_clip(30)))
    cases.settled(server, places, placed)
    page = arrive(places.reviewer, "/worklist")
    page.route(
        "**/api/v1/instances/*", lambda route: route.fulfill(json={"preview": "pending", "number_of_frames": 30})
    )
    page.route("**/reviews/*", _with_film_pending)
    page.goto(f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_contain_text("is being prepared")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cine .frame")).to_have_text("Frame 2 of 30 · exact")
    assert page.evaluate(SHOWN) == 2


def _with_film_pending(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('data-state="ready"', 'data-state="pending"'))


def test_uneven_frames_are_told_by_their_own_times(arrive: Arrive) -> None:
    page = arrive(None, "/sign-in")
    times = "import('/static/cine.js').then(({Timing}) => %s)"
    uneven = "new Timing(4, 50, [0, 20, 120, 140])"
    assert page.evaluate(times % f"[0, .019, .02, .1, .12, .139, .15].map((t) => {uneven}.frameAt(t))") == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
    ]
    assert page.evaluate(times % f"[0, 1, 2, 3].map((n) => {uneven}.frameAt({uneven}.middleOf(n)))") == [0, 1, 2, 3]
    even = "new Timing(924, 33.333, [])"
    wrong = f"[...Array(924).keys()].filter((n) => {even}.frameAt({even}.middleOf(n)) !== n)"
    assert page.evaluate(times % wrong) == []


def test_a_film_shows_its_frames_by_number(server: Running, places: Places, arrive: Arrive, tmp_path: Path) -> None:
    page = room_of(server, places, arrive, ("film.mp4", cases.film(str(tmp_path / "film.mp4"))))
    expect(page.locator(".cine .frame")).to_have_text("Frame 1 of 12 · exact")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cine .frame")).to_have_text("Frame 2 of 12 · exact")
    assert page.evaluate(SHOWN) == 2


def test_the_keys_of_the_stage(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, *[(f"{n}.jpg", cases.jpeg(30 + n)) for n in range(4)])
    caption, sheet = page.locator(".caption"), page.locator(".sheet")
    for key, number in (("ArrowDown", 2), ("PageDown", 3), ("End", 4), ("ArrowUp", 3), ("Home", 1), ("PageUp", 1)):
        page.keyboard.press(key)
        expect(caption).to_contain_text(f"Image {number} of 4")
    page.keyboard.press("+")
    assert "scale(1.25)" in sheet.evaluate("each => each.style.transform")
    page.keyboard.press("-")
    assert sheet.evaluate("each => each.style.transform") == ""
    page.keyboard.press("b")
    page.keyboard.press("Shift+N")
    assert sheet.evaluate("each => each.style.filter") == "brightness(110%) contrast(90%)"
    page.keyboard.press("0")
    assert sheet.evaluate("each => each.style.filter") == ""
    page.keyboard.press("r")
    expect(page.locator("#report")).to_be_hidden()
    page.keyboard.press("w")
    expect(page.locator("#findings")).to_be_focused()
    page.keyboard.type("r+w ?b")  # in a text field they are letters
    expect(page.locator("#findings")).to_have_value("r+w ?b")
    page.keyboard.press("Escape")
    expect(page.locator("#stage")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    until(page, "document.fullscreenElement?.localName === 'us-viewer'")
    page.keyboard.press("f")
    until(page, "!document.fullscreenElement")


def test_the_wheel_enlarges_what_lies_under_the_pointer(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, ("a.jpg", cases.jpeg()))
    expect(page.locator(".caption")).to_contain_text("exact")
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    x, y = stage["x"] + 200, stage["y"] + 150
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    scale, dx, dy = page.locator(".sheet").evaluate(
        "each => { const m = new DOMMatrix(getComputedStyle(each).transform); return [m.a, m.e, m.f]; }"
    )
    assert scale > 1.3
    assert (round(200 * scale + dx), round(150 * scale + dy)) == (200, 150)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20)
    page.mouse.up()
    moved = page.locator(".sheet").evaluate("each => new DOMMatrix(getComputedStyle(each).transform).e")
    assert round(moved - dx) == 30


def test_what_cannot_be_seen_says_why_and_can_be_downloaded(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, ("wanting.dcm", cases.without_picture()), ("a.jpg", cases.jpeg()))
    page.locator(".strip a[data-state=none]").click()
    expect(page.locator(".instead")).to_contain_text("This file cannot be previewed: This file holds no picture")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the file").click()
    assert download.value.suggested_filename.endswith(".dcm")
    picture(page, "room-no-preview")


def test_a_late_image_is_told_and_not_slipped_in(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    cases.send(server, places, placed.referral_id, "late.jpg", cases.jpeg(90))
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#now .news")).to_have_text("Images came or went. Show them")
    expect(page.locator(".strip li")).to_have_count(1)
    page.locator("#now .news").click()
    expect(page.locator(".strip li")).to_have_count(2)


def test_without_script_every_image_can_be_looked_at(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(
        server, places, arrive, ("a.jpg", cases.jpeg()), ("b.dcm", cases.dicom("rgb_color")), java_script_enabled=False
    )
    page.locator(".strip a").nth(1).click()
    chosen = page.locator(".strip a").nth(1).get_attribute("data-source")
    assert page.locator(".sheet img").get_attribute("src") == f"{chosen}/preview"
    accessible_without_script = page.locator("main, h1, textarea")
    assert accessible_without_script.count() >= 5
