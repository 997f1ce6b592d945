"""Measuring in the reading room: by clicks, by drag, by keys and by touch, and what is said of each number."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from app.dicom.areas import areas
from tests.dicom.phantom import DOPPLER, TISSUE, UPPER, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture, until

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "dicom" / "measuring.json").read_text())
BY_VECTOR = """async (all) => {
  const { measured } = await import('/static/calibration.js');
  return all.map(({ ground, kind, points, given }) => measured(ground, kind, points, given));
}"""


def room_of(server: Running, places: Places, arrive: Arrive, *bodies: bytes, **options: object) -> Page:
    placed = cases.place(server, places, *[(f"{n}.dcm", body) for n, body in enumerate(bodies)])
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", **options)
    expect(page.locator(".caption")).to_contain_text("exact")
    until(page, "document.querySelector('us-viewer').measuring.ground !== null")
    return page


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the 800 × 600 picture lies in the window."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    fit = min(box["width"] / 800, box["height"] / 600)
    left, top = box["x"] + (box["width"] - 800 * fit) / 2, box["y"] + (box["height"] - 600 * fit) / 2
    return left + x * fit, top + y * fit


def click(page: Page, *points: tuple[float, float]) -> None:
    for point in points:
        page.mouse.click(*at(page, *point))


def drag(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(page, *point), steps=3)
    page.mouse.up()


def lines(page: Page) -> Locator:
    return page.locator(".measured li")


def number(text: str) -> float:
    return float(text.split()[2])


def test_the_browser_finds_what_the_vectors_say(arrive: Arrive) -> None:
    page = arrive(None, "/sign-in")
    asked = []
    for vector in VECTORS:
        given = dict(vector["given"])
        found, _notes = areas(vector["regions"], vector["columns"], vector["rows"])
        ground = {"columns": vector["columns"], "rows": vector["rows"], "areas": [vars(one) for one in found],
                  "mm_per_pixel": given.pop("mm_per_pixel", None)}  # fmt: skip
        asked.append({"ground": ground, "kind": vector["kind"], "points": vector["points"], "given": given})
    for vector, found in zip(VECTORS, page.evaluate(BY_VECTOR, asked), strict=True):
        expected, near = vector["expect"], vector["tolerance"]
        for name in ("unit", "calibrated", "reason", "region"):
            assert found[name] == expected[name], (vector["name"], name)
        assert found["value"] == (None if expected["value"] is None else pytest.approx(expected["value"], rel=near)), (
            vector["name"]
        )
        for name, (value, unit) in expected["more"].items():
            assert found["more"][name] == {"value": pytest.approx(value, rel=near), "unit": unit}, vector["name"]


def test_a_length_by_two_clicks_and_by_drag(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE))
    page.keyboard.press("d")
    expect(page.locator(".measuring")).to_contain_text("Set the first point")
    click(page, (100, 200), (280, 200))
    expect(lines(page)).to_have_count(1)
    expect(lines(page).first).to_contain_text("1. Length 5")
    expect(lines(page).first).not_to_contain_text("saving")
    assert number(lines(page).first.inner_text()) == pytest.approx(54, abs=0.6)
    drag(page, (100, 300), (280, 300))
    expect(lines(page)).to_have_count(2)
    assert number(lines(page).nth(1).inner_text()) == pytest.approx(54, abs=0.6)
    picture(page, "measuring-wide")
    accessible(page)
    page.reload()
    expect(lines(page)).to_have_count(2)


def test_every_tool_by_its_key(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(UPPER, DOPPLER))
    page.keyboard.press("e")
    click(page, (200, 150), (420, 150), (310, 70))
    expect(lines(page).nth(0)).to_contain_text("Ellipse 24.")
    expect(lines(page).nth(0)).to_contain_text("circumference")
    page.keyboard.press("a")
    click(page, (500, 50), (700, 50), (700, 250), (500, 250), (500, 50))
    expect(lines(page).nth(1)).to_contain_text("Outline 3")
    page.keyboard.press("g")
    click(page, (200, 50), (100, 50), (200, 150))
    expect(lines(page).nth(2)).to_contain_text("Angle 45.0°")
    page.keyboard.press("v")
    click(page, (300, 350))
    expect(lines(page).nth(3)).to_contain_text("cm/s")
    page.keyboard.press("i")
    click(page, (300, 400), (400, 380))
    expect(lines(page).nth(4)).to_contain_text("Interval 50")
    page.keyboard.press("h")
    click(page, (100, 400), (340, 380))
    page.get_by_label("Beats between the points").fill("3")
    page.keyboard.press("Enter")
    expect(lines(page).nth(5)).to_contain_text("Heart rate 150/min, over 3 beats")
    page.keyboard.press("t")
    click(page, (600, 100))
    page.get_by_role("textbox", name="Text").fill("<b>stone</b>")
    page.keyboard.press("Enter")
    expect(lines(page).nth(6)).to_contain_text("<b>stone</b>")
    page.keyboard.press("o")
    click(page, (600, 100), (650, 150))
    expect(lines(page).nth(7)).to_contain_text("Arrow")
    picture(page, "measuring-tools")
    accessible(page)


def test_by_the_keys_alone(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE))
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(lines(page).first).to_contain_text("Length 30.0 mm")
    page.keyboard.press("Escape")
    expect(page.locator(".measuring")).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(lines(page)).to_have_count(0)
    page.keyboard.press("Control+y")
    expect(lines(page)).to_have_count(1)
    page.keyboard.press("Backspace")
    expect(lines(page)).to_have_count(0)


def test_without_calibration_it_is_pixels_and_says_so(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE | {"right": 1279, "bottom": 959}))
    expect(page.locator(".ground")).to_contain_text("No valid calibration: measured in pixels.")
    expect(page.locator(".ground")).to_contain_text("cannot be true")
    page.keyboard.press("d")
    click(page, (100, 200), (280, 200))
    expect(lines(page).first).to_contain_text("px")
    expect(lines(page).first).to_contain_text("not calibrated")


OUTLINES = """[...document.querySelectorAll('.marks .region')].map((one) => {
  const { x, y, width, height } = one.querySelector('path.line').getBBox();
  return [one.querySelector('text.line').textContent, x, y, width, height];
})"""


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_regions_that_disagree_are_seen_and_chosen(
    server: Running, places: Places, arrive: Arrive, viewport: ViewportSize
) -> None:
    other = TISSUE | {"left": 50, "right": 499, "dx": 0.02, "dy": 0.025}
    page = room_of(server, places, arrive, phantom(TISSUE, other), viewport=viewport)
    page.keyboard.press("d")
    click(page, (100, 200), (280, 200))
    expect(page.locator(".measuring .choice button")).to_have_text(
        ["Region 1: a pixel is 0.3 mm", "Region 2: a pixel is 0.2 mm × 0.25 mm"]
    )
    assert page.evaluate(OUTLINES) == [["1", 0, 0, 800, 600], ["2", 50, 0, 450, 600]]
    picture(page, f"measuring-regions-{viewport['width']}")
    accessible(page)
    page.get_by_role("button", name="Region 2").click()
    expect(lines(page).first).to_contain_text("Length 3")
    assert number(lines(page).first.inner_text()) == pytest.approx(36, abs=0.5 if viewport == WIDE else 1)
    assert page.evaluate(OUTLINES) == []


def test_the_ruler_of_a_photograph(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("photo.jpg", cases.jpeg()))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_contain_text("exact")
    until(page, "document.querySelector('us-viewer').measuring.ground !== null")
    page.keyboard.press("k")
    click(page, (100, 100), (500, 100))
    page.get_by_label("Millimetres between the points").fill("100")
    page.keyboard.press("Enter")
    expect(page.locator(".ground")).to_contain_text("Scale by the ruler on the screen")
    page.keyboard.press("d")
    click(page, (100, 200), (300, 200))
    expect(lines(page).nth(1)).to_contain_text("Length ≈ 50.0 mm")


def measure(page: Page, quantity: str) -> None:
    """A length of some 54 mm in the phantom, by its name."""
    page.locator("#stage").focus()
    page.keyboard.press("d")
    page.get_by_label("Of what").fill(quantity)
    click(page, (100, 200), (280, 200))


def test_a_number_goes_into_the_report_with_its_image(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE))
    page.locator("#findings").fill("Liver of normal size.")
    measure(page, "CBD")
    lines(page).first.get_by_role("button", name="Into the report").click()
    until(
        page,
        "/^Liver of normal size.\\nCBD 5\\d\\.\\d mm \\(Image 1 of 1\\)\\n$/.test(document.getElementById('findings').value)",
    )


def test_a_number_goes_into_the_report_in_the_language_of_the_report(
    server: Running, places: Places, arrive: Arrive
) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE))
    page.locator("[name=language]").select_option("fr")
    measure(page, "CRL")
    expect(lines(page).first).to_contain_text(re.compile(r"CRL 5\d\.\d mm · size corresponds to 1\dw\dd"))
    lines(page).first.get_by_role("button", name="Into the report").click()
    said = r"CRL 5\d,\d mm · la taille correspond à 1\d SA \+ \d j \([^)]+\) \(Image 1 sur 1\)\n"
    expect(page.locator("#findings")).to_have_value(re.compile(said))


def test_what_could_not_be_saved_says_so_and_is_sent_again(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE), expected=("measurements", "ERR_FAILED"))
    page.route("**/measurements", lambda route: route.abort())
    page.keyboard.press("d")
    click(page, (100, 200), (280, 200))
    expect(lines(page).first).to_contain_text("Not saved:")
    page.unroute("**/measurements")
    lines(page).first.get_by_role("button", name="Try again").click()
    expect(lines(page).first).not_to_contain_text("Not saved:")
    page.reload()
    expect(lines(page)).to_have_count(1)


def test_nothing_is_measured_before_the_exact_frame_is_there(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)))
    page = arrive(places.reviewer, "/worklist", expected=("frames", "ERR_FAILED"))
    page.route("**/frames/1", lambda route: route.abort())
    page.goto(f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_contain_text("preview")
    page.keyboard.press("d")
    expect(page.locator(".measuring")).to_contain_text("Wait for the exact frame")
    click(page, (100, 200), (280, 200))
    expect(lines(page)).to_have_count(0)
    expect(page.locator(".strip .seen")).to_have_text("preview")


def tap(page: Page, *points: tuple[float, float]) -> None:
    for point in points:
        page.touchscreen.tap(*at(page, *point))


def take(page: Page, tool: str) -> None:
    """Out of the drawer, which a taken tool closes."""
    button = page.locator(f"[data-tool={tool}]")
    if not button.is_visible():
        page.get_by_label("Measure", exact=True).tap()
    button.tap()


def test_every_tool_by_touch_on_a_narrow_screen(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(
        server, places, arrive, phantom(UPPER, DOPPLER), viewport=NARROW, has_touch=True, is_mobile=True
    )  # fmt: skip
    kept: list[tuple[str, list[tuple[float, float]], str]] = [
        ("length", [(100, 200), (280, 200)], "Length 5"),
        ("ellipse", [(200, 150), (420, 150), (310, 70)], "Ellipse 2"),
        ("area", [(500, 50), (700, 50), (700, 250), (500, 250), (500, 50)], "Outline 3"),
        ("angle", [(200, 50), (100, 50), (200, 150)], "Angle 4"),
        ("velocity", [(300, 350)], "cm/s"),
        ("time", [(300, 400), (400, 380)], "Interval 5"),
        ("arrow", [(600, 100), (650, 150)], "Arrow"),
    ]
    for number, (tool, points, words) in enumerate(kept):
        take(page, tool)
        tap(page, *points)
        expect(lines(page).nth(number)).to_contain_text(words)
        expect(lines(page).nth(number)).not_to_contain_text("saving")
    asked: list[tuple[str, list[tuple[float, float]], str, str, str]] = [
        ("heart-rate", [(100, 400), (340, 380)], "Beats between the points", "3", "Heart rate 1"),
        ("text", [(600, 100)], "Text", "stone", "stone"),
    ]
    for tool, points, label, typed, words in asked:
        take(page, tool)
        tap(page, *points)
        page.get_by_role("textbox", name=label).or_(page.get_by_role("spinbutton", name=label)).fill(typed)
        page.get_by_role("button", name="Keep").tap()
        expect(lines(page).last).to_contain_text(words)
    picture(page, "measuring-touch")
    accessible(page)


def test_on_a_phone_a_finger_measures(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE), viewport=NARROW, has_touch=True, is_mobile=True)
    page.get_by_label("Measure", exact=True).click()
    page.get_by_role("button", name="Length").click()
    cdp = page.context.new_cdp_session(page)
    (x1, y1), (x2, y2) = at(page, 100, 200), at(page, 280, 200)
    cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x1, "y": y1}]})
    for part in (0.3, 0.7, 1):
        cdp.send(
            "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x1 + (x2 - x1) * part, "y": y2}]}
        )
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(lines(page).first).to_contain_text("Length 5")
    assert number(lines(page).first.inner_text()) == pytest.approx(54, abs=1.2)  # a pixel of the screen has 0.75 mm
    expect(lines(page).first).not_to_contain_text("saving")
    picture(page, "measuring-narrow")
    accessible(page)
