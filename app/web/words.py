"""The language of a page: the person's choice, else the browser's."""

from babel import negotiate_locale
from starlette.requests import Request

from app.access.actor import Actor
from app.config import settings
from app.languages import LANGUAGES, PSEUDO, Speech, speech


def speech_of(request: Request, who: Actor | None) -> Speech:
    """What this person reads."""
    if who is not None and who.language in LANGUAGES:
        return speech(who.language)
    known = [*LANGUAGES, PSEUDO] if settings().pseudo_locale else list(LANGUAGES)
    return speech(negotiate_locale(_asked_for(request), known, sep="-") or "en")


def _asked_for(request: Request) -> list[str]:
    """The browser's languages, the best first (RFC 9110 12.5.4)."""
    ranked = []
    for part in request.headers.get("accept-language", "")[:500].split(","):
        name, _, weight = part.partition(";q=")
        try:
            ranked.append((-float(weight or 1), name.strip()))
        except ValueError:
            continue
    return [name for _weight, name in sorted(ranked, key=lambda each: each[0]) if name]
