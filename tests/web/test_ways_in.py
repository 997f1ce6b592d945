"""What lets somebody in and what ends it, in a browser: new password, second factor, sign-ins, set-up, reading offers."""

import re

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from app.access.actor import WORKER
from app.db import transaction
from app.people.models import Person, Role
from tests import people
from tests.people import Places, Somebody, set_password
from tests.servers.app import Running, serving
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
OLD, NEW = "seven otters cross the ford", "nine herons over the estuary"
AGENT = "Mozilla/5.0 (Android 14; Mobile) Firefox/140.0"


def sign_in(page: Page, who: Somebody, password: str) -> None:
    page.get_by_label("E-mail address").fill(who.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def confirm_device(page: Page) -> str:
    """Take the offered key into a device of the test's own; its key."""
    page.get_by_text("No camera?").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Code, six digits").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirm the code").click()
    return secret


def path_of(page: Page) -> str:
    """Of the link that is shown this once."""
    return re.sub(r"https?://[^/]+", "", page.locator("code.secret").inner_text())


def test_a_new_password_is_chosen_by_link_and_ends_every_sign_in(
    server: Running, places: Places, arrive: Arrive
) -> None:
    set_password(places.referrer, OLD)
    elsewhere = arrive(places.referrer, "/account")
    admin = arrive(places.admin, "/organization")
    admin.locator("summary", has_text=places.referrer.name).click()
    admin.get_by_role("button", name=f"Link to a new password {places.referrer.name}").click()
    link = path_of(admin)
    accessible(admin)
    page = arrive(None, link, expected=("422", "404"), viewport=NARROW)
    accessible(page)
    page.get_by_label("Password").fill("passwordpassword")
    page.get_by_role("button", name="Keep this password").click()
    expect(page.locator("#w-password")).to_contain_text("among the first")
    picture(page, "new-password-refused-narrow")
    accessible(page)
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Keep this password").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    elsewhere.reload()
    expect(elsewhere).to_have_url(re.compile("/sign-in"))
    sign_in(page, places.referrer, OLD)
    expect(page.get_by_role("alert")).to_contain_text("is not right")
    sign_in(page, places.referrer, NEW)
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_contain_text("used already")


def test_a_second_factor_moves_to_another_device(server: Running, places: Places, arrive: Arrive) -> None:
    set_password(places.referrer, OLD)
    page = arrive(None, "/sign-in", expected=("422",))
    sign_in(page, places.referrer, OLD)
    expect(page.get_by_role("img", name="Code to scan with the authenticator app")).to_be_visible()
    first = confirm_device(page)
    page.goto("/account")
    page.get_by_text("Change to another device").click()
    form = page.locator("form[action='/account/second-factor/remove']")
    form.get_by_label("Your password now").fill(OLD)
    form.get_by_label("Code from the device you have now").fill("000000")
    form.get_by_role("button").click()
    expect(form.locator(".wrong")).to_contain_text("not the code")
    accessible(page)
    form.get_by_label("Your password now").fill(OLD)
    with transaction(WORKER) as session:  # a code counts once, and the next one is half a minute away
        session.get_one(Person, places.referrer.id).totp_last_step = None
    form.get_by_label("Code from the device you have now").fill(pyotp.TOTP(first).now())
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
    accessible(page)
    second = confirm_device(page)
    assert second != first
    expect(page.get_by_role("heading", name="Referrals")).to_be_visible()


