"""What an entered date comes to, said beside it: '= 34 y', '= 11w3d today'."""

import re
from datetime import date, timedelta

from app.languages import Speech
from app.reports import words as clinical
from app.web.forms import Form

PREGNANCY = timedelta(days=280)  # from the first day of the last period (ACOG Committee Opinion 700)
LONGEST = timedelta(weeks=45)


def words(form: Form, name: str, today: date, say: Speech) -> str:
    """Nothing where the date is none, or says nothing sensible: the form asks about that when it is sent."""
    if name == "birth_date":
        age = (
            clinical.age(given, today, say.gettext) if (given := birth_date_of(form)) and _is_past(given, today) else ""
        )
        return f"= {age}" if age else ""
    try:
        entered = date.fromisoformat(form.value(name))
    except ValueError:
        return ""
    along = today - entered if name == "lmp" else today - (entered - PREGNANCY)
    if not timedelta() <= along <= LONGEST:
        return ""
    weeks, days = divmod(along.days, 7)
    return say.gettext("= {weeks}w{days}d today").format(weeks=weeks, days=days)


def birth_date_of(form: Form) -> str | None:
    """What is given of it: YYYY, YYYY-MM or YYYY-MM-DD; the rest is refused as what it is."""
    year, month, day = (form.value(f"birth_{part}").strip() for part in ("year", "month", "day"))
    if not (year or month or day):
        return None
    return "-".join(part.zfill(2) for part in (year, month, day) if part) if month or not day else f"{year}-00-{day}"


def whole_birth_date(form: Form) -> str | None:
    """The same while it is being typed: only what is a date already."""
    given = birth_date_of(form) or ""
    return given if re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", given) else None


def _is_past(given: str, today: date) -> bool:
    try:
        return re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", given) is not None and (
            date.fromisoformat((given + "-01-01")[:10]) <= today
        )
    except ValueError:
        return False
