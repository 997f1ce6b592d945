"""The coordinator's page in a browser: a line each with its one act, two of them on one line, empty on a good day."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from app.access.actor import WORKER
from app.db import now, transaction
from app.jobs.timers import wind
from app.notifications.models import Notification
from app.people.models import Role
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.reviews import clocks
from app.reviews.models import Review
from app.studies.models import Study
from tests import people
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


FILES = {
    FileStatus.HELD: "The file names another patient than this referral. Is it the same patient, or the wrong file?",
    FileStatus.QUARANTINED: "This ZIP is damaged or was cut off.",
}
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"


def moved(placed: cases.Placed, **hours: float) -> None:
    """These times of its review lie so far from now."""
    with transaction(WORKER) as session:
        review = session.get_one(Review, UUID(placed.review_id))
        for name, given in hours.items():
            setattr(review, name, now() + timedelta(hours=given))
        session.get_one(Referral, review.referral_id).due_at = review.due_at


def a_bad_day(server: Running, places: Places) -> list[cases.Placed]:
    overdue, unclaimed, declined, asked = (cases.place(server, places) for _ in range(4))
    moved(overdue, due_at=-2)
    moved(unclaimed, claim_by=-1)
    with cases.client_of(server, places.reviewer) as reader:
        given = {"reason": "I do not read hearts.", "advice": "Wait for a call."}
        cases.ok(reader.post(f"/reviews/{declined.review_id}/decline", json=given))
        cases.ok(reader.post(f"/reviews/{asked.review_id}/claim"))
        cases.ok(reader.post(f"/reviews/{asked.review_id}/hold", json={"text": "Long axis?"}))
    moved(asked, reply_due_at=-1)
    with transaction(WORKER) as session:
        for status, why in FILES.items():
            session.add(ManifestItem(organization_id=places.clinic, referral_id=UUID(asked.referral_id), name="Jane.dcm",
                                     status=status, reason=why, arrived_at=now(), kind="dicom", size_bytes=123_456))  # fmt: skip
        session.add(Study(organization_id=places.hospital, study_instance_uid="2.25.77", study_description="Abdomen"))
        told = sa.update(Notification).where(
            Notification.person_id == places.reviewer.id, Notification.referral_id == UUID(overdue.referral_id)
        )
        session.execute(told.values(mail_status="failed", mail_reason="The mail server refused it for good (550)."))
    return [overdue, unclaimed, declined, asked]


def line(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading)


def test_each_line_has_its_one_act_and_the_page_is_empty_when_all_are_settled(
    server: Running, places: Places, arrive: Arrive
) -> None:
    page = arrive(places.coordinator, "/attention")
    expect(page.locator(".empty")).to_have_text("Nothing needs attention.")
    accessible(page)
    picture(page, "attention-empty")
    overdue, unclaimed, declined, _asked = a_bad_day(server, places)
    page.reload()
    accessible(page)
    picture(page, "needs-wide", full_page=True)
    narrow = arrive(places.coordinator, "/attention", viewport=NARROW)
    accessible(narrow)
    picture(narrow, "needs-narrow", full_page=True)
    expect(page.locator("main")).not_to_contain_text("Otieno")
    line(page, "Mail that did not go").get_by_role("button", name="Send it again").click()
    expect(line(page, "Mail that did not go")).to_have_count(0)
    for heading, placed in (
        ("Overdue", overdue),
        ("Nobody has claimed it", unclaimed),
        ("Declined by a reader", declined),
    ):
        region = line(page, heading)
        expect(region).to_contain_text(placed.code)
        region.get_by_label(f"Give {placed.code} to").select_option(places.second_reviewer.name)
        region.get_by_role("button", name=f"Assign {placed.code}").click()
        if heading != "Overdue":
            expect(region).to_have_count(0)
    moved(overdue, due_at=2)
    line(page, "A question without a reply").get_by_role("button", name="Remind the clinic").click()
    expect(line(page, "A file whose patient is in question")).to_have_count(0)
    expect(page.get_by_role("main").get_by_role("region")).to_have_count(1)
    expect(line(page, "A study without a referral")).to_be_visible()


def test_of_two_coordinators_one_wins_and_the_other_sees_who(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    moved(placed, claim_by=-1)
    other = people.somebody(places.hospital, Role.COORDINATOR)
    first, second = arrive(places.coordinator, "/attention"), arrive(other, "/attention", expected=("409",))
    for page, reader in ((first, places.reviewer), (second, places.second_reviewer)):
        page.get_by_label(f"Give {placed.code} to").select_option(reader.name)
        page.get_by_role("button", name=f"Assign {placed.code}").click()
    expect(first.locator(".empty")).to_be_visible()
    expect(second.get_by_role("alert")).to_contain_text(f"{places.reviewer.name} has had this review since")
    accessible(second)
    picture(second, "attention-second")


@pytest.mark.parametrize("viewport", [None, NARROW], ids=["wide", "narrow"])
def test_an_administrator_sets_deadlines_and_the_form_says_them(
    server: Running, places: Places, arrive: Arrive, viewport: dict[str, int] | None
) -> None:
    options = {"viewport": viewport} if viewport else {}
    page = arrive(places.admin, "/organization/settings", expected=("422",), **options)
    box = page.get_by_role("group", name="The patient waits for it")
    box.get_by_label("How many").fill("0")
    page.get_by_role("button", name="Save deadlines").click()
    expect(page.locator(".wrong")).to_contain_text("A deadline has 5 minutes at least")
    accessible(page)
    picture(page, f"settings-refused{'-narrow' if viewport else ''}", full_page=True)
    box.get_by_label("How many").fill("2")
    box.get_by_label("Of what").select_option("h")
    page.get_by_role("button", name="Save deadlines").click()
    expect(page.get_by_role("status")).to_contain_text("It counts from now on")
    expect(box.get_by_label("How many")).to_have_value("2")
    accessible(page)
    picture(page, f"settings{'-narrow' if viewport else ''}", full_page=True)
    page.get_by_label("Time zone").fill("Africa/Nowhere")
    page.get_by_role("button", name="Save clock").click()
    expect(page.locator(".wrong")).to_contain_text("There is no such time zone")
    page.get_by_label("Time zone").fill("Africa/Kinshasa")
    expect(page.get_by_label("Clips leave from")).to_have_value("20:00")
    page.get_by_label("Clips leave from").fill("21:30")
    page.get_by_role("button", name="Save clock").click()
    expect(page.get_by_role("status")).to_contain_text("Times are shown by this clock")
    expect(page.get_by_label("Clips leave from")).to_have_value("21:30")
    picture(page, f"settings-clock{'-narrow' if viewport else ''}", full_page=True)
    clinic = arrive(places.referrer, "/referrals/new", **options)
    expect(clinic.get_by_text("Within 2 hours")).to_be_visible()
    expect(clinic.get_by_text("Within 3 days")).to_be_visible()


def test_how_long_cases_take_stands_in_one_table(server: Running, places: Places, arrive: Arrive) -> None:
    people.set_password(places.reviewer, "correct horse battery staple")
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")))
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        written = reader.put(f"/reviews/{placed.review_id}/report", json={"impression": "Gallstones."})
        proof = {"password": "correct horse battery staple", "images_sha256": written.json()["images_sha256"]}
        signed = cases.ok(
            reader.post(f"/reviews/{placed.review_id}/sign", json=proof, headers={"If-Match": written.headers["etag"]})
        )
    with cases.client_of(server, places.referrer) as clinic:
        cases.ok(clinic.get(f"/reports/{signed['report_id']}"))
    for viewport in (None, NARROW):
        page = arrive(places.coordinator, "/turnaround", **({"viewport": viewport} if viewport else {}))
        expect(page.get_by_role("main")).to_contain_text("1 case was answered, 1 of them in time.")
        expect(page.get_by_role("row")).to_have_count(6)
        expect(page.get_by_role("rowheader", name="Signed until the clinic first opened it")).to_be_visible()
        accessible(page)
        picture(page, f"how-long{'-narrow' if viewport else ''}", full_page=True)


def test_a_declined_case_says_to_the_clinic_what_helps_and_that_another_reader_is_sought(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.reviewer) as reader:
        given = {"reason": "I do not read hearts.", "advice": "Keep the patient lying."}
        cases.ok(reader.post(f"/reviews/{placed.review_id}/decline", json=given))
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kijabe Hospital looks for another one")
    expect(page.get_by_role("main")).to_contain_text("Keep the patient lying.")
    accessible(page)
    picture(page, "referral-declined")
    home = arrive(places.coordinator, "/")
    expect(home.get_by_role("main")).to_contain_text("1 thing needs attention")
    room = arrive(places.coordinator, f"/reviews/{placed.review_id}")
    room.get_by_role("button", name="Leave it to the clinic").click()
    expect(room).to_have_url(f"{server.base_url}/worklist")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not read: see why")


def test_a_reader_is_warned_before_the_claim_lapses_and_told_when_it_has(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    with transaction(WORKER) as session:
        wind(session, clocks.LAPSE, UUID(placed.review_id), now() + timedelta(minutes=20))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("409",))
    expect(page.locator("#now")).to_contain_text("Your claim lapses at")
    accessible(page)
    picture(page, "reading-lapses")
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/release"))
    page.get_by_label("Findings").fill("Stones with shadows.")
    expect(page.locator("#saved")).to_contain_text("kept on this device")
    page.evaluate(LOOK)
    expect(page.locator("#now")).to_contain_text("This is not yours any more.")
    picture(page, "reading-lost")
    page.locator("#now .news").click()
    expect(page.get_by_label("Findings")).to_have_value("Stones with shadows.")
    page.get_by_role("button", name="Claim", exact=True).click()
    expect(page.get_by_label("Findings")).to_have_value("Stones with shadows.")


def test_of_a_cancelled_case_what_was_typed_is_kept_and_the_reader_is_told(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        cases.ok(reader.put(f"/reviews/{placed.review_id}/report", json={"findings": "Stones."}))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", expected=("409",))
    with cases.client_of(server, places.referrer) as referrer:
        cases.ok(
            referrer.post(f"/referrals/{placed.referral_id}/cancel", json={"reason": "Went to the district hospital."})
        )
    page.get_by_label("Findings").fill("Stones with shadows, wall 3 mm.")
    expect(page.locator("#saved")).to_contain_text("kept on this device")
    page.evaluate(LOOK)
    expect(page.locator("#now")).to_contain_text("This review has ended.")
    page.locator("#now .news").click()
    expect(page.get_by_role("complementary")).to_contain_text("Went to the district hospital.")
    expect(page.get_by_label("Findings")).to_have_value("Stones with shadows, wall 3 mm.")
    expect(page.locator("#kept")).to_be_visible()
    accessible(page)
    picture(page, "reading-cancelled")
