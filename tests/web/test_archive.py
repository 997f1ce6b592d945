"""Whoever may see a case takes its files away as a ZIP, from the page of the referral or the reading room."""

import zipfile
from datetime import date

import pytest
from playwright.sync_api import Page, expect
from pydicom import examples

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def taken(page: Page, name: str) -> tuple[str, list[str]]:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    with zipfile.ZipFile(download.value.path()) as archive:
        return download.value.suggested_filename, archive.namelist()


def test_a_case_is_downloaded_as_one_zip(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("ruq.jpg", cases.jpeg()), ("letter.pdf", cases.pdf()))
    expected = (f"{placed.code}.zip", ["SHA256SUMS", "001_ruq.jpg", "002_letter.pdf"])
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", viewport=NARROW)
    assert taken(page, "Download all files (ZIP)") == expected
    accessible(page)
    picture(page, "referral-archive", full_page=True)
    room = arrive(places.reviewer, f"/reviews/{placed.review_id}")
    assert taken(room, "Download all files (ZIP)") == expected
    accessible(room)
    picture(room, "room-archive")


def test_each_study_of_a_case_has_its_zip(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()), ("b.dcm", cases.dicom("rgb_color")))
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    expect(page.get_by_role("link", name="(ZIP)")).to_have_count(2)
    dated = date.fromisoformat(examples.rgb_color.StudyDate)
    label = f"Download {dated.day} {dated:%b %Y} (ZIP), 1 file"
    names = [taken(page, each)[1][1] for each in (label, "Download what has no date (ZIP), 1 file")]
    assert names == ["001_b.dcm", "001_a.jpg"]
