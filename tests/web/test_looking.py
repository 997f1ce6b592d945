"""Looking in the reading room: what was seen and how, speed and loop of a clip, an earlier study beside this one."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from app.audit.events import AuditEvent
from tests import people
from tests.dicom.machine_report import obstetric, report, vascular
from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture, until

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def seen_again(page: Page, at: int) -> None:
    """It is on the server a moment later, and so on every device."""
    for _ in range(20):
        page.wait_for_timeout(500)
        page.goto(page.url.partition("?")[0] + "?all=1")
        if page.evaluate(f"document.querySelectorAll('.strip a')[{at}].dataset.seen") == "exact":
            return
    raise AssertionError("never on the server")


def test_the_strip_says_what_was_seen_and_how(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(
        server, places, *[(f"{n}.jpg", cases.jpeg(30 + n)) for n in range(3)], ("letter.pdf", cases.pdf(1))
    )
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    seen = page.locator(".strip .seen")
    expect(seen).to_have_text(["exact", "not opened", "not opened", "not opened"])
    page.keyboard.press("ArrowDown")
    expect(seen).to_have_text(["exact", "exact", "not opened", "not opened"])
    seen_again(page, 1)
    page.keyboard.press("End")
    expect(seen.nth(3)).to_have_text("exact")


def test_the_sheet_of_keys_is_whole_on_a_narrow_phone(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport={"width": 320, "height": 640})
    expect(page.locator(".caption")).to_contain_text("exact")
    page.keyboard.press("?")
    assert page.locator("#keysheet").evaluate("one => one.open && one.scrollWidth <= one.clientWidth")
    picture(page, "keys-320")


def test_the_next_image_is_there_before_it_is_asked_for(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg(30)), ("b.jpg", cases.jpeg(60)))
    page = arrive(places.reviewer, "/worklist")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_contain_text("exact")
    second = page.locator(".strip a").nth(1).get_attribute("data-source")
    until(page, "performance.getEntriesByType('resource').length > 0")
    page.wait_for_timeout(500)
    assert [url for url in asked if url.endswith(f"{second}/frames/1")] != []


def test_a_long_strip_comes_when_the_first_image_is_there(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, *[(f"{n}.jpg", cases.jpeg(20 + n)) for n in range(10)])
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    expect(page.locator(".caption")).to_have_text("Image 1 of 10 · exact")
    expect(page.locator(".strip a")).to_have_count(10)
    expect(page.locator(".strip .seen")).to_have_text(["exact", *["not opened"] * 9])
    page.keyboard.press("End")
    expect(page.locator(".caption")).to_have_text("Image 10 of 10 · exact")
    seen_again(page, 9)
    plain = arrive(places.reviewer, f"/reviews/{placed.review_id}", java_script_enabled=False)
    expect(plain.locator(".strip a[data-key]")).to_have_count(5)
    plain.get_by_role("link", name="All 10").click()
    plain.locator(".strip a").nth(8).click()
    expect(plain.locator(".strip a[aria-current=true]")).to_have_count(1)


def test_a_clip_plays_slower_and_over_a_stretch(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("clip.dcm", cases.numbered_clip()))
    cases.settled(server, places, placed)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    frame = page.locator(".cine .frame")
    expect(frame).to_contain_text("Frame 1 of 24")
    page.keyboard.press("s")
    page.keyboard.press("s")
    assert page.evaluate("document.querySelector('video').playbackRate") == 0.25
    for rate in (0.5, 1):
        page.keyboard.press("c")
        assert page.evaluate("document.querySelector('video').playbackRate") == rate
    page.get_by_label("Speed").select_option("2")
    assert page.evaluate("document.querySelector('video').playbackRate") == 2
    page.locator("#stage").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(frame).to_contain_text("Frame 5 of 24")
    page.keyboard.press("j")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(frame).to_contain_text("Frame 10 of 24")
    page.keyboard.press("j")
    expect(page.locator(".loop")).to_have_text("frames 5 to 10")
    page.keyboard.press("Space")
    page.wait_for_timeout(1200)
    page.keyboard.press("Space")
    expect(frame).to_contain_text("exact")
    shown = re.search(r"Frame (\d+)", frame.inner_text())
    assert shown is not None
    assert 5 <= int(shown[1]) <= 10
    page.keyboard.press("j")
    expect(page.locator(".loop")).to_have_text("")


def test_an_earlier_study_stands_beside_this_one(server: Running, places: Places, arrive: Arrive) -> None:
    patient = cases.PATIENT | {"identifier": "MRN-77"}
    earlier = cases.place(server, places, ("old.jpg", cases.jpeg(30)), ("old2.jpg", cases.jpeg(50)), patient=patient)
    placed = cases.place(server, places, ("new.dcm", phantom(TISSUE)), patient=patient)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    page.keyboard.press("p")
    expect(page.locator(".prior p.of")).to_contain_text(earlier.code)
    expect(page.locator(".prior .caption")).to_contain_text("Image 1 of 2 · exact")
    expect(page.locator("us-viewer:not(.prior) .caption")).to_contain_text("Image 1 of 1 · exact")
    page.locator("#stage-prior").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".prior .caption")).to_contain_text("Image 2 of 2 · exact")
    expect(page.locator("us-viewer:not(.prior) .caption")).to_contain_text("Image 1 of 1")
    picture(page, "room-two")
    accessible(page)
    page.evaluate(
        "document.querySelector('.prior').dispatchEvent(new CustomEvent('insert', {detail: {en: 'CBD 5.0 mm'}}))"
    )
    expect(page.locator("#findings")).to_have_value(re.compile(r"CBD 5.0 mm \(\d+ \w+ \d{4} · Image 2 of 2\)\n"))
    assert people.count(AuditEvent, AuditEvent.action == "referral.opened", AuditEvent.person_id == places.reviewer.id,
                        AuditEvent.referral_id == UUID(earlier.referral_id)) == 1  # fmt: skip
    page.keyboard.press("p")
    expect(page.locator(".prior")).to_have_count(0)
    narrow = arrive(places.reviewer, f"/reviews/{placed.review_id}?prior={earlier.referral_id}", viewport=NARROW)
    expect(narrow.locator(".prior .caption")).to_contain_text("exact")
    picture(narrow, "room-two-narrow")
    accessible(narrow)


def test_of_another_patient_nothing_stands_beside(server: Running, places: Places, arrive: Arrive) -> None:
    other = cases.place(server, places, patient={"family_name": "Wanjiru", "given_name": "Mary"})
    placed = cases.place(server, places, ("new.dcm", phantom(TISSUE)))
    page = arrive(places.reviewer, "/worklist", expected=("404",))
    answer = page.goto(f"/reviews/{placed.review_id}?prior={other.referral_id}")
    assert answer is not None
    assert answer.status == 404


def test_without_script_an_earlier_image_can_be_chosen(server: Running, places: Places, arrive: Arrive) -> None:
    patient = cases.PATIENT | {"identifier": "MRN-78"}
    cases.place(server, places, ("old.jpg", cases.jpeg(30)), ("old2.jpg", cases.jpeg(50)), patient=patient)
    placed = cases.place(server, places, ("new.dcm", phantom(TISSUE)), patient=patient)
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", java_script_enabled=False)
    page.get_by_role("link", name="Side by side").click()
    page.locator(".prior .strip a").nth(1).click()
    chosen = page.locator(".prior .strip a").nth(1).get_attribute("data-source")
    assert page.locator(".prior .sheet img").get_attribute("src") == f"{chosen}/preview"
    expect(page.locator("us-viewer:not(.prior) .sheet img")).to_have_count(1)


def machines_own(page: Page, count: int = 3) -> Locator:
    """Its numbers, opened: its report is read when its study settles."""
    heading = page.get_by_text(f"Measured by the machine ({count})")
    for _ in range(50):
        if heading.count():
            break
        page.wait_for_timeout(300)
        page.reload()
    heading.click()
    return page.locator(".machine li")


def test_the_machines_numbers_are_accepted_by_a_press(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)), ("sr.dcm", report(obstetric())))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    lines = machines_own(page)
    expect(page.locator(".strip a")).to_have_count(1)
    expect(page.locator("#question")).to_contain_text("Sent without a picture: sr.dcm")
    expect(lines.nth(0)).to_contain_text("Biparietal Diameter 5.21 cm")
    expect(lines.nth(0)).to_contain_text("fetus A")
    accessible(page)
    page.get_by_role("button", name="Accept Biparietal Diameter").first.click()
    expect(page.locator(".machine li").nth(0)).to_contain_text("accepted")
    expect(page.locator(".machine li").nth(1)).not_to_contain_text("accepted")


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_the_machines_number_goes_into_the_report_as_the_machines(
    server: Running, places: Places, arrive: Arrive, viewport: ViewportSize
) -> None:
    placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)), ("sr.dcm", report(vascular())))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}", viewport=viewport)
    if viewport == NARROW:
        page.get_by_role("link", name="Write").click()
    machines_own(page, 1)
    expect(page.locator(".machine [data-insert]")).to_have_count(0)
    page.get_by_role("button", name="Accept Peak Systolic Velocity").click()
    page.locator(".machine summary").click()
    page.locator("[name=language]").select_option("fr")
    page.get_by_role("button", name="Into the report Peak Systolic Velocity").click()
    said = "Peak Systolic Velocity gauche Common Carotid Artery 92,4 cm/s (mesure de la machine)\n"
    expect(page.locator("#findings")).to_have_value(said)
    picture(page, f"machine-inserted-{viewport['width']}")
    accessible(page)


def test_the_machines_number_fills_what_is_empty_in_the_form_and_replaces_nothing(
    server: Running, places: Places, arrive: Arrive
) -> None:
    files = ("a.dcm", phantom(TISSUE)), ("sr.dcm", report(obstetric()[:1]))
    placed = cases.place(server, places, *files, exam_type="ob-second-trimester")
    with cases.client_of(server, places.reviewer) as reviewer:
        cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    machines_own(page, 2)
    for name in ("Biparietal Diameter", "Head Circumference"):
        page.get_by_role("button", name=f"Accept {name}").click()
        page.locator(".machine summary").click()
    bpd, hc = (page.locator(f"[data-key={each}] .measure [inputmode]") for each in ("bpd", "hc"))
    hc.fill("190")
    page.locator("[data-key=dvp] .measure [inputmode]").focus()  # touched last, and not meant
    page.get_by_role("button", name="Into the report Biparietal Diameter").click()
    expect(bpd).to_have_value("52.1")
    expect(page.locator("[data-key=dvp] .measure [inputmode]")).to_have_value("")
    page.get_by_role("button", name="Into the report Head Circumference").click()
    expect(page.locator("#findings")).to_have_value("HC fetus A 19.5 cm (measured by the machine)\n")
    expect(hc).to_have_value("190")
    expect(page.locator("#as-signed")).to_contain_text("Biparietal diameter: 52.1 mm (measured by the machine).")
    picture(page, "machine-form")


def test_of_twins_the_machines_number_goes_into_the_text_with_its_fetus(
    server: Running, places: Places, arrive: Arrive
) -> None:
    files = ("a.dcm", phantom(TISSUE)), ("sr.dcm", report(obstetric()))
    placed = cases.place(server, places, *files, exam_type="ob-second-trimester")
    with cases.client_of(server, places.reviewer) as reviewer:
        cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    machines_own(page, 3)
    page.get_by_role("button", name="Accept Biparietal Diameter").nth(1).click()
    page.locator(".machine summary").click()
    page.get_by_role("button", name="Into the report Biparietal Diameter").click()
    expect(page.locator("#findings")).to_have_value("BPD fetus B 4.98 cm (measured by the machine)\n")
    expect(page.locator("[data-key=bpd] .measure [inputmode]")).to_have_value("")


def test_a_referrer_looks_at_what_a_report_rests_on_one_after_the_other(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(
        server, places, ("a.jpg", cases.jpeg()), ("b.dcm", cases.numbered_clip()), ("c.pdf", cases.pdf())
    )
    cases.settled(server, places, placed)
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    report_id = cases.answer(server, places, placed.review_id)["report_id"]
    page = arrive(places.referrer, f"/reports/{report_id}")
    page.locator(".pictures a").first.click()
    seen = [page.get_by_role("heading", level=1).inner_text()]
    while page.locator("a[rel=next]").count():
        page.locator("a[rel=next]").click()
        seen.append(page.get_by_role("heading", level=1).inner_text())
        accessible(page)
        picture(page, f"look-{len(seen)}")
    assert sorted(re.sub("[0-9] of", "of", one) for one in seen) == [
        "Clip of 4",
        "Image of 4",
        "Page of 4",
        "Page of 4",
    ]
    expect(page.get_by_role("region", name="Patient")).to_contain_text("Otieno, Jane")
    page.get_by_role("link", name="The report").click()
    page.wait_for_url(f"**/reports/{report_id}")
    stranger = arrive(places.stranger_referrer, f"/referrals/{placed.referral_id}/images/x", expected=("404",))
    expect(stranger.get_by_role("heading", level=1)).to_have_text("There is nothing here.")
