"""The worklist in a browser: by keyboard, live without moving, narrowed, paged, on a phone."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from app.access.actor import WORKER
from app.db import transaction
from app.http.actor import PLAIN
from app.people.models import Organization
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, cookie_of, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def three(server: Running, places: Places) -> list[cases.Placed]:
    """In the order of their deadlines."""
    later = cases.place(
        server, places, priority="routine", exam_type="ob-second-trimester", question="Is growth as it should be?",
        patient={"name_unknown": True, "sex": "female", "age": {"value": 27, "unit": "years"}},
    )  # fmt: skip
    now = cases.place(
        server, places, priority="stat", exam_type="fast", question="Fell from a roof. Free fluid?", files=[{"name": "x.dcm"}],
        patient={"family_name": "Wanjiru", "age": {"value": 7, "unit": "months"}, "sex": "male"},
    )  # fmt: skip
    soon = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), ("b.dcm", cases.dicom("ybr_color")))
    return [now, soon, later]


def codes(page: Page) -> list[str]:
    return page.locator("#rows .code").all_inner_texts()


def refresh(page: Page) -> None:
    with page.expect_response(re.compile("/worklist")):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_worklist_is_accessible_and_fits_a_phone(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.reviewer, "/worklist")
    expect(page.locator(".empty")).to_have_text("Nothing waits.")
    picture(page, "worklist-empty")
    accessible(page)
    placed = three(server, places)
    page.reload()
    assert codes(page) == [one.code for one in placed]
    expect(page.locator("#rows .due")).to_have_text(
        [re.compile("● *due in [56]. min *patient waits"), re.compile("◐ due in 3 h *patient waits"), "○ due in 2 days"]
    )
    expect(page.locator("#rows .files")).to_have_text(["0 of 1", "2 · 1 clip", "none yet"])
    picture(page, "worklist-wide")
    accessible(page)
    narrow = arrive(places.reviewer, "/worklist", viewport=NARROW, has_touch=True, is_mobile=True)
    picture(narrow, "worklist-narrow")
    accessible(narrow)
    narrow.locator("#rows").scroll_into_view_if_needed()
    narrow.screenshot(path=picture(narrow, "worklist-narrow-whole"), full_page=True)
    dark = arrive(places.reviewer, "/worklist", color_scheme="dark")
    picture(dark, "worklist-dark")
    accessible(dark)


def test_a_row_says_all_that_one_chooses_by(server: Running, places: Places, arrive: Arrive) -> None:
    at = datetime.now(UTC)
    placed = cases.place(
        server, places, exam_type="ob-third-trimester", language="fr", priority="routine",
        obstetric={"lmp": (at - timedelta(weeks=31, days=3)).date().isoformat(), "lmp_certain": False},
        patient_leaves_at=(at + timedelta(hours=30)).isoformat(),
    )  # fmt: skip
    waits = cases.place(server, places, priority="stat")
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    with cases.client_of(server, places.referrer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/say", json={"text": "She is back at 14."}), 201)
    for name in ("a.dcm", "b.dcm"):
        cases.send(server, places, waits.referral_id, name, a_dicom(patient="Okoth^Peter"))
    page = arrive(places.reviewer, "/worklist")
    row = page.locator(f"#r-{placed.review_id}")
    expect(row.locator(".due")).to_contain_text(re.compile(r"due in 29 h\s*patient leaves \d+ \w+, \d\d:\d\d"))
    expect(row.locator(".who")).to_have_text(re.compile(r"36 y, Female, ~31w[234]d"))
    expect(row.locator(".question")).to_have_text(re.compile("^New message Pain under the right ribs"))
    expect(row.locator(".lang")).to_have_text("French")
    expect(row.locator(".owner")).to_have_text(re.compile(r"You since \d\d:\d\d"))
    expect(page.locator(f"#r-{waits.review_id} .due")).to_contain_text("patient waits")
    expect(page.locator(f"#r-{waits.review_id} .files")).to_contain_text("2 files held: identity")
    picture(page, "worklist-columns")
    accessible(page)
    narrow = arrive(places.reviewer, "/worklist", viewport=NARROW, has_touch=True, is_mobile=True)
    picture(narrow, "worklist-columns-narrow", full_page=True)
    accessible(narrow)
    with cases.client_of(server, places.reviewer) as client:
        (first, *_rest) = cases.ok(client.get("/worklist?owner=" + str(places.reviewer.id)))["items"]
    assert (first["language"], first["has_unread_message"], first["gestational_age"][:3]) == ("fr", True, "31w")
    page.goto(f"/reviews/{placed.review_id}")
    expect(page.locator("#talk")).to_contain_text("She is back at 14.")
    page.goto("/worklist")
    expect(row.locator(".question")).not_to_contain_text("New message")


def test_tabs_and_choices_count_and_the_narrowing_is_remembered(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = three(server, places)
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed[1].review_id}/claim"))
        cases.ok(client.post(f"/reviews/{placed[1].review_id}/hold", json={"text": "Since when?"}))
    page = arrive(places.reviewer, "/worklist")
    expect(page.locator(".tabs a")).to_have_text(
        ["Open 3", "Unclaimed 2", "Mine 1", "Waiting for the site 1", "Overdue 0", "Signed by me 0 today"]
    )
    expect(page.locator("select[name=site] option")).to_have_text(["All sites", "Lodwar clinic (3)"])
    expect(page.locator("select[name=exam_type] option[value=fast]")).to_have_text("FAST (trauma) (1)")
    expect(page.locator("select[name=language] option")).to_have_text(["All languages", "English (3)"])
    page.get_by_role("link", name="Waiting for the site").click()
    expect(page.locator("#rows .code")).to_have_text([placed[1].code])
    page.wait_for_load_state()  # its script narrows as one chooses
    page.get_by_label("Exam").select_option("renal")
    expect(page.locator(".empty")).to_contain_text("Nothing here matches.")
    page.goto(f"/reviews/{placed[0].review_id}")
    page.get_by_role("link", name="Worklist").first.click()
    expect(page).to_have_url(re.compile("tab=asked&exam_type=renal"))
    expect(page.get_by_label("Exam")).to_have_value("renal")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("#rows .code")).to_have_text([placed[1].code])
    cases.place(server, places, exam_type="fast", priority="stat")
    refresh(page)
    expect(page.locator("select[name=exam_type] option[value=fast]")).to_have_text(
        "FAST (trauma) (2)",
        timeout=30_000,  # a look that was under way before may be the one answered first
    )
    other = places.second_reviewer
    page.context.add_cookies([{"name": PLAIN, "value": cookie_of(other), "url": server.base_url}])
    page.goto("/worklist")
    expect(page.locator(".tabs a[aria-current]")).to_contain_text("Open")


def test_rows_are_moved_through_opened_and_claimed_by_keys(server: Running, places: Places, arrive: Arrive) -> None:
    placed = three(server, places)
    page = arrive(places.reviewer, "/worklist")
    for key, at in (("j", 1), ("ArrowDown", 2), ("j", 2), ("k", 1), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(page.get_by_role("link", name=placed[at].code, exact=True)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Code, identifier or name")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.locator(f"#r-{placed[1].review_id} .owner")).to_contain_text("You")
    expect(page.locator("#said")).to_have_text(f"{placed[1].code}: It is yours.")
    assert codes(page) == [one.code for one in placed]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/reviews/{placed[1].review_id}")


def test_a_race_lost_says_who_in_the_row(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.reviewer, "/worklist", expected=("409",))
    with cases.client_of(server, places.second_reviewer) as other:
        cases.ok(other.post(f"/reviews/{placed.review_id}/claim"))
    page.get_by_role("button", name="Claim").click()
    expect(page.locator("#rows .owner")).to_contain_text(f"{places.second_reviewer.name} has had this review since")


def test_a_refresh_changes_words_in_place_and_gathers_what_is_new(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = three(server, places)
    page = arrive(places.reviewer, "/worklist")
    page.get_by_role("link", name=placed[2].code, exact=True).focus()
    with cases.client_of(server, places.second_reviewer) as other:
        cases.ok(other.post(f"/reviews/{placed[2].review_id}/claim"))
        cases.ok(other.post(f"/reviews/{placed[1].review_id}/decline", json={"reason": "Dark.", "advice": "Repeat."}))
    new = cases.place(server, places, priority="stat")
    refresh(page)
    expect(page.get_by_role("link", name="Show 1 new case")).to_be_visible()
    assert codes(page) == [one.code for one in placed]
    expect(page.locator(f"#r-{placed[2].review_id} .owner")).to_contain_text(places.second_reviewer.name)
    expect(page.locator(f"#r-{placed[1].review_id} .act")).to_have_text("no longer in this list")
    expect(page.get_by_role("link", name=placed[2].code, exact=True)).to_be_focused()
    expect(page.locator(".tabs a").first).to_have_text("Open 3")
    picture(page, "worklist-refreshed")
    accessible(page)
    page.get_by_role("link", name="Show 1 new case").click()
    expect(page.locator("#rows .code")).to_have_text([placed[0].code, new.code, placed[2].code])


def test_a_claimed_row_keeps_the_clock_of_its_list(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    with transaction(WORKER) as session:
        session.get_one(Organization, places.hospital).time_zone = "Asia/Tokyo"
    page = arrive(places.reviewer, "/worklist")
    since = page.locator(f"#r-{placed.review_id} .since")
    page.get_by_role("button", name=f"Claim {placed.code}").click()
    expect(since).to_have_text(re.compile("since"))
    claimed = since.inner_text()
    page.reload()
    expect(since).to_have_text(claimed)


def test_the_list_is_narrowed_as_one_types(server: Running, places: Places, arrive: Arrive) -> None:
    placed = three(server, places)
    page = arrive(places.reviewer, "/worklist")
    page.get_by_label("Code, identifier or name").fill("wanj")
    expect(page.locator("#rows .code")).to_have_text([placed[0].code])
    expect(page.get_by_label("Code, identifier or name")).to_be_focused()
    page.get_by_label("Code, identifier or name").fill(placed[2].code.lower().replace("-", ""))
    expect(page.locator("#rows .code")).to_have_text([placed[2].code])
    page.get_by_label("Code, identifier or name").fill("")
    page.get_by_label("Exam").select_option("abdomen")
    expect(page.locator("#rows .code")).to_have_text([placed[1].code])
    page.get_by_label("Code, identifier or name").fill("nobody at all")
    expect(page.locator(".empty")).to_contain_text("Nothing here matches.")


def test_tabs_and_filters_work_without_script(server: Running, places: Places, arrive: Arrive) -> None:
    placed = three(server, places)
    page = arrive(places.reviewer, "/worklist", java_script_enabled=False)
    page.get_by_role("button", name=f"Claim {placed[0].code}").click()
    page.goto("/worklist")
    page.get_by_role("link", name="Mine").click()
    expect(page.locator("#rows .code")).to_have_text([placed[0].code])
    page.get_by_role("link", name="Unclaimed").click()
    expect(page.locator("#rows .code")).to_have_text([one.code for one in placed[1:]])
    page.get_by_label("Code, identifier or name").fill(placed[2].code)
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#rows .code")).to_have_text([placed[2].code])
    page.goto("/worklist?tab=signed")
    expect(page.locator(".empty")).to_have_text("You have signed nothing yet.")


def test_more_is_shown_below_without_losing_the_place(server: Running, places: Places, arrive: Arrive) -> None:
    placed = [cases.place(server, places, priority="stat").code for _ in range(53)]
    page = arrive(places.reviewer, "/worklist")
    assert codes(page) == placed[:50]
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("#rows .code")).to_have_count(53)
    assert codes(page) == placed
    cases.place(server, places, priority="routine")
    refresh(page)
    expect(page.locator(".tabs a").first).to_have_text("Open 54")
    assert codes(page) == placed
    assert page.locator("tr.gone").count() == 0
    plain = arrive(places.reviewer, "/worklist", java_script_enabled=False)
    plain.get_by_role("link", name="Show more").click()
    expect(plain.locator("#rows .code")).to_have_count(4)
    assert codes(plain)[:3] == placed[50:]


def test_a_wrong_site_is_refused_in_words(places: Places, arrive: Arrive) -> None:
    page = arrive(places.reviewer, "/worklist?site=nowhere", expected=("422",))
    expect(page.get_by_role("alert")).to_contain_text("There is no such site.")
