"""The languages of the service: each one's words for ours; a catalogue is read once, at first use."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from app.errors import Counted, Sentence

LANGUAGES = {"en": "English", "fr": "Français"}  # each by its own name
# Not a language but a trial of the layout: English marked as translated, longer, and read from right to left.
PSEUDO = "ar"
ACCENTED = str.maketrans("AEIOUCaeioucnmy", "ÁÉÍÓÚÇáéíóúçñṁý")
FOLDER = Path(__file__).parent / "translations"


def N_(sentence: str) -> str:  # noqa: N802 - the name by which gettext's tools find what is translated later
    return sentence


@dataclass(frozen=True)
class Speech:
    """One language: its code, and its words for ours."""

    language: str
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]

    @property
    def direction(self) -> str:
        return Locale.parse(self.language).text_direction

    @property
    def decimal(self) -> str:
        """What stands before the fraction of a number."""
        return str(Locale.parse(self.language).number_symbols["latn"]["decimal"])


@cache
def speech(language: str) -> Speech:
    words = _Pseudo() if language == PSEUDO else _catalogue(language)
    return Speech(language, _with_values(words), words.ngettext)


def first_known(*languages: str | None) -> Speech:
    """The first of these that there is a catalogue of, `fr-CD` counting as `fr`; else English."""
    given = (one.partition("-")[0].lower() for one in languages if one)
    return speech(next((one for one in given if one in LANGUAGES), "en"))


class _Pseudo(NullTranslations):
    """What is not marked for translation stays plain, and shows; places for values stay as they are."""

    def gettext(self, message: str) -> str:
        return stretched(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return stretched(msgid1 if n == 1 else msgid2)


def stretched(sentence: str) -> str:
    """'Claim' → '[Çláíṁ··]', by a third longer, as translations are."""
    parts = re.split(r"(\{[^}]*\})", sentence)
    marked = "".join(part if part.startswith("{") else part.translate(ACCENTED) for part in parts)
    return f"[{marked}{'·' * (len(sentence) // 3)}]" if sentence.strip() else sentence


def _with_values(words: NullTranslations) -> Callable[[str], str]:
    """A state is a word like others; what else a sentence carries (a name, a number) is left as it is."""

    def said(sentence: str) -> str:
        if not isinstance(sentence, Sentence):
            return words.gettext(sentence)
        values = {
            name: said(value) if isinstance(value, Sentence | StrEnum) else value
            for name, value in sentence.values.items()
        }
        if isinstance(sentence, Counted):
            return words.ngettext(sentence.words, sentence.plural, int(str(sentence.values["n"]))).format(**values)
        return words.gettext(sentence.words).format(**values)

    return said


def _catalogue(language: str) -> NullTranslations:
    """A `.po` as it lies there; nothing has to be built first."""
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
