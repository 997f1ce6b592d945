"""How long is left until a deadline, as a shape and in words, so that no page tells it by colour alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

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
