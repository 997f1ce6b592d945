"""A critical finding on both sides: one press in the reading room, the call, and the clinic's read-back."""

import re

import pytest
from playwright.sync_api import expect

from app.people.models import Role
from tests import people
from tests.people import Places, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_one_press_tells_the_clinic_and_its_read_back_takes_it_off_the_lists(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, exam_type="ob-first-trimester")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    page.get_by_role("link", name="Critical finding").click()
    accessible(page)
    picture(page, "critical-list", full_page=True)
    page.get_by_role("button", name="Ruptured or suspected ectopic pregnancy").click()
    expect(page.get_by_role("link", name="+254 700 000000").first).to_be_visible()
    expect(page.get_by_text("1 person at the site was told")).to_be_visible()
    page.get_by_label("Who received it").fill("Sr Achieng")
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_text("Sr Achieng was told by telephone")).to_be_visible()
    accessible(page)
    picture(page, "critical-record", full_page=True)
    page.set_viewport_size({"width": 320, "height": 640})
    accessible(page)
    picture(page, "critical-record-320", full_page=True)
    page.goto("/worklist")
    accessible(page)
    picture(page, "critical-worklist-320")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.get_by_role("region", name="Critical findings that nobody has said back")).to_contain_text(placed.code)
    picture(page, "critical-worklist")

    clinic = arrive(places.referrer, "/")
    expect(clinic.get_by_role("heading", name="Critical finding: confirm it now")).to_be_visible()
    clinic.get_by_role("link", name=placed.code).click()
    accessible(clinic)
    picture(clinic, "critical-clinic")
    clinic.set_viewport_size({"width": 320, "height": 640})
    accessible(clinic)
    picture(clinic, "critical-clinic-320")
    clinic.get_by_label("Write what you were told").fill("Ectopic, likely ruptured. We go to theatre.")
    clinic.get_by_role("button", name="Confirm the critical finding").click()
    expect(clinic.get_by_text("it was said back")).to_be_visible()
    page.goto("/worklist")
    expect(page.get_by_role("region", name="Critical findings")).to_have_count(0)
    page.goto(f"/reviews/{placed.review_id}/critical")
    expect(page.get_by_text("We go to theatre.")).to_be_visible()


def test_of_a_second_finding_nobody_has_opened_anything_because_the_first_was_read(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    path = f"/reviews/{placed.review_id}/critical-findings"
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(path, json={"code": "tamponade"}), 201)
        arrive(places.referrer, f"/referrals/{placed.referral_id}")
        cases.ok(reader.post(path, json={"code": "malignancy"}), 201)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}/critical")
    first, second = page.locator("section.signed-text", has_text="1 person at the site was told").all()
    expect(first.locator("summary").first).not_to_contain_text("nobody has opened it yet")
    expect(second.locator("summary").first).to_contain_text("nobody has opened it yet")
    expect(second).not_to_contain_text(re.compile(r"opened \d"))
    accessible(page)

    second.get_by_label("Who received it").fill("Sr Achieng")
    arrive(places.referrer, f"/referrals/{placed.referral_id}")
    page.evaluate("dispatchEvent(new Event('online'))")  # looks again, as it does by itself
    expect(second.locator("summary").first).not_to_contain_text("nobody has opened it yet")
    expect(second).to_contain_text(re.compile(r"opened \d"))
    expect(second.get_by_label("Who received it")).to_have_value("Sr Achieng")
    found = (second.get_attribute("aria-labelledby") or "").removeprefix("c-")
    with cases.client_of(server, places.referrer) as clinic:
        cases.ok(clinic.post(f"/critical-findings/{found}/read-back", json={"text": "A mass in the liver."}))
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_role("link", name="The clinic has said it back. Show it").click()
    expect(page.get_by_text("A mass in the liver.")).to_be_visible()
    expect(page.locator("section.signed-text")).to_have_count(1)


def test_a_signed_report_says_what_was_told_and_beside_it_what_came_since(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        raised = f"/reviews/{placed.review_id}/critical-findings"
        found = cases.ok(reader.post(raised, json={"code": "tamponade"}), 201)["id"]
        cases.ok(reader.put(f"/reviews/{placed.review_id}/report", json={"impression": "Tamponade."}))
        signing = arrive(places.reviewer, f"/reviews/{placed.review_id}/sign")
        expect(signing.get_by_text("Nobody was told in person yet.")).to_be_visible()
        spoken = {"received_by": "Sr Achieng", "method": "telephone"}
        cases.ok(reader.post(f"/critical-findings/{found}/communicate", json=spoken))
    set_password(places.reviewer, cases.PASSWORD)
    signing.reload()
    signing.get_by_label("Your password").fill(cases.PASSWORD)
    signing.get_by_role("button", name="Sign report").click()
    told = signing.get_by_role("region", name="Critical finding, when this was signed")
    expect(told).to_contain_text("it had not been said back when this was signed.")
    page = arrive(places.referrer, signing.url)
    for name, size in (("", WIDE), ("-320", NARROW)):
        page.set_viewport_size(size)
        accessible(page)
        picture(page, f"critical-report{name}", full_page=True)
    page.set_viewport_size(WIDE)
    with cases.client_of(server, places.referrer) as clinic:
        cases.ok(clinic.post(f"/critical-findings/{found}/read-back", json={"text": "Fluid around the heart."}))
    page.reload()
    expect(page.get_by_text("Fluid around the heart.")).to_be_visible()
    expect(page.get_by_text("it had not been said back when this was signed.")).to_be_visible()


def test_the_coordinator_sees_it_first_and_an_administrator_keeps_the_list(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/critical-findings", json={"code": "malignancy"}), 201)
    page = arrive(places.coordinator, "/attention")
    expect(page.get_by_role("heading", name="A critical finding that nobody has said back")).to_be_visible()
    accessible(page)
    picture(page, "critical-attention")
    page.get_by_role("link", name="Call, and record it").click()
    page.get_by_label("Who received it").fill("Sr Achieng")
    page.get_by_label("They said it back to me").check()
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_text("it was said back")).to_be_visible()
    admin = arrive(people.somebody(places.hospital, Role.ADMIN), "/organization/settings")
    admin.get_by_text("Critical findings", exact=True).click()
    admin.get_by_label("Suspected malignancy").select_option("urgent")
    admin.get_by_label("Finding", exact=True).first.fill("Hydatid cyst")
    admin.get_by_role("button", name="Save the list").click()
    expect(admin.get_by_text("Readers choose from this list from now on.")).to_be_visible()
    expect(admin.get_by_label("Suspected malignancy")).to_have_value("urgent")
    expect(admin.get_by_label("Finding", exact=True).first).to_have_value("Hydatid cyst")
    accessible(admin)
    picture(admin, "critical-settings", full_page=True)
    admin.set_viewport_size({"width": 320, "height": 640})
    accessible(admin)
