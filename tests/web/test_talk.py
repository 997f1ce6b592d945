"""The conversation in a browser: the reader writes, the clinic answers with a file, and each sees what is new."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.people.models import Role
from tests import people
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture
from tests.web.test_live import look

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_a_word_goes_there_and_back_and_is_marked_until_it_is_seen(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, ("ruq-1.dcm", cases.dicom("rgb_color")))
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    clinic = arrive(places.referrer, f"/referrals/{placed.referral_id}", viewport=NARROW)
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    room.locator("#talk > summary").click()
    room.get_by_label("Write to the clinic").fill("Was she lying on her left side?")
    room.locator("#talk").get_by_label("ruq-1.dcm (shown now)").check()
    picture(room, "talk-room-writing")
    room.get_by_role("button", name="Send the message").click()
    expect(room.locator("#talk > summary")).to_contain_text("1 message with the clinic")
    look(clinic)
    clinic.get_by_role("link", name="A new message. Show it").click()
    expect(clinic.locator("#talk .new")).to_have_text("new")
    expect(clinic.locator("#talk")).to_contain_text("Was she lying on her left side?")
    expect(clinic.locator("#talk").get_by_role("link", name="ruq-1.dcm")).to_be_visible()
    accessible(clinic)
    clinic.get_by_label("Your message").fill("Yes, in this one.")
    clinic.get_by_label("ruq-1.dcm").check()
    picture(clinic, "talk-clinic-narrow", full_page=True)
    clinic.get_by_role("button", name="Send the message").click()
    expect(clinic.locator("#talk li").filter(has_text="Yes, in this one.")).to_contain_text("ruq-1.dcm")
    clinic.locator("#talk").get_by_role("link", name="ruq-1.dcm").first.click()
    expect(clinic.get_by_role("heading", level=1)).to_have_text("Image 1 of 1")
    accessible(clinic)
    picture(clinic, "look-narrow")
    clinic.go_back()
    room.reload()
    expect(room.locator("#talk > summary")).to_contain_text("2 messages with the clinic · new")
    expect(room.locator("#talk .message .new")).to_have_count(1)
    expect(room.locator("#talk").get_by_role("link", name="ruq-1.dcm")).to_have_count(2)
    picture(room, "talk-room")
    accessible(room)
    clinic.reload()
    expect(clinic.locator("#talk")).to_contain_text(f"Seen by {places.reviewer.name},")


def test_an_empty_message_is_asked_about_and_without_script_it_goes_too(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", java_script_enabled=False, expected=("422",))
    page.get_by_text("Write to the reader").click()
    page.get_by_role("button", name="Send the message").click()
    expect(page.locator("#w-note")).to_have_text("Write what you want to say.")
    page.get_by_label("Your message").fill("The probe was a linear one.")
    page.get_by_role("button", name="Send the message").click()
    expect(page.locator("#talk")).to_contain_text("The probe was a linear one.")
    home = arrive(places.reviewer, "/worklist")
    expect(home.locator("#rows .question")).to_contain_text("New message")


@pytest.mark.parametrize("narrow", [False, True])
def test_a_reader_sends_a_drawing_with_a_message_and_the_clinic_has_it(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path, *, narrow: bool
) -> None:
    """Without script too; a file that cannot go says why, and the text stays."""
    placed = cases.place(server, places, ("ruq-1.dcm", cases.dicom("rgb_color")))
    (tmp_path / "notes.docx").write_bytes(b"no picture")
    (tmp_path / "hold-it-so.jpg").write_bytes(cases.jpeg())
    options = {"viewport": NARROW, "java_script_enabled": False} if narrow else {}
    suffix = "-narrow" if narrow else ""
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("422",), **options)
    if narrow:
        room.locator(".foot a").click()
    room.locator("#talk > summary").click()
    room.get_by_label("Write to the clinic").fill("Hold the probe so, and sweep once more.")
    room.get_by_label("Add files of your own").set_input_files(tmp_path / "notes.docx")
    room.get_by_role("button", name="Send the message").click()
    expect(room.locator("#note-wrong")).to_contain_text("notes.docx: Only JPEG, PNG, MP4 and PDF go with a message.")
    expect(room.get_by_label("Write to the clinic")).to_have_value("Hold the probe so, and sweep once more.")
    room.locator("#talk").scroll_into_view_if_needed()
    picture(room, f"enclosing-refused{suffix}")
    room.get_by_label("Add files of your own").set_input_files(tmp_path / "hold-it-so.jpg")
    room.get_by_role("button", name="Send the message").click()
    room.locator("#talk > summary").click()
    expect(room.locator("#talk").get_by_role("link", name="hold-it-so.jpg")).to_be_visible()
    picture(room, f"enclosing-room{suffix}")
    if not narrow:
        accessible(room)
    clinic = arrive(places.referrer, f"/referrals/{placed.referral_id}", **({"viewport": NARROW} if narrow else {}))
    expect(clinic.locator("#talk li").first).to_contain_text("File from the reader: hold-it-so.jpg")
    expect(clinic.locator("#files")).not_to_contain_text("hold-it-so.jpg")
    with clinic.expect_download() as fetched:
        clinic.get_by_role("link", name="hold-it-so.jpg").click()
    assert fetched.value.path().read_bytes() == (tmp_path / "hold-it-so.jpg").read_bytes()
    clinic.locator("#talk").scroll_into_view_if_needed()
    picture(clinic, f"enclosing-clinic{suffix}")
    accessible(clinic)


def test_what_the_clinic_changes_is_said_to_the_reader_in_words_with_its_time_and_author(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, priority="routine")
    with cases.client_of(server, places.referrer) as client:
        tag = client.get(f"/referrals/{placed.referral_id}").headers["etag"]
        change = {"priority": "stat", "question": "Perforation?"}
        cases.ok(client.patch(f"/referrals/{placed.referral_id}", json=change, headers={"If-Match": tag}))
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    changed = room.locator("#question")
    expect(changed).to_contain_text(re.compile(rf"{places.referrer.name}, \d+ \w+ 2\d\d\d, \d\d:\d\d"))
    expect(changed).to_contain_text("When the answer is needed: Within 3 days Within 1 hour")
    expect(changed).to_contain_text("Perforation?")
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    page.get_by_text("Changed 1 time since it was placed").click()
    expect(page.locator("details", has_text="Changed 1 time")).to_contain_text("Within 3 days → Within 1 hour")


def test_whom_to_ring_stands_in_the_room_as_a_link_that_dials(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, callback={"name": "Sr Achieng", "phone": "+254 (0)700 000-000"})
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=NARROW)
    expect(room.locator(".banner .call")).to_have_text("Call Sr Achieng +254 (0)700 000-000")
    expect(room.locator(".banner .call")).to_have_attribute("href", "tel:+254700000000")
    picture(room, "room-call-narrow")
    nobody = cases.place(server, places, callback={})
    room.goto(f"/reviews/{nobody.review_id}")
    expect(room.locator(".banner .call")).to_have_count(0)
    expect(room.locator("#question")).to_contain_text("No call-back number was given.")


def test_anyone_of_the_clinic_acknowledges_and_the_page_says_who(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    cases.answer(server, places, placed.review_id)
    colleague = people.somebody(places.clinic, Role.REFERRER, "Sr Naliaka")
    page = arrive(colleague, f"/referrals/{placed.referral_id}")
    page.get_by_role("button", name="I have read this answer").click()
    other = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    expect(other.locator(".answer")).to_contain_text("Read by Sr Naliaka,")
    expect(other.get_by_role("button", name="I have read this answer")).to_have_count(0)
