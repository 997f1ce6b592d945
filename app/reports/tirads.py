"""ACR TI-RADS (Tessler et al., JACR 2017;14:587-595): a nodule's points, their level, and what its largest side asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.languages import Speech
from app.reports.answers import Answer

Level = Literal["tr1", "tr2", "tr3", "tr4", "tr5"]
Advice = Literal["biopsy", "follow-up", "neither"]

POINTS = {
    "composition": {"cystic": 0, "spongiform": 0, "mixed": 1, "solid": 2},
    "echogenicity": {"anechoic": 0, "iso": 1, "hypo": 2, "very-hypo": 3},
    "shape": {"wide": 0, "tall": 3},
    "margin": {"smooth": 0, "lobulated": 2, "extension": 3},
    "foci": {"none": 0, "macro": 1, "rim": 2, "punctate": 3},
}
# What counts for one that cannot be determined, as behind calcification; of the others the chart says nothing
UNCLEAR = {"composition": 2, "echogenicity": 1, "margin": 0}
LEVELS: dict[int, Level] = {0: "tr1", 2: "tr2", 3: "tr3", 4: "tr4", 5: "tr4", 6: "tr4"}
# From which on a biopsy, and a follow-up, is advised
SIZES_MM: dict[Level, tuple[float, float]] = {"tr3": (25, 15), "tr4": (15, 10), "tr5": (10, 5)}


@dataclass(frozen=True)
class Scored:
    points: int
    level: Level
    size_mm: float | None  # the largest side, where there is one to rely on

    @property
    def advice(self) -> Advice | None:
        if self.size_mm is None:
            return None
        biopsy, follow_up = SIZES_MM.get(self.level, (float("inf"), float("inf")))
        return "biopsy" if self.size_mm >= biopsy else "follow-up" if self.size_mm >= follow_up else "neither"


def scored(answers: Mapping[str, Answer], size_mm: float | None) -> Scored | None:
    """By the answer to each of the five; None where one is wanting, and where the chart has no level."""
    found = {name: _points(name, answers.get(name, Answer())) for name in POINTS}
    if answers.get("composition", Answer()).choice == "spongiform":
        found = {"composition": 0}  # nothing else adds to it
    points = [one for one in found.values() if one is not None]
    total = sum(points)
    level = "tr5" if total >= 7 else LEVELS.get(total)
    return Scored(total, level, size_mm) if level and len(points) == len(found) else None


def line(of: Scored, spoken: Speech) -> str:
    """'5 points, 18 mm: biopsy is advised.'"""
    points = spoken.ngettext("{n} point", "{n} points", of.points).format(n=of.points)
    if of.advice is None:
        return spoken.gettext("{points} by ACR TI-RADS 2017.").format(points=points)
    return spoken.gettext("{points} by ACR TI-RADS 2017, largest side {size} mm: {advice}").format(
        points=points,
        size=f"{of.size_mm:g}".replace(".", spoken.decimal),
        advice=sentences(of.level, spoken)[of.advice],
    )


def sentences(level: Level, spoken: Speech) -> dict[Advice, str]:
    _ = spoken.gettext
    after = {
        "tr3": _("follow-up after 1, 3 and 5 years is advised."),
        "tr4": _("follow-up after 1, 2, 3 and 5 years is advised."),
    }
    return {
        "biopsy": _("biopsy is advised."), "neither": _("neither biopsy nor follow-up is advised."),
        "follow-up": after.get(level) or _("follow-up every year for 5 years is advised."),
    }  # fmt: skip


def advises_otherwise(typed: str, words: str, spoken: Speech) -> bool:
    """By a sentence of ours, taken when the nodule was ticked or measured as another."""
    ours = {one for level in SIZES_MM for one in sentences(level, spoken).values()}
    return any(one in typed and one not in words for one in ours)


def _points(name: str, answer: Answer) -> int | None:
    """Foci add up; of the others one is chosen."""
    if answer.unclear:
        return UNCLEAR.get(name)
    chosen = [one for one in (answer.choice, *answer.choices) if one]
    known = POINTS[name]
    return sum(known[one] for one in chosen) if chosen and set(chosen) <= known.keys() else None
