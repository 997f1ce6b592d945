"""Claiming and writing in a browser: no text is lost, and none overwrites another unseen."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.access.actor import WORKER
from app.db import transaction
from app.people.models import Person
from tests.access.accounts import PASSWORD, Account
from tests.people import Places, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import Placed
from tests.web.conftest import Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
TEXT = "Several stones with shadows.\nDuct 4 mm."


@pytest.fixture
def reviewer(server: Running, places: Places) -> Iterator[httpx.Client]:
    with cases.client_of(server, places.reviewer) as client:
        yield client


@pytest.fixture
def claimed(server: Running, places: Places, reviewer: httpx.Client) -> Placed:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    return placed


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text(re.compile(r"^saved \d\d:\d\d:\d\d$"))


def draft_of(reviewer: httpx.Client, placed: Placed) -> dict[str, str]:
    return dict(cases.ok(reviewer.get(f"/reviews/{placed.review_id}/report")))


def test_what_is_typed_is_on_the_server_a_second_later(
    places: Places, reviewer: httpx.Client, claimed: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{claimed.review_id}")
    expect(page.locator("#question")).to_have_attribute("open", "")
    page.get_by_label("Findings").fill(TEXT)
    expect(page.locator("#question")).not_to_have_attribute("open", "")
    saved(page)
    page.get_by_label("Impression").fill("Gallstones.")
    saved(page)
    picture(page, "writing-saved")
    assert [draft_of(reviewer, claimed)[name] for name in ("findings", "impression")] == [TEXT, "Gallstones."]
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.get_by_label("Findings")).to_have_value(TEXT)


def test_text_typed_without_a_network_stays_on_the_device_and_goes_when_it_is_back(
    places: Places, reviewer: httpx.Client, claimed: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{claimed.review_id}", expected=("ERR_INTERNET_DISCONNECTED",))
    page.context.set_offline(True)
    page.get_by_label("Findings").fill(TEXT)
    expect(page.locator("#saved")).to_have_text("kept on this device, not yet on the server")
    page.get_by_role("button", name="Read over and sign").click()
    page.wait_for_timeout(500)
    assert page.url.endswith(claimed.review_id)  # it does not leave for a page that is not there
    page.context.set_offline(False)
    saved(page)
    assert draft_of(reviewer, claimed)["findings"] == TEXT


def test_text_of_a_closed_window_is_there_again_and_saved(
    places: Places, reviewer: httpx.Client, claimed: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{claimed.review_id}", expected=("ERR_FAILED",))
    page.route("**/api/v1/reviews/*/report", lambda route: route.abort())
    page.get_by_label("Findings").fill(TEXT)
    expect(page.locator("#saved")).to_have_text("kept on this device, not yet on the server")
    page.close()
    again = page.context.new_page()
    again.goto(f"/reviews/{claimed.review_id}")
    expect(again.get_by_label("Findings")).to_have_value(TEXT)
    saved(again)
    assert draft_of(reviewer, claimed)["findings"] == TEXT


@pytest.mark.parametrize(
    ("choice", "kept"),
    [("Keep mine", "Mine."), ("Take the other", "Theirs."), ("Keep both, one below the other", "Mine.\n\nTheirs.")],
)
def test_two_windows_show_both_texts(
    places: Places, reviewer: httpx.Client, claimed: Placed, arrive: Arrive, choice: str, kept: str
) -> None:
    page = arrive(places.reviewer, f"/reviews/{claimed.review_id}", expected=("412", "428"))
    cases.ok(reviewer.put(f"/reviews/{claimed.review_id}/report", json={"findings": "Theirs.", "impression": "Same."}))
    page.get_by_label("Findings").fill("Mine.")
    page.get_by_label("Impression").fill("Same.")
    both = page.locator("#both")
    expect(both).to_contain_text("Both texts are kept")
    expect(page.locator(".theirs:visible")).to_have_text(["Theirs."])
    expect(page.get_by_label("Findings")).to_have_value("Mine.")
    if choice == "Keep mine":
        picture(page, "writing-conflict")
        accessible(page)
    page.get_by_role("button", name=choice).click()
    expect(both).to_be_hidden()
    saved(page)
    assert draft_of(reviewer, claimed)["findings"] == kept


def test_claiming_takes_along_what_was_typed(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    page.get_by_label("Findings").fill(TEXT)
    expect(page.locator("#saved")).to_have_text("kept on this device; claim the review to save it")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+C")
    expect(page.get_by_role("button", name="Read over and sign")).to_be_visible()
    expect(page.get_by_label("Findings")).to_have_value(TEXT)
    assert draft_of(reviewer, placed)["findings"] == TEXT


def test_a_race_lost_says_who_and_keeps_the_typed_text(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("409",))
    page.get_by_label("Findings").fill(TEXT)
    with cases.client_of(server, places.second_reviewer) as other:
        cases.ok(other.post(f"/reviews/{placed.review_id}/claim"))
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("alert").first).to_contain_text(f"{places.second_reviewer.name} has had this review since")
    expect(page.locator("#findings")).to_have_value(TEXT)
    picture(page, "writing-race-lost")
    accessible(page)


def test_opening_marks_a_review_as_seen(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    arrive(places.coordinator, f"/reviews/{placed.review_id}")
    assert cases.ok(reviewer.get(f"/reviews/{placed.review_id}"))["status"] == "requested"
    arrive(places.reviewer, f"/reviews/{placed.review_id}")
    assert cases.ok(reviewer.get(f"/reviews/{placed.review_id}"))["status"] == "received"


def test_asking_releasing_and_declining(
    places: Places, reviewer: httpx.Client, claimed: Placed, arrive: Arrive
) -> None:
    def status() -> str:
        return str(cases.ok(reviewer.get(f"/reviews/{claimed.review_id}"))["status"])

    page = arrive(places.reviewer, f"/reviews/{claimed.review_id}")
    page.get_by_text("Other acts").click()
    picture(page, "writing-acts")
    accessible(page)
    page.get_by_role("button", name="Release").click()
    assert status() == "received"
    page.goto(f"/reviews/{claimed.review_id}")
    page.get_by_role("button", name="Claim").click()
    page.get_by_text("Other acts").click()
    page.get_by_label("Ask the clinic for more").fill("Please add a long axis.")
    page.get_by_role("button", name="Send the question").click()
    expect(page.locator("#report")).to_contain_text("You asked the clinic")
    expect(page.locator(".message")).to_contain_text("Please add a long axis.")
    assert status() == "on-hold"
    page.get_by_text("Other acts").click()
    page.get_by_role("button", name="Release").click()
    page.goto(f"/reviews/{claimed.review_id}")
    page.get_by_text("Other acts").click()
    page.get_by_label("Decline: why").fill("Too dark.")
    page.get_by_label("What the clinic should do now").fill("Repeat with a full bladder.")
    page.get_by_role("button", name="Decline the review").click()
    assert status() == "rejected"


def test_without_script_the_report_is_claimed_saved_and_kept_apart(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", java_script_enabled=False, expected=("412",))
    page.get_by_label("Findings").fill("First.")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_label("Findings")).to_have_value("First.")
    page.get_by_label("Findings").fill(TEXT)
    page.get_by_role("button", name="Save", exact=True).click()
    assert draft_of(reviewer, placed)["findings"] == TEXT
    tag = reviewer.get(f"/reviews/{placed.review_id}/report").headers["etag"]
    theirs = {"findings": "Theirs."}
    cases.ok(reviewer.put(f"/reviews/{placed.review_id}/report", json=theirs, headers={"If-Match": tag}))
    page.get_by_label("Findings").fill("Mine.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".theirs:visible")).to_have_text(["Theirs."])
    expect(page.get_by_label("Findings")).to_have_value("Mine.")
    page.get_by_role("button", name="Save", exact=True).click()
    assert draft_of(reviewer, placed)["findings"] == "Mine."


def test_a_coordinator_gives_a_review_to_a_reader(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.coordinator, f"/reviews/{placed.review_id}")
    expect(page.get_by_role("button", name="Claim")).to_have_count(0)
    page.get_by_text("Other acts").click()
    page.get_by_label("Give it to").select_option(places.second_reviewer.name)
    page.get_by_role("button", name="Assign").click()
    page.wait_for_url("**/worklist")
    owner = cases.ok(reviewer.get(f"/reviews/{placed.review_id}"))["owner"]
    assert owner["name"] == places.second_reviewer.name


def test_the_room_tells_all_that_the_clinic_said(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    patient = cases.PATIENT | {"identifier": "77", "name_local": "جين أوتيينو"}
    earlier = cases.place(server, places, patient=patient)
    placed = cases.place(
        server, places, ("other.dcm", cases.dicom("rgb_color", "Somebody^Else", "19500101")), patient=patient,
        exam_type="ob-first-trimester", obstetric={"lmp": "2026-09-01", "lmp_certain": False, "gravida": 2, "para": 1},
        provisional_reading="I see a sac.",
    )  # fmt: skip
    with cases.client_of(server, places.referrer) as clinic:
        cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
        cases.ok(reviewer.post(f"/reviews/{placed.review_id}/hold", json={"text": "Any bleeding?"}))
        cases.ok(clinic.post(f"/reviews/{placed.review_id}/reply", json={"text": "None."}))
        tag = {"If-Match": clinic.get(f"/referrals/{placed.referral_id}").headers["etag"]}
        cases.ok(clinic.patch(f"/referrals/{placed.referral_id}", json={"question": "Alive? Where?"}, headers=tag))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator(".patient")).to_have_text("Otieno, Jane (جين أوتيينو)")
    question = page.locator("#question")
    expect(page.locator("#own")).to_contain_text("It is shown when your impression is written")
    for said in ("Alive? Where?", "Last period 1 Sep 2026 (not certain)", "Gravida 2",
                 "other.dcm: held, the clinic is asked whose it is", f"{earlier.code} (not signed)"):  # fmt: skip
        expect(question).to_contain_text(said)
    for said in ("Any bleeding?", "None."):
        expect(page.locator("#talk")).to_contain_text(said)
    expect(question.locator("del")).to_contain_text("Gallstones?")
    picture(page, "room-history")
    accessible(page)


def test_a_sign_in_that_ends_while_one_types_is_begun_again_over_the_kept_draft(
    server: Running, places: Places, reviewer: httpx.Client, claimed: Placed, arrive: Arrive
) -> None:
    set_password(places.reviewer, PASSWORD)
    device = Account(places.reviewer.id, places.reviewer.email, places.hospital).enrolled()
    with transaction(WORKER) as session:
        session.get_one(Person, places.reviewer.id).totp_last_step = 0  # its code of this half minute is good again
    page = arrive(places.reviewer, f"/reviews/{claimed.review_id}", expected=("401", "422"))
    page.context.clear_cookies()
    page.get_by_label("Findings").fill(TEXT)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Sign in again: what you typed is kept.")
    picture(page, "sign-in-again")
    accessible(page)
    dialog.get_by_label("E-mail address").fill(places.reviewer.email)
    dialog.get_by_label("Password").fill("wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_have_text("E-mail address, password or code is not right.")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    dialog.get_by_label("Code from your device").fill(device.now())
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    saved(page)
    assert draft_of(reviewer, claimed)["findings"] == TEXT
