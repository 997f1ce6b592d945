"""The outbox of a browser: kept before it is sent, sealed when its author has gone, and sent without a touch."""

import hashlib
import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import BrowserContext, BrowserType, Page, expect

from app.access.actor import WORKER
from app.access.models import ApiToken, SignIn
from app.db import now, transaction
from app.http.actor import PLAIN
from app.people.models import Organization, Role
from tests import people
from tests.faults.chaos import Chaos
from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, cookie_of, picture

pytestmark = [pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True), pytest.mark.browser]
SLOW_BYTES_PER_S, SLOW_DELAY_S = 48_000, 0.35  # 384 kbit/s; 700 ms there and back
SLOW_READING = """const read = Blob.prototype.arrayBuffer;
Blob.prototype.arrayBuffer = async function () {
  await new Promise((done) => setTimeout(done, 600));
  return read.call(this);
};"""
Reopen = Callable[[], Any]


@pytest.fixture
def opened(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], browser_context_args: dict[str, Any], line: Chaos,
    tmp_path: Path,
) -> Callable[[], Any]:  # fmt: skip
    """A browser with a profile that outlives it, behind a line of its own."""

    @contextmanager
    def go() -> Iterator[BrowserContext]:
        given = {
            **browser_type_launch_args,
            **browser_context_args,
            "service_workers": "allow",
            "base_url": line.base_url,
        }
        context = browser_type.launch_persistent_context(tmp_path / "profile", **given)
        try:
            yield context
        finally:
            context.close()

    return go


def sign_in(context: BrowserContext, line: Chaos, who: Somebody) -> None:
    context.add_cookies([{"name": PLAIN, "value": cookie_of(who), "url": line.base_url, "expires": time.time() + 3600}])


def ready(page: Page) -> None:
    """The worker has what it needs when there is no line, and the device a token to send with."""
    wait(page, """new Promise((done) => { const asked = indexedDB.open('sonopost-outbox');
        asked.onsuccess = () => { const all = asked.result.transaction('people').objectStore('people').getAll();
            all.onsuccess = () => { asked.result.close(); done(all.result.some((one) => one.token)); }; }; })""")  # fmt: skip


def wait(page: Page, expression: str) -> None:
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(expression)


def write(page: Page, name: str = "Otieno") -> None:
    page.get_by_label("Family name").fill(name)
    page.get_by_label("Given name").fill("Jane")
    page.get_by_label("Abdomen", exact=True).check()
    page.locator("[name=question]").fill("Gallstones?")


def choose(page: Page, *paths: Path) -> None:
    page.locator("input[data-pick]").first.set_input_files(list(paths))


def arrived(server: Running, who: Somebody) -> list[dict[str, Any]]:
    """What the only referral of a clinic has."""
    with cases.client_of(server, who) as client:
        found = cases.ok(client.get("/referrals"))["items"]
        return list(cases.ok(client.get(f"/referrals/{found[0]['id']}"))["files"]) if found else []


