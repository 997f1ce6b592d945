"""The languages of the pages: every sentence has its French, with the same places for values."""

import string
from collections.abc import Iterable
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from playwright.sync_api import expect

from app.web.words import FOLDER, LANGUAGES, speech
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import Arrive, accessible, picture

WEB = Path(__file__).parents[2] / "app" / "web"
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]


def sentences_of_the_pages() -> set[str]:
    found = extract_from_dir(WEB, METHODS, {"templates/**.html": {"trimmed": "true"}}, DEFAULT_KEYWORDS)
    return {one if isinstance(one, str) else one[0] for _path, _line, one, _comments, _context in found}


def places_in(text: str) -> set[str]:
    return {name for _before, name, _format, _conversion in string.Formatter().parse(text) if name}


def both(message_id: object, text: object) -> Iterable[tuple[str, str]]:
    ids = [message_id] if isinstance(message_id, str) else list(message_id)  # type: ignore[call-overload]  # plural: two of them
    texts = [text] if isinstance(text, str) else list(text)  # type: ignore[call-overload]  # plural: two of them
    return zip(ids, texts, strict=True)


def test_every_sentence_of_the_pages_is_in_french() -> None:
    with (FOLDER / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        known = {one.id if isinstance(one.id, str) else one.id[0] for one in read_po(file) if one.string and one.id}
    assert sentences_of_the_pages() - known == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_same_places_for_values(language: str) -> None:
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        pairs = [pair for one in read_po(file) if one.id for pair in both(one.id, one.string)]
    assert [(ours, theirs) for ours, theirs in pairs if theirs and places_in(ours) != places_in(theirs)] == []


def test_plurals_follow_the_language() -> None:
    words = speech("fr").ngettext
    assert [words("{n} file arrived", "{n} files arrived", n).format(n=n) for n in (0, 1, 2)] == [
        "0 fichier arrivé", "1 fichier arrivé", "2 fichiers arrivés",
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_a_french_browser_reads_french(server: Running, places: Places, arrive: Arrive) -> None:
    placed = cases.place(server, places)
    page = arrive(places.referrer, "/", locale="fr-FR")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    accessible(page)
    page.get_by_role("link", name=placed.code).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("En attente à Kijabe Hospital")
    accessible(page)
    picture(page, "referral-french")
    page.goto("/referrals/new")
    expect(page.get_by_role("button", name="Envoyer la demande")).to_be_visible()
    accessible(page)
    picture(page, "new-referral-french")
