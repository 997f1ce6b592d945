"""What an entered date comes to, said beside it: '= 34 y', '= 11w3d today'."""

import re
from datetime import date

from app.languages import Speech
from app.referrals.dating import Gestation, gestation
from app.reports import words as clinical
from app.web.forms import Form


def words(form: Form, name: str, today: date, say: Speech) -> str:
    """Nothing where the date is none, or says nothing sensible: the form asks about that when it is sent."""
    if name == "birth_date":
        age = (
            clinical.age(given, today, say.gettext) if (given := birth_date_of(form)) and _is_past(given, today) else ""
        )
        return f"= {age}" if age else ""
    dated = gestation({name: form.value(name), "lmp_certain": form.value("lmp_certain") != "false"}, today)
    return say.gettext("= {weeks} today").format(weeks=in_weeks(dated, say)) if dated else ""


def in_weeks(dated: Gestation, spoken: Speech) -> str:
    """'11w3d', with ~ where the last period is not certain."""
    words = spoken.gettext("{weeks}w{days}d").format(weeks=dated.weeks, days=dated.days)
    return words if dated.is_certain else f"~{words}"


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
