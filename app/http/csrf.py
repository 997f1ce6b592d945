"""Another site cannot make a signed-in browser act: what changes something must come from our own pages."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from app.config import settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_forged(method: str, headers: Headers) -> bool:
    """True if a browser may have been sent here by another site.

    A bearer token is put in by a program, never by a browser on its own, and a request that carries it is
    looked at for nothing else. Sec-Fetch-Site cannot be set by a page; browsers leave it out only on plain
    http beyond loopback, where Origin tells. With neither, no browser is at work, unless it sends a cookie."""
    if method in SAFE or is_bearer(headers):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}  # none: typed or reloaded by the person
    origin = headers.get("origin")
    if origin is not None:
        return not _is_ours(origin, headers.get("host", ""))
    return "cookie" in headers


def is_bearer(headers: Headers) -> bool:
    return headers.get("authorization", "").lower().startswith("bearer ")


def _is_ours(origin: str, host: str) -> bool:
    """Known hosts are checked before, so what the Host header names is this service."""
    try:
        given = urlsplit(origin)
    except ValueError:  # `http://[`
        return False
    if settings().secure and given.scheme != "https":  # whoever is on the line could have written that page
        return False
    return origin == settings().public_url or (bool(host) and given.netloc == host)
