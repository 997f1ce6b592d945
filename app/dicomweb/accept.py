"""Accept negotiation (PS3.18 8.7.3, RFC 9110 12.5.1), where the query parameter `accept` counts too (8.3.3.1)."""

from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request

from app.dicomweb.parts import media_type
from app.http.problems import DoorRefusal


@dataclass(frozen=True)
class Range:
    """One media range of an Accept header."""

    kind: str  # of a multipart, the type of its parts
    is_multipart: bool
    transfer_syntax: str  # empty: not said; *: as it is
    weight: float

    def takes(self, kind: str) -> bool:
        major = kind.partition("/")[0]
        return self.kind in ("*/*", kind, f"{major}/*")


def ranges(request: Request) -> list[Range]:
    """The best first; */* where nothing is said."""
    given = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    return _ranges(given)


def require(request: Request, *kinds: str) -> str:
    """The best of these plain types; 406 with what could be had where none is acceptable."""
    for one in ranges(request):
        found = next((kind for kind in kinds if one.takes(kind)), None)
        if found and not one.is_multipart:
            return found
    raise refusal(*kinds)


def refusal(*kinds: str) -> DoorRefusal:
    return DoorRefusal(406, f"This can be had as: {', '.join(kinds)}.", available=list(kinds))


@lru_cache(maxsize=256)
def _ranges(given: str) -> list[Range]:
    found = [_range(each) for each in split(given) if each.strip()]
    return sorted((one for one in found if one.weight > 0), key=lambda one: -one.weight)


def split(given: str) -> list[str]:
    """At commas that do not stand in quotes."""
    parts, quoted = [""], False
    for letter in given[:4096]:
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _range(given: str) -> Range:
    kind, parameters = media_type(given.strip())
    weight = parameters.get("q", "1")
    is_multipart = kind == "multipart/related"
    part = parameters.get("type", "*/*").lower() if is_multipart else kind
    syntax = parameters.get("transfer-syntax", "")
    return Range(part, is_multipart, syntax, float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0)
