"""The languages of the pages: every sentence has its French, with the same places for values."""

import io
import json
import string
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from playwright.sync_api import expect

from app.dicom.refusals import cut_off
from app.errors import Counted, Invalid, Sentence
from app.http.problems import problem_of
from app.languages import FOLDER, LANGUAGES, speech
from app.referrals.models import ReferralStatus
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web import cases
from tests.web.conftest import Arrive, accessible, picture

APP = Path(__file__).parents[2] / "app"
# The pages and what they show of the folders below: refusals, and the subjects of mails.
SEEN = ("access/", "dicom/", "http/problems.py", "http/limits.py", "notifications/", "people/", "referrals/", "reports/amend",
        "reports/send_on", "reports/right_patient", "reports/regroup", "reports/remind", "reports/countersign", "reports/dated",
        "reports/send_back", "reports/told", "reports/fetal", "reports/offers", "reports/tirads", "reports/claims",
        "reports/lacking", "reports/key_images", "reports/drawn", "reviews/", "storage/spool", "studies/",
        "web/")  # fmt: skip
METHODS = [("web/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "Sentence": None,
    "Invalid": None,
    "Conflict": None,
    "Forbidden": None,
    "NotFound": None,
    "Unavailable": None,
    "Counted": (1, 2),
    "damaged": None,
    "beyond": None,
    "sized": None,
    "refused": (2,),
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


def test_a_kept_sentence_is_said_in_the_language_of_who_reads_it_and_is_nothing_but_a_sentence() -> None:
    said = Sentence("{reason} It can be downloaded.", reason=cut_off(3_100_000, 8_400_000).sentence)
    counted = Counted("{n} of them is refused.", "{n} of them are refused.", n=2)
    both = Sentence.from_json(json.loads(json.dumps(Sentence("{a} {b}", a=said, b=counted).to_json())))
    assert both == "This file was cut off: 3.1 of 8.4 MB are here. It can be downloaded. 2 of them are refused."
    assert speech("fr").gettext(both) == (
        "Ce fichier a été coupé : 3.1 sur 8.4 MB sont là. On peut le télécharger. 2 d’entre eux sont refusés."
    )
    for words in ("{0.__class__}", "{a.__init__}", "{a!r}", "{a:9}", "{", "}"):
        with pytest.raises(ValueError, match="no words"):
            Sentence.from_json({"words": words, "values": {"a": 1}})


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_why_a_file_was_refused_is_said_to_each_in_their_own_language(
    server: Running, places: Places, arrive: Arrive
) -> None:
    placed = cases.place(server, places)
    with cases.client_of(server, places.referrer) as client:
        for name, body in (("cut.dcm", a_dicom()[:-100]), ("two.zip", zipped(a_dicom(), b"nothing"))):
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            client.post(f"/referrals/{placed.referral_id}/files", content=body, headers=headers)
    english = arrive(places.referrer, f"/referrals/{placed.referral_id}").locator("#files")
    french = arrive(places.referrer, f"/referrals/{placed.referral_id}", locale="fr-FR").locator("#files")
    expect(english).to_contain_text("This file was cut off:")
    expect(english).to_contain_text("2 files were in it. 1 of them is refused.")
    expect(french).to_contain_text("Ce fichier a été coupé")
    expect(french).to_contain_text("Il contenait 2 fichiers. 1 d’entre eux est refusé.")
    with cases.client_of(server, places.referrer) as client:
        reasons = [one["reason"] for one in cases.ok(client.get(f"/referrals/{placed.referral_id}"))["files"]]
    assert "2 files were in it. 1 of them is refused." in reasons


def zipped(*bodies: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, body in enumerate(bodies):
            archive.writestr(f"{number}.dcm", body)
    return out.getvalue()


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
