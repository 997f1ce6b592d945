"""One line a request: method, route template, status, duration; never the path, which holds ids and words."""

import time
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log

# Asked every few seconds, or with each page: only their failures are worth a line.
QUIET = {"/healthz", "/readyz", "/static"}


class AccessLog:
    """ASGI middleware, the outermost one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.monotonic(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route = route_of(scope)
            if status >= 500 or route not in QUIET:
                with suppress(BrokenPipeError):  # nobody reads our stderr any more
                    log.get().info(
                        "request", method=scope["method"], route=route, status=status,
                        duration_ms=round((time.monotonic() - began) * 1000),
                    )  # fmt: skip


def route_of(scope: Scope) -> str:
    """The template ('/reports/{id}') or the mount; what matched nothing has no name of its own."""
    # A route of an included router knows its path without the router's prefix; FastAPI keeps the whole beside it.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    return getattr(route, "path", None) or ("/static" if scope["path"].startswith("/static/") else "unmatched")
