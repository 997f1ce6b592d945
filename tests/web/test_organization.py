"""The administrator's pages and the notifications in a browser."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from app.access.actor import WORKER
from app.cases import attention
from app.db import now, reading, transaction
from app.errors import NotFound
from app.jobs.parked import Parked
from app.people.models import Organization, Role
from tests import people
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
PAGES = ("/organization", "/organization/reading", "/organization/settings", "/organization/audit", "/notifications",
         "/attention", "/turnaround")  # fmt: skip


@pytest.mark.parametrize("viewport", [None, NARROW], ids=["wide", "narrow"])
def test_every_page_of_the_organization_is_accessible(
    server: Running, places: Places, arrive: Arrive, viewport: dict[str, int] | None
) -> None:
    cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")))
    page = arrive(places.admin, "/", **({"viewport": viewport} if viewport else {}))
    for path in PAGES:
        page.goto(path)
        accessible(page)
        picture(page, f"{path[1:].replace('/', '-')}{'-narrow' if viewport else ''}", full_page=True)


def test_an_invitation_is_shown_once_and_roles_change(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.admin, "/organization", expected=("409", "422"))
    page.get_by_label("E-mail address").fill("nobody")
    page.locator("form.box").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Make an invitation").click()
    expect(page.get_by_role("alert")).to_contain_text("not an e-mail address")
    page.get_by_label("E-mail address").fill("sr.achieng@example.org")
    page.get_by_label("As", exact=True).select_option("reviewer")
    page.get_by_role("button", name="Make an invitation").click()
    expect(page.locator("code.secret")).to_contain_text("/invitation/")
    picture(page, "organization-invited")
    page.goto("/organization")
    expect(page.locator("code.secret")).to_have_count(0)
    expect(page.locator("main b", has_text="sr.achieng@example.org")).to_be_visible()
    page.locator("summary", has_text=places.admin.name).click()
    page.get_by_role("group", name=f"Roles of {places.admin.name}").get_by_label("administrator").uncheck()
    page.get_by_role("group", name=f"Roles of {places.admin.name}").get_by_label("referrer").check()
    page.get_by_role("button", name=f"Save roles {places.admin.name}").click()
    expect(page.get_by_role("alert")).to_contain_text("at least one administrator")


def test_an_open_invitation_is_listed_and_withdrawn_and_its_link_says_so(
    server: Running, places: Places, arrive: Arrive
) -> None:
    page = arrive(places.admin, "/organization")
    page.get_by_label("E-mail address").fill("sr.achieng@example.org")
    page.get_by_role("button", name="Make an invitation").click()
    link = page.locator("code.secret").inner_text()
    listed = page.get_by_role("region", name="Invitations not taken up yet")
    expect(listed).to_contain_text("sr.achieng@example.org")
    expect(listed).to_contain_text("good until")
    accessible(page)
    picture(page, "organization-invitations", full_page=True)
    listed.get_by_role("button", name="Withdraw sr.achieng@example.org").click()
    expect(page.get_by_role("status")).to_have_text(
        "The invitation of sr.achieng@example.org is withdrawn: its link lets nobody in."
    )
    expect(listed).to_have_count(0)
    accessible(page)
    guest = arrive(None, urlsplit(link).path, expected=("404",))
    expect(guest.get_by_role("heading", level=1)).to_contain_text("This invitation was withdrawn.")
    expect(guest.get_by_role("main")).not_to_contain_text("The address may be wrong")
    accessible(guest)
    page.goto("/organization/audit?action=invitation.withdrawn")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_form_that_the_browser_sends_again_makes_no_second_link(
    server: Running, places: Places, arrive: Arrive
) -> None:
    page = arrive(places.admin, "/organization")
    page.get_by_label("E-mail address").fill("sr.achieng@example.org")
    page.get_by_role("button", name="Make an invitation").click()
    expect(page.locator("code.secret")).to_be_visible()
    page.reload()
    expect(page.get_by_role("status").filter(has_text="done already")).to_be_visible()
    expect(page.locator("code.secret")).to_have_count(0)
    expect(page.get_by_role("region", name="Invitations not taken up yet").locator("li")).to_have_count(1)
    accessible(page)
    page.goto("/organization/reading")
    page.get_by_role("button", name="Offer to read for another organization").click()
    expect(page.locator("code.secret")).to_be_visible()
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("made already")
    page.goto("/organization/audit?action=reading.offered")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_record_is_searched_by_case(server: Running, places: Places, arrive: Arrive) -> None:
    one, other = cases.place(server, places), cases.place(server, places)
    page = arrive(places.admin, "/organization/audit")
    page.get_by_label("Code of the case").fill(one.code.lower())
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody")).to_contain_text("referral.placed")
    expect(page.locator("tbody")).to_contain_text(one.code)
    expect(page.locator("tbody")).not_to_contain_text(other.code)


def test_refused_files_are_shown_by_case_and_not_by_name(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.referrer) as client:
        answer = client.post(f"/referrals/{placed.referral_id}/files", content=b"not an image at all",
                             headers={"Content-Disposition": "attachment; filename=Jane-Otieno.dcm"})  # fmt: skip
    assert answer.status_code == 422
    page = arrive(places.admin, "/organization/attention")
    expect(page).to_have_url(f"{server.base_url}/attention")
    expect(page.locator("main")).to_contain_text(placed.code)
    expect(page.locator("main")).not_to_contain_text("Otieno")
    picture(page, "organization-attention")


def test_another_organization_opens_none_of_it(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.stranger_referrer, "/organization", expected=("403", "404"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Only an administrator")
    accessible(page)
    placed = cases.place(server, places)
    page.goto(f"/referrals/{placed.referral_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("There is nothing here.")


def test_a_notification_leads_to_the_case_and_is_read_by_that(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.reviewer, "/notifications")
    expect(page.locator(".top .count")).to_contain_text("1")
    picture(page, "notifications")
    page.get_by_role("link", name=placed.code).click()
    expect(page).to_have_url(f"{server.base_url}/reviews/{placed.review_id}")
    with transaction(WORKER) as session:
        session.get_one(Organization, places.hospital).time_zone = "Asia/Tokyo"
    page.goto("/notifications")
    expect(page.locator(".top .count")).to_have_count(0)
    expect(page.locator(".talk li").first).to_contain_text(re.compile(r"read [^·]+\(UTC\+9\)"))


def test_a_given_up_job_is_shown_to_its_own_organization_alone(server: Running, places: Places) -> None:
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")))
    with cases.client_of(server, places.referrer) as client:
        study_id = cases.ok(client.get(f"/referrals/{placed.referral_id}"))["study_ids"][0]
    given_up = [Parked("job-1", "studies.settle", (study_id,), now(), "It was interrupted too often.")]
    with reading(WORKER) as session:
        assert attention.jobs_of(session, places.clinic, given_up) == given_up
        assert attention.jobs_of(session, places.stranger, given_up) == []
        attention.require_mine(session, places.admin.actor, given_up, "job-1")
        for who in (places.stranger_referrer, people.somebody(places.stranger, Role.ADMIN)):
            with pytest.raises(NotFound):
                attention.require_mine(session, who.actor, given_up, "job-1")
