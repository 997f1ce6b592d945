"""A supervised reader's report on its way to its supervisor, and files that come after signing."""

import pytest
from playwright.sync_api import expect

from app.people.models import Role
from app.reports import late
from tests import people
from tests.people import Places, Somebody, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def trained(server: Running, places: Places) -> tuple[Somebody, cases.Placed]:
    """A supervisor, and a case that a reader under supervision has claimed."""
    supervisor = people.somebody(places.hospital, Role.SUPERVISOR)
    for who in (places.reviewer, supervisor):
        set_password(who, cases.PASSWORD)
    people.supervise(places.hospital, places.reviewer)
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    return supervisor, placed


def test_what_a_trainee_signs_is_counter_signed_by_a_supervisor(
    server: Running, places: Places, arrive: Arrive
) -> None:
    supervisor, placed = trained(server, places)
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.put(f"/reviews/{placed.review_id}/report", json={"impression": "Gallstones."}))
    trainee = arrive(places.reviewer, f"/reviews/{placed.review_id}/sign")
    expect(trainee.get_by_text("You read under supervision")).to_be_visible()
    expect(trainee.get_by_label("Preliminary: a final reading follows")).to_have_count(0)
    trainee.get_by_label("Your password").fill(cases.PASSWORD)
    trainee.get_by_role("button", name="Sign report").click()
    expect(trainee.get_by_text("Read under supervision")).to_be_visible()

    page = arrive(supervisor, "/attention")
    expect(page.get_by_role("heading", name="It waits for a counter-signature")).to_be_visible()
    accessible(page)
    picture(page, "countersign-attention")
    page.get_by_role("link", name="Look at it, and counter-sign").click()
    picture(page, "countersign-room")
    page.get_by_role("link", name="Read over and counter-sign").click()
    expect(page.get_by_role("heading", name="This is what you counter-sign")).to_be_visible()
    expect(page.get_by_text("Gallstones.")).to_be_visible()
    accessible(page)
    picture(page, "countersign-sign")
    page.get_by_label("Your password").fill(cases.PASSWORD)
    page.get_by_role("button", name="Counter-sign report").click()
    expect(page.get_by_text("Reviewed and counter-signed")).to_be_visible()
    expect(page.get_by_text("Final, version 2").first).to_be_visible()
    page.goto("/attention")
    expect(page.get_by_text("Nothing needs attention.")).to_be_visible()


def test_a_supervisor_sends_it_back_with_a_remark_and_its_reader_signs_anew(
    server: Running, places: Places, arrive: Arrive
) -> None:
    supervisor, placed = trained(server, places)
    cases.answer(server, places, placed.review_id)
    page = arrive(supervisor, f"/reviews/{placed.review_id}")
    page.get_by_role("link", name="Send it back").click()
    page.get_by_label(f"What {places.reviewer.name} is to change").fill("Measure the wall again.")
    for name, size in (("", WIDE), ("-320", NARROW)):
        page.set_viewport_size(size)
        accessible(page)
        picture(page, f"send-back-sign{name}", full_page=True)
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="Send it back").click()
    expect(page.get_by_role("heading", name=f"Sent back: {places.reviewer.name} signs it anew by")).to_be_visible()
    expect(page.get_by_role("link", name="Read over and counter-sign")).to_have_count(0)

    trainee = arrive(places.reviewer, "/worklist")
    for name, size in (("", WIDE), ("-320", NARROW)):
        trainee.set_viewport_size(size)
        accessible(trainee)
        picture(trainee, f"send-back-worklist{name}", full_page=True)
    trainee.set_viewport_size(WIDE)
    trainee.get_by_role("region", name="Sent back to you").get_by_role("link", name=placed.code).click()
    expect(trainee.get_by_role("heading", name="Sent back to you: sign it anew by")).to_be_visible()
    expect(trainee.get_by_text("Measure the wall again.")).to_be_visible()
    accessible(trainee)
    picture(trainee, "send-back-room")
    trainee.set_viewport_size(NARROW)
    trainee.goto(f"/reviews/{placed.review_id}#report")
    picture(trainee, "send-back-room-320")
    trainee.set_viewport_size(WIDE)
    trainee.get_by_label("Findings").fill("Two stones, wall 3 mm.")
    trainee.get_by_role("button", name="Read over and sign").click()
    expect(trainee.get_by_role("heading", name="Sent back to you: sign it anew by")).to_be_visible()
    trainee.get_by_label("Your password").fill(cases.PASSWORD)
    trainee.get_by_role("button", name="Sign report").click()
    expect(trainee.get_by_text("Preliminary, version 2").first).to_be_visible()
    expect(trainee.get_by_text("Measure the wall again.")).to_have_count(0)
    page.goto("/attention")
    page.get_by_role("link", name="Look at it, and counter-sign").click()
    expect(page.get_by_role("heading", name="Remarks of your supervisors")).to_be_visible()
    clinic = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    expect(clinic.get_by_text("Measure the wall again.")).to_have_count(0)


def test_files_that_come_after_signing_are_looked_at_and_no_change_is_signed(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    signed = cases.answer(server, places, placed.review_id)
    cases.send(server, places, placed.referral_id, "late.dcm", cases.dicom("palette_color"))
    late.late(placed.referral_id)
    page = arrive(places.reviewer, "/worklist")
    page.get_by_role("region", name="Files came after you signed").get_by_role("link", name=placed.code).click()
    accessible(page)
    picture(page, "late-report")
    page.get_by_role("button", name="No change: sign that").click()
    expect(page.get_by_text("Files came after signing and were looked at: no change.")).to_be_visible()
    page.get_by_label("Your password").fill(cases.PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.get_by_text("With an addition, version 2").first).to_be_visible()
    page.goto("/worklist")
    expect(page.get_by_role("region", name="Files came after you signed")).to_have_count(0)
    old = arrive(places.referrer, f"/reports/{signed['report_id']}?version=1")
    expect(old.get_by_text("Replaced by version 2 on")).to_be_visible()