def until(what: Callable[[], Any], timeout_s: float = 60) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_written_offline_reloaded_closed_midway_and_reopened_it_is_complete_without_a_touch(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], tmp_path: Path
) -> None:
    clip = tmp_path / "clip.dcm"
    clip.write_bytes(cases.numbered_clip(60))
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.goto("/referrals/new")
        ready(page)
        page.evaluate("navigator.serviceWorker.ready")
        context.set_offline(True)
        page.goto("/referrals/new")
        expect(page.locator("body")).to_contain_text("no line at the moment")
        write(page)
        choose(page, clip)
        expect(page.locator("[data-queue] .state")).to_contain_text("Kept on this device")
        wait(page, "!document.querySelector('[data-unkept]')")
        page.get_by_role("button", name="Send referral").click()
        expect(page.get_by_role("heading", level=1).first).to_have_text("Queued on this device, not sent")
        page.goto("/outbox")
        expect(page.locator("[data-entries]")).to_contain_text("Otieno Jane")
        expect(page.locator("[data-entries]")).to_contain_text("Queued on this device, not sent.")
        accessible(page)
        picture(page, "outbox-offline")
        assert arrived(server, places.referrer) == []
        line.bytes_per_s = 400_000
        context.set_offline(False)
        before = line.up_bytes
        until(lambda: line.up_bytes > before + clip.stat().st_size // 3)
    assert [one["status"] for one in arrived(server, places.referrer)] != ["stored"]
    line.bytes_per_s = 0
    sent = line.up_bytes
    with opened() as context:
        context.new_page().goto("/")
        (file,) = until(lambda: [one for one in arrived(server, places.referrer) if one["status"] == "stored"])
    assert file["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert line.up_bytes - sent < clip.stat().st_size, "it began from the start again"
    assert len(arrived(server, places.referrer)) == 1


def test_it_can_be_installed_and_keeps_no_page_about_a_patient(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any]
) -> None:
    placed = cases.place(server, places)
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.goto("/")
        page.evaluate("navigator.serviceWorker.ready")
        for path in ("/", f"/referrals/{placed.referral_id}", "/referrals/new"):
            page.goto(path)
        manifest = context.new_cdp_session(page).send("Page.getAppManifest")
        assert (manifest["errors"], manifest["url"]) == ([], f"{line.base_url}/manifest.webmanifest")
        kept = page.evaluate("""(async () => {
            const found = {};
            for (const name of await caches.keys()) for (const one of await (await caches.open(name)).keys())
                found[new URL(one.url).pathname] = await (await (await caches.open(name)).match(one)).text();
            return found; })()""")
    assert {"/outbox", "/outbox/new"} == {path for path in kept if not path.startswith("/static/")}
    assert [path for path, text in kept.items() if "Otieno" in text or places.referrer.name in text] == []


def test_signing_out_locks_the_outbox_which_goes_on_sending_and_shows_the_next_one_nothing(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], tmp_path: Path
) -> None:
    photo = tmp_path / "Otieno-liver.jpg"
    photo.write_bytes(cases.jpeg())
    other = people.somebody(places.clinic, Role.REFERRER)
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.goto("/referrals/new")
        ready(page)
        page.goto("/outbox")
        page.locator("[data-pause]").evaluate("(button) => { button.hidden = false; }")
        page.get_by_role("button", name="Pause sending").click()
        page.goto("/referrals/new")
        write(page)
        choose(page, photo)
        wait(page, "!document.querySelector('[data-unkept]')")
        context.set_offline(True)
        page.get_by_role("button", name="Send referral").click()
        expect(page.get_by_role("heading", level=1).first).to_have_text("Queued on this device, not sent")
        context.set_offline(False)
        page.get_by_role("link", name="Show what waits").last.click()
        expect(page.locator("[data-entries]")).to_contain_text("Otieno Jane")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(re.compile("/sign-in"))
        sign_in(context, line, other)
        page.goto("/outbox")
        expect(page.locator("[data-entries]")).to_contain_text(f"A referral that {places.referrer.name} wrote; sealed")
        assert "Otieno" not in page.content()
        accessible(page)
        picture(page, "outbox-locked")
        page.get_by_role("button", name="Go on sending").click()
        (file,) = until(lambda: [one for one in arrived(server, places.referrer) if one["status"] == "stored"])
        expect(page.locator("[data-empty]")).to_be_visible()
    assert file["name"] == photo.name
    with cases.client_of(server, places.referrer) as client:
        (referral,) = cases.ok(client.get("/referrals"))["items"]
        assert cases.ok(client.get(f"/referrals/{referral['id']}"))["author"] == places.referrer.name


def test_a_sign_in_that_is_over_asks_and_what_waits_goes_on_after_the_next_one(
    server: Running, places: Places, arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, f"/referrals/{placed.referral_id}", expected=("401",))
    ready(page)
    with transaction(WORKER) as session:
        session.execute(sa.delete(SignIn).where(SignIn.person_id == places.referrer.id))
        session.execute(sa.update(ApiToken).where(ApiToken.person_id == places.referrer.id).values(revoked_at=now()))
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(cases.jpeg())
    choose(page, photo)
    expect(page.locator("[data-queue] .state")).to_contain_text("You were signed out")
    page.context.add_cookies([{"name": PLAIN, "value": cookie_of(places.referrer), "url": server.base_url}])
    page.context.new_page().goto(f"{server.base_url}/")
    expect(page.locator("[data-said]")).to_have_text("The file is received and verified.")


