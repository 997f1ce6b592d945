"""Signing in, the account, and the links that let somebody in, in a browser."""

import re

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from app.access import demo, links
from app.access.actor import WORKER
from app.db import transaction
from app.people.models import Person, Role
from tests.people import Places, set_password
from tests.servers.app import Running, serving
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
PASSWORD = "seven otters cross the ford"


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_first_sign_in_sets_up_the_second_factor_and_the_next_one_asks_for_it(
    server: Running, places: Places, arrive: Arrive
) -> None:
    set_password(places.referrer, PASSWORD)
    page = arrive(None, "/referrals/new", expected=("422",))
    expect(page).to_have_url(re.compile("/sign-in"))
    accessible(page)
    picture(page, "sign-in")
    sign_in(page, places.referrer.email, "not this one at all")
    expect(page.get_by_role("alert")).to_contain_text("is not right")
    sign_in(page, places.referrer.email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
    accessible(page)
    page.get_by_text("No camera?").click()
    picture(page, "second-factor")
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Code, six digits").fill("000000")
    page.get_by_role("button", name="Confirm the code").click()
    expect(page.locator(".wrong")).to_contain_text("not the code")
    page.get_by_label("Code, six digits").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirm the code").click()
    expect(page.get_by_role("heading", name="New referral")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, places.referrer.email)
    expect(page.get_by_label("Code from your device")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_value(PASSWORD)
    accessible(page)
    picture(page, "sign-in-code")


def test_demo_link_signs_in_only_when_the_button_is_pressed(server: Running, places: Places, arrive: Arrive) -> None:
    with transaction(WORKER) as session:
        path = demo.link_for(session, session.get_one(Person, places.reviewer.id))
    page = arrive(None, path)
    accessible(page)
    picture(page, "enter")
    page.get_by_role("button", name=f"Sign in as {places.reviewer.name}").click()
    expect(page).to_have_url(re.compile("/worklist"))


def test_an_invitation_makes_an_account(server: Running, places: Places, arrive: Arrive) -> None:
    with transaction(WORKER) as session:
        _link, secret = links.make(
            session, "invitation", organization_id=places.clinic, role=Role.REFERRER,
            email=f"new-{places.clinic.hex[-8:]}@example.org", invited_by_id=places.admin.id,
        )  # fmt: skip
    page = arrive(None, links.path("invitation", secret), expected=("422", "404"))
    accessible(page)
    page.get_by_label("Your name").fill("Sr Achieng")
    page.get_by_label("Password").fill("passwordpassword")
    page.get_by_role("button", name="Join Lodwar clinic").click()
    expect(page.locator("#w-password")).to_contain_text("among the first")
    expect(page.get_by_label("Your name")).to_have_value("Sr Achieng")
    picture(page, "invitation")
    accessible(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join Lodwar clinic").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
    page.goto(links.path("invitation", secret))
    expect(page.get_by_role("heading", level=1)).to_contain_text("used already")
    picture(page, "refusal")
    accessible(page)


def test_the_account_page_changes_language_and_shows_a_token_once(
    server: Running, places: Places, arrive: Arrive
) -> None:
    set_password(places.referrer, PASSWORD)
    page = arrive(places.referrer, "/account", expected=("422",))
    accessible(page)
    picture(page, "account", full_page=True)
    page.get_by_text("Make a token").first.click()
    page.get_by_label("What is it for?").fill("Ultrasound room 2")
    form = page.locator("form[action='/account/tokens']")
    form.get_by_label("Your password now").fill("wrong wrong wrong")
    form.get_by_role("button").click()
    expect(page.locator("form[action='/account/tokens'] .wrong")).to_contain_text("not your password")
    form.get_by_label("Your password now").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(page.locator("code.secret")).to_contain_text("spt_")
    page.reload()  # the browser sends the form again
    expect(page.get_by_role("status")).to_contain_text("done already")
    expect(page.locator("#tokens .talk li", has_text="Ultrasound room 2")).to_have_count(1)
    page.goto("/account")
    expect(page.locator("code.secret")).to_have_count(0)
    expect(page.locator("#tokens")).to_contain_text("Ultrasound room 2")
    page.get_by_label("Language", exact=True).select_option("fr")
    page.get_by_role("button", name="Save name and language").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")


def test_account_fits_a_phone(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.referrer, "/account", viewport=NARROW)
    accessible(page)
    picture(page, "account-narrow", full_page=True)


def test_the_set_up_link_makes_the_first_organization(environment: dict[str, str], browser: Browser) -> None:
    with serving(environment) as running:
        path = re.search(r"/set-up/[\w-]+", running.log.read_text())
        assert path
        page = browser.new_context(base_url=running.base_url, timezone_id="Africa/Nairobi").new_page()
        page.goto(path[0])
        expect(page.get_by_label("Time zone")).to_have_value("Africa/Nairobi")
        set_up(page)
        page.context.close()


def set_up(page: Page) -> None:
    accessible(page)
    picture(page, "set-up", full_page=True)
    page.get_by_label("Name", exact=True).fill("Kisii Hospital")
    page.get_by_label("Your name").fill("Dr Okello")
    page.get_by_label("E-mail address").fill("okello@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("I send referrals").check()
    page.get_by_role("button", name="Set up the organization").click()
    page.get_by_text("No camera?").click()
    page.get_by_label("Code, six digits").fill(pyotp.TOTP(page.locator("code.secret").inner_text()).now())
    page.get_by_role("button", name="Confirm the code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kisii Hospital is set up")
    accessible(page)
    picture(page, "first-steps")
