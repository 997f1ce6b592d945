"""The README's pictures of worklist and reading room, made by the test run."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.people.models import Role
from tests import people
from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import Arrive, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WANTED = bool(os.environ.get("SONOPOST_PICTURES"))  # read before the fixtures take our settings away
DESK = {"width": 1360, "height": 800}
ECHO = {
    "exam_type": "echo", "patient": {"family_name": "Amollo", "given_name": "Peter", "birth_date": "1965", "sex": "male"},
    "question": "Short of breath for a week. Is the heart function reduced, is there an effusion?",
    "clinical_notes": "Pulse 104, blood pressure 100/60, swollen ankles. Scanned sitting up.", "priority": "asap",
}  # fmt: skip


def hospital() -> tuple[Places, Somebody]:
    """A set of people with names, since a picture is looked at by people."""
    reading = people.organization("Nairobi Teaching Hospital", time_zone="Africa/Nairobi")
    clinic = people.organization("Boma Health Centre", time_zone="Africa/Nairobi", read_by=reading)
    referrer = people.somebody(clinic, Role.REFERRER, "Sr Béatrice Mbala")
    reviewer = people.somebody(reading, Role.REVIEWER, "Dr Grace Okello")
    other = people.somebody(reading, Role.REVIEWER, "Prof Daniel Kimani")
    unused = people.places()
    return Places(
        **vars(unused) | {"clinic": clinic, "hospital": reading, "referrer": referrer, "reviewer": reviewer}
    ), other


def keep(page: Page, name: str) -> None:
    made = picture(page, name)
    if WANTED:
        FOLDER.mkdir(parents=True, exist_ok=True)
        made.replace(FOLDER / f"{name}.png")


@pytest.fixture
def echo(server: Running) -> tuple[Places, Somebody, cases.Placed]:
    places, other = hospital()
    files = [("plax.dcm", cases.dicom("ybr_color", "Amollo^Peter", "19650101")),
             ("doppler.dcm", cases.dicom("rgb_color", "Amollo^Peter", "19650101")),
             ("still.dcm", cases.dicom("jpeg2k", "Amollo^Peter", "19650101"))]  # fmt: skip
    return places, other, cases.place(server, places, *files, **ECHO)


def test_picture_of_the_worklist(server: Running, echo: tuple[Places, Somebody, cases.Placed], arrive: Arrive) -> None:
    places, other, _first = echo
    cases.place(server, places, priority="stat", exam_type="fast", question="Fell from a roof, belly tender. Free fluid?",
                patient={"family_name": "Wanjiru", "age": {"value": 7, "unit": "years"}, "sex": "male"},
                files=[{"name": f"{n}.mp4", "size_bytes": 1} for n in range(4)])  # fmt: skip
    growth = cases.place(server, places, ("ob.dcm", cases.dicom("palette_color")), exam_type="ob-second-trimester",
                         priority="urgent", question="Is growth as it should be for the dates?")  # fmt: skip
    cases.place(server, places, priority="routine", exam_type="thyroid", question="Lump in the neck for two months. A nodule?",
                patient={"family_name": "Achieng", "given_name": "Rose", "birth_date": "1971", "sex": "female"})  # fmt: skip
    with cases.client_of(server, other) as client:
        cases.ok(client.post(f"/reviews/{growth.review_id}/claim"))
    page = arrive(places.reviewer, "/worklist", viewport={"width": 1360, "height": 420})
    expect(page.locator("#rows tr")).to_have_count(4)
    keep(page, "worklist")


def test_picture_of_the_reading_room(
    server: Running, echo: tuple[Places, Somebody, cases.Placed], arrive: Arrive
) -> None:
    places, _other, placed = echo
    cases.settled(server, places, placed)
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
        text = {"findings": "Parasternal and apical views. The left ventricle contracts well; no effusion is seen.",
                "impression": "Heart function is not reduced. No effusion."}  # fmt: skip
        cases.ok(client.put(f"/reviews/{placed.review_id}/report", json=text))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=DESK)
    clip = page.locator(".strip a[data-form=clip]")
    clip.click()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".cine .frame")).to_have_text("Frame 10 of 30 · exact")
    for image in page.locator(".strip img").all():
        expect(image).to_have_js_property("complete", True)
    keep(page, "reading-room")