@pytest.mark.parametrize("viewport", [None, NARROW], ids=["wide", "narrow"])
def test_discarding_is_typed_and_the_coordinator_is_told(
    server: Running, places: Places, arrive: Arrive, viewport: dict[str, int] | None
) -> None:
    coordinator = people.somebody(places.clinic, Role.COORDINATOR)
    page = arrive(
        places.referrer, "/referrals/new", **({"viewport": viewport} if viewport else {}), expected=("ERR_FAILED",)
    )
    expect(page.locator("[data-upload]")).to_be_visible()
    page.route("**/referrals/new", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    write(page)
    page.get_by_role("button", name="Send referral").click()
    expect(page.get_by_role("heading", level=1).first).to_have_text("Queued on this device, not sent")
    accessible(page)
    name = "narrow" if viewport else "wide"
    picture(page, f"outbox-queued-{name}")
    page.goto("/outbox")
    page.locator("summary", has_text="Discard").click()
    accessible(page)
    picture(page, f"outbox-discard-{name}")
    page.get_by_label("Type discard").fill("no")
    page.get_by_role("button", name="Discard it for good").click()
    expect(page.locator("[data-entries] li")).to_have_count(1)
    page.get_by_label("Type discard").fill("discard")
    page.get_by_role("button", name="Discard it for good").click()
    expect(page.locator("[data-empty]")).to_be_visible()
    told = arrive(coordinator, "/attention", **({"viewport": viewport} if viewport else {}))
    until(lambda: told.reload() and "Discarded on a device" in told.content())
    expect(told.locator("main")).to_contain_text(places.referrer.name)
    accessible(told)
    picture(told, f"attention-discarded-{name}")
    told.get_by_role("button", name="I know of it").click()
    expect(told.locator(".empty")).to_be_visible()


def written_with_files(context: BrowserContext, line: Chaos, who: Somebody, folder: Path) -> tuple[Page, Path]:
    """A new referral with a clip and a still, written and not sent; and the still."""
    still, clip = folder / "still.jpg", folder / "clip.dcm"
    still.write_bytes(cases.jpeg(40))
    clip.write_bytes(cases.numbered_clip(24))
    sign_in(context, line, who)
    page = context.new_page()
    page.goto("/referrals/new")
    ready(page)
    write(page)
    choose(page, clip, still)
    return page, still


def test_over_a_bad_line_the_question_is_readable_first_then_a_still_and_the_clip_last(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], tmp_path: Path
) -> None:
    """384 kbit/s with 700 ms there and back; the figures are printed."""
    with opened() as context:
        page, still = written_with_files(context, line, places.referrer, tmp_path)
        expect(page.locator("[data-plan]")).to_contain_text("Files to send: 2")
        line.bytes_per_s, line.delay_s = SLOW_BYTES_PER_S, SLOW_DELAY_S
        began = time.monotonic()
        page.get_by_role("button", name="Send referral").click(no_wait_after=True)
        with cases.client_of(server, places.reviewer) as reviewer:
            until(lambda: any(one["question"] == "Gallstones?" for one in cases.ok(reviewer.get("/worklist"))["items"]))
        text_s = time.monotonic() - began
        until(
            lambda: (
                [one["name"] for one in arrived(server, places.referrer) if one["status"] == "stored"] == [still.name]
            )
        )
        still_s = time.monotonic() - began
        line.bytes_per_s, line.delay_s = 0, 0
        until(lambda: all(one["status"] == "stored" for one in arrived(server, places.referrer)))
        expect(page.locator("[data-said]")).to_have_text("All 2 files are received and verified.")
    print(f"text readable after {text_s:.1f} s, a still of {still.stat().st_size / 1000:.0f} kB after {still_s:.1f} s")


def test_a_cold_page_is_there_on_one_megabit(places: Places, line: Chaos, opened: Callable[[], Any]) -> None:
    line.bytes_per_s, line.delay_s = 125_000, 0.05
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        for path, sign in (("/referrals/new", "[data-upload]"), ("/", "main h1")):
            began = time.monotonic()
            page.goto(path, wait_until="commit")
            expect(page.locator(sign)).to_be_visible()
            print(f"{path} usable after {time.monotonic() - began:.1f} s")


