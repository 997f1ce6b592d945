"""A request must name this service: the Host header is checked before anything else looks at it."""

import re
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.config import LOOPBACK

HOST = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")  # RFC 3986 3.2.2, without its rarer forms
# Orchestrators probe by address; the two say nothing of anybody.
PROBES = {"/healthz", "/readyz"}


class KnownHosts:
    """ASGI middleware: 400 without exactly one Host (RFC 9112 3.2), 421 for another's (RFC 9110 15.5.20)."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self.app = app
        self.known = LOOPBACK | {(urlsplit(public_url).hostname or "").lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            return await self.app(scope, receive, send)
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return await _problem(400, "Bad Request", "One Host header, please.")(scope, receive, send)
        if _name(hosts[0]) not in self.known:
            return await _problem(421, "Misdirected Request", "This service goes by another name.")(
                scope, receive, send
            )
        return await self.app(scope, receive, send)


def _name(host: bytes) -> str:
    """Without the port; empty where it is no host (RFC 9112 3.2): with a path or a user's name, say."""
    found = HOST.fullmatch(host)
    return found[1].decode("ascii").strip("[]").lower() if found else ""


def _problem(status: int, title: str, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")
