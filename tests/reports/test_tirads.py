"""Points, level and advice of a thyroid nodule, by the chart of ACR TI-RADS (Tessler et al., JACR 2017;14:587)."""

import pytest

from app.languages import speech
from app.reports import tirads
from app.reports.answers import Answer
from app.reports.shipped import shipped

UNCLEAR = Answer(unclear=True)
PLAIN = {"composition": "solid", "echogenicity": "iso", "shape": "wide", "margin": "smooth", "foci": ["none"]}


def nodule(**other: str | list[str] | Answer | None) -> dict[str, Answer]:
    """Solid, isoechoic, wide, smooth and without foci, but for what is told."""
    told = {name: other.get(name, PLAIN[name]) for name in PLAIN}
    return {
        name: one if isinstance(one, Answer) else Answer(choices=one) if isinstance(one, list) else Answer(choice=one)
        for name, one in told.items()
    }


@pytest.mark.parametrize(
    ("answers", "points", "level"),
    [
        (nodule(composition="cystic", echogenicity="anechoic"), 0, "tr1"),
        (nodule(composition="spongiform", echogenicity="hypo", shape="tall", foci=["punctate"]), 0, "tr1"),
        (nodule(composition="spongiform", echogenicity=None, shape=None, margin=None, foci=[]), 0, "tr1"),
        (nodule(composition="mixed"), 2, "tr2"),
        (nodule(), 3, "tr3"),
        (nodule(foci=["macro"]), 4, "tr4"),
        (nodule(echogenicity="hypo"), 4, "tr4"),
        (nodule(echogenicity="very-hypo"), 5, "tr4"),
        (nodule(shape="tall"), 6, "tr4"),
        (nodule(margin="lobulated", echogenicity="hypo"), 6, "tr4"),
        (nodule(margin="extension", foci=["macro"]), 7, "tr5"),
        (nodule(echogenicity="hypo", foci=["punctate"]), 7, "tr5"),
        (nodule(foci=["macro", "rim", "punctate"]), 9, "tr5"),
        (nodule(echogenicity="very-hypo", shape="tall", margin="extension", foci=["macro", "rim", "punctate"]), 17, "tr5"),
        (nodule(echogenicity=UNCLEAR, margin=UNCLEAR), 3, "tr3"),  # as the chart says of what cannot be determined
    ],
)  # fmt: skip
def test_points_add_up_to_the_level_of_the_chart(answers: dict[str, Answer], points: int, level: str) -> None:
    found = tirads.scored(answers, None)
    assert found
    assert (found.points, found.level, found.advice) == (points, level, None)


@pytest.mark.parametrize(
    "answers",
    [
        *(nodule(**{name: None}) for name in PLAIN if name != "foci"), nodule(foci=[]), nodule(foci=UNCLEAR),
        nodule(shape=UNCLEAR), nodule(shape="round"),
        nodule(composition="cystic"), {},  # one point has no level
    ],
)  # fmt: skip
def test_where_something_is_wanting_there_is_no_level(answers: dict[str, Answer]) -> None:
    assert tirads.scored(answers, 12) is None


@pytest.mark.parametrize(
    ("level", "follow_up", "biopsy"), [("tr1", None, None), ("tr2", None, None), ("tr3", 15, 25), ("tr4", 10, 15), ("tr5", 5, 10)]
)  # fmt: skip
def test_the_largest_side_says_what_is_advised(level: tirads.Level, follow_up: int | None, biopsy: int | None) -> None:
    def advice(size: float) -> str | None:
        return tirads.Scored(0, level, size).advice

    if follow_up is None or biopsy is None:
        assert advice(80) == "neither"
        return
    assert (advice(follow_up - 0.1), advice(follow_up)) == ("neither", "follow-up")
    assert (advice(biopsy - 0.1), advice(biopsy)) == ("follow-up", "biopsy")


def test_every_choice_of_the_form_has_its_points_as_its_words_say() -> None:
    lines = {line.item.code: line for line in shipped()["thyroid"].lines() if line.n == 1}
    for name, known in tirads.POINTS.items():
        said = {one.code: f"({known[one.code]})" for one in lines[name].options}
        assert [one.label["en"][-3:] for one in lines[name].options] == list(said.values())
    assert {one.code for one in lines["tirads"].options} == {"tr1", "tr2", "tr3", "tr4", "tr5"}


def test_it_is_said_in_both_languages() -> None:
    found = tirads.Scored(4, "tr4", 12.5)
    assert tirads.line(found, speech("en")) == (
        "4 points by ACR TI-RADS 2017, largest side 12.5 mm: follow-up after 1, 2, 3 and 5 years is advised."
    )
    assert tirads.line(found, speech("fr")) == (
        "4 points selon ACR TI-RADS 2017, plus grand diamètre 12,5 mm : un contrôle à 1, 2, 3 et 5 ans est conseillé."
    )
    assert tirads.line(tirads.Scored(0, "tr1", None), speech("en")) == "0 points by ACR TI-RADS 2017."
