"""The ages of pregnancy and the dates that stand in a text, in the ways in which people type them."""

import re
from datetime import date
from functools import cache
from itertools import permutations

from babel import Locale

from app.languages import LANGUAGES
from app.people.models import bare

Age = tuple[int, int | None]  # weeks, and days where they are said

UNITS = (
    (re.compile(r"(?<![a-z])(?:weeks?|wks?|semaines?|sem|sa)(?![a-z])\.?"), "w"),
    (re.compile(r"(?<![a-z])(?:days?|jours?|j)(?![a-z])\.?"), "d"),
    (re.compile(r"(?<=[wd\d])\s*(?:,|and|et)\s*(?=\d)"), " "),
)
AGES = tuple(re.compile(rf"(?<![\d./-]){form}") for form in (
    r"(\d{1,2})\s*w?\s*\+\s*([0-6])(?!\d)",  # 31+4, 31 SA + 4 j
    r"(\d{1,2})\s*w\s*([0-6])\s*(?:d|/\s*7)",  # 31w4d, 31 weeks 4 days, 31 weeks 4/7
    r"(\d{1,2})w([0-6])(?!\d)",  # 31w4
    r"(\d{1,2})\s+([0-6])\s*/\s*7",  # 31 4/7
    r"(\d{1,2})\s*w(?![a-z])",  # 31 weeks
))  # fmt: skip
ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
NUMBERS = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?!\d)")
DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})(?:er|st|nd|rd|th)?\s+(?:of\s+)?([a-z]{3,9})\.?,?\s+(\d{4})")
MONTH_FIRST = re.compile(r"(?<![a-z])([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")


def ages(text: str) -> list[Age]:
    """'31w4d', '31+4', '31 SA + 4 j', '31 weeks'; none where there is none that can be read."""
    plain = bare(text.casefold())
    for form, unit in UNITS:
        plain = form.sub(unit, plain)
    found: list[Age] = []
    for form in AGES:
        found += [(int(one[1]), int(one[2]) if form.groups > 1 else None) for one in form.finditer(plain)]
        plain = form.sub(" ", plain)  # what is read as one is not read as another
    return found


def dates(text: str) -> set[date]:
    """Every one that may be meant: '7/12/2026' is one in July, and one in December."""
    plain, found = bare(text.casefold()), set[date | None]()
    found |= {_date(year, month, day) for year, month, day in ISO.findall(plain)}
    for day, month, year in NUMBERS.findall(ISO.sub(" ", plain)):
        whole = year if len(year) == 4 else f"20{year}"
        found |= {_date(whole, *pair) for pair in permutations((day, month))}
    found |= {_date(year, _months().get(name, ""), day) for day, name, year in DAY_FIRST.findall(plain)}
    found |= {_date(year, _months().get(name, ""), day) for name, day, year in MONTH_FIRST.findall(plain)}
    return {one for one in found if one is not None}


@cache
def _months() -> dict[str, str]:
    """'december', 'dec', 'decembre', 'decem' → '12'."""
    names = {
        bare(name.casefold()).rstrip("."): str(number)
        for language in LANGUAGES
        for width in ("wide", "abbreviated")
        for number, name in Locale.parse(language).months["format"][width].items()
    }
    return names | {"sept": "9"}


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
