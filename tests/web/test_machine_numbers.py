"""A machine's number in words: in the language of a report, with its figures, its unit as people write it, and its source."""

from typing import Any

import pytest

from app.dicom.structured import MachineValue
from app.languages import speech
from app.web.measured import machine_words


def said(value: float, unit: str, **more: Any) -> MachineValue:
    return MachineValue(key="1", name="Length", code="", scheme="", value=value, unit=unit, **more)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (5.21, "cm", "5,21 cm"), (12345.0, "g", "12345 g"), (0.65432, "1", "0,6543"), (0.00004, "m", "0,00004 m"),
        (142.0, "{H.B.}/min", "142/min"), (-80.5, "cm/s", "-80,5 cm/s"), (3.0, "cm2", "3 cm²"), (62.0, "deg", "62°"),
    ],
)  # fmt: skip
def test_a_number_has_its_figures_and_its_unit(value: float, unit: str, words: str) -> None:
    assert machine_words(speech("fr"))["machine_number"](said(value, unit)) == words


def test_the_line_for_a_report_says_of_what_it_is_and_that_a_machine_measured_it() -> None:
    lines: dict[str, Any] = machine_words(speech("fr"))["machine_lines"](
        said(5.21, "cm", fetus="A", side="left", site="Head", derivation="Mean", modifiers="2D mode")
    )
    assert lines == {
        "en": "Length fetus A left Head 5.21 cm (2D mode, Mean, measured by the machine)",
        "fr": "Length fœtus A gauche Head 5,21 cm (2D mode, Mean, mesure de la machine)",
    }
