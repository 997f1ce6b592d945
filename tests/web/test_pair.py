"""Picture and report in two windows that keep in step, and the next case at hand before it is opened."""

from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from app.audit.events import AuditEvent
from tests.people import Places, count
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import Placed
from tests.web.conftest import NARROW, Arrive, accessible, picture, until

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


@pytest.fixture
def two(server: Running, places: Places) -> list[Placed]:
    """Cases that the reviewer holds; the first is due first."""
    found = [
        cases.place(server, places, (f"{n}.jpg", cases.jpeg(40 + n)), priority=p)
        for n, p in ((1, "asap"), (2, "urgent"))
    ]
    with cases.client_of(server, places.reviewer) as client:
        for one in found:
            cases.ok(client.post(f"/reviews/{one.review_id}/claim"))
    return found


def apart(page: Page) -> Page:
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Report in a window of its own").click()
    expect(page.locator("#apart")).to_be_visible()
    return opened.value


def test_a_measurement_of_one_window_goes_into_the_report_of_the_other(
    server: Running, places: Places, two: list[Placed], arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{two[0].review_id}")
    report = apart(page)
    expect(report.locator("us-viewer")).to_have_count(0)
    page.evaluate(
        "document.querySelector('us-viewer').dispatchEvent(new CustomEvent('insert', {detail: {en: 'Bile duct 4 mm'}}))"
    )
    expect(report.get_by_label("Findings")).to_have_value("Bile duct 4 mm (Image 1 of 1)\n")
    expect(report.locator("#saved")).to_contain_text("saved")
    expect(page.get_by_label("Findings")).to_have_value("")
    assert page.locator("#write").get_attribute("inert") is not None
    report.close()
    expect(page.get_by_label("Findings")).to_have_value(
        "Bile duct 4 mm (Image 1 of 1)"
    )  # read anew, and written here again
    expect(page.locator("#apart")).to_be_hidden()


def test_the_case_that_one_window_opens_is_the_other_s_too(
    server: Running, places: Places, two: list[Placed], arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{two[0].review_id}")
    report = apart(page)
    page.goto(f"/reviews/{two[1].review_id}")
    expect(report.locator(f'body[data-review="{two[1].review_id}"][data-alone]')).to_be_attached()
    report.goto(f"/reviews/{two[0].review_id}")  # as after signing the other
    expect(page.locator(f'body[data-review="{two[0].review_id}"]')).to_be_attached()
    expect(report.locator("body[data-alone]")).to_be_attached()
    expect(page.locator("#apart")).to_be_visible()


@pytest.mark.parametrize("viewport", [NARROW, {"width": 560, "height": 900}], ids=["narrow", "popup"])
def test_the_report_alone_fits_its_window(
    places: Places, two: list[Placed], arrive: Arrive, viewport: dict[str, int], column: object
) -> None:
    page = arrive(places.reviewer, f"/reviews/{two[0].review_id}?window=report", viewport=viewport)
    expect(page.get_by_label("Impression")).to_be_visible()
    accessible(page)
    picture(page, f"report-alone-{viewport['width']}")


def test_the_next_case_is_at_hand_and_not_opened_by_that(
    server: Running, places: Places, two: list[Placed], arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{two[0].review_id}")
    with cases.client_of(server, places.referrer) as client:
        [image] = cases.ok(client.get(f"/referrals/{two[1].referral_id}"))["instance_ids"]
    until(page, f"performance.getEntriesByName(new URL('/api/v1/instances/{image}/frames/1', location)).length === 1")
    mine = (AuditEvent.person_id == places.reviewer.id, AuditEvent.referral_id == UUID(two[1].referral_id))
    assert count(AuditEvent, AuditEvent.action == "referral.opened", *mine) == 0
