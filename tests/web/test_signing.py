"""Signing in a browser, and the report that comes of it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from app.access.actor import WORKER
from app.db import transaction
from app.people.models import Organization
from tests import people
from tests.api.test_pregnancies import ago
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import Placed
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
PASSWORD = "correct horse battery staple"
TEXT = {
    "findings": "Several stones with shadows.\nDuct 4 mm.",
    "impression": "Gallstones.",
    "recommendation": "Surgical opinion.",
}


@pytest.fixture
def reviewer(server: Running, places: Places) -> Iterator[httpx.Client]:
    people.set_password(places.reviewer, PASSWORD)
    with cases.client_of(server, places.reviewer) as client:
        yield client


@pytest.fixture
def written(server: Running, places: Places, reviewer: httpx.Client) -> Placed:
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), ("b.dcm", cases.dicom("ybr_color")))
    cases.settled(server, places, placed)
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    cases.ok(reviewer.put(f"/reviews/{placed.review_id}/report", json=TEXT))
    return placed


def signed(reviewer: httpx.Client, placed: Placed) -> str:
    """By the JSON door; the report's id."""
    draft = reviewer.get(f"/reviews/{placed.review_id}/report")
    proof = {"password": PASSWORD, "images_sha256": draft.json()["images_sha256"]}
    answer = reviewer.post(f"/reviews/{placed.review_id}/sign", json=proof, headers={"If-Match": draft.headers["etag"]})
    return str(cases.ok(answer)["report_id"])


def test_a_report_is_read_over_and_signed_by_keyboard_alone(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{written.review_id}", expected=("422",))
    page.keyboard.press("w")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="This is what you sign")).to_be_visible()
    for text in TEXT.values():
        expect(page.locator(".signed-text")).to_contain_text(text)
    expect(page.locator(".signed-text")).to_contain_text("1 image, 1 clip")
    expect(page.get_by_label("Your password")).to_be_focused()
    picture(page, "sign")
    accessible(page)
    page.keyboard.type("not it")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your password")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Your password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".signature")).to_contain_text(places.reviewer.name)
    assert cases.ok(reviewer.get(f"/reviews/{written.review_id}"))["status"] == "completed"


def test_the_signing_page_fits_a_phone(places: Places, written: Placed, arrive: Arrive) -> None:
    page = arrive(
        places.reviewer, f"/reviews/{written.review_id}/sign", viewport=NARROW, has_touch=True, is_mobile=True
    )
    picture(page, "sign-narrow")
    accessible(page)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("findings", ["", "Several stones."])
def test_a_report_without_impression_is_not_signed_but_says_what_is_missing(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive, size: Any, findings: str
) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}#report", viewport=size)
    if findings:
        page.get_by_label("Findings").fill(findings)
    page.get_by_role("button", name="Read over and sign").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text(
        "Write the impression: it is the answer to the question."
    )
    expect(page.get_by_label("Impression")).to_be_focused()
    expect(page.locator("us-viewer")).to_be_visible(visible=size is WIDE)
    expect(page.get_by_label("Findings")).to_have_value(findings)
    picture(page, f"sign-nothing-{size['width']}")
    accessible(page)
    page.keyboard.type("Gallstones.")
    page.get_by_role("button", name="Read over and sign").click()
    if not findings:  # no words and nothing ticked: what the form requires is asked for, until one writes without it
        expect(page.locator("#lacks a").first).to_be_visible()
        page.get_by_role("link", name="Write freely instead").click()
        expect(page.locator("#form")).to_have_count(0)
        page.get_by_role("button", name="Read over and sign").click()
    expect(page.get_by_role("heading", name="This is what you sign")).to_be_visible()


def test_what_nothing_ticked_bears_out_is_signed_by_one_press_more(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), exam_type="fast")
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    cases.ok(reviewer.put(f"/reviews/{placed.review_id}/report", json={"impression": "No free fluid."}))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}/sign")
    asked = page.locator(".asks")
    expect(asked).to_contain_text("The text says “No free fluid”.")
    expect(asked).to_contain_text("all four windows")
    picture(page, "sign-asks")
    accessible(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.get_by_role("heading", name="This is what you sign")).to_be_visible()  # it is to be answered first
    narrow = arrive(
        places.reviewer, f"/reviews/{placed.review_id}/sign", viewport=NARROW, has_touch=True, is_mobile=True
    )
    narrow.locator(".asks").scroll_into_view_if_needed()
    picture(narrow, "sign-asks-narrow")
    accessible(narrow)
    french = arrive(places.reviewer, f"/reviews/{placed.review_id}/sign", locale="fr-FR", java_script_enabled=False)
    expect(french.locator(".asks")).to_contain_text("Le texte dit « No free fluid ».")
    page.get_by_label("It is meant so").check()
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter")).to_contain_text("The reader was asked about")
    report = cases.ok(reviewer.get(f"/referrals/{placed.referral_id}"))["report"]["id"]
    source = cases.ok(reviewer.get(f"/reports/{report}"))["source"]
    assert source["meant"] == [{"code": "no-free-fluid", "words": "No free fluid"}]


