"""The pregnancy on the pages: proposed and pressed, beside the measurements and on a page of its own, with and without script."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import client_of, ok
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture, until
from tests.web.test_measuring import click, lines, room_of

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
TODAY = datetime.now(ZoneInfo("Africa/Nairobi")).date()  # the clinic's: age today is asked by its calendar


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def pregnant(server: Running, places: Places, days: int = 90, **other: object) -> cases.Placed:
    return cases.place(
        server, places, ("a.dcm", phantom(TISSUE)), exam_type="ob-first-trimester",
        obstetric={"lmp": ago(days), "examined_on": ago(0), **other},
    )  # fmt: skip


def opened(page: Page) -> Page:
    expect(page.locator(".caption")).to_contain_text("exact")
    until(page, "document.querySelector('us-viewer').measuring.ground !== null")
    return page


def test_what_is_measured_is_proposed_and_pressed(server: Running, places: Places, arrive: Arrive) -> None:
    sent = pregnant(server, places)
    page = opened(arrive(places.reviewer, f"/reviews/{sent.review_id}"))
    panel = page.locator("#pregnancy")
    expect(panel).to_contain_text("by last period")
    expect(panel).to_contain_text("12w6d on")
    page.locator("#stage").focus()
    page.keyboard.press("d")
    page.get_by_label("Of what").fill("CRL")
    click(page, (100, 200), (250, 200))
    expect(lines(page).first).to_contain_text("size corresponds to 11w2d")
    expect(panel).to_contain_text("11 days apart, more than the 7 of ACOG 700")
    expect(panel).to_contain_text("CRL")
    picture(page, "pregnancy-wide")
    accessible(page)
    panel.get_by_role("button", name="Redate to").click()
    expect(panel).to_contain_text("by CRL")
    expect(page.locator(".banner")).to_contain_text("11w2d")
    panel.get_by_role("button", name="Into the report Gestational age").click()
    until(page, "/^Gestational age 11w2d on .*, by CRL\\.\\n$/.test(document.getElementById('findings').value)")
    panel.get_by_text("Earlier dates").click()
    expect(panel).to_contain_text("period on")
    accessible(page)


def test_what_is_put_in_is_in_the_language_of_the_report(server: Running, places: Places, arrive: Arrive) -> None:
    sent = pregnant(server, places)
    for locale, language, said in (("en-GB", "fr", "Âge gestationnel"), ("fr-FR", "en", "Gestational age")):
        page = opened(arrive(places.reviewer, f"/reviews/{sent.review_id}", locale=locale))
        page.locator("[name=language]").select_option(language)
        page.locator("#pregnancy [data-insert]").first.click()
        until(page, f"document.getElementById('findings').value.startsWith('{said}')")
        if locale == "en-GB":
            picture(page, "inserted-french")
        page.evaluate("localStorage.clear()")
        page.close()


def test_a_fetus_is_named_and_its_side_and_site(server: Running, places: Places, arrive: Arrive) -> None:
    page = room_of(server, places, arrive, phantom(TISSUE))
    page.keyboard.press("d")
    page.get_by_text("Fetus, side, site").click()
    page.locator(".measuring [name=fetus]").select_option("B")
    page.locator(".measuring [name=side]").select_option("left")
    page.locator(".measuring [name=site]").fill("upper pole")
    page.get_by_label("Of what").fill("BPD")
    click(page, (100, 200), (250, 200))
    expect(lines(page).first).to_contain_text("BPD fetus B left upper pole 4")
    expect(page.locator("#pregnancy")).to_contain_text("Fetus B")
    page.reload()
    expect(lines(page).first).to_contain_text("BPD fetus B left upper pole 4")


def test_a_nearly_true_size_is_taken_by_a_press(server: Running, places: Places, arrive: Arrive) -> None:
    sent = cases.place(server, places, ("a.jpg", cases.jpeg()), obstetric={"lmp": ago(90), "examined_on": ago(0)})
    page = opened(arrive(places.reviewer, f"/reviews/{sent.review_id}"))
    page.keyboard.press("k")
    click(page, (100, 100), (500, 100))
    page.get_by_label("Millimetres between the points").fill("100")
    page.keyboard.press("Enter")
    expect(page.locator(".ground")).to_contain_text("Scale by the ruler on the screen")
    page.keyboard.press("d")
    page.get_by_label("Of what").fill("CRL")
    click(page, (100, 200), (300, 200))
    expect(page.locator("#pregnancy .fetus")).to_have_count(0)
    lines(page).nth(1).get_by_role("button", name="Confirm this number").click()
    expect(page.locator("#pregnancy .fetus")).to_contain_text("≈ 50.0 mm")
    expect(lines(page).nth(1)).to_contain_text("≈")


def test_the_clinics_page_works_without_script_and_narrow(server: Running, places: Places, arrive: Arrive) -> None:
    sent = pregnant(server, places)
    page = arrive(
        places.referrer,
        f"/referrals/{sent.referral_id}",
        viewport=NARROW,
        java_script_enabled=False,
        expected=("pregnancy",),
    )
    page.get_by_role("link", name="Dates and sizes").click()
    page.get_by_text("Date it otherwise").click()
    page.get_by_label("What the date rests on").select_option(label="transfer of an embryo")
    page.get_by_label("Its day").fill(ago(70))
    page.get_by_role("button", name="Set this date").click()
    expect(page.get_by_role("alert")).to_contain_text("Give the number too")
    page.get_by_label("CRL in mm, or days of the embryo").fill("5")
    page.get_by_role("button", name="Set this date").click()
    expect(page.locator("main")).to_contain_text("assisted conception")
    expect(page.locator("main")).to_contain_text("The referral says")
    picture(page, "pregnancy-narrow", full_page=True)


def test_another_pregnancy_is_said_by_a_press(server: Running, places: Places, arrive: Arrive) -> None:
    jane = {**cases.PATIENT, "identifier": "MRN-90"}
    cases.place(server, places, patient=jane, obstetric={"lmp": ago(160)})
    second = cases.place(server, places, patient=jane, exam_type="ob-first-trimester", obstetric={"lmp": ago(60)})
    page = arrive(places.referrer, f"/referrals/{second.referral_id}/pregnancy", viewport=NARROW)
    expect(page.locator("main")).to_contain_text("A pregnancy is known")
    picture(page, "pregnancy-other", full_page=True)
    accessible(page)
    page.get_by_role("button", name="Another pregnancy").click()
    expect(page.locator("main")).not_to_contain_text("A pregnancy is known")
    with client_of(server, places.referrer) as client:
        found = ok(client.get(f"/referrals/{second.referral_id}/pregnancy"))
    assert found["pregnancy"]["edd"] == ago(60 - 280)


def test_the_day_of_the_examination_is_put_right(server: Running, places: Places, arrive: Arrive) -> None:
    sent = cases.place(server, places, ("a.dcm", phantom(TISSUE)), obstetric={"lmp": ago(90)})
    page = opened(arrive(places.reviewer, f"/reviews/{sent.review_id}", viewport=NARROW))
    page.get_by_role("link", name="Write").click()
    panel = page.locator("#pregnancy")
    expect(panel).to_contain_text("which cannot be")
    panel.get_by_label("Examined on").fill(ago(1))
    picture(page, "pregnancy-room-narrow")
    panel.get_by_role("button", name="Count from this day").click()
    expect(page.locator("#pregnancy")).to_contain_text("12w5d on")


def test_a_signed_report_says_that_the_birth_is_expected_on_another_day_now(
    server: Running, places: Places, arrive: Arrive
) -> None:
    sent = pregnant(server, places)
    with client_of(server, places.reviewer) as reader:
        ok(reader.post(f"/reviews/{sent.review_id}/claim"))
    signed = cases.answer(server, places, sent.review_id)
    page = arrive(places.reviewer, f"/reports/{signed['report_id']}")
    expect(page.get_by_text("Expected delivery:")).to_contain_text("by last period")
    expect(page.get_by_text("EDD changed since")).to_have_count(0)
    address = f"/referrals/{sent.referral_id}/pregnancy"
    with client_of(server, places.referrer) as clinic:
        said = {"basis": "crl", "crl_mm": 45, "examined_on": ago(10), "number": 1}
        edd = ok(clinic.post(address, json=said), 201)["pregnancy"]["edd"]
        report = ok(clinic.get(f"/reports/{signed['report_id']}"))
    assert (report["edd_now"], report["source"]["pregnancy"]["edd"]) == (edd, ago(90 - 280))
    page.reload()
    for name, size in (("", WIDE), ("-320", NARROW)):
        page.set_viewport_size(size)
        expect(page.get_by_text("EDD changed since")).to_contain_text("by CRL now.")
        accessible(page)
        picture(page, f"pregnancy-redated-report{name}", full_page=True)
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_text("EDD changed since")).to_be_visible()
    expect(page.get_by_role("heading", name="This is what was signed, and it is the newest version")).to_be_visible()
