"""What is said of a measurement: on the page in its language, in a report in that one's."""

from decimal import Decimal
from typing import Any

from app.dicom.structured import MachineValue
from app.languages import LANGUAGES, Speech, speech
from app.reports.words import measured_of, with_unit
from app.studies.machine import Line
from app.studies.measurement import Measurement


def measured_words(spoken: Speech) -> dict[str, str]:
    _ = spoken.gettext
    return {
        "decimal": spoken.decimal, "image": _("Image {n} of {count}"), "frame_only": _("frame {n}"),
        "kind_length": _("Length"), "kind_ellipse": _("Ellipse"), "kind_area": _("Outline"), "kind_angle": _("Angle"),
        "kind_heart-rate": _("Heart rate"), "kind_velocity": _("Velocity"), "kind_time": _("Interval"), "kind_text": "",
        "kind_arrow": _("Arrow"), "kind_scale": _("Scale"),
        "of_fetus": _("fetus {name}"), "of_left": _("left"), "of_right": _("right"), "of_both": _("both sides"),
        "more_circumference": _("circumference"), "more_long_axis": _("long axis"), "more_short_axis": _("short axis"),
        "more_area": _("area"), "more_time": _("time"), "more_depth": _("depth"), "more_velocity": _("velocity"),
        "more_cycle": _("one beat"), "beats_one": _("over 1 beat"), "beats": _("over {n} beats"),
        "age": _("{weeks}w{days}d"), "corresponds": _("size corresponds to {age} ({by})"),
    }  # fmt: skip


def written_words() -> dict[str, dict[str, str]]:
    """By the language of the report."""
    return {code: measured_words(speech(code)) for code in LANGUAGES}


def machine_words(spoken: Speech) -> dict[str, Any]:
    """Of the machine's own numbers, for the pages that list them."""
    return {
        "machine_number": lambda said: _machine_number(said, spoken),
        "machine_lines": lambda said: {code: _machine_line(said, speech(code)) for code in LANGUAGES},
        "machine_item": _item, "remeasured_number": lambda one: _remeasured(one, spoken),
    }  # fmt: skip


def _machine_line(said: MachineValue, spoken: Speech) -> str:
    """For the report: 'BPD fetus A 5.21 cm (Mean, measured by the machine)'; names are in the machine's own words."""
    _ = spoken.gettext
    name = measured_of(said.quantity, said.fetus, said.side, said.site, _)
    how = ", ".join(part for part in (said.modifiers, said.derivation, _("measured by the machine")) if part)
    return f"{name} {_machine_number(said, spoken)} ({how})"


def _item(line: Line) -> dict[str, Any]:
    """As the form takes one: with the measurement that it became, so that its sentence says whose it is."""
    said = line.said
    unit = "" if said.unit == "1" else said.unit
    return {"id": str(line.accepted.id) if line.accepted else "", "kind": "machine", "quantity": said.quantity,
            "value": said.value, "unit": unit, "state": ""}  # fmt: skip


def _remeasured(one: Measurement, spoken: Speech) -> str:
    return f"{'≈ ' if one.approximate else ''}{with_unit(f'{one.value or 0:.1f}', one.unit, spoken.decimal)}"


def _machine_number(said: MachineValue, spoken: Speech) -> str:
    """Four figures, and more where they stand before the decimal sign."""
    figures = max(4, len(str(int(abs(said.value)))))
    return with_unit(format(Decimal(f"{said.value:.{figures}g}"), "f"), said.unit, spoken.decimal)