def test_the_json_door_says_what_is_asked_and_takes_the_answer(
    server: Running, places: Places, reviewer: httpx.Client
) -> None:
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), exam_type="fast")
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    saved = reviewer.put(f"/reviews/{placed.review_id}/report", json={"impression": "FAST negative."})
    body: dict[str, Any] = {"password": PASSWORD, "images_sha256": cases.ok(saved)["images_sha256"]}
    headers = {"If-Match": saved.headers["etag"]}
    refused = reviewer.post(f"/reviews/{placed.review_id}/sign", json=body, headers=headers)
    assert (refused.status_code, refused.json()["field"]) == (422, "meant")
    (ask,) = refused.json()["asks"]
    assert (ask["code"], ask["words"], set(ask["why"])) == ("no-free-fluid", "FAST negative", {"en", "fr"})
    body["meant"] = [ask["code"]]
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/sign", json=body, headers=headers))


def test_what_is_typed_otherwise_than_known_is_shown_before_it_is_signed(
    server: Running, places: Places, reviewer: httpx.Client, arrive: Arrive
) -> None:
    said = {"lmp": ago(60), "examined_on": ago(0)}
    placed = cases.place(
        server, places, ("a.dcm", cases.dicom("rgb_color")), exam_type="ob-first-trimester", obstetric=said
    )
    cases.ok(reviewer.post(f"/reviews/{placed.review_id}/claim"))
    ticked = {"location": {"choice": "unknown"}, "uterus": {"choices": ["normal"]}, "cervix": {"choice": "closed"},
              "adnexa": {"choices": ["normal"]}, "cul-de-sac": {"choice": "none"}, "ga": {"text": "6w0d"}}  # fmt: skip
    body = {"impression": "None is seen.", "form": {"template": "ob-first-trimester", "answers": ticked}}
    cases.ok(reviewer.put(f"/reviews/{placed.review_id}/report", json=body))
    page = arrive(places.reviewer, f"/reviews/{placed.review_id}/sign")
    expect(page.locator(".notice", has_text="The report says otherwise.")).to_contain_text(
        "Gestational age today: known to be 8w4d"
    )
    picture(page, "sign-contradicted")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter")).to_contain_text("6w0d")


def test_sign_and_open_the_next(server: Running, places: Places, written: Placed, arrive: Arrive) -> None:
    following = cases.place(server, places, question="Is there an effusion?")
    page = arrive(places.reviewer, f"/reviews/{written.review_id}/sign")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign and open the next").click()
    expect(page.locator(".banner .code")).to_have_text(following.code)


