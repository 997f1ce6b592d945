"""The whole path of a case as its people go it, in Chromium, on both columns, with a real mail server."""

import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pyotp
import pypdf
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests import people
from tests.journeys.test_by_json import PASSWORD, as_patient
from tests.people import Places, Somebody
from tests.servers.app import Running, bound, serving
from tests.servers.smtp import Mailbox
from tests.web.conftest import accessible

pytestmark = pytest.mark.browser
LONG_MS = 60_000  # a clip is being made, on a machine that has other things to do


@dataclass(frozen=True)
class Office:
    """A running service, the people in it, and the mail that leaves it."""

    running: Running
    places: Places
    mailbox: Mailbox
    browser: Browser
    options: dict[str, Any]

    def page(self) -> Page:
        context = self.browser.new_context(**{**self.options, "base_url": self.running.base_url})
        return context.new_page()


@pytest.fixture
def office(
    environment: dict[str, str], mailbox: Mailbox, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[Office]:
    settings = {**environment, "SONOPOST_SMTP_URL": mailbox.url}
    with bound(environment):
        places = people.places()
        for somebody in (places.referrer, places.reviewer):
            people.set_password(somebody, PASSWORD)
        with serving(settings) as running:
            yield Office(running, places, mailbox, browser, browser_context_args)


def test_a_case_goes_from_question_to_acknowledged_answer(office: Office, tmp_path: Path) -> None:
    referrer = signed_in(office, office.places.referrer)
    code = write_referral(referrer)
    mail = mail_to(office, office.places.reviewer)
    assert code in mail["Subject"]
    assert "Otieno" not in mail.as_string()
    assert "Gallstones" not in mail.as_string()

    send_files(referrer, tmp_path)
    reviewer = signed_in(office, office.places.reviewer)
    reviewer.goto(link_in(mail))
    read_and_write(reviewer, code)
    sign(reviewer)

    referrer.goto(link_in(mail_to(office, office.places.referrer)))
    read_the_answer(referrer, office.running.base_url)


def write_referral(page: Page) -> str:
    """The question leaves before any file; the case's code."""
    page.goto("/referrals/new")
    page.get_by_label("Family name").fill("Otieno")
    page.get_by_label("Given name").fill("Jane")
    page.get_by_label("Year", exact=True).fill("1990")
    page.get_by_label("Female").check()
    page.get_by_label("Abdomen", exact=True).check()
    page.locator("[name=question]").fill("Gallstones?")
    page.locator("[name=clinical_notes]").fill("Pain for two days.")
    accessible(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at Kijabe Hospital")
    return page.locator("body").inner_text().split(" · Lodwar clinic")[0].split()[-1]


def send_files(page: Page, folder: Path) -> None:
    """Every kind there is, one of them another patient's and one cut off; each says what became of it."""
    page.locator("input[type=file][multiple]:not([webkitdirectory])").first.set_input_files(files())
    done = page.locator("body")
    page.get_by_role("button", name="It is the right file: send it other.dcm").click()
    expect(done).to_contain_text("cut off", timeout=LONG_MS)
    expect(done).to_contain_text("9 files arrived, 1 refused", timeout=LONG_MS)
    accessible(page)
    page.get_by_role("link", name="Receipt").click()
    expect(page.locator("body")).to_contain_text("photo.jpg")


def read_and_write(page: Page, code: str) -> None:
    """Found on the worklist, claimed, looked at to the last clip, and written with the text kept by itself."""
    page.goto("/worklist")
    expect(page.locator("tr", has_text=code)).to_contain_text("clip")
    page.locator("tr", has_text=code).get_by_role("button", name="Claim").click()
    page.locator("tr", has_text=code).get_by_role("link", name="Open").click()
    page.wait_for_url("**/reviews/*")
    play_every_clip(page)
    for name, text in (
        ("findings", "Stones with shadows."),
        ("impression", "Gallstones."),
        ("recommendation", "Surgeon."),
    ):
        page.locator(f"textarea[name={name}]").fill(text)
    expect(page.locator("body")).to_contain_text("saved ", ignore_case=True, timeout=LONG_MS)
    page.reload()
    expect(page.locator("textarea[name=impression]")).to_have_value("Gallstones.")


def play_every_clip(page: Page) -> None:
    """Two films in it, the DICOM clip and the telephone's: both move."""
    page.locator("us-viewer").first.wait_for()
    moving, deadline = (
        page.locator(".strip [data-form=clip], .strip [data-form=film]"),
        time.monotonic() + LONG_MS / 1000,
    )
    while moving.count() < 2 and time.monotonic() < deadline:  # clips come last, and are looked into then
        page.wait_for_timeout(500)
        page.reload()
    seen = 0
    for thumbnail in page.locator(".strip a, .strip button").all():
        thumbnail.click()
        if thumbnail.get_attribute("data-form") not in ("clip", "film"):
            continue
        expect(page.locator("video")).to_be_visible(timeout=LONG_MS)
        until(page, "document.querySelector('video')?.readyState >= 2")
        page.evaluate("document.querySelector('video').play()")
        until(page, "document.querySelector('video').currentTime > 0.1")
        seen += 1
    assert seen == 2


def until(page: Page, condition: str) -> None:
    """wait_for_function would need a policy that lets pages evaluate text."""
    deadline = time.monotonic() + LONG_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(100)


def sign(page: Page) -> None:
    page.get_by_role("button", name="Read over and sign").click()
    expect(page.locator("body")).to_contain_text("Gallstones.")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign report").click()
    expect(page.locator("body")).to_contain_text("not your password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign report").click()
    page.wait_for_url("**/reports/*")
    expect(page.locator("body")).to_contain_text("Gallstones.")


def read_the_answer(page: Page, base_url: str) -> None:
    """As a page and as a PDF, and acknowledged."""
    if "/reports/" not in page.url:
        page.locator("a[href^='/reports/']").first.click()
    expect(page.locator("body")).to_contain_text("Gallstones.")
    accessible(page)
    href = page.locator("a[href*='.pdf']").first.get_attribute("href") or ""
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    pdf = httpx.get(base_url + href, cookies=cookies, timeout=60)
    text = "".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
    assert "Gallstones." in text
    assert "Otieno" in text
    page.get_by_role("button", name="I have read this").click()
    expect(page.get_by_role("button", name="I have read this")).to_have_count(0)


def signed_in(office: Office, somebody: Somebody) -> Page:
    """Password first, then the second factor that everybody sets up."""
    page = office.page()
    page.goto("/")
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
    if page.get_by_role("button", name="Set up a second factor").count():
        page.get_by_role("button", name="Set up a second factor").click()
    page.get_by_text("No camera?").click()
    page.get_by_label("Code, six digits").fill(pyotp.TOTP(page.locator("code.secret").inner_text()).now())
    page.get_by_role("button", name="Confirm the code").click()
    page.wait_for_load_state()
    return page


def mail_to(office: Office, somebody: Somebody) -> EmailMessage:
    return office.mailbox.wait_for_one_to(somebody.email).message


def link_in(mail: EmailMessage) -> str:
    text: str = mail.get_content()
    return next(word for word in text.split() if word.startswith("http"))


def files() -> list[FilePayload]:
    """DICOM still and clip, JPEG, PNG, MP4, PDF and a ZIP of two; one held, one cut off."""
    pdf = io.BytesIO()
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(pdf)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a/one.jpg", picture("JPEG", 1))
        opened.writestr("a/two.png", picture("PNG", 2))
    kinds = {
        "still.dcm": as_patient("rgb_color", "Otieno^Jane"), "clip.dcm": as_patient("ybr_color", "Otieno^Jane"),
        "photo.jpg": picture("JPEG", 3), "screen.png": picture("PNG", 4), "phone.mp4": film(), "letter.pdf": pdf.getvalue(),
        "more.zip": archive.getvalue(), "other.dcm": as_patient("palette_color", "Wanjiru^Mary"),
        "cut.dcm": as_patient("jpeg2k", "Otieno^Jane")[:90_000],
    }  # fmt: skip
    return [FilePayload(name=name, mimeType="application/octet-stream", buffer=body) for name, body in kinds.items()]


def picture(form: str, seed: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (240, 320, 3), np.uint8)
    Image.fromarray(noise).save(out, form)
    return out.getvalue()


def film() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(25):
            image = np.full((240, 320, 3), number * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return out.getvalue()
