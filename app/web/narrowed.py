"""How a person narrowed the worklist: as it stands in the address, and as their browser remembers it."""

from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import Request, Response

from app.access.actor import Actor
from app.config import settings
from app.errors import Invalid
from app.referrals.models import EXAM_TYPES

TABS = ("open", "unclaimed", "mine", "asked", "overdue", "signed")
COOKIE = "sonopost-worklist"
KEPT_S = 90 * 24 * 3600


@dataclass(frozen=True)
class Wanted:
    tab: str
    site: UUID | None
    exam_type: str
    language: str
    q: str

    @classmethod
    def of(cls, tab: str, site: str, exam_type: str, language: str, q: str) -> "Wanted":
        try:
            site_id = UUID(site) if site else None
        except ValueError:
            raise Invalid("There is no such site.", field="site") from None
        return cls(tab if tab in TABS else "open", site_id, exam_type, language[:10], q.strip())

    @property
    def is_narrow(self) -> bool:
        return bool(self.site or self.exam_type or self.language or self.q)

    def href(self, **other: object) -> str:
        given = vars(self) | other
        return "/worklist?" + urlencode({name: value for name, value in given.items() if value})


def keep(answer: Response, who: Actor, wanted: Wanted) -> None:
    """Remembered by the browser, for this person alone: others may use the same one. Words are not: they may be a name."""
    answer.set_cookie(
        COOKIE, f"{who.person_id}?{_address(replace(wanted, q=''))}", max_age=KEPT_S, path="/worklist",
        secure=settings().secure, httponly=True, samesite="lax",
    )  # fmt: skip


def kept(request: Request, who: Actor) -> str:
    """The address that leads back to it; empty where there is none."""
    person_id, _, query = request.cookies.get(COOKIE, "").partition("?")
    if not query or person_id != str(who.person_id):
        return ""
    given = {name: values[0] for name, values in parse_qs(query[:300]).items()}
    try:
        tab, site, exam_type, language = (given.get(name, "") for name in ("tab", "site", "exam_type", "language"))
        wanted = Wanted.of(tab, site, exam_type, language, "")
    except Invalid:
        return ""
    known = replace(wanted, exam_type=wanted.exam_type if wanted.exam_type in EXAM_TYPES else "")
    return known.href()


def _address(wanted: Wanted) -> str:
    return wanted.href().partition("?")[2]
