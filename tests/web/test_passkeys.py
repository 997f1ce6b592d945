"""A passkey in a real browser, by its virtual authenticator: registered on the account's page, then it signs a report."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.http.actor import PLAIN
from tests.people import Places, Somebody, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import accessible, cookie_of, picture

pytestmark = [pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True), pytest.mark.browser]
DEVICE = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
          "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip


@pytest.fixture
def at_home(
    browser: Browser, browser_context_args: dict[str, Any], server: Running, places: Places
) -> Iterator[Page]:  # fmt: skip
    """The reviewer by the service's name, as passkeys need one, on a computer that knows their finger."""
    base_url = server.base_url.replace("127.0.0.1", "localhost")
    context = browser.new_context(**{**browser_context_args, "base_url": base_url})
    sign_in(context, places.reviewer, base_url)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield page
    context.close()


def sign_in(context: Any, who: Somebody, base_url: str) -> None:
    context.add_cookies([{"name": PLAIN, "value": cookie_of(who), "url": base_url}])


def test_a_passkey_is_registered_and_signs_what_the_page_shows(at_home: Page, server: Running, places: Places) -> None:
    set_password(places.reviewer, cases.PASSWORD)
    at_home.goto("/account#passkeys")
    form = at_home.locator("#add-passkey")
    form.get_by_label("What do you call this device?").fill("My telephone")
    form.get_by_label("Your password now").fill("wrong")
    form.get_by_role("button", name="Add a passkey").click()
    expect(form.get_by_role("alert")).to_have_text("This is not your password.")
    form.get_by_label("Your password now").fill(cases.PASSWORD)
    form.get_by_role("button", name="Add a passkey").click()
    expect(at_home.get_by_text("The passkey is yours from now on.")).to_be_visible()
    expect(at_home.locator("#passkeys").get_by_text("My telephone").first).to_be_visible()
    accessible(at_home)
    at_home.locator("#passkeys").scroll_into_view_if_needed()
    picture(at_home, "account-passkeys")

    placed = cases.place(server, places, ("a.dcm", cases.dicom("ybr_color")), ("b.dcm", cases.dicom("palette_color")))
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        cases.ok(reader.put(f"/reviews/{placed.review_id}/report", json={"impression": "Gallstones."}))
        images = cases.ok(reader.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
        cases.ok(reader.put(f"/reviews/{placed.review_id}/seen", json={"seen": {images[0]: "preview"}}))
    at_home.goto(f"/reviews/{placed.review_id}/sign")
    expect(at_home.get_by_text("1 of 2 not opened, 1 seen as preview only")).to_be_visible()
    accessible(at_home)
    picture(at_home, "sign-by-passkey", full_page=True)
    at_home.set_viewport_size({"width": 320, "height": 640})
    accessible(at_home)
    picture(at_home, "sign-by-passkey-320", full_page=True)
    at_home.set_viewport_size({"width": 1440, "height": 900})
    at_home.get_by_role("button", name="Sign with your passkey").click()
    expect(at_home.get_by_text("Interpreted and signed")).to_be_visible()
    expect(at_home.get_by_text("by passkey")).to_be_visible()
    expect(at_home.get_by_text("1 of 2 not opened, 1 seen as preview only")).to_be_visible()
    at_home.get_by_role("link", name="Verify").click()
    expect(at_home.get_by_role("heading", level=1)).to_have_text(
        "This is what was signed, and it is the newest version"
    )
    at_home.context.clear_cookies()
    at_home.goto("/worklist")
    picture(at_home, "sign-in-passkey")
    accessible(at_home)
    at_home.get_by_role("button", name="Sign in with a passkey").click()
    expect(at_home.get_by_role("heading", name="Worklist")).to_be_visible()
    at_home.goto("/account#passkeys")
    at_home.get_by_role("button", name="Remove My telephone").click()
    expect(at_home.locator("#passkeys").get_by_text("My telephone")).to_have_count(0)
