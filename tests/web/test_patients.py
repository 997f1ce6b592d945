"""Patients in a browser: found while typed, named later, merged; images that find their referral, or the right one."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from app.people.models import Role
from tests import people
from tests.conformance.dicomweb import files, store
from tests.faults.mortal import PASSWORD, client_of, drafted, sign
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web import cases
from tests.web.conftest import Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
PETER = {"family_name": "Okoth", "given_name": "Peter", "birth_date": "1985", "sex": "male"}


def question(page: Page) -> None:
    page.get_by_text("Abdomen", exact=True).click()
    page.get_by_label("What should the specialist answer?").fill("Gallstones?")


def both_widths(page: Page, name: str) -> None:
    accessible(page)
    picture(page, name, full_page=True)
    page.set_viewport_size(ViewportSize(width=320, height=640))
    accessible(page)
    picture(page, f"{name}-narrow", full_page=True)
    page.set_viewport_size(ViewportSize(width=1440, height=900))


def test_somebody_known_is_offered_while_the_name_is_typed(server: Running, places: Places, arrive: Arrive) -> None:
    cases.place(server, places)
    page = arrive(places.referrer, "/referrals/new")
    page.get_by_label("Family name").press_sequentially("otiéno")
    known = page.get_by_role("radio", name="Otieno, Jane")
    expect(known).to_be_visible()
    expect(page.locator("#similar")).to_contain_text("seen")
    page.get_by_label("Year", exact=True).fill("1990")
    page.get_by_label("Year", exact=True).press("Tab")
    expect(page.locator("#e-birth_date")).to_contain_text("= 3")
    expect(known).to_be_visible()
    both_widths(page, "new-referral-known")
    known.check()
    question(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at")
    page.get_by_role("region", name="Patient").get_by_role("link", name="Otieno, Jane").click()
    expect(page.get_by_role("region", name="Referrals").get_by_role("listitem")).to_have_count(2)
    both_widths(page, "patient")


def test_without_script_the_form_asks_once_whether_it_is_the_same(
    server: Running, places: Places, arrive: Arrive
) -> None:
    cases.place(server, places)
    page = arrive(places.referrer, "/referrals/new", java_script_enabled=False, expected=("422",))
    page.get_by_label("Family name").fill("Otieno")
    page.get_by_label("Given name").fill("Jane")
    page.get_by_label("Year", exact=True).fill("1990")
    question(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("alert")).to_contain_text("Say whether it is the same.")
    page.get_by_label("Somebody else").check()
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at")
    expect(page.get_by_role("region", name="Patient")).to_contain_text("temporary number")


def test_dates_echo_what_they_come_to_and_impossible_ones_are_asked_about(
    server: Running, places: Places, arrive: Arrive
) -> None:
    page = arrive(places.referrer, "/referrals/new", expected=("422",))
    page.get_by_label("Family name").fill("Otieno")
    page.get_by_text("Obstetric, first trimester", exact=True).click()
    period = page.get_by_label("First day of the last period")
    period.fill("2020-01-01")
    period.press("Tab")
    page.get_by_label("What should the specialist answer?").fill("Viable?")
    page.get_by_role("button", name="Send referral").click()
    expect(page.locator("#w-lmp")).to_contain_text("Is the year right?")
    both_widths(page, "new-referral-period")
    page.get_by_label("The dates are right as they are").check()
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at")


def test_another_birth_date_of_a_known_number_is_a_question_at_its_field_with_its_answers(
    server: Running, places: Places, arrive: Arrive
) -> None:
    known = {**cases.PATIENT, "identifier": "MRN-7"}
    cases.place(server, places, patient=known)
    page = arrive(places.referrer, "/referrals/new", expected=("422",))

    def filled(year: str) -> None:
        page.goto("/referrals/new")
        page.get_by_label("Family name").fill("Otieno")
        page.locator("#f-identifier").fill("MRN-7")
        page.get_by_label("Year", exact=True).fill(year)
        question(page)
        page.get_by_role("button", name="Send referral").click()
        expect(page.locator("#w-birth_date")).to_contain_text("Is it the same patient, and which date is right?")

    filled("1985")
    both_widths(page, "new-referral-which-date")
    page.get_by_label("The same patient; 3 Apr 1990 is right").check()
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("region", name="Patient")).to_contain_text("3 Apr 1990")
    filled("1986")
    page.get_by_label("The same patient; what I entered is right: correct it").check()
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("region", name="Patient")).to_contain_text("1986")
    page.get_by_role("region", name="Patient").get_by_role("link").click()
    expect(page.locator(".facts")).to_contain_text("Known before as")


def test_a_newborn_without_a_name_is_shown_as_the_mothers(server: Running, places: Places, arrive: Arrive) -> None:
    mother = cases.place(server, places)
    page = arrive(places.referrer, "/referrals/new")
    page.get_by_text("A newborn, or a twin").click()
    page.get_by_label("The mother's patient number or case code").fill(mother.code)
    page.get_by_label("Of twins or more").select_option("2")
    question(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("region", name="Patient")).to_contain_text("Child 2 of Otieno, Jane")


def test_a_study_that_came_alone_is_attached_and_taken_away_again(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    cases.place(server, places, patient={**cases.PATIENT, "given_name": "Jaine"})
    store(server, places.referrer, files(a_dicom()))
    page = arrive(places.referrer, "/")
    page.get_by_role("link", name="Find their referrals").click()
    expect(page.get_by_role("heading", name="Otieno Jane")).to_be_visible()
    expect(page.locator(".unmatched .talk > li")).to_have_count(2)
    both_widths(page, "unmatched")
    page.get_by_role("button", name=f"Attach to {placed.code}").click()
    expect(page.get_by_role("status")).to_contain_text(f"The images are with {placed.code} now.")
    expect(page.locator(".empty")).to_contain_text("Every study has its referral.")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("were taken from")
    page.get_by_role("button", name="Undo").click()
    page.goto(f"/referrals/{placed.referral_id}")
    expect(page.locator("#files")).to_contain_text("Came by itself, and was attached")
    both_widths(page, "referral-attached")
    page.get_by_role("button", name="Take from this referral").click()
    expect(page.get_by_role("heading", name="Otieno Jane")).to_be_visible()


def test_a_file_of_another_patient_is_held_seen_as_such_and_moved(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    right = cases.place(server, places, patient=PETER)
    cases.send(server, places, placed.referral_id, "a.dcm", a_dicom(patient="Okoth^Peter"))
    cases.send(server, places, placed.referral_id, "b.jpg", cases.jpeg())
    reader = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(reader.locator("#now")).to_contain_text("1 file held: identity")
    picture(reader, "reading-held")
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", expected=("409",))
    expect(page.locator("[data-known]")).to_contain_text("identity not checkable from the file")
    page.get_by_role("link", name="Move a.dcm").click()
    both_widths(page, "move-file")
    page.get_by_role("button", name=f"Move to {right.code}").click()
    expect(page.get_by_role("region", name="Patient")).to_contain_text("Okoth, Peter")
    expect(page.locator("[data-known]")).to_contain_text("1 file received and verified")
    page.goto(f"/referrals/{placed.referral_id}")
    expect(page.locator("[data-known]")).to_contain_text("1 file taken off")


def test_two_records_are_compared_merged_and_taken_apart(server: Running, places: Places, arrive: Arrive) -> None:
    cases.place(server, places)
    cases.place(server, places, patient={**cases.PATIENT, "given_name": "Jane Akinyi"})
    page = arrive(people.somebody(places.clinic, Role.COORDINATOR), "/")
    page.locator(".cases-list a").first.click()
    page.get_by_role("region", name="Patient").get_by_role("link").click()
    page.get_by_role("link", name="Compare and merge").click()
    both_widths(page, "merge")
    page.get_by_role("button", name="Merge into one").click()
    expect(page.get_by_role("region", name="Referrals").get_by_role("listitem")).to_have_count(2)
    expect(page.locator(".facts")).to_contain_text("Known before as")
    both_widths(page, "patient-merged")
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_role("region", name="Referrals").get_by_role("listitem")).to_have_count(1)


def test_an_unknown_is_named_and_a_wrong_patient_put_right(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, patient={"name_unknown": True, "sex": "male"})
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    page.get_by_role("region", name="Patient").get_by_role("link").click()
    page.get_by_label("Family name").fill("Okoth")
    page.get_by_label("Patient number").fill("MRN-2")
    both_widths(page, "patient-unknown")
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Okoth")
    page.goto(f"/referrals/{placed.referral_id}")
    page.get_by_role("link", name="Wrong patient").click()
    page.get_by_label("Family name").fill("Wekesa")
    both_widths(page, "right-patient")
    page.get_by_role("button", name="Send for this patient").click()
    expect(page.get_by_role("region", name="Patient")).to_contain_text("Wekesa")
    page.goto(f"/referrals/{placed.referral_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Entered in error")
    page.get_by_role("link", name="Open the referral for the right patient").click()
    expect(page.get_by_role("region", name="Patient")).to_contain_text("Wekesa")


def test_a_reader_withdraws_a_report_and_says_whom_it_is_about(server: Running, places: Places, arrive: Arrive) -> None:
    people.set_password(places.reviewer, PASSWORD)
    with client_of(server.base_url, places.referrer) as sender, client_of(server.base_url, places.reviewer) as reader:
        case = drafted(sender, reader)
        report_id = cases.ok(sign(reader, case, key=str(uuid4())))["report_id"]
    page = arrive(places.reviewer, f"/reports/{report_id}", expected=("409",))
    page.get_by_text("Change this report").click()
    page.get_by_label("This report should not exist: what is wrong with it").fill("Another patient's images.")
    page.get_by_text("It is about another patient").click()
    page.get_by_label("Family name").fill("Wekesa")
    page.get_by_role("button", name="Mark as entered in error").click()
    expect(page.get_by_role("alert")).to_contain_text("The images name another patient")
    expect(page.get_by_label("Family name")).to_have_value("Wekesa")
    both_widths(page, "report-in-error")
    page.get_by_label("It is the same patient").check()
    page.get_by_role("button", name="Mark as entered in error").click()
    expect(page.get_by_role("alert")).to_contain_text("This report was entered in error.")
    page.goto("/worklist")
    expect(page.get_by_role("button", name="Claim")).to_have_count(1)