def test_a_missing_second_factor_leads_to_its_page_from_everywhere(
    server: Running, places: Places, arrive: Arrive
) -> None:
    set_password(places.referrer, OLD)
    page = arrive(None, "/sign-in", viewport=NARROW)
    sign_in(page, places.referrer, OLD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
    accessible(page)
    picture(page, "second-factor-narrow", full_page=True)
    page.goto("/referrals/new")
    expect(page).to_have_url(re.compile(r"/second-factor\?next=/referrals/new$"))
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_sign_ins_are_ended_one_by_one_and_all_at_once(server: Running, places: Places, arrive: Arrive) -> None:
    phone = arrive(places.referrer, "/", user_agent=AGENT)
    page = arrive(places.referrer, "/account")
    sign_ins = page.locator("#sign-ins")
    phone.goto("/account")
    expect(phone.locator("#sign-ins")).to_contain_text("this one")
    expect(sign_ins.get_by_role("button", name="Sign out there")).to_have_count(1)
    sign_ins.get_by_role("button", name="Sign out there").click()
    expect(sign_ins.get_by_role("button", name="Sign out there")).to_have_count(0)
    phone.goto("/referrals/new")
    expect(phone).to_have_url(re.compile(r"/sign-in\?next=/referrals/new"))
    other = arrive(places.referrer, "/")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    other.reload()
    expect(other).to_have_url(re.compile("/sign-in"))
    accessible(other)


def test_two_organizations_agree_who_reads_and_either_ends_it(server: Running, places: Places, arrive: Arrive) -> None:
    reader_admin = people.somebody(places.stranger, Role.ADMIN)
    reader = arrive(reader_admin, "/organization/reading")
    reader.get_by_role("button", name="Offer to read for another organization").click()
    link = path_of(reader)
    accessible(reader)
    picture(reader, "reading-offered")
    nurse = arrive(places.referrer, link)
    expect(nurse.get_by_role("main")).to_contain_text("Only an administrator of your organization can agree to this")
    accessible(nurse)
    sender = arrive(places.admin, link, viewport=NARROW, expected=("404",))
    expect(sender.get_by_role("heading", level=1)).to_have_text("Elsewhere offers to read for you")
    accessible(sender)
    picture(sender, "reading-offer-narrow")
    sender.get_by_role("button", name="Let Elsewhere read for us").click()
    expect(sender.get_by_role("region", name="These read for us")).to_contain_text("Elsewhere")
    accessible(sender)
    sender.goto(link)
    expect(sender.get_by_role("heading", level=1)).to_contain_text("used already")
    reader.goto("/organization/reading")
    expect(reader.get_by_role("region", name="We read for these")).to_contain_text("Lodwar clinic")
    reader.get_by_role("button", name="End it Lodwar clinic").click()
    expect(reader.get_by_role("region", name="We read for these")).not_to_contain_text("Lodwar clinic")
    sender.goto("/organization/reading")
    expect(sender.get_by_role("region", name="These read for us")).not_to_contain_text("Elsewhere")


def test_the_set_up_of_an_empty_service_keeps_what_was_typed_and_happens_once(
    environment: dict[str, str], browser: Browser
) -> None:
    with serving(environment, "--no-worker") as running:
        path = re.search(r"/set-up/[\w-]+", running.log.read_text())
        assert path
        context = browser.new_context(base_url=running.base_url, viewport={"width": 320, "height": 640})
        page = context.new_page()
        page.goto("/")
        expect(page.locator(".notice")).to_contain_text("Nobody is here yet")
        page.goto(path[0])
        accessible(page)
        page.get_by_label("Name", exact=True).fill("Kisii Hospital")
        page.get_by_label("Time zone").fill("Mars/Olympus")
        page.get_by_label("Your name").fill("Dr Okello")
        page.get_by_label("E-mail address").fill("okello")
        page.get_by_label("Password").fill("short")
        page.get_by_label("I read and sign").check()
        page.get_by_role("button", name="Set up the organization").click()
        expect(page.locator("#w-time_zone")).to_contain_text("Africa/Nairobi")
        expect(page.locator("#errors li")).to_have_count(3)
        expect(page.locator("#zones option[value='Africa/Nairobi']")).to_have_count(1)
        expect(page.get_by_label("Name", exact=True)).to_have_value("Kisii Hospital")
        expect(page.get_by_label("I read and sign")).to_be_checked()
        accessible(page)
        picture(page, "set-up-refused-narrow", full_page=True)
        page.get_by_label("Time zone").fill("Africa/Nairobi")
        page.get_by_label("E-mail address").fill("okello@example.org")
        page.get_by_label("Password").fill(OLD)
        page.get_by_role("button", name="Set up the organization").click()
        confirm_device(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Kisii Hospital is set up")
        page.get_by_role("button", name="Sign out").click()
        page.goto(path[0])
        expect(page.get_by_role("heading", level=1)).to_contain_text("used already")
        accessible(page)
        context.close()
