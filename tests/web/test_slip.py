"""The slip, the way by a code, the search in the referrer's list, and what an entered date comes to."""

import io
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from app.http.actor import PLAIN
from app.referrals.codes import ALPHABET, normalized
from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, cookie_of, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_the_slip_has_the_code_and_its_address_and_fits_a_sheet(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, patient={"family_name": "Otieno", "sex": "female"})
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    page.get_by_role("link", name="Slip to print").click()
    expect(page.locator(".slip-code .code")).to_have_text(placed.code)
    expect(page.locator(".slip")).to_contain_text(f"T-{placed.code}")
    picture(page, "slip")
    seen = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator(".slip .qr").screenshot())).convert("RGB"))
    assert [(one.text, one.format) for one in seen] == [
        (f"{server.base_url}/c/{placed.code}", zxingcpp.BarcodeFormat.QRCode)
    ]
    accessible(page)
    page.emulate_media(media="print")
    expect(page.locator(".top")).to_be_hidden()
    picture(page, "slip-print")
    narrow = arrive(places.referrer, f"/referrals/{placed.referral_id}/slip", viewport=NARROW)
    accessible(narrow)
    picture(narrow, "slip-narrow", full_page=True)
    elsewhere = arrive(places.reviewer, f"/referrals/{placed.referral_id}/slip", expected=("404",))
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("There is nothing here.")


def test_a_scanned_or_typed_code_leads_to_the_case_on_ones_own_side(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    wrong = next(
        code for code in (f"{placed.code[:-1]}{last}" for last in ALPHABET) if code != placed.code
    )  # one letter off: its check character tells
    assert normalized(wrong) is None

    def where(who: Somebody, code: str) -> str | int:
        with httpx.Client(base_url=server.base_url, cookies={PLAIN: cookie_of(who)}) as browser:
            answer = browser.get(f"/c/{code}")
            return str(answer.headers["location"]) if answer.status_code == 303 else answer.status_code

    assert where(places.referrer, placed.code) == f"/referrals/{placed.referral_id}"
    assert where(places.referrer, placed.code.lower().replace("-", "")) == f"/referrals/{placed.referral_id}"
    assert where(places.reviewer, placed.code) == f"/reviews/{placed.review_id}"
    for who, code in ((places.stranger_referrer, placed.code), (places.admin, placed.code), (places.referrer, wrong)):
        assert where(who, code) == 404


def test_the_code_stands_wherever_people_may_talk_about_the_case(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    for path in ("", "/slip", "/receipt", "/revise", "/cancel"):
        page = arrive(places.referrer, f"/referrals/{placed.referral_id}{path}")
        expect(page.locator("body")).to_contain_text(placed.code)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator(".banner")).to_contain_text(placed.code)
    page.goto("/notifications")
    expect(page.locator("main")).to_contain_text(placed.code)


def found(page: Page, q: str) -> list[str]:
    page.get_by_label("Code, identifier or name").fill(q)
    page.get_by_role("button", name="Find").click()
    page.wait_for_url(re.compile(r"\?q="))
    return page.locator(".cases-list .code").all_inner_texts()


def test_the_referrers_list_is_searched_by_code_number_and_name_without_accents(
    server: Running, places: Places, arrive: Arrive
) -> None:
    jane = cases.place(server, places, patient={"family_name": "Otíeno", "given_name": "Jane", "identifier": "MRN-7"})
    ruth = cases.place(server, places, patient={"family_name": "Wanjiru", "given_name": "Ruth"})
    page = arrive(places.referrer, "/", viewport=NARROW)
    assert found(page, "otieno") == found(page, "MRN-7") == found(page, jane.code.lower()) == [jane.code]
    assert found(page, "ruth wan") == [ruth.code]
    assert found(page, "nobody") == []
    expect(page.locator(".empty")).to_contain_text("No referral of your clinic")
    accessible(page)
    picture(page, "home-search-narrow")
    other = arrive(places.stranger_referrer, "/")
    assert found(other, "otieno") == found(other, jane.code) == []


def test_entered_dates_say_what_they_come_to(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.referrer, "/referrals/new", expected=("422",))
    page.get_by_label("Day", exact=True).fill("3")
    page.locator("[name=birth_month]").select_option("04")
    page.get_by_label("Year", exact=True).fill("1990")
    page.get_by_label("Year", exact=True).blur()
    expect(page.locator("#e-birth_date")).to_have_text(re.compile(r"^= 3[67] y$"))
    page.get_by_text("Obstetric, first trimester").click()
    day = datetime.now(UTC).date() - timedelta(weeks=11, days=3)
    page.get_by_label("First day of the last period").fill(day.isoformat())
    page.get_by_label("First day of the last period").blur()
    expect(page.locator("#e-lmp")).to_have_text(re.compile(r"^= 11w[2-4]d today$"))
    picture(page, "echo", full_page=True)
    accessible(page)
    page.get_by_role("button", name="Send referral").click()  # without a name and a question
    expect(page.locator("#e-lmp")).to_have_text(re.compile(r"^= 11w[2-4]d today$"))
    expect(page.locator("#e-birth_date")).to_have_text(re.compile(r"^= 3[67] y$"))
