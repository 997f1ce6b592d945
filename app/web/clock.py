"""How long is left until a deadline, as a shape and in words, so that no page tells it by colour alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.numbers import format_decimal

NOW, SOON = timedelta(hours=1), timedelta(hours=4)
Plural = Callable[[str, str, int], str]


@dataclass(frozen=True)
class Left:
    level: str  # plenty, soon, now, overdue
    shape: str
    words: str


def time_left(due_at: datetime, at: datetime, ngettext: Plural) -> Left:
    """'due in 42 min' with ○ plenty, ◐ soon, ● now, ▲ overdue."""
    left = due_at - at
    if left < timedelta():
        return Left("overdue", "▲", _overdue(-left, ngettext))
    if left <= NOW:
        return Left("now", "●", _due_in(left, ngettext))
    if left <= SOON:
        return Left("soon", "◐", _due_in(left, ngettext))
    return Left("plenty", "○", _due_in(left, ngettext))


def span_words(span: timedelta, ngettext: Plural) -> str:
    """'4 hours', '3 days': the largest unit that says it whole."""
    minutes = int(span.total_seconds()) // 60
    if minutes % (24 * 60) == 0 and minutes > 24 * 60:
        return ngettext("{n} day", "{n} days", minutes // (24 * 60)).format(n=minutes // (24 * 60))
    if minutes % 60 == 0:
        return ngettext("{n} hour", "{n} hours", minutes // 60).format(n=minutes // 60)
    return ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes)


def took(span: timedelta, language: str, ngettext: Plural) -> str:
    """'42 min', '6.1 h', '3.2 days'."""
    minutes = span.total_seconds() / 60
    if minutes < 120:
        return ngettext("{n} min", "{n} min", round(minutes)).format(n=round(minutes))
    if minutes < 48 * 60:
        return ngettext("{n} h", "{n} h", 2).format(n=format_decimal(minutes / 60, "0.#", locale=language))
    days = format_decimal(minutes / (24 * 60), "0.#", locale=language)
    return ngettext("{n} day", "{n} days", 2).format(n=days)


def _due_in(left: timedelta, ngettext: Plural) -> str:
    n, unit = _rounded(left)
    words = {
        "min": ngettext("due in {n} min", "due in {n} min", n),
        "h": ngettext("due in {n} h", "due in {n} h", n),
        "d": ngettext("due in {n} day", "due in {n} days", n),
    }
    return words[unit].format(n=n)


def _overdue(past: timedelta, ngettext: Plural) -> str:
    n, unit = _rounded(past)
    words = {
        "min": ngettext("{n} min overdue", "{n} min overdue", n),
        "h": ngettext("{n} h overdue", "{n} h overdue", n),
        "d": ngettext("{n} day overdue", "{n} days overdue", n),
    }
    return words[unit].format(n=n)


def _rounded(span: timedelta) -> tuple[int, str]:
    """Minutes below two hours, hours below two days, then days; never more than there is."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 120:
        return minutes, "min"
    return (minutes // 60, "h") if minutes < 48 * 60 else (minutes // (24 * 60), "d")
