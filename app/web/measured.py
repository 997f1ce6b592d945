"""What is said of a measurement: on the page in its language, in a report in that one's."""

from app.languages import LANGUAGES, Speech, speech


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
