"""The language of a page: the person's choice, else the browser's; its catalogue is read once, at first use."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

from app.access.actor import Actor

LANGUAGES = {"en": "English", "fr": "Français"}  # each by its own name
FOLDER = Path(__file__).parent / "translations"


@dataclass(frozen=True)
class Speech:
    """One language: its code, and its words for ours."""

    language: str
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]

    @property
    def direction(self) -> str:
        return Locale.parse(self.language).text_direction


def speech_of(request: Request, who: Actor | None) -> Speech:
    """What this person reads."""
    if who is not None and who.language in LANGUAGES:
        return speech(who.language)
    return speech(negotiate_locale(_asked_for(request), list(LANGUAGES), sep="-") or "en")


@cache
def speech(language: str) -> Speech:
    words = _catalogue(language)
    return Speech(language, words.gettext, words.ngettext)


def _catalogue(language: str) -> NullTranslations:
    """A `.po` as it lies there; nothing has to be built first."""
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def _asked_for(request: Request) -> list[str]:
    """The browser's languages, the best first (RFC 9110 12.5.4)."""
    ranked = []
    for part in request.headers.get("accept-language", "")[:500].split(","):
        name, _, weight = part.partition(";q=")
        try:
            ranked.append((-float(weight or 1), name.strip()))
        except ValueError:
            continue
    return [name for _weight, name in sorted(ranked, key=lambda each: each[0]) if name]
