"""The languages of the pages: every sentence has its French, with the same places for values."""

import string
from collections.abc import Iterable
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from playwright.sync_api import expect

from app.errors import Invalid, Sentence
from app.http.problems import problem_of
from app.languages import FOLDER, LANGUAGES, speech
from app.referrals.models import ReferralStatus
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import Arrive, accessible, picture

APP = Path(__file__).parents[2] / "app"
# The pages and what they show of the folders below: refusals, and the subjects of mails.
SEEN = ("access/", "http/problems.py", "http/limits.py", "notifications/", "people/", "referrals/", "reviews/", "web/")
METHODS = [("web/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "Sentence": None,
    "Invalid": None,
    "Conflict": None,
    "Forbidden": None,
    "NotFound": None,
}
SCRIPTS_ALONE = {
    "Send the body as it is, without compression.",
    "Send the form in UTF-8.",
    "An owner is a person's id, or 'none'.",
}


def sentences_of_the_pages() -> set[str]:
    found = extract_from_dir(APP, METHODS, {"web/templates/**.html": {"trimmed": "true"}}, KEYWORDS)
    sentences = {one if isinstance(one, str) else one[0] for path, _line, one, _, _ in found if path.startswith(SEEN)}
    return {one for one in sentences if one.strip()} - SCRIPTS_ALONE


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


def test_a_refusal_that_carries_values_is_said_in_french_with_them() -> None:
    say = speech("fr").gettext
    closed = Sentence("This referral is {status} and cannot be changed.", status=ReferralStatus.COMPLETED)
    assert closed == "This referral is completed and cannot be changed."
    assert say(closed) == "Cette demande est terminée et ne peut pas être modifiée."
    taken = Sentence("{name} has had this review since {time}.", name="draft", time="14:03")
    assert "draft" in say(taken)  # a name is nobody's word to translate
    problem = problem_of(Invalid(Sentence("You have {n} tokens. Revoke one first.", n=20)))
    assert say(problem.sentence) == "Vous avez 20 jetons. Révoquez-en un d’abord."


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_a_refusal_in_the_form_is_french_for_who_reads_french(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.admin, "/account", locale="fr-FR", expected=("422",))
    page.locator("summary", has_text="Créer un jeton").click()
    page.get_by_label("À quoi sert-il").fill("x")
    page.locator("#f-days").fill("999")
    page.locator("#tokens input[type=password]").fill("not it")
    page.locator("#tokens form").last.get_by_role("button").click()
    expect(page.locator("#tokens .wrong")).to_contain_text("Ce n’est pas votre mot de passe")


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
