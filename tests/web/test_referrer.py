"""The referrer's way in a browser: list, new referral, files, question, answer."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import Arrive, accessible, picture

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
    expect(page.locator("[data-known] .wrong")).to_contain_text("Refused")
    page.get_by_role("link", name="Receipt").click()
    digest = hashlib.sha256((tmp_path / "files" / "letter.pdf").read_bytes()).hexdigest()
    expect(page.get_by_role("row", name="letter.pdf")).to_contain_text(digest)
    accessible(page)
    picture(page, "receipt", full_page=True)
    page.goto("/")
    expect(page.locator(".cases-list")).to_contain_text("3 of 4 files arrived")
    picture(page, "home")
