"""What the pregnancy, the sizes or a nodule's points say of an item: offered to be taken, and held against what is typed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.languages import Speech, first_known
from app.referrals.fetal_weight import Weight
from app.reports import fetal, tirads, typed
from app.reports.answers import Answer
from app.reports.filled import Filled
from app.reports.template import Line, key_of, said
from app.reviews.models import Review
from app.studies.growth import Fetus, Growth, growth

SAME_WEIGHT = 0.05  # of it: another formula of the same sizes is seldom further off
# What the date rests on, as the form names it: where it was dated by what is measured here, and otherwise
BASES = {"art": ("art", "art"), "lmp": ("lmp", "lmp"), "lmp-confirmed": ("lmp-confirmed", ""), "crl": ("crl", "earlier-scan"),
         "biometry": ("", "earlier-scan"), "stated": ("", "")}  # fmt: skip


@dataclass(frozen=True)
class Offer:
    key: str
    answer: Answer  # as it would stand there, in the language of the report
    value: str
    source: str  # in the words of whoever reads
    state: Literal["open", "taken", "differs"]


@dataclass(frozen=True)
class _Said:
    """One value, before it is held against what is typed."""

    answer: Answer
    value: str
    source: str


@dataclass(frozen=True)
class _Ground:
    """What is known, and in whose words it is said."""

    here: Filled
    found: Growth
    is_by_this_scan: bool
    report: Speech
    spoken: Speech


def offers(
    session: Session, actor: Actor, review: Review, here: Filled, spoken: Speech, found: Growth | None = None
) -> list[Offer]:  # fmt: skip
    """By the one date of the pregnancy, by what the actor's organization measured, and by what is ticked of a nodule."""
    lines = [line for line in here.template.lines() if line.item.offers]
    if not lines:
        return []
    found = found or growth(session, actor, review.referral)
    is_ours = any(
        one.referral_id == review.referral_id and "measurement_ids" in one.detail for one in found.datings[:1]
    )
    ground = _Ground(here, found, is_ours, first_known(here.language), spoken)
    return [one for line in lines for one in _of_line(line, ground)]


def _of_line(line: Line, ground: _Ground) -> Iterator[Offer]:
    answer = ground.here.answers.get(line.key, Answer())
    values = list(_values(line, ground))
    differs = bool(values) and not answer.is_empty and not _agrees(line, answer, ground, values)
    for one in values:
        is_taken = _bare(answer) == _bare(one.answer)
        yield Offer(
            line.key, one.answer, one.value, one.source, "taken" if is_taken else "differs" if differs else "open"
        )


def _values(line: Line, ground: _Ground) -> Iterator[_Said]:
    known, report, spoken = ground.found.pregnancy, ground.report, ground.spoken
    if line.item.offers in ("efw", "efw-centile"):
        yield from _weights(line, ground)
    if line.item.offers == "tirads":
        yield from _level(line, ground)
    if known is None:
        return
    source = spoken.gettext("from the pregnancy")
    if line.item.offers == "ga" and (words := fetal.age_by_edd(ground.found, report)):
        yield _Said(Answer(text=words), words, source)
    elif line.item.offers == "edd":
        words = fetal.edd_line(known, report)
        yield _Said(Answer(text=words), words, source)
    elif line.item.offers == "edd-basis":
        by_this_scan, otherwise = BASES.get(known.basis, ("", ""))
        if (option := line.option(by_this_scan if ground.is_by_this_scan else otherwise)) is not None:
            yield _Said(Answer(choice=option.code), said(option.label, spoken.language), source)


def _weights(line: Line, ground: _Ground) -> Iterator[_Said]:
    """Formula and chart are one pair: beside a weight that was taken stands its own centile only."""
    fetus = _fetus(ground.found, line.n)
    if fetus is None:
        return
    there = [one for one in fetus.weights if one.grams is not None]
    if line.item.offers == "efw-centile":
        taken = _grams(ground.here, line.n)
        there = [one for one in there if _rounded(one) == taken] or there
    for one in there:
        source = fetal.of_sizes(fetus, one, ground.spoken)
        if line.item.offers == "efw":
            words = fetal.by_formula(one, ground.report, approximate=fetus.approximate)
            yield _Said(Answer(numbers=[_rounded(one)], text=words), f"{_rounded(one):g} g", source)
        else:
            words = fetal.centile_line(one, ground.found, ground.report)
            yield _Said(Answer(text=words), words, source)


def _level(line: Line, ground: _Ground) -> Iterator[_Said]:
    """By the points of the nodule; a size by the ruler on the screen that nobody confirmed founds no advice."""
    here, size = ground.here, key_of("nodule-size", n=line.n)
    own = {code: here.answers.get(key_of(code, n=line.n), Answer()) for code in tirads.POINTS}
    numbers = here.answers.get(size, Answer()).numbers if size not in here.known.nearly else []
    of = tirads.scored(own, max(numbers, default=None))
    if of is not None and line.option(of.level):
        words = f"{of.level.upper()}: {tirads.line(of, ground.spoken)}"
        source = ground.spoken.gettext("from what is ticked of the nodule")
        yield _Said(Answer(choice=of.level, text=tirads.line(of, ground.report)), words, source)


def _agrees(line: Line, answer: Answer, ground: _Ground, values: list[_Said]) -> bool:
    """What cannot be read contradicts nothing."""
    found = ground.found
    match line.item.offers:
        case "ga" if found.age is not None:
            known = ((found.age.weeks, found.age.days), (found.age.weeks, None))
            said_ages = typed.ages(answer.text)
            return not said_ages or any(one in known for one in said_ages)
        case "edd" if found.pregnancy is not None:
            said_dates = typed.dates(answer.text)
            return not said_dates or found.pregnancy.edd in said_dates
        case "edd-basis":
            return not answer.choice or answer.choice == values[0].answer.choice
        case "tirads":
            mine = values[0].answer
            is_other = tirads.advises_otherwise(answer.text, mine.text, ground.report)
            return answer.choice in (None, mine.choice) and not is_other
        case "efw":
            weights = [one.answer.numbers[0] for one in values]
            return not answer.numbers or any(abs(answer.numbers[0] - one) <= SAME_WEIGHT * one for one in weights)
    return True


def _fetus(found: Growth, n: int) -> Fetus | None:
    """The only one, else the n-th by its name: one without a name beside named ones is nobody's."""
    named = [one for one in found.fetuses if one.name] or found.fetuses
    return named[n - 1] if n <= len(named) else None


def _grams(here: Filled, n: int) -> float | None:
    its = (line for line in here.template.lines() if line.item.offers == "efw" and line.n == n)
    numbers = [number for line in its for number in here.answers.get(line.key, Answer()).numbers]
    return numbers[0] if numbers else None


def _rounded(weight: Weight) -> float:
    return float(round(weight.grams or 0))


def _bare(answer: Answer) -> tuple[object, ...]:
    return answer.choice, answer.numbers, answer.text
