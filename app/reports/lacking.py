"""What a ticked report lacks before it can be signed: items without an answer, and sentences that are not founded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.errors import Sentence
from app.reports.answers import Answer, Answers, Known, holds, holds_any, on_clip
from app.reports.template import Advice, Line, Option, Template, key_of, parts_of, said

Why = Literal["missing", "unfounded", "unseen", "contrary", "range", "unknown"]
NOTHING = Answer()


@dataclass(frozen=True)
class Lack:
    key: str
    section: str
    label: str
    why: Why
    sentence: str

    @property
    def facts(self) -> dict[str, str]:
        return {"key": self.key, "section": self.section, "label": self.label, "why": self.why, "detail": self.sentence}


def lacks(template: Template, answers: Answers, known: Known, language: str) -> list[Lack]:
    """In the order of the form, in the words of `language`."""
    lines = list(template.lines())
    begun = {(line.section.code, line.n) for line in lines if line.key in answers} | counted(template, answers)
    found: list[Lack] = []
    for line in lines:
        if (line.section.code, line.n) in begun and applies(line, answers, known):
            found += _of_line(line, answers, known, language)
    strange = sorted(set(answers) - {line.key for line in lines})
    gone = Sentence("This item is not in the template any more. Say it in the text, and take it away here.")
    return found + [Lack(key, "", key, "unknown", gone) for key in strange]


def counted(template: Template, answers: Answers) -> set[tuple[str, int]]:
    """The sections that are looked at though nothing is ticked in them: of twins both, of anything else the first."""
    found = {(section.code, 1) for section in template.sections}
    for section in template.sections:
        numbers = answers.get(section.counted_by or "", NOTHING).numbers
        found |= {(section.code, n) for n in range(2, section.repeats + 1) if numbers and n <= numbers[0]}
    return found


def applies(line: Line, answers: Answers, known: Known) -> bool:
    own = _own(line, answers)
    return all(holds(one, own, line.n, known) for one in line.when)


def is_founded(option: Option, line: Line, answers: Answers, known: Known) -> bool:
    """Whether what this option says may be said."""
    needed = not option.needs or holds_any(option.needs, _own(line, answers), line.n, known, surely=True)
    return needed and not is_contradicted(option, line, answers, known)


def is_contradicted(option: Option, line: Line, answers: Answers, known: Known) -> bool:
    """By something ticked that leaves no room for it."""
    return holds_any(option.never, _own(line, answers), line.n, known)


def _own(line: Line, answers: Answers) -> Answers:
    """Without what is ticked in the section's other repetitions: of one twin nothing rests on the other."""
    if line.section.repeats == 1:
        return answers
    others = {item.code for item in line.section.items}
    return {key: one for key, one in answers.items() if (of := parts_of(key))[0] not in others or of[2] == line.n}


def chosen(line: Line, answer: Answer) -> list[Option]:
    """In the template's order."""
    return [one for one in line.options if one.code == answer.choice or one.code in answer.choices]


def advised(template: Template, answers: Answers, known: Known) -> list[Advice]:
    """What has to be said whatever the reader writes."""
    times = max((section.repeats for section in template.sections), default=1)
    return [
        advice for advice in template.advice
        if any(holds_any(advice.when, answers, n, known) for n in range(1, times + 1))
    ]  # fmt: skip


def _of_line(line: Line, answers: Answers, known: Known, language: str) -> Iterator[Lack]:
    answer = answers.get(line.key, NOTHING)
    where = (line.key, said(line.section.title, language), line.label(language))
    if line.required and answer.is_empty:
        yield Lack(
            *where, "missing", Sentence("Not assessed yet. Say what was seen, or that it could not be assessed.")
        )
    options = chosen(line, answer)
    if len(options) < len({answer.choice, *answer.choices} - {None}):
        yield Lack(*where, "unknown", Sentence("This choice is not in the template any more. Choose again."))
    if len({option.normal for option in options}) > 1:
        yield Lack(*where, "contrary", Sentence("What is normal and what is not are ticked together."))
    for option in options:
        yield from _of_option(option, line, answers, known, language)
    low, high = line.item.at_least, line.item.at_most
    if any((low is not None and one < low) or (high is not None and one > high) for one in answer.numbers):
        yield Lack(*where, "range", Sentence("This number cannot be: {low} to {high} {unit}.", unit=line.item.unit,
                   low=_plain(low), high=_plain(high)))  # fmt: skip
    among = [one for name in line.item.not_below for one in answers.get(key_of(name, n=line.n), NOTHING).numbers]
    if answer.numbers and among and max(among) > answer.numbers[0]:
        yield Lack(*where, "contrary", Sentence("The largest cannot be smaller than one that was measured: {number} {unit}.",
                   number=_plain(max(among)), unit=line.item.unit))  # fmt: skip


def _of_option(option: Option, line: Line, answers: Answers, known: Known, language: str) -> Iterator[Lack]:
    answer = answers.get(line.key, NOTHING)
    where = (line.key, said(line.section.title, language), line.label(language))
    if is_contradicted(option, line, answers, known):
        choice = said(option.label, language)
        yield Lack(*where, "contrary", Sentence("What is ticked or measured contradicts “{choice}”.", choice=choice))
    elif not is_founded(option, line, answers, known):
        yield Lack(*where, "unfounded", _unfounded(option, line, answers, known, language))
    if option.on == "clip" and not on_clip(answer, known):
        yield Lack(*where, "unseen", Sentence("This is said by a clip: say on which one it was seen."))
    elif option.normal and line.item.view and not any(spot.image in known.images for spot in answer.seen_on):
        yield Lack(*where, "unseen", Sentence("A view is normal only by an image: say on which one it was seen."))


def _unfounded(option: Option, line: Line, answers: Answers, known: Known, language: str) -> str:
    choice, otherwise = said(option.label, language), said(option.otherwise, language) if option.otherwise else "–"
    if is_founded(option, line, answers, known.model_copy(update={"nearly": frozenset()})):
        return Sentence("“{choice}” rests on a number by the ruler on the screen. Confirm it beside the picture, or measure where "
                        "the image has its own scale. It would stand there as: {otherwise}",
                        choice=choice, otherwise=otherwise)  # fmt: skip
    return Sentence(
        "“{choice}” cannot be said by what is ticked. It would stand there as: {otherwise}",
        choice=choice, otherwise=otherwise,
    )  # fmt: skip


def _plain(number: float | None) -> str:
    return "…" if number is None else f"{number:g}"
