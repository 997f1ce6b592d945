"""Dates, ages, sexes and exam types in words, for the PDF and the pages alike."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_timezone_location

from app.languages import speech
from app.reports.french import FRENCH

Gettext = Callable[[str], str]
LANGUAGES = ("en", "fr")  # those in which the fixed words are complete


def in_language(code: str) -> Gettext:
    """The fixed words in this language, those that a page says too by its catalogue; in English where there is none."""
    return (lambda text: FRENCH.get(text) or speech("fr").gettext(text)) if bare(code) == "fr" else (lambda text: text)


def bare(code: str) -> str:
    """`pt-BR` → `pt`; what is no language code counts as English."""
    primary = code.replace("_", "-").split("-")[0].lower()
    return primary if primary.isascii() and primary.isalpha() and len(primary) in (2, 3) else "en"


@lru_cache(maxsize=256)
def locale_of(code: str) -> Locale:
    try:
        return Locale.parse(bare(code))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def sex(code: str, _: Gettext) -> str:
    words = {"female": _("Female"), "male": _("Male"), "other": _("Other"), "unknown": _("Not known")}
    return words.get(code, code)


def exam_type(code: str, _: Gettext) -> str:
    words = {
        "ob-first-trimester": _("Obstetric, first trimester"),
        "ob-second-trimester": _("Obstetric, second trimester"),
        "ob-third-trimester": _("Obstetric, third trimester"),
        "pelvis": _("Pelvis"),
        "abdomen": _("Abdomen"),
        "renal": _("Kidneys and bladder"),
        "fast": _("FAST (trauma)"),
        "echo": _("Heart (focused echo)"),
        "lung": _("Lung"),
        "dvt": _("Leg veins (DVT)"),
        "thyroid": _("Thyroid"),
        "neck": _("Neck"),
        "breast": _("Breast"),
        "scrotum": _("Scrotum"),
        "msk": _("Musculoskeletal"),
        "aorta": _("Aorta"),
        "paediatric-abdomen": _("Abdomen of a child"),
        "neonatal-head": _("Head of a newborn"),
        "hip": _("Hip of an infant"),
        "other": _("Other examination"),
    }
    return words.get(code, code)


def day(given: date | str, language: str) -> str:
    """`3 Apr 2026`, months by name; `Apr 2026` or `2026` where no more is known."""
    text = given if isinstance(given, str) else given.isoformat()
    pattern = {4: "y", 7: "MMM y"}.get(len(text), "d MMM y")
    try:
        return format_date(_span(text)[0], pattern, locale=locale_of(language))
    except ValueError:
        return text


def moment(at: datetime, zones: Sequence[str], language: str) -> str:
    """`3 Apr 2026, 15:00 (UTC+3)`; where the clocks of these IANA zones differ, each one's time by its city."""
    there = [(name, at.astimezone(zone(name))) for name in zones]
    if len({local.utcoffset() for _name, local in there}) == 1:
        local = there[0][1]
        return f"{day(local.date(), language)}, {local:%H:%M} ({_offset(local)})"
    said, last = [], None
    for name, local in there:
        date_words = "" if local.date() == last else f"{day(local.date(), language)}, "
        said.append(f"{date_words}{local:%H:%M} {city(name, language)} ({_offset(local)})")
        last = local.date()
    return " · ".join(said)


def time_of(given: datetime | str) -> datetime:
    """A datetime or ISO 8601; without a zone it is UTC."""
    at = datetime.fromisoformat(given) if isinstance(given, str) else given
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def zones(source: Mapping[str, Any]) -> list[str]:
    """Both sides' clocks of a signed report, the site's first."""
    return [source["site"]["time_zone"], source["reader"]["time_zone"]]


def city(zone_name: str, language: str) -> str:
    """`Africa/Nairobi` → `Nairobi`, in this language where it has a word of its own."""
    place = get_timezone_location(zone_name, locale=locale_of(language), return_city=True)
    return place.rpartition("/")[2]


