"""The pages from right to left, in a language that is none: what is not marked for translation or does not turn shows."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from app.languages import PSEUDO, speech
from tests.people import Places
from tests.servers.app import Running, bound, serving
from tests.web import cases
from tests.web.conftest import NARROW, WIDE, Arrive, accessible, picture

OURS = "main button, main th, main legend, main h2, main .tabs a, nav a"


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[Running]:
    """One of its own, which knows the language that is none."""
    with serving(environment | {"SONOPOST_PSEUDO_LOCALE": "true"}) as running, bound(running.environment):
        yield running


def turned(page: Page, name: str) -> None:
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    picture(page, f"rtl-{name}", full_page=True)
    accessible(page)
    plain = [text for text in page.locator(OURS).all_inner_texts() if "[" not in text and any(map(str.isalpha, text))]
    assert plain == [], "not marked for translation"


def test_every_sentence_is_stretched_and_keeps_its_places() -> None:
    say = speech(PSEUDO)
    assert say.direction == "rtl"
    assert say.gettext("Claim") == "[Çláíṁ·]"
    assert say.gettext("{n} of {m} files arrived").format(n=17, m=19).startswith("[17 óf 19 fílés")
    assert say.ngettext("{n} file", "{n} files", 2).format(n=2).startswith("[2 fílés")
    assert say.gettext(" ") == " "


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_both_sides_pages_turn_with_the_script(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(
        server, places, ("a.dcm", cases.dicom("rgb_color")),
        patient={"family_name": "Hassan", "name_local": "حسن أمينة", "sex": "female"}, question="ألم تحت الأضلاع. حصى؟",
    )  # fmt: skip
    for width, viewport in (("wide", WIDE), ("narrow", NARROW)):
        page = arrive(places.referrer, "/", locale="ar", viewport=viewport)
        turned(page, f"home-{width}")
        page.goto("/referrals/new")
        turned(page, f"new-{width}")
        page.goto(f"/referrals/{placed.referral_id}")
        turned(page, f"referral-{width}")
        page.goto("/account")
        turned(page, f"account-{width}")
        desk = arrive(places.reviewer, "/worklist", locale="ar", viewport=viewport)
        turned(desk, f"worklist-{width}")
        if viewport == WIDE:
            due, act = (desk.locator(f"#rows tr .{name}").bounding_box() for name in ("due", "act"))
            assert due is not None
            assert act is not None
            assert act["x"] < due["x"]
        desk.goto(f"/reviews/{placed.review_id}")
        turned(desk, f"room-{width}")