def photograph() -> bytes:
    """Some 600 kB, as a telephone makes them; a small one of it has a tenth."""
    out = io.BytesIO()
    fan = Image.radial_gradient("L").resize((2000, 1500))
    Image.blend(fan, Image.effect_noise((2000, 1500), 60), 0.2).convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def film(path: Path, seconds: int = 3) -> Path:
    """Large for its length, as a telephone makes them."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=20, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(20 * seconds):
            noise = Image.effect_noise((640, 480), 30 + number % 20).convert("RGB")
            container.mux(stream.encode(av.VideoFrame.from_image(noise)))  # type: ignore[no-untyped-call]  # PyAV says no types here
        container.mux(stream.encode(None))
    return path


def by_name(server: Running, who: Somebody) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in arrived(server, who)}


def look(server: Running, arrive: Arrive, who: Somebody, referral_id: str, name: str, of: str = "preview") -> None:
    """The reader sees it at once, as what it is, on a desk and on a telephone."""
    with cases.client_of(server, who) as client:
        review_id = cases.ok(client.get(f"/referrals/{referral_id}"))["review"]["id"]
    phone = {"viewport": NARROW, "has_touch": True, "is_mobile": True}
    for width, options in (("wide", {}), ("narrow", phone)):
        room = arrive(who, f"/reviews/{review_id}", **options)
        expect(room.locator(".caption")).to_contain_text(f"{of}; the original is on the way")
        expect(room.locator(".strip .badge").last).to_contain_text("Preview")
        expect(room.locator(".now .early")).to_contain_text("Read on previews")
        accessible(room)
        picture(room, f"{name}-room-{width}")


def test_a_photograph_is_looked_at_small_before_clips_and_originals_are_there(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], arrive: Arrive, tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    photo, clip = tmp_path / "photo.jpg", tmp_path / "clip.dcm"
    photo.write_bytes(photograph())
    clip.write_bytes(cases.numbered_clip(24))
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.goto(f"/referrals/{placed.referral_id}")
        ready(page)
        line.bytes_per_s, line.delay_s = SLOW_BYTES_PER_S, SLOW_DELAY_S
        began = time.monotonic()
        choose(page, clip, photo)
        until(lambda: by_name(server, places.referrer).get("photo.jpg", {}).get("preview") == "image")
        preview_s = time.monotonic() - began
        found = by_name(server, places.referrer)
        assert [one["status"] for one in found.values()] == ["declared"] * len(found)
        assert found["photo.jpg"]["size_bytes"] == photo.stat().st_size
        expect(page.locator("[data-queue]")).to_contain_text("A preview is sent")
        picture(page, "preview-sender")
        for width, viewport in (("wide", None), ("narrow", NARROW)):
            own = arrive(
                places.referrer, f"/referrals/{placed.referral_id}", **({"viewport": viewport} if viewport else {})
            )
            expect(own.locator("[data-expected]")).to_contain_text("Preview; the original is on the way")
            accessible(own)
            picture(own, f"preview-referral-{width}", full_page=True)
            own.get_by_role("link", name="photo.jpg").click()
            accessible(own)
            picture(own, f"preview-look-{width}")
        look(server, arrive, places.reviewer, placed.referral_id, "preview")
        line.bytes_per_s, line.delay_s = 0, 0
        until(lambda: [one["status"] for one in arrived(server, places.referrer)] == ["stored", "stored"])
        expect(page.locator("[data-said]")).to_have_text("All 2 files are received and verified.")
    assert by_name(server, places.referrer)["photo.jpg"]["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert [one["preview"] for one in arrived(server, places.referrer)] == [None, None]
    print(f"a preview of a photograph of {photo.stat().st_size / 1000:.0f} kB after {preview_s:.1f} s")


@pytest.mark.parametrize(
    ("missing", "kind", "begun"),
    [
        ("", "film", "preview of at most the first 8 seconds"),
        ("delete globalThis.MediaRecorder", "image", "preview"),
        ("MediaRecorder.isTypeSupported = (type) => !type.includes('mp4')", "image", "preview"),
    ],
    ids=["moving", "nothing records", "no MP4 is recorded"],
)
def test_a_film_is_looked_at_small_before_it_is_there(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], arrive: Arrive, tmp_path: Path,
    missing: str, kind: str, begun: str,
) -> None:  # fmt: skip
    placed = cases.place(server, places)
    path = film(tmp_path / "film.mp4")
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.add_init_script(missing)
        page.goto(f"/referrals/{placed.referral_id}")
        ready(page)
        line.bytes_per_s, line.delay_s = 4 * SLOW_BYTES_PER_S, SLOW_DELAY_S
        choose(page, path)
        (found,) = until(lambda: [one for one in arrived(server, places.referrer) if one["preview"]])
        assert (found["preview"], found["status"]) == (kind, "declared")
        look(server, arrive, places.reviewer, placed.referral_id, f"preview-film-{kind}", begun)
        line.bytes_per_s, line.delay_s = 0, 0
        until(lambda: [one["status"] for one in arrived(server, places.referrer)] == ["stored"])


def test_a_device_that_can_make_no_preview_sends_the_file(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(photograph())
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.add_init_script("delete globalThis.createImageBitmap")
        page.goto(f"/referrals/{placed.referral_id}")
        ready(page)
        choose(page, photo)
        expect(page.locator("[data-said]")).to_have_text("The file is received and verified.")
    assert [(one["status"], one["preview"]) for one in arrived(server, places.referrer)] == [("stored", None)]


def test_a_film_taken_off_before_it_left_takes_its_preview_along(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], tmp_path: Path
) -> None:
    placed = cases.place(server, places)
    nights(places, 2)
    with opened() as context:
        sign_in(context, line, places.referrer)
        page = context.new_page()
        page.goto(f"/referrals/{placed.referral_id}")
        ready(page)
        choose(page, film(tmp_path / "film.mp4"))
        page.get_by_role("button", name="Stills now").click()
        until(lambda: by_name(server, places.referrer).get("film.mp4", {}).get("preview"))
        expect(page.locator("[data-queue] .state")).to_contain_text("A preview is sent")
        page.get_by_role("button", name="Remove film.mp4").click()
        until(lambda: by_name(server, places.referrer)["film.mp4"]["status"] == "withdrawn")
    assert by_name(server, places.referrer)["film.mp4"]["preview"] is None


def nights(places: Places, in_h: int) -> tuple[str, str]:
    """The clinic's line is cheap for an hour, in so many hours."""
    begins, ends = (f"{now() + timedelta(hours=hours):%H:%M}" for hours in (in_h, in_h + 1))
    with transaction(WORKER) as session:
        clinic = session.get_one(Organization, places.clinic)
        clinic.time_zone, clinic.clips_from, clinic.clips_until = "UTC", begins, ends
    return begins, ends


