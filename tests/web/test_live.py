"""A referral's page that stays open: what changes is said in place, what would move things is offered."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.access import login
from app.access.actor import WORKER
from app.access.models import SignIn
from app.db import now, reading, transaction
from app.http.actor import PLAIN
from app.people.models import Person
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def look(page: Page) -> None:
    """As if the person came back to the tab."""
    with page.expect_response(re.compile("/now")):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def hide(page: Page) -> None:
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def tops(page: Page) -> list[float]:
    return [
        box["y"] for box in (one.bounding_box() for one in page.locator("main h1, main h2, [data-file]").all()) if box
    ]


def test_files_and_reader_change_in_place_and_the_answer_is_offered(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places, files=[{"name": "a.jpg"}, {"name": "b.jpg"}])
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting at Kijabe Hospital, due")
    before = tops(page)
    cases.send(server, places, placed.referral_id, "a.jpg", cases.jpeg(40))
    cases.send(server, places, placed.referral_id, "other.jpg", cases.jpeg(50))
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    look(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        re.compile(rf"Being read by {places.reviewer.name} since \d\d:\d\d, due (\d+ \w+, )?\d\d:\d\d")
    )
    expect(page.locator("[data-count=arrived]")).to_have_text("2 of 3 files arrived")
    expect(page.locator("[data-file]").first).to_contain_text("Received and verified")
    expect(page.get_by_role("button", name="It will not be sent a.jpg")).to_have_count(0)
    expect(page.get_by_role("button", name="Show 1 new file")).to_be_visible()
    assert tops(page) == before
    picture(page, "referral-live")
    accessible(page)
    page.get_by_role("button", name="Show 1 new file").click()
    expect(page.locator("[data-known]")).to_contain_text("other.jpg")
    expect(page.locator("#fresh")).to_be_empty()
    cases.answer(server, places, placed.review_id)
    look(page)
    expect(page.locator("#answer")).to_have_count(0)
    page.get_by_role("link", name="The answer is here. Show it").click()
    expect(page.locator("#answer")).to_have_text("The answer")
    accessible(page)


def test_a_question_is_offered_on_a_phone(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", viewport=NARROW)
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
        cases.ok(client.post(f"/reviews/{placed.review_id}/hold", json={"text": "Since when?"}))
    look(page)
    expect(page.get_by_role("link", name="A question for you. Show it")).to_be_visible()
    picture(page, "referral-live-narrow")
    accessible(page)
    page.get_by_role("link", name="A question for you. Show it").click()
    expect(page.get_by_label("Your reply")).to_be_visible()


def test_the_list_says_in_place_who_reads_and_offers_what_moved(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, "/")
    line = page.locator(f"[data-line='{placed.referral_id}']")
    expect(line).to_contain_text("Waiting at Kijabe Hospital")
    height = line.evaluate("one => one.offsetHeight")
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    cases.place(server, places)
    with page.expect_response(f"{server.base_url}/"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(line).to_contain_text(f"Being read by {places.reviewer.name}")
    expect(page.locator("[data-line]")).to_have_count(1)
    expect(page.get_by_role("heading", level=2)).to_contain_text("Waiting to be read")
    assert line.evaluate("one => one.offsetHeight") == height
    picture(page, "home-live")
    accessible(page)
    page.get_by_role("link", name="Show 2 changes").click()
    expect(page.locator("[data-line]")).to_have_count(2)
    expect(page.get_by_role("region", name="Being read")).to_contain_text(placed.code)


def test_nobody_looks_again_while_the_tab_is_hidden_or_after_the_end(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}")
    page.clock.install()
    page.reload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/now" in request.url else None)
    with page.expect_response(re.compile("/now")):
        page.clock.run_for(21_000)
    hide(page)
    page.clock.run_for(120_000)
    assert len(asked) == 1
    with cases.client_of(server, places.referrer) as client:
        cases.ok(client.post(f"/referrals/{placed.referral_id}/cancel", json={"reason": "Taken to town."}))
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
    look(page)
    expect(page.get_by_role("link", name="The referral was cancelled. Show why")).to_be_visible()
    page.clock.run_for(120_000)
    assert len(asked) == 2
    page.get_by_role("link", name="The referral was cancelled. Show why").click()
    expect(page.locator("[data-look]")).to_have_count(0)


@pytest.fixture
def browser_of_the_referrer(server: Running, places: Places) -> Iterator[httpx.Client]:
    with transaction(WORKER) as session:
        secret = login.enter(session, session.get_one(Person, places.referrer.id), waived=True).secret
    with httpx.Client(base_url=server.base_url, cookies={PLAIN: secret}) as client:
        yield client


def test_what_did_not_change_is_not_sent_again(
    server: Running, places: Places, browser_of_the_referrer: httpx.Client
) -> None:
    placed = cases.place(server, places)
    first = browser_of_the_referrer.get(f"/referrals/{placed.referral_id}/now")
    known = {"If-None-Match": first.headers["etag"]}
    again = browser_of_the_referrer.get(f"/referrals/{placed.referral_id}/now", headers=known)
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    cases.send(server, places, placed.referral_id, "a.jpg", cases.jpeg())
    assert browser_of_the_referrer.get(f"/referrals/{placed.referral_id}/now", headers=known).status_code == 200


def test_looking_again_by_itself_keeps_no_idle_sign_in_alive(
    server: Running, places: Places, browser_of_the_referrer: httpx.Client
) -> None:
    placed = cases.place(server, places)

    def seen_after(headers: dict[str, str]) -> bool:
        at = now() - timedelta(minutes=10)
        with transaction(WORKER) as session:
            session.execute(sa.update(SignIn).where(SignIn.person_id == places.referrer.id).values(seen_at=at))
        assert browser_of_the_referrer.get(f"/referrals/{placed.referral_id}/now", headers=headers).status_code == 200
        with reading(WORKER) as session:
            return session.scalar(sa.select(SignIn.seen_at).where(SignIn.person_id == places.referrer.id)) != at

    assert not seen_after({"Sonopost-Glance": "1"})
    assert seen_after({})


def test_another_organization_learns_nothing_of_it(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.stranger_referrer, f"/referrals/{placed.referral_id}/now", expected=("404",))
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here.")
