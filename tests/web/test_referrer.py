"""The referrer's way in a browser: list, new referral, files, question, answer."""

import hashlib
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.people import Places, set_password
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.tus.client import Tus
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def fill(page: Page) -> None:
    page.get_by_label("Family name").fill("Otieno")
    page.get_by_label("Given name").fill("Jane")
    page.get_by_label("Female").check()
    page.get_by_label("Year", exact=True).fill("1990")
    page.get_by_text("Abdomen", exact=True).click()
    page.get_by_label("What should the specialist answer?").fill("Pain under the right ribs. Gallstones?")
    page.get_by_text("Within 4 hours").click()


def files(folder: Path) -> list[Path]:
    folder.mkdir()
    made = {
        "ruq-1.dcm": cases.dicom("rgb_color"), "photo.jpg": cases.jpeg(), "letter.pdf": cases.pdf(),
        "broken.dcm": cases.dicom("ybr_color")[:3000],
    }  # fmt: skip
    for name, body in made.items():
        (folder / name).write_bytes(body)
    return [folder / name for name in made]


def test_a_referral_is_sent_before_its_files_which_go_on_arriving(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    page = arrive(places.referrer, "/", expected=("422",))
    expect(page.locator(".empty")).to_contain_text("No referral yet")
    accessible(page)
    picture(page, "home-empty")
    page.get_by_role("link", name="New referral").click()
    fill(page)
    paths = files(tmp_path / "files")
    page.locator("input[data-pick]").first.set_input_files(paths)
    expect(page.locator("[data-queue] > li")).to_have_count(4)
    picture(page, "new-referral-filled", full_page=True)
    accessible(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at Kijabe Hospital")
    expect(page.locator("[data-said]")).to_have_text(
        "3 of 4 received and verified. Still to settle: 1.", timeout=20_000
    )
    expect(page.locator("[data-queue] > li")).to_have_count(1)
    expect(page.locator("[data-queue] .wrong")).to_contain_text("cut off")
    picture(page, "referral-files", full_page=True)
    accessible(page)
    page.reload()
    expect(page.locator("[data-queue] .wrong")).to_contain_text("cut off")  # kept here: it can be tried again
    page.get_by_role("link", name="Receipt").click()
    digest = hashlib.sha256((tmp_path / "files" / "letter.pdf").read_bytes()).hexdigest()
    expect(page.get_by_role("row", name="letter.pdf")).to_contain_text(digest)
    accessible(page)
    picture(page, "receipt", full_page=True)
    page.goto("/")
    expect(page.locator(".cases-list")).to_contain_text("3 files arrived, 1 refused")
    picture(page, "home")


def test_a_wrong_field_keeps_the_form_and_names_itself(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.referrer, "/referrals/new", expected=("422",), viewport=NARROW)
    accessible(page)
    page.get_by_label("What should the specialist answer?").fill("Is it broken?")
    page.get_by_label("Year", exact=True).fill("2190")
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("alert")).to_contain_text("3 things need another look")
    expect(page.locator("#w-family_name")).to_contain_text("Give a name")
    expect(page.locator("#w-birth_date")).to_contain_text("future")
    expect(page.locator("#w-exam_type")).to_be_visible()
    expect(page.get_by_label("What should the specialist answer?")).to_have_value("Is it broken?")
    accessible(page)
    picture(page, "new-referral-wrong-narrow", full_page=True)


def test_without_script_the_same_form_sends_and_files_follow(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    page = arrive(places.referrer, "/referrals/new", java_script_enabled=False)
    fill(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at Kijabe Hospital")
    page.get_by_label("Add files").set_input_files(files(tmp_path / "files"))
    page.get_by_role("button", name="Send files").click()
    expect(page.locator("[data-known]")).to_contain_text("3 files received and verified")
    expect(page.locator("[data-known] .wrong")).to_contain_text("cut off")
    picture(page, "referral-without-script", full_page=True)


def test_a_line_that_breaks_delays_a_file_and_sends_it_once(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", expected=("ERR_FAILED", "ERR_INTERNET"))
    broken = 2

    def cut(route: Route) -> None:
        nonlocal broken
        broken -= 1
        route.fallback() if broken < 0 else route.abort()

    page.route("**/uploads", cut)
    (tmp_path / "photo.jpg").write_bytes(cases.jpeg())
    page.locator("input[data-pick]").first.set_input_files(tmp_path / "photo.jpg")
    expect(page.locator("[data-queue]")).to_contain_text("The line is down")
    expect(page.locator("[data-said]")).to_have_text("The file is received and verified.", timeout=20_000)
    expect(page.locator("[data-known] summary")).to_contain_text("1 file received")


def test_a_file_that_a_closed_page_had_begun_goes_on_where_it_stopped(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed, body = cases.place(server, places), cases.jpeg()
    asked: list[tuple[str, str]] = []
    with Tus(server.base_url, places.referrer) as tus:
        url = tus.begun(len(body), referral_id=placed.referral_id, filename="photo.jpg")
        assert tus.patch(url, 0, body[: len(body) // 2]).status_code == 204
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    page.on("request", lambda request: asked.append((request.method, urlsplit(request.url).path)))
    (tmp_path / "photo.jpg").write_bytes(body)
    page.locator("input[data-pick]").first.set_input_files(tmp_path / "photo.jpg")
    expect(page.locator("[data-known] summary")).to_contain_text("1 file received")
    assert [one for one in asked if one[1].startswith("/uploads")] == [("HEAD", url), ("PATCH", url)]


def test_a_file_of_another_patient_is_held_until_somebody_says_whose_it_is(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places, patient={"family_name": "Wanjiru", "given_name": "Grace"})
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    (tmp_path / "other.dcm").write_bytes(cases.dicom("rgb_color"))
    page.locator("input[data-pick]").first.set_input_files(tmp_path / "other.dcm")
    expect(page.locator("[data-queue] .wrong")).to_contain_text(
        "The file names Otieno Jane, 1990-04-03, not the patient"
    )
    accessible(page)
    picture(page, "referral-asks", full_page=True)
    expect(page.locator("[data-known] [data-file]")).to_have_count(0)  # nothing of it has left
    page.get_by_role("button", name="It is the right file: send it other.dcm").click()
    expect(page.locator("[data-known]")).to_contain_text("1 file received and verified")  # asked once is enough

    cases.send(server, places, placed.referral_id, "script.dcm", a_dicom())
    page.reload()
    expect(page.locator("[data-known] .wrong")).to_contain_text("another patient")
    accessible(page)
    picture(page, "referral-held", full_page=True)
    page.get_by_role("button", name="Same patient script.dcm").click()
    expect(page.locator("[data-known]")).to_contain_text("2 files received and verified")
    expect(page.locator("[data-known] .wrong")).to_have_count(0)


def test_a_file_that_is_asked_about_counts_as_one_to_settle(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places, patient={"family_name": "Wanjiru", "given_name": "Grace"})
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    for name, body in (("other.dcm", cases.dicom("rgb_color")), ("photo.jpg", cases.jpeg())):
        (tmp_path / name).write_bytes(body)
    page.locator("input[data-pick]").first.set_input_files([tmp_path / "other.dcm", tmp_path / "photo.jpg"])
    expect(page.locator("[data-said]")).to_have_text(
        "1 of 2 received and verified. Still to settle: 1.", timeout=20_000
    )


def test_the_last_word_on_files_is_the_servers_count_and_what_cannot_help_is_not_offered(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", expected=("422",))
    with zipfile.ZipFile(tmp_path / "exam.zip", "w") as archive:
        archive.writestr("a.jpg", cases.jpeg())
        archive.writestr("cut.dcm", cases.dicom("rgb_color")[:3000])
    page.locator("input[data-pick]").first.set_input_files(tmp_path / "exam.zip")
    expect(page.locator("[data-said]")).to_have_text("1 file arrived, 1 refused", timeout=20_000)
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "late.dcm").write_bytes(cases.dicom("ybr_color")[:3000])
    page.locator("input[data-pick]").first.set_input_files([tmp_path / "note.txt", tmp_path / "late.dcm"])
    expect(page.get_by_role("button", name="Remove note.txt")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Try again late.dcm")).to_be_visible()
    expect(page.get_by_role("button", name="Try again note.txt")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_files_of_one_other_patient_raise_one_question_and_wrong_ones_are_asked_about_first(
    server: Running, places: Places, arrive: Arrive, size: dict[str, int]
) -> None:
    others = [("x.dcm", cases.dicom(name, "Wanjiru^Mary", "19700429")) for name in ("rgb_color", "ybr_color")]
    placed = cases.place(server, places, *others, ("y.dcm", cases.dicom("palette_color", "Kamau^Ann", "19810102")))
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", viewport=size)
    page.locator("summary", has_text="Wrong file y.dcm").click()
    accessible(page)
    picture(page, f"referral-alike-{size['width']}", full_page=True)
    page.get_by_role("button", name="Yes, take it off y.dcm").click()
    expect(page.locator("[data-known]")).to_contain_text("1 file taken off")
    page.get_by_role("button", name="Same patient 2 files").click()
    expect(page.locator("[data-known]")).to_contain_text("2 files received and verified")


def test_names_in_the_list_are_whole_on_a_small_screen(server: Running, places: Places, arrive: Arrive) -> None:
    cases.place(server, places, patient={"family_name": "Ratsimandrava-Rakotomalala", "given_name": "Voahangy Lalao"})
    page = arrive(places.referrer, "/", viewport=NARROW)
    cut_off = "document.querySelector('.cases-list .name').scrollWidth > document.querySelector('.cases-list .name').clientWidth"
    assert page.evaluate(cut_off) is False
    expect(page.locator(".cases-list .name")).to_have_css("white-space", "normal")
    accessible(page)
    picture(page, "home-long-name-narrow")


def test_a_question_is_answered_with_the_files_that_came_since(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.reviewer) as reader:
        cases.ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        cases.ok(reader.post(f"/reviews/{placed.review_id}/hold", json={"text": "Please add a long axis."}))
    page = arrive(places.referrer, "/")
    expect(page.locator(".asked h2").first).to_contain_text("A question for you")
    page.get_by_role("link", name=placed.code).click()
    expect(page.locator("[data-upload]")).to_be_visible()  # the script has come
    (tmp_path / "axis.jpg").write_bytes(cases.jpeg())
    page.locator("input[data-pick]").first.set_input_files(tmp_path / "axis.jpg")
    expect(page.locator("[data-known] summary")).to_contain_text("1 file received")
    accessible(page)
    picture(page, "referral-question", full_page=True)
    page.get_by_label("Your reply").fill("Here it is.")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator("#talk")).to_contain_text("File: axis.jpg")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Being read by")


def test_an_answer_is_read_and_acknowledged(server: Running, places: Places, arrive: Arrive) -> None:
    placed = answered(server, places)
    page = arrive(places.referrer, "/")
    expect(page.locator(".asked h2").first).to_contain_text("Answered")
    page.get_by_role("link", name=placed.code).click()
    expect(page.locator(".impression")).to_have_text("Gallstones without inflammation.")
    accessible(page)
    picture(page, "referral-answered", full_page=True)
    narrow = arrive(places.referrer, f"/referrals/{placed.referral_id}", viewport=NARROW, color_scheme="dark")
    accessible(narrow)
    picture(narrow, "referral-answered-dark-narrow", full_page=True)
    page.get_by_role("button", name="I have read this answer").click()
    page.goto(f"/referrals/{placed.referral_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Answered and read")
    page.goto("/")
    expect(page.locator("#g-done")).to_be_visible()


def answered(server: Running, places: Places) -> cases.Placed:
    placed = cases.place(server, places)
    set_password(places.reviewer, "seven otters cross the ford")
    with cases.client_of(server, places.reviewer) as reader:
        path = f"/reviews/{placed.review_id}"
        cases.ok(reader.post(f"{path}/claim"))
        text = {
            "findings": "Two mobile stones.",
            "impression": "Gallstones without inflammation.",
            "recommendation": "Surgery, not urgent.",
        }
        draft = reader.put(f"{path}/report", json=text)
        proof = {"password": "seven otters cross the ford", "images_sha256": draft.json()["images_sha256"]}
        cases.ok(reader.post(f"{path}/sign", json=proof, headers={"If-Match": draft.headers["etag"]}))
    return placed


def test_a_change_over_anothers_is_looked_at_first(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}/revise", expected=("409",))
    accessible(page)
    with cases.client_of(server, places.referrer) as client:
        tag = client.get(f"/referrals/{placed.referral_id}").headers["etag"]
        cases.ok(
            client.patch(f"/referrals/{placed.referral_id}", json={"question": "Stones?"}, headers={"If-Match": tag})
        )
    page.get_by_label("What should the specialist answer?").fill("Gallstones, or the liver?")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this referral")
    expect(page.get_by_label("What should the specialist answer?")).to_have_value("Gallstones, or the liver?")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("main")).to_contain_text("Changed 2 times since it was placed")
    page.locator("summary", has_text="Changed").click()
    picture(page, "referral-revised", full_page=True)


def test_a_referral_is_cancelled_with_a_reason(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}/cancel", expected=("422",))
    accessible(page)
    page.get_by_role("button", name="Cancel referral").click()
    expect(page.locator("#w-reason")).to_be_visible()
    page.get_by_label("Why?").fill("Patient went to the district hospital.")
    page.get_by_role("button", name="Cancel referral").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancelled")


def test_a_draft_is_kept_and_sent_later(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.referrer, "/referrals/new")
    fill(page)
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Draft, not sent yet")
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at Kijabe Hospital")
