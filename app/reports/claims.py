"""What a typed text says that a form would say only on conditions: found by whole phrases, and asked about at signing."""

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.people.models import bare
from app.reports import filled
from app.reports.answers import Answers, Known, holds_any, of
from app.reports.filled import Filled
from app.reports.lacking import advised
from app.reports.models import ReportVersion
from app.reports.template import AnyOf, Name, Part, Spoken, said
from app.reviews.models import Review

FILE = Path(__file__).parent / "claims.toml"
TOKEN = re.compile(r"[^\W_]+|[^\w\s'’‘ʼ‐‑-]|\n")  # words and signs; hyphens and apostrophes part words and are no signs
Phrases = dict[Annotated[str, Field(pattern="^[a-z]{2}$")], list[str]]
GAP = bare("…")  # in a phrase, for what may stand between its words
REPEATS = 9  # of a section


class Words(Part):
    """By which a phrase of this language is said not to be so."""

    skip_before: list[str]
    before: list[str]
    skip_after: list[str]
    after: list[str]
    between: list[str]


class Claim(Part):
    code: Name
    asks: Spoken
    exam_types: list[str] = Field([])  # all
    when: AnyOf = Field([])
    ticked: AnyOf = Field([])  # what bears it out
    advice: Name | None = None  # of the form, which has to stand there
    advised: Phrases = Field({})  # or these words in the recommendation
    phrases: Phrases
    after: Phrases = Field({})


class Claims(Part):
    words: dict[str, Words]
    claims: list[Claim]


@dataclass(frozen=True)
class Token:
    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Claimed:
    """A phrase as it was typed, and what nothing ticked bears out."""

    code: str
    words: str
    why: Spoken

    def reason(self, language: str) -> str:
        return said(self.why, language)


@cache
def claims() -> Claims:
    return Claims.model_validate(tomllib.loads(FILE.read_text("utf-8")))


def claimed(session: Session, review: Review, draft: ReportVersion, here: Filled | None) -> list[Claimed]:
    """Of a draft that would be signed, with its form where it has one; each once."""
    known = here.known if here is not None else filled.known_of(session, review)
    answers = of(draft.answers)
    typed = [draft.findings, draft.impression, *(one.text for one in answers.values())]
    exams = {review.exam_type, *(here.template.exam_types if here is not None else ())}
    found = []
    for claim in claims().claims:
        if claim.exam_types and not exams & set(claim.exam_types):
            continue
        if claim.when and not _any(claim.when, answers, known):
            continue
        words = next((each for text in typed for each in said_in(text, claim)), None)
        if words is not None and not _borne_out(claim, answers, known, here, draft.recommendation):
            found.append(Claimed(claim.code, words, claim.asks))
    return found


def keep_meant(
    session: Session, review: Review, draft: ReportVersion, here: Filled | None, meant: Collection[str]
) -> None:
    """What its signer has said to be meant stays with what is signed; what they were not asked does not."""
    asked = claimed(session, review, draft, here)
    unanswered = [vars(one) for one in asked if one.code not in meant]
    if unanswered:
        raise Invalid("The text says what nothing ticked bears out. Say that it is meant so, or change the text.",
                      field="meant", asks=unanswered)  # fmt: skip
    draft.meant = [{"code": one.code, "words": one.words} for one in asked]


def said_in(text: str, claim: Claim) -> Iterator[str]:
    """The phrases of this claim that the text says, as they are typed."""
    tokens = _tokens(text)
    for language, phrases in claim.phrases.items():
        words = claims().words[language]
        after = {*words.after, *(_plain(one) for one in claim.after.get(language, ()))}
        for start, end in _places(tokens, phrases, words.between):
            if not _is_unsaid(tokens, start, end, words, after):
                yield text[tokens[start].start : tokens[end - 1].end]


def _is_unsaid(tokens: Sequence[Token], start: int, end: int, words: Words, after: set[str]) -> bool:
    """'no evidence of …', 'previous …', '… is excluded', '…?'"""
    before = next((one.word for one in reversed(tokens[:start]) if one.word not in words.skip_before), "")
    behind = next((one.word for one in tokens[end:] if one.word not in words.skip_after), "")
    return before in words.before or behind in after


def _borne_out(claim: Claim, answers: Answers, known: Known, here: Filled | None, recommendation: str) -> bool:
    if _any(claim.ticked, answers, known):
        return True
    if here is not None and any(one.code == claim.advice for one in advised(here.template, answers, known)):
        return True
    tokens = _tokens(recommendation)
    return any(True for phrases in claim.advised.values() for _place in _places(tokens, phrases))


def _any(groups: AnyOf, answers: Answers, known: Known) -> bool:
    return any(holds_any(groups, answers, n, known) for n in range(1, REPEATS + 1))


def _places(
    tokens: Sequence[Token], phrases: Sequence[str], between: Collection[str] = ()
) -> Iterator[tuple[int, int]]:
    """Where each of them begins and ends."""
    words = [one.word for one in tokens]
    for phrase in map(_words, phrases):
        for at, word in enumerate(words):
            if word == phrase[0] and (end := _end(words, at, phrase, between)):
                yield at, end


def _end(words: Sequence[str], at: int, phrase: Sequence[str], between: Collection[str]) -> int | None:
    """Behind the last word of the phrase, where it stands here."""
    over = False
    for wanted in phrase:
        if wanted == GAP:
            over = True
            continue
        while over and at < len(words) and words[at] != wanted and words[at] in between:
            at += 1
        if at == len(words) or words[at] != wanted:
            return None
        at, over = at + 1, False
    return at


@cache
def _words(phrase: str) -> tuple[str, ...]:
    return tuple(one.word for one in _tokens(phrase))


def _tokens(text: str) -> list[Token]:
    return [Token(_plain(one[0]), one.start(), one.end()) for one in TOKEN.finditer(text)]


def _plain(word: str) -> str:
    return bare(word.casefold().replace("œ", "oe"))
