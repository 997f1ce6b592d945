"""Whether a number of a report is that of a measurement, and of one that may carry a guarded sentence."""

from collections.abc import Iterable

from app.reports.answers import Answer, Answers
from app.reports.template import Line, Template
from app.studies.measurement import Measurement
from app.studies.size import is_true, quantity_of

# Into the unit of an item, from that of a measurement.
FACTOR = {("mm", "cm"): 0.1, ("cm", "mm"): 10.0, ("mm2", "cm2"): 0.01, ("cm2", "mm2"): 100.0, ("cm/s", "m/s"): 0.01,
          ("m/s", "cm/s"): 100.0}  # fmt: skip
SAME = 0.051  # of the item's unit, or a two-hundredth: an answer is a measurement rounded, or it is not that one
RELATIVE = 0.005


def is_of(measurement: Measurement, number: float, unit: str) -> bool:
    more = measurement.more.values()
    values = [(measurement.value, measurement.unit), *((one["value"], one["unit"]) for one in more)]
    for value, of in values:
        factor = 1.0 if of == unit else FACTOR.get((of, unit))
        if value is not None and factor and abs(value * factor - number) <= max(SAME, RELATIVE * abs(number)):
            return True
    return False


def nearly(template: Template, answers: Answers, made: Iterable[Measurement]) -> frozenset[str]:
    """The answers whose number is the ruler's on the screen, put in or typed, and confirmed by nobody.

    One that was removed since is still where the number came from; a true one of the same makes it true."""
    measured = list(made)
    found = set()
    for line in template.lines():
        answer = answers.get(line.key, Answer())
        its = [one for one in measured if _is_about(one, line, answer)]
        if any(one.approximate for one in its) and not any(is_true(one) and one.removed_at is None for one in its):
            found.add(line.key)
    return frozenset(found)


def _is_about(measurement: Measurement, line: Line, answer: Answer) -> bool:
    named = line.item.quantity.upper()
    is_its = measurement.id in answer.measurement_ids or (named and quantity_of(measurement) == named)
    return bool(is_its) and any(is_of(measurement, number, line.item.unit) for number in answer.numbers)
