"""A working day of each role in a browser: a reader by keyboard alone, a clinic on a phone, two who want one case."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.access.actor import WORKER
from app.db import reading, transaction
from app.people.models import Membership, ReadingRelation, Role
from app.reviews.models import Review
from tests import people
from tests.people import Places, Somebody, set_password
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture
from tests.web.test_attention import moved

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def pressed(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def write_and_read_over(page: Page, impression: str) -> None:
    """In the reading room, without a mouse: W leads to the text, Tab to the impression, Ctrl+Enter to signing."""
    pressed(page, "w")
    expect(page.get_by_label("Findings")).to_be_focused()
    page.keyboard.type("As shown.")
    pressed(page, "Tab")
    page.keyboard.type(impression)
    pressed(page, "Control+Enter")
    page.wait_for_url(re.compile("/sign"))
    expect(page.get_by_label(re.compile("Your password"))).to_be_focused()
    page.keyboard.type(cases.PASSWORD)


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_reader_claims_reads_signs_and_goes_on_to_the_next_by_keyboard_alone(
    server: Running, places: Places, arrive: Arrive, width: dict[str, int]
) -> None:
    set_password(places.reviewer, cases.PASSWORD)
    placed = [cases.place(server, places, ("a.jpg", cases.jpeg()), priority=urgency) for urgency in ("stat", "asap")]
    page = arrive(places.reviewer, "/worklist", viewport=width)
    accessible(page)
    expect(page.get_by_role("link", name=placed[0].code, exact=True)).to_be_focused()
    pressed(page, "c")
    expect(page.locator(f"#r-{placed[0].review_id} .owner")).to_contain_text("You")
    pressed(page, "j", "c")
    expect(page.locator(f"#r-{placed[1].review_id} .owner")).to_contain_text("You")
    pressed(page, "k", "Enter")
    page.wait_for_url(f"**/reviews/{placed[0].review_id}")
    write_and_read_over(page, "Gallstones.")
    accessible(page)
    picture(page, f"day-sign-{width['width']}")
    pressed(page, "Tab", "Tab")
    expect(page.get_by_role("button", name="Sign and open the next")).to_be_focused()
    pressed(page, "Enter")
    page.wait_for_url(f"**/reviews/{placed[1].review_id}")
    write_and_read_over(page, "No gallstones.")
    pressed(page, "Tab", "Tab", "Enter")
    page.wait_for_url(re.compile("/reports/"))
    page.goto("/worklist")
    expect(page.locator(".tabs a").last).to_have_text("Signed by me 2 today")
    expect(page.locator(".empty")).to_contain_text("Last one signed")
    accessible(page)
    picture(page, f"day-done-{width['width']}")


def test_of_two_browsers_that_claim_at_once_one_has_it_and_the_other_is_told(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    mine = arrive(places.reviewer, "/worklist", expected=("409",))
    theirs = arrive(places.second_reviewer, "/worklist", expected=("409",), viewport=NARROW)
    # Both presses are on their way before either page is told anything.
    press = "document.querySelector('button.claim').click()"
    mine.evaluate(press)
    theirs.evaluate(press)
    row = f"#r-{placed.review_id} .owner"
    for page in (mine, theirs):
        expect(page.locator(row)).not_to_have_text("–")
    said = [page.locator(row).inner_text() for page in (mine, theirs)]
    winner = [text.startswith("You") for text in said]
    assert sorted(winner) == [False, True], said
    loser_sees = said[winner.index(False)]
    name = (places.reviewer, places.second_reviewer)[winner.index(True)].name
    assert f"{name} has had this review since" in loser_sees
    for page in (mine, theirs):
        accessible(page)
    picture(theirs, "day-race-narrow")


@pytest.mark.parametrize(
    "screen", [{"viewport": NARROW, "has_touch": True, "is_mobile": True}, {"viewport": WIDE}], ids=["phone", "desk"]
)
def test_a_clinics_day_goes_from_what_is_asked_of_it_down_to_what_is_done(
    server: Running, places: Places, arrive: Arrive, screen: dict[str, Any]
) -> None:
    question, answered, unsent, being_read, waiting = (
        cases.place(server, places, files=[{"name": "a.jpg"}] if name == "unsent" else [], question=f"{name}?")
        for name in ("question", "answered", "unsent", "being read", "waiting")
    )
    with cases.client_of(server, places.reviewer) as client:
        for one in (question, answered, being_read):
            cases.ok(client.post(f"/reviews/{one.review_id}/claim"))
        cases.ok(client.post(f"/reviews/{question.review_id}/hold", json={"text": "Since when?"}))
    cases.answer(server, places, answered.review_id)
    page, name = arrive(places.referrer, "/", **screen), f"day-clinic-{screen['viewport']['width']}"
    expect(page.locator(".asked h2")).to_have_text(
        ["A question for you 1", "Answered: read it and say so 1", "Not complete: something is still to be sent or settled 1",
         "Being read 1", "Waiting to be read 1"]
    )  # fmt: skip
    expect(page.locator(".cases-list .code")).to_have_text(
        [one.code for one in (question, answered, unsent, being_read, waiting)]
    )
    expect(page.get_by_role("region", name="Being read")).to_contain_text(
        re.compile(rf"Being read by {places.reviewer.name} since \d\d:\d\d, due")
    )
    accessible(page)
    picture(page, name, full_page=True)
    page.get_by_role("link", name=question.code).click()
    page.get_by_label("Your reply").fill("Since Tuesday.")
    page.get_by_role("button", name="Send reply").click()
    page.goto("/")
    page.get_by_role("link", name=answered.code).click()
    page.get_by_role("button", name="I have read this answer").click()
    page.goto(f"/referrals/{waiting.referral_id}/cancel")
    page.get_by_label("Why?").fill("Taken to town.")
    page.get_by_role("button", name="Cancel referral").click()
    page.goto("/")
    expect(page.locator(".asked h2")).to_have_text(
        [re.compile("^Not complete"), re.compile("^Being read 2"), re.compile("^Done")]
    )
    accessible(page)
    picture(page, f"{name}-done", full_page=True)


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_coordinator_gives_what_nobody_took_to_a_reader_who_is_told(
    server: Running, places: Places, arrive: Arrive, width: dict[str, int]
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.coordinator, "/worklist?tab=unclaimed", viewport=width)
    expect(page.locator("#rows .code")).to_have_text([placed.code])
    expect(page.get_by_role("button", name="Claim")).to_have_count(0)
    page.get_by_role("link", name=f"Open {placed.code}").click()
    if width == NARROW:
        page.locator(".foot a").click()
    page.get_by_text("Other acts").click()
    page.get_by_label("Give it to").select_option(label=places.second_reviewer.name)
    page.get_by_role("button", name="Assign").click()
    page.wait_for_url(re.compile("/worklist"))
    page.goto("/worklist?tab=open")
    expect(page.locator("#rows .owner")).to_contain_text(places.second_reviewer.name)
    accessible(page)
    reader = arrive(places.second_reviewer, "/worklist?tab=mine", viewport=width)
    expect(reader.locator("#rows .code")).to_have_text([placed.code])
    reader.goto("/notifications")
    expect(reader.locator("main li b")).to_have_count(2)
    accessible(reader)
    picture(reader, f"day-notifications-{width['width']}")


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_coordinators_day_ends_with_nothing_that_needs_attention(
    server: Running, places: Places, arrive: Arrive, width: dict[str, int]
) -> None:
    """Somebody who coordinates for the hospital and for the clinic: each line by its one act, until the page is empty."""
    coordinator = also_at(places.coordinator, places.clinic, Role.COORDINATOR)
    nakuru = people.organization("Nakuru Hospital", time_zone="Africa/Nairobi")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=nakuru))
    there = {"reading_organization_id": str(places.hospital)}
    late, declined = (cases.place(server, places, **there) for _ in range(2))
    moved(late, claim_by=-1)
    with cases.client_of(server, places.reviewer) as client:
        given = {"reason": "I do not read hearts.", "advice": "Keep her lying."}
        cases.ok(client.post(f"/reviews/{declined.review_id}/decline", json=given))
    uid = f"2.25.{uuid4().int}"
    for size in (32, 33):
        cases.send(server, places, late.referral_id, f"{size}.dcm", a_dicom(uid, size=size))
    page = arrive(coordinator, "/attention", viewport=width)
    accessible(page)
    picture(page, f"day-attention-{width['width']}", full_page=True)
    page.get_by_label(f"Give {late.code} to").select_option(places.reviewer.name)
    page.get_by_role("button", name=f"Assign {late.code}").click()
    page.get_by_label(f"Send {declined.code} on to").select_option("Nakuru Hospital")
    page.get_by_role("button", name=f"Send it on {declined.code}").click()
    page.get_by_role("button", name=f"Keep the first one {late.code}").click()
    expect(page.locator(".empty")).to_have_text("Nothing needs attention.")
    page.goto(f"/referrals/{declined.referral_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at Nakuru Hospital")
    expect(page.get_by_role("main")).to_contain_text("Declined at Kijabe Hospital, and sent on")
    accessible(page)
    picture(page, f"day-sent-on-{width['width']}", full_page=True)
    reader = arrive(
        people.somebody(nakuru, Role.REVIEWER), f"/reviews/{review_of(declined.referral_id)}", viewport=width
    )
    expect(reader.locator("#question")).to_contain_text("Declined at Kijabe Hospital: I do not read hearts.")
    accessible(reader)


def also_at(who: Somebody, organization_id: UUID, role: Role) -> Somebody:
    with transaction(WORKER) as session:
        session.add(Membership(person_id=who.id, organization_id=organization_id, role=role))
    return who


def review_of(referral_id: str) -> UUID:
    """The one that is open."""
    with reading(WORKER) as session:
        mine = sa.select(Review.id).where(Review.referral_id == UUID(referral_id)).order_by(Review.id.desc())
        return session.scalars(mine.limit(1)).one()
