"""How soon an answer is needed is said in the times that count where the referral goes."""

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from app.access.actor import WORKER
from app.db import transaction
from app.people.models import Organization, ReadingRelation
from tests import people
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def second_reader(places: Places, **minutes: int) -> None:
    """Another hospital that reads for the clinic, with a table of its own."""
    second = people.organization("Nakuru Hospital", time_zone="Africa/Nairobi")
    with transaction(WORKER) as session:
        session.execute(sa.update(Organization).where(Organization.id == second).values(deadlines_min=minutes))
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=second))


def test_the_times_follow_the_chosen_destination_and_name_it_until_then(
    server: Running, places: Places, arrive: Arrive
) -> None:
    second_reader(places, asap=120)
    for viewport in (WIDE, NARROW):
        page = arrive(places.referrer, "/referrals/new", viewport=viewport)
        urgency = page.locator("#urgency label", has_text="The patient waits for it")
        expect(urgency).to_contain_text("Within 2 hours: Nakuru Hospital")
        expect(urgency).to_contain_text("Within 4 hours: Kijabe Hospital")
        expect(page.locator("#urgency label", has_text="Life or limb")).to_contain_text("Within 1 hour")
        urgency.click()
        page.get_by_label("To be read at").select_option("Nakuru Hospital")
        expect(urgency).not_to_contain_text("Kijabe")
        expect(urgency).to_contain_text("Within 2 hours")
        expect(urgency.get_by_role("radio")).to_be_checked()
        accessible(page)
        picture(page, f"urgency-{viewport['width']}", full_page=True)


def test_without_script_the_chosen_destination_counts_when_the_form_comes_back(
    server: Running, places: Places, arrive: Arrive
) -> None:
    second_reader(places, asap=120)
    page = arrive(places.referrer, "/referrals/new", java_script_enabled=False, expected=("422",))
    page.get_by_label("To be read at").select_option("Nakuru Hospital")
    page.get_by_role("button", name="Send referral").click()
    expect(page.locator("#urgency label", has_text="The patient waits for it")).to_contain_text("Within 2 hours")
    expect(page.locator("#urgency")).not_to_contain_text("Kijabe")


def test_a_changed_urgency_is_told_in_the_times_of_the_case(server: Running, places: Places, arrive: Arrive) -> None:
    with transaction(WORKER) as session:
        session.execute(
            sa.update(Organization).where(Organization.id == places.clinic).values(deadlines_min={"stat": 30})
        )
    placed = cases.place(server, places, priority="routine")
    with cases.client_of(server, places.referrer) as client:
        tag = client.get(f"/referrals/{placed.referral_id}").headers["etag"]
        cases.ok(client.patch(f"/referrals/{placed.referral_id}", json={"priority": "stat"}, headers={"If-Match": tag}))
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(room.locator("#question")).to_contain_text("When the answer is needed: Within 3 days Within 30 minutes")