def test_what_differs_from_what_was_shown_is_not_signed_but_told(
    server: Running, places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{written.review_id}/sign", expected=("412",))
    tag = reviewer.get(f"/reviews/{written.review_id}/report").headers["etag"]
    changed = TEXT | {"impression": "No gallstones."}
    cases.ok(reviewer.put(f"/reviews/{written.review_id}/report", json=changed, headers={"If-Match": tag}))
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    sides = page.locator(".sides p.prose")
    expect(sides).to_have_text(["Gallstones.", "No gallstones."])
    cases.send(server, places, written.referral_id, "late.jpg", cases.jpeg())
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.get_by_role("alert")).to_contain_text("1 image came since: Image")
    picture(page, "sign-differs")
    accessible(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter")).to_contain_text("No gallstones.")


def test_images_that_came_after_the_room_was_opened_are_told_before_signing(
    server: Running, places: Places, written: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{written.review_id}")
    cases.send(server, places, written.referral_id, "late.jpg", cases.jpeg())
    page.get_by_role("button", name="Read over and sign").click()
    expect(page.get_by_role("alert")).to_contain_text("Images came or went since you opened the reading room.")


def test_the_report_reads_like_a_letter_and_is_acknowledged(
    server: Running, places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    report_id = signed(reviewer, written)
    page = arrive(places.referrer, f"/reports/{report_id}")
    headings = page.locator(".letter h2").all_inner_texts()
    assert headings[:3] == ["Impression", "Recommendation", "Findings"]
    assert len(page.content().encode()) <= 30_000
    expect(page.locator(".pictures img")).to_have_count(2)
    picture(page, "report")
    accessible(page)
    assert page.locator("main .primary").count() == 1
    page.get_by_role("button", name="I have read this").click()
    expect(page.locator(".letter")).to_contain_text(f"Read by {places.referrer.name}")
    expect(page.get_by_role("button", name="I have read this")).to_have_count(0)
    narrow = arrive(places.referrer, f"/reports/{report_id}", viewport=NARROW, has_touch=True, is_mobile=True)
    picture(narrow, "report-narrow")
    accessible(narrow)
    narrow.emulate_media(media="print")
    picture(narrow, "report-print")


def test_the_report_as_pdf_and_its_verification(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    report_id = signed(reviewer, written)
    page = arrive(places.referrer, f"/reports/{report_id}")
    pdf = page.request.get(f"/reports/{report_id}.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert written.code in pdf.headers["content-disposition"]
    assert pdf.body().startswith(b"%PDF-")
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This is what was signed, and it is the newest version")
    picture(page, "report-verify")
    accessible(page)


def test_a_correction_is_a_new_version_and_the_old_one_stays(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    report_id = signed(reviewer, written)
    page = arrive(places.reviewer, f"/reports/{report_id}")
    page.get_by_text("Change this report").click()
    picture(page, "report-change")
    accessible(page)
    page.get_by_label("A correction").check()
    page.get_by_label("What is changed, and why").fill("The side was wrong.")
    page.get_by_role("button", name="Write the change").click()
    expect(page.locator(".write")).to_contain_text("You are correcting a signed report: The side was wrong.")
    page.get_by_label("Impression").fill("Gallstones and sludge.")
    page.get_by_role("button", name="Read over and sign").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter")).to_contain_text("What was corrected: The side was wrong.")
    page.get_by_role("link", name="Final, version 1").click()
    expect(page.get_by_role("alert")).to_contain_text("This is version 1, replaced by version 2 on")
    expect(page.locator("#impression + p")).to_have_text("Gallstones.")


def test_a_report_entered_in_error_stays_with_its_mark(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    report_id = signed(reviewer, written)
    page = arrive(places.reviewer, f"/reports/{report_id}")
    page.get_by_text("Change this report").click()
    page.get_by_label("This report should not exist").fill("Wrong patient.")
    page.get_by_role("button", name="Mark as entered in error").click()
    expect(page.get_by_role("alert")).to_have_text("This report was entered in error. Do not act on it.")
    picture(page, "report-in-error")
    accessible(page)


def test_a_preliminary_reading_goes_out_and_the_final_one_follows(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    page = arrive(places.reviewer, f"/reviews/{written.review_id}/sign")
    page.get_by_label("Preliminary: a final reading follows").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter-head")).to_contain_text("Preliminary, version 1")
    page.goto(f"/reviews/{written.review_id}")
    expect(page.get_by_label("Impression")).to_have_value("Gallstones.")
    page.get_by_label("Impression").fill("Gallstones, no sign of inflammation.")
    page.get_by_role("button", name="Read over and sign").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".letter-head")).to_contain_text("Final, version 2")


def test_signing_works_without_script(places: Places, written: Placed, arrive: Arrive) -> None:
    page = arrive(places.reviewer, f"/reviews/{written.review_id}", java_script_enabled=False)
    page.get_by_role("button", name="Read over and sign").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator(".signature")).to_contain_text(places.reviewer.name)


def test_a_stranger_learns_nothing_of_room_and_report(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    report_id = signed(reviewer, written)
    page = arrive(places.stranger_reviewer, "/worklist")
    paths = (f"reports/{report_id}", f"reports/{report_id}.pdf", f"reports/{report_id}/verify", f"reviews/{written.review_id}",
             f"reviews/{written.review_id}/sign", f"reviews/{written.review_id}/now")  # fmt: skip
    assert [page.request.get(f"/{path}").status for path in paths] == [404] * len(paths)
    expect(page.locator("body")).not_to_contain_text(written.code)


def test_what_was_signed_is_found_again(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive
) -> None:
    report_id = signed(reviewer, written)
    page = arrive(places.reviewer, "/worklist")
    expect(page.locator(".empty")).to_contain_text(f"by {places.reviewer.name}.")
    page.get_by_role("link", name="Signed by me 1 today").click()
    expect(page.locator("#rows .code")).to_have_text([written.code])
    picture(page, "worklist-signed")
    accessible(page)
    page.get_by_role("link", name=f"Report {written.code}").click()
    page.wait_for_url(f"**/reports/{report_id}")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_two_clocks_fit_on_every_page_that_tells_a_time(
    places: Places, reviewer: httpx.Client, written: Placed, arrive: Arrive, viewport: dict[str, int]
) -> None:
    with transaction(WORKER) as session:
        session.get_one(Organization, places.clinic).time_zone = "Africa/Kinshasa"
    page = arrive(places.referrer, "/", viewport=viewport)
    accessible(page)
    report_id = signed(reviewer, written)
    for path in (f"/referrals/{written.referral_id}", f"/reports/{report_id}", f"/reports/{report_id}/verify"):
        page.goto(path)
        expect(page.locator("main")).to_contain_text("Nairobi (UTC+3)")
        accessible(page)
    page.goto(f"/referrals/{written.referral_id}/receipt")
    assert page.locator(".scroll").evaluate("box => box.scrollWidth <= box.clientWidth")
    accessible(page)
