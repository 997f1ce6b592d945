"""A second opinion in the browser: asked in the reading room, answered on its own page, read where it was asked."""

import pytest
from playwright.sync_api import expect

from app.access.actor import WORKER
from app.db import transaction
from app.people.models import ReadingRelation, Role
from tests import people
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_another_organization_is_asked_and_its_answer_stands_in_the_reading_room(
    server: Running, places: Places, arrive: Arrive
) -> None:
    institute = people.organization("Institute", time_zone="Africa/Nairobi")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.hospital, reading_organization_id=institute))
    expert = people.somebody(institute, Role.REVIEWER, "Dr Expert")
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    page.locator("#opinions summary").click()
    page.get_by_label("Whom do you ask?").select_option(label="Institute")
    page.get_by_label("What do you want to know?").fill("A septum, or a second cyst?")
    page.get_by_role("button", name="Ask for a second opinion").click()
    expect(page.locator("#opinions")).to_contain_text("A septum, or a second cyst?")
    picture(page, "opinion-asked")
    accessible(page)

    other = arrive(expert, "/worklist")
    asked = other.get_by_role("region", name="You are asked for a second opinion")
    asked.get_by_role("link").click()
    expect(other.get_by_role("heading", name="Second opinion")).to_be_visible()
    accessible(other)
    picture(other, "opinion-page", full_page=True)
    other.set_viewport_size({"width": 320, "height": 640})
    accessible(other)
    picture(other, "opinion-page-320", full_page=True)
    other.get_by_label("What you see").fill("A septum; no flow in it.")
    other.get_by_label("I agree").check()
    other.get_by_role("button", name="Give your opinion").click()
    expect(other.get_by_role("heading", name="Worklist")).to_be_visible()
    expect(asked).to_have_count(0)
    page.reload()
    expect(page.locator("#opinions")).to_contain_text("Dr Expert: agrees")
    expect(page.locator("#opinions")).to_contain_text("A septum; no flow in it.")