def exam_moment(on: str | None, at: str | None, zones: Sequence[str], language: str) -> str:
    """When the exam was, from the date and time of day (ISO 8601 or DICOM DA and TM) in the first zone."""
    if not on:
        return ""
    try:
        local = datetime.combine(date.fromisoformat(on), time.fromisoformat(at or ""))
    except ValueError:
        return ", ".join(part for part in (day(on, language), at) if part)
    return moment(local.replace(tzinfo=zone(zones[0])), zones, language)


def today(zone_name: str) -> date:
    """The day that it is there now."""
    return datetime.now(zone(zone_name)).date()


def zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def age(birth_date: str, on: date, _: Gettext) -> str:
    """`36 y`; days, weeks and months for small children; `35–36 y` where only the year is known."""
    try:
        earliest, latest = _span(birth_date)
    except ValueError:
        return ""
    oldest, youngest = _age(earliest, on), _age(min(latest, on), on)
    if oldest is None or youngest is None:
        return ""
    if oldest == youngest:
        return age_words(*oldest, _)
    if oldest[1] == youngest[1] == "years":
        return f"{youngest[0]}–{age_words(*oldest, _)}"
    return _("under {age}").format(age=age_words(_years(earliest, on) + 1, "years", _))


def age_words(value: int, unit: str, _: Gettext) -> str:
    one, many = {
        "years": (_("1 y"), _("{n} y")),
        "months": (_("1 month"), _("{n} months")),
        "weeks": (_("1 week"), _("{n} weeks")),
        "days": (_("1 day"), _("{n} days")),
    }[unit]
    return one if value == 1 else many.format(n=value)


def born(patient: Mapping[str, Any], on: date, language: str, _: Gettext) -> str:
    """`3 Apr 1990 (36 y)`, or the age as it was stated and when, or that neither is known; reads `birth_date`,
    `age` {value, unit} and `age_stated_on`."""
    birth_date, stated = patient.get("birth_date"), patient.get("age")
    if birth_date:
        years = age(birth_date, on, _)
        return f"{day(birth_date, language)} ({years})" if years else day(birth_date, language)
    if not stated:
        return _("Not known")
    said = age_words(stated["value"], stated.get("unit") or "years", _)
    if patient.get("age_stated_on"):
        return _("{age} on {date}, as stated").format(age=said, date=day(patient["age_stated_on"], language))
    return _("{age}, as stated").format(age=said)


def _span(text: str) -> tuple[date, date]:
    """The first and the last day that YYYY, YYYY-MM or YYYY-MM-DD may mean."""
    if len(text) == 4:
        return date(int(text), 1, 1), date(int(text), 12, 31)
    if len(text) == 7:
        first = date.fromisoformat(f"{text}-01")
        return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    only = date.fromisoformat(text)
    return only, only


def _age(birth: date, on: date) -> tuple[int, str] | None:
    days = (on - birth).days
    if days < 0:
        return None
    months = (on.year - birth.year) * 12 + on.month - birth.month - (on.day < birth.day)
    if months >= 24:
        return _years(birth, on), "years"
    if days >= 84:
        return months, "months"
    return (days // 7, "weeks") if days >= 28 else (days, "days")


def _years(birth: date, on: date) -> int:
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "−"
    return "UTC" + (f"{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "")


# UCUM as people write it; what it says in braces is a remark, no unit
_SIGNS = {"1": "", "cm2": "cm²", "mm2": "mm²", "cm3": "cm³", "mm3": "mm³", "deg": "°", "mm[Hg]": "mmHg", "px2": "px²"}


def with_unit(number: str, unit: str, decimal: str) -> str:
    """'12,00 cm²', '36°', '150/min'."""
    called = _SIGNS.get(plain := re.sub(r"\{[^}]*\}", "", unit), plain)
    space = "" if called in ("", "°") or called.startswith("/") else " "
    return f"{number.replace('.', decimal)}{space}{called}"


def measured_of(quantity: str, fetus: str, side: str, site: str, _: Gettext) -> str:
    """What was measured: 'CRL fetus A', 'length left kidney'."""
    sides = {"left": _("left"), "right": _("right"), "both": _("both sides")}
    parts = (quantity, _("fetus {name}").format(name=fetus) if fetus else "", sides.get(side, ""), site)
    return " ".join(part for part in parts if part)
