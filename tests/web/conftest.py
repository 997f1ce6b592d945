"""Pages in the system's chromium, against the running service."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, ViewportSize, expect

from app.access import login
from app.access.actor import WORKER
from app.db import transaction
from app.http.actor import PLAIN
from app.people.models import Person
from tests.faults.chaos import Chaos, chaos
from tests.people import Somebody
from tests.servers.app import Running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = Path(__file__).parents[2] / ".pytest_cache" / "pages"  # playwright empties its own folder at each run
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}
Arrive = Callable[..., Page]
expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "page" in getattr(item, "fixturenames", ()) or "arrive" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    options = ("--no-sandbox --disable-dev-shm-usage --disable-gpu --force-color-profile=srgb --font-render-hinting=none "
               "--disable-component-update --disable-background-networking --disable-sync --no-first-run").split()  # fmt: skip
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": options}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": WIDE, "locale": "en-GB", "timezone_id": "Africa/Nairobi",
            "reduced_motion": "reduce", "service_workers": "block"}  # fmt: skip


@pytest.fixture
def line(server: Running) -> Iterator[Chaos]:
    """To the server over a line that can be made slow, or cut."""
    with chaos(urlsplit(server.base_url).port or 0) as made:
        yield made


@pytest.fixture
def arrive(browser: Browser, browser_context_args: dict[str, Any], server: Running) -> Iterator[Arrive]:
    """`arrive(somebody, "/worklist", viewport=NARROW)`: a browser of their own, signed in; None is a stranger.

    An error in the console or a request to another host fails the test; `expected` names what may be refused."""
    contexts, problems = [], list[str]()

    def go(who: Somebody | None, path: str, *, expected: tuple[str, ...] = (), **options: Any) -> Page:
        context = browser.new_context(**{**browser_context_args, "base_url": server.base_url, **options})
        contexts.append(context)
        if who is not None:
            context.add_cookies([{"name": PLAIN, "value": cookie_of(who), "url": server.base_url}])
        page = context.new_page()
        _watch(page, server.base_url, problems, expected)
        page.goto(path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert not problems, problems


def accessible(page: Page) -> None:
    """axe finds nothing, and nothing lies beyond the edge."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{too_wide} px beyond the edge"


def until(page: Page, expression: str, *, times: int = 100) -> None:
    """The page's own policy forbids eval, which playwright's wait_for_function uses."""
    for _ in range(times):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def picture(page: Page, name: str, **options: Any) -> Path:
    """A screenshot to look at, in a folder that git ignores."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide", **options)
    return path


def cookie_of(who: Somebody) -> str:
    with transaction(WORKER) as session:
        return login.enter(session, session.get_one(Person, who.id), waived=True).secret


def _watch(page: Page, base_url: str, problems: list[str], expected: tuple[str, ...]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not any(each in message.text or each in where for each in expected):
            problems.append(f"{message.text} at {where}")

    def on_request(route: Route) -> None:
        if route.request.url.startswith((base_url, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"asks {route.request.url}")
            route.abort()

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", on_console)
    page.route("**/*", on_request)