def test_clips_wait_for_the_hours_of_the_organization_on_this_device_until_they_are_sent_now(
    server: Running, places: Places, line: Chaos, opened: Callable[[], Any], tmp_path: Path
) -> None:
    begins, ends = nights(places, 2)
    with opened() as context:
        context.add_init_script(SLOW_READING)  # as on a telephone: what a file is comes out after its line is drawn
        page, still = written_with_files(context, line, places.referrer, tmp_path)
        page.get_by_role("button", name=f"Stills now, clips between {begins} and {ends} (UTC)").click()
        expect(page.locator("[data-waits]")).to_contain_text(f"Clips wait until {begins} (UTC).")
        page.get_by_role("button", name="Send referral").click()
        until(
            lambda: (
                [one["name"] for one in arrived(server, places.referrer) if one["status"] == "stored"] == [still.name]
            )
        )
        wait(page, "!document.querySelector('[data-unkept]')")
        page.reload()
        expect(page.locator("[data-waits]")).to_contain_text(f"Clips wait until {begins} (UTC).")
        expect(page.locator("[data-queue] .state")).to_have_text("Queued on this device, not sent")
        accessible(page)
        picture(page, "night-wide")
        page.set_viewport_size(NARROW)
        accessible(page)
        picture(page, "night-narrow", full_page=True)
        page.goto("/outbox")
        expect(page.locator("[data-entries]")).to_contain_text(f"Clips wait until {begins} (UTC).")
        accessible(page)
        picture(page, "night-outbox-narrow")
        page.get_by_role("button", name="Send the clips now").click()
        until(lambda: [one["status"] for one in arrived(server, places.referrer)] == ["stored", "stored"])


@pytest.mark.parametrize(
    ("at", "begins_in_s"), [("19:30", 1_800), ("20:00", 0), ("23:59", 0), ("05:59", 0), ("06:00", 50_400)]
)
def test_the_night_begins_and_ends_by_the_clock_of_the_organization(arrive: Arrive, at: str, begins_in_s: int) -> None:
    page = arrive(None, "/sign-in")
    there = datetime.fromisoformat(f"2026-11-26T{at}:00+03:00").astimezone(UTC)
    night = {"from": "20:00", "until": "06:00", "zone": "Africa/Nairobi"}
    asked = "([night, at]) => import('/static/night.js').then((each) => each.opensIn(night, at))"
    assert page.evaluate(asked, [night, there.timestamp() * 1000]) == begins_in_s * 1000
