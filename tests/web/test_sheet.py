"""A report ticked in the reading room: by keys and by one press, kept at once, refused with a list, and signed as shown."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from app.people.models import Role
from tests import people
from tests.api.test_pregnancies import ago, oval
from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import Placed
from tests.web.conftest import NARROW, Arrive, accessible, picture, until
from tests.web.test_measuring import click

EMPTY: dict[str, Any] = {
    "choice": None,
    "choices": [],
    "numbers": [],
    "text": "",
    "unclear": False,
    "seen_on": [],
    "measurement_ids": [],
}
pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


@pytest.fixture
def reviewer(server: Running, places: Places) -> Iterator[httpx.Client]:
    set_password(places.reviewer, cases.PASSWORD)
    with cases.client_of(server, places.reviewer) as client:
        yield client


def claimed(server: Running, places: Places, reviewer: httpx.Client, *bodies: bytes, **other: Any) -> Placed:
    placed = cases.place(server, places, *[(f"{n}.dcm", body) for n, body in enumerate(bodies)], **other)
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    return placed


def on_a_phone(arrive: Arrive, places: Places, placed: Placed) -> Page:
    """The form, opened over the picture."""
    narrow = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=NARROW, has_touch=True, is_mobile=True)
    narrow.get_by_role("link", name="Write").click()
    return narrow


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text(re.compile(r"^saved \d\d:\d\d:\d\d$"))


def item(page: Page, key: str) -> Locator:
    return page.locator(f"[data-key='{key}']")


def tick(page: Page, key: str, said: str) -> None:
    item(page, key).locator("label", has_text=re.compile(f"^{said}$")).click()


def number(page: Page, key: str) -> Locator:
    return item(page, key).locator(".measure [inputmode]")


def draft(reviewer: httpx.Client, placed: Placed) -> Any:
    return cases.ok(reviewer.get(f"/reviews/{placed.review_id}/report"))


def test_what_is_ticked_is_kept_said_and_signed(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="aorta", question="Pulsating mass. Aneurysm?")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator("#form")).to_contain_text("not assessed")
    number(page, "mid").fill("18,5")
    tick(page, "aneurysm", "30 mm or more")
    saved(page)
    expect(item(page, "aneurysm").locator(".wrong")).to_contain_text("cannot be said")
    tick(page, "aneurysm", "none along what was seen")
    page.get_by_label("Impression").fill("No aneurysm.")
    saved(page)
    picture(page, "sheet-wide")
    accessible(page)
    kept = draft(reviewer, placed)
    assert kept["form"]["answers"]["mid"]["numbers"] == [18.5]
    assert "Middle: 18.5 mm." in kept["form"]["findings"]
    page.get_by_role("button", name="Read over and sign").click()
    lacks = page.locator("#lacks")
    expect(lacks.locator("a")).to_have_count(4)  # proximal, distal, largest, and what rests on them
    picture(page, "sheet-lacks")
    accessible(page)
    lacks.get_by_role("link", name="Proximal").click()
    for key in ("proximal", "distal", "largest"):
        number(page, key).fill("19")
    saved(page)
    page.get_by_role("button", name="Read over and sign").click()
    expect(page.locator(".signed-text")).to_contain_text("Proximal: 19 mm. Middle: 18.5 mm.")
    picture(page, "sheet-signing")
    page.get_by_label("Your password").fill(cases.PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter")).to_contain_text("Proximal: 19 mm. Middle: 18.5 mm. Distal: 19 mm.")
    expect(page.locator(".letter")).to_contain_text("Not assessed: iliac arteries.")


def test_of_twins_the_second_is_asked_for_as_soon_as_two_are_typed(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="ob-first-trimester", question="Twins?")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    second = page.locator(".block[data-section=embryo][data-n='2']")
    expect(second).to_be_hidden()
    tick(page, "location", "in the uterus")
    number(page, "embryos").fill("2")
    expect(second).to_be_visible()
    expect(page.locator(".block[data-section=embryo][data-n='3']")).to_be_hidden()


def test_a_form_of_which_nothing_is_ticked_stays_until_one_writes_freely(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="fast", question="Blunt trauma.")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    page.get_by_label("Impression").fill("No free fluid.")
    saved(page)
    kept = draft(reviewer, placed)["form"]
    assert (kept["answers"], kept["findings"][:13]) == ({}, "Not assessed:")
    page.get_by_role("button", name="Read over and sign").click()
    expect(page.locator("#lacks a").first).to_be_visible()
    page.get_by_role("link", name="Write freely instead").click()
    expect(page.locator("#form")).to_have_count(0)
    page.get_by_role("button", name="Read over and sign").click()  # though no word is new
    expect(page.locator(".signed-text")).to_contain_text("No free fluid.")
    assert draft(reviewer, placed)["form"] is None


def test_a_form_of_which_nothing_is_ticked_stays_without_script(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="fast")
    plain = arrive(places.reviewer, f"/reviews/{placed.review_id}", java_script_enabled=False)
    plain.get_by_label("Impression").fill("No free fluid.")
    plain.get_by_role("button", name="Read over and sign").click()
    expect(plain.locator("#lacks a").first).to_be_visible()


def test_a_measurement_goes_to_its_item_by_one_press_and_names_its_image(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="aorta")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_contain_text("exact")
    until(page, "document.querySelector('us-viewer').measuring.ground !== null")
    page.locator("#stage").focus()
    page.keyboard.press("d")
    page.locator(".measuring [name=quantity]").fill("AP")
    click(page, (100, 100), (300, 100))
    page.locator(".measured").get_by_role("button", name="Into the report").click()
    expect(number(page, "largest")).not_to_have_value("")
    expect(page.get_by_label("Findings")).to_have_value("")  # once is enough
    page.locator("#stage").focus()
    page.keyboard.press("m")
    expect(page.get_by_label("Key images")).to_have_value("1")
    saved(page)
    kept = draft(reviewer, placed)
    assert re.search(r"Largest diameter: [\d.]+ mm \(image 1\)\.", kept["form"]["findings"]), kept["form"]["findings"]
    assert len(kept["key_images"]) == 1
    page.reload()
    expect(page.get_by_label("Key images")).to_have_value("1")


def test_due_date_and_age_are_taken_by_one_press_and_a_contradiction_is_shown_and_not_mended(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    said = {"lmp": ago(140), "examined_on": ago(0)}
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="ob-second-trimester", obstetric=said)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    offer = item(page, "ga").locator(".offer")
    expect(offer).to_contain_text("from the pregnancy")
    offer.get_by_role("button", name="Take it").click()
    expect(item(page, "ga").locator(".long")).to_have_value(re.compile("^20w0d on .*, by the due date "))
    saved(page)
    expect(offer).to_have_attribute("data-state", "taken")
    expect(offer.get_by_role("button")).to_be_hidden()
    item(page, "edd").locator(".long").fill("1 Jan 2030")
    saved(page)
    contrary = item(page, "edd").locator(".offer")
    expect(contrary).to_contain_text("Otherwise than typed:")
    expect(contrary.locator("b")).to_be_visible()
    contrary.scroll_into_view_if_needed()
    picture(page, "offers-wide")
    accessible(page)
    kept = draft(reviewer, placed)["form"]
    assert kept["answers"]["edd"]["text"] == "1 Jan 2030"
    assert "Gestational age by the due date: 20w0d on" in kept["findings"]
    narrow = on_a_phone(arrive, places, placed)
    item(narrow, "edd").locator(".offer").scroll_into_view_if_needed()
    picture(narrow, "offers-narrow")
    accessible(narrow)
    plain = arrive(places.reviewer, f"/reviews/{placed.review_id}", java_script_enabled=False)
    expect(item(plain, "edd").locator(".offer")).to_contain_text("Otherwise than typed:")


def test_a_weight_is_offered_once_the_sizes_are_measured(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    said = {"edd": ago(168 - 280), "edd_basis": "CRL", "examined_on": ago(0)}
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="ob-third-trimester", obstetric=said)
    cases.ok(reviewer.put(f"/reviews/{placed.review_id}/report", json={"findings": "Cephalic."}))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}?template=ob-third-trimester")
    expect(item(page, "efw").locator(".offer")).to_have_count(0)
    number(page, "fetuses").fill("1")
    saved(page)
    seen = cases.ok(reviewer.get(f"/referrals/{placed.referral_id}"))["instance_ids"][0]
    for quantity, way in (("HC", 172), ("AC", 160)):
        body = {"kind": "ellipse", "quantity": quantity, "points": oval(way)}
        cases.ok(reviewer.post(f"/instances/{seen}/measurements", json=body), 201)
    page.evaluate("document.dispatchEvent(new Event('measured'))")
    offer = item(page, "efw").locator(".offer")
    expect(offer).to_contain_text("from the sizes measured here, by INTERGROWTH-21st 2017 (HC, AC)")
    offer.get_by_role("button", name="Take it").click()
    saved(page)
    centile = item(page, "efw-centile").locator(".offer")
    expect(centile).to_contain_text("chart INTERGROWTH-21st 2017")
    centile.get_by_role("button", name="Take it").click()
    saved(page)
    findings = draft(reviewer, placed)["form"]["findings"]
    assert re.search(r"Estimated weight: \d+ g\. By INTERGROWTH-21st 2017 \(HC, AC\)\.", findings), findings
    assert "Centile of the weight and the chart used: centile " in findings


def test_two_windows_that_tick_otherwise_show_both(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="aorta")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("412", "428"))
    form = {"template": "aorta", "answers": {"mid": {"numbers": [31]}, "distal": {"numbers": [17]}}}
    cases.ok(reviewer.put(f"/reviews/{placed.review_id}/report", json={"form": form}))
    number(page, "mid").fill("18")
    expect(item(page, "mid").locator(".theirs-tick")).to_have_text("In the other window: 31 mm")
    picture(page, "sheet-conflict")
    page.get_by_role("button", name="Keep both").click()
    saved(page)
    answers = draft(reviewer, placed)["form"]["answers"]
    assert [answers[key]["numbers"] for key in ("mid", "distal")] == [[18], [17]]


def test_ticks_made_without_a_network_stay_on_the_device(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="renal")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("ERR_FAILED",))
    page.route("**/api/v1/reviews/*/report", lambda route: route.abort())
    tick(page, "hydronephrosis.left", r"mild \(1\)")
    expect(page.locator("#saved")).to_have_text("kept on this device, not yet on the server")
    page.close()
    again = page.context.new_page()
    again.goto(f"/reviews/{placed.review_id}")
    expect(item(again, "hydronephrosis.left").locator("[value=mild]")).to_be_checked()
    saved(again)
    assert draft(reviewer, placed)["form"]["answers"] == {"hydronephrosis.left": {**EMPTY, "choice": "mild"}}


def test_the_form_works_without_script_and_on_a_phone(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="ob-first-trimester")
    plain = arrive(places.reviewer, f"/reviews/{placed.review_id}", java_script_enabled=False)
    plain.locator("[data-key=location] [value=intrauterine]").check(force=True)
    number(plain, "crl").fill("8")
    plain.locator("[data-key=cardiac] [value=absent]").check(force=True)
    plain.locator("[name='s.cardiac']").fill("1")
    plain.get_by_role("button", name="Save", exact=True).click()
    answers = draft(reviewer, placed)["form"]["answers"]
    assert answers["location"]["choice"] == "intrauterine"
    assert [spot["frame"] for spot in answers["cardiac"]["seen_on"]] == [1]
    narrow = on_a_phone(arrive, places, placed)
    expect(item(narrow, "embryos")).to_be_visible()
    expect(item(narrow, "crl")).to_be_hidden()  # no embryo was ticked
    tick(narrow, "sac", "seen, regular")
    tick(narrow, "embryo", "seen")
    expect(item(narrow, "crl")).to_be_visible()
    assert (
        narrow.evaluate("document.documentElement.scrollTop + document.body.scrollTop") == 0
    )  # the patient stays in sight
    picture(narrow, "sheet-narrow")
    accessible(narrow)


def test_the_level_of_a_nodule_is_put_in_by_a_press(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="thyroid")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    for key, said in (("nodules", "one"), ("composition", r"solid \(2\)"), ("echogenicity", r"hypoechoic \(2\)"),
                      ("shape", r"wider than tall \(0\)"), ("margin", r"smooth or ill-defined \(0\)"),
                      ("foci", r"macrocalcifications \(1\)")):  # fmt: skip
        tick(page, key, said)
    number(page, "nodule-size").fill("14 × 9 × 12")
    saved(page)
    offer = item(page, "tirads").locator(".offer")
    expect(offer).to_contain_text(
        "TR4: 5 points by ACR TI-RADS 2017, largest side 14 mm: follow-up after 1, 2, 3 and 5 years"
    )
    expect(item(page, "tirads").locator("[value=tr4]")).not_to_be_checked()
    offer.scroll_into_view_if_needed()
    picture(page, "level-wide")
    offer.get_by_role("button", name="Take it").click()
    expect(item(page, "tirads").locator("[value=tr4]")).to_be_checked()
    saved(page)
    assert draft(reviewer, placed)["form"]["answers"]["tirads"]["choice"] == "tr4"
    narrow = on_a_phone(arrive, places, placed)
    item(narrow, "tirads").scroll_into_view_if_needed()
    picture(narrow, "level-narrow")
    accessible(narrow)


def test_technique_stays_closed_until_it_is_wanted(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="pelvis")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(item(page, "limits")).to_be_hidden()
    page.locator("summary", has_text="Technique, limits and comparison").click()
    expect(item(page, "prior-study-date")).to_be_hidden()
    tick(page, "route", "transvaginal")
    tick(page, "prior-study", "with the images of an earlier study")
    item(page, "prior-study-date").locator(".long").fill("3 Apr 2026")
    saved(page)
    item(page, "limits").scroll_into_view_if_needed()
    picture(page, "technique-wide")
    accessible(page)
    assert draft(reviewer, placed)["form"]["findings"].count("Route: transvaginal.") == 1
    narrow = on_a_phone(arrive, places, placed)
    expect(item(narrow, "route").locator("[value=transvaginal]")).to_be_checked()  # open: something is ticked in it
    expect(item(narrow, "limits")).to_be_visible()
    item(narrow, "limits").scroll_into_view_if_needed()
    picture(narrow, "technique-narrow")
    accessible(narrow)


def test_a_short_text_is_called_by_its_word(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE))
    page = arrive(places.reviewer, "/macros")
    page.get_by_label("Word").fill(".GB")
    page.get_by_label("Text", exact=True).fill("Thin-walled, no stones.")
    page.get_by_role("button", name="Keep the text").click()
    expect(page.locator(".macros")).to_contain_text(".gb")
    picture(page, "macros")
    accessible(page)
    page.goto(f"/reviews/{placed.review_id}")
    findings = page.get_by_label("Findings")
    findings.press_sequentially("Gallbladder: .gb and .no ")
    expect(findings).to_have_value("Gallbladder: Thin-walled, no stones. and .no ")
    assert cases.ok(reviewer.get("/macros"))["items"][0]["word"] == "gb"


def test_an_administrator_changes_a_template_and_sees_how_it_reads(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    admin = people.somebody(places.hospital, Role.ADMIN)
    page = arrive(admin, "/organization/templates", expected=("422",))
    picture(page, "templates")
    accessible(page)
    page.get_by_role("link", name="Aorta").click()
    page.get_by_role("textbox", name="Heading (English)").first.fill("Our aorta")
    page.locator("summary", has_text="Add an item").first.click()
    page.locator("[name='section.aorta.add.label.en']").fill("Plaque")
    page.locator("[name='section.aorta.add.label.fr']").fill("Plaque")
    page.locator("[name='section.aorta.add.options']").fill("none | aucune\nsome | quelques-unes")
    page.get_by_role("button", name="Preview").first.click()
    expect(page.locator("aside")).to_contain_text("Our aorta")
    expect(page.locator("aside")).to_contain_text("Plaque: none.")
    picture(page, "template-preview", full_page=True)
    accessible(page)
    page.get_by_role("button", name="Save template").click()
    expect(page.get_by_role("status")).to_contain_text("from now on")
    expect(page.locator("aside")).to_contain_text("Plaque: none.")  # what was previewed is what is saved
    narrow = arrive(admin, "/organization/templates/fast", viewport=NARROW)
    picture(narrow, "template-narrow", full_page=True)
    accessible(narrow)
    page.goto("/organization/templates/aorta")
    page.locator("summary", has_text="As data").click()
    page.locator("#data").fill(
        page.locator("#data")
        .input_value()
        .replace('"code": "aorta",\n "title"', '"colour": "red",\n "code": "aorta",\n "title"', 1)
    )
    page.get_by_role("button", name="Save this").click()
    expect(page.get_by_role("alert")).to_have_text("There is no such field: colour")
    page.goto("/organization/templates/aorta")
    page.get_by_role("textbox", name="Title (English)").fill("Aorta and branches")
    page.get_by_role("button", name="Save template").click()
    expect(page.get_by_role("status")).to_contain_text("from now on")
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type="aorta")
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(room.locator("#form > summary")).to_contain_text("Aorta and branches")


@pytest.mark.parametrize("exam_type", ["breast", "neck", "other"])
def test_every_exam_has_its_form(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive, exam_type: str
) -> None:
    placed = claimed(server, places, reviewer, phantom(TISSUE), exam_type=exam_type, question="A lump for a month.")
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator("#form")).to_be_visible()
    if exam_type == "breast":
        tick(page, "masses", "one")
        expect(item(page, "shape")).to_be_visible()
        tick(page, "category.left", "3, probably benign: follow-up at 6 months")
        saved(page)
    picture(page, f"sheet-{exam_type}")
    accessible(page)
    narrow = on_a_phone(arrive, places, placed)
    expect(narrow.locator("#form .item").first).to_be_visible()
    picture(narrow, f"sheet-{exam_type}-narrow")
    accessible(narrow)
