"""What holds for every request, whoever sends it: size and coding of the body, origin, headers, a 500 without text."""

import re
from collections.abc import Iterable
from pathlib import Path
from traceback import extract_tb
from uuid import uuid4

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import log
from app.config import settings
from app.errors import Sentence
from app.http import csrf, problems
from app.http.headers import harden
from app.http.problems import DoorRefusal, Problem

# "METHOD path" of the doors that drain their body as a stream, after they know who sends it.
STREAMED = (
    r"POST /api/v1/referrals/[^/]+/files",
    r"POST /api/v1/reviews/[^/]+/messages/[^/]+/files",
    r"POST /referrals/[^/]+/files",  # the form without script
    r"POST /reviews/[^/]+/say",  # the same of a message
    r"(POST|PATCH) /uploads(/.*)?",
    r"POST /dicom-web/studies(/[^/]+)?",
)
CODE = Path(__file__).parent.parent


def content_length(request: Request) -> int | None:
    """As it is declared; None where nothing is, or no number."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() else None


class Limits:
    """ASGI middleware around all doors."""

    def __init__(self, app: ASGIApp, streamed: Iterable[str] = STREAMED) -> None:
        self.app = app
        self.streamed = re.compile("|".join(f"(?:{each})" for each in streamed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_hardened(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = MutableHeaders(scope=message)
                own["X-Request-Id"] = request_id
                harden(own, scope["path"])
            await send(message)

        try:
            self._check_head(scope)
            await self.app(scope, self._capped(scope, receive), send_hardened)
        except ClientDisconnect:
            return None
        except Exception as failure:  # noqa: BLE001 - the last resort: a server's own would print what it handled
            if not isinstance(failure, DoorRefusal):
                log.get().error("failed", request_id=request_id, error=type(failure).__name__, where=_where(failure))
            if not started:
                answer = _answer(Request(scope), problems.problem_of(failure))
                await answer(scope, receive, send_hardened)
        return None

    def _is_streamed(self, scope: Scope) -> bool:
        return self.streamed.fullmatch(f"{scope['method']} {scope['path']}") is not None

    def _check_head(self, scope: Scope) -> None:
        """What can be refused by the head alone, before anything is read or looked up."""
        given = Headers(scope=scope)
        if csrf.is_forged(scope["method"], given):
            raise DoorRefusal(403, "This came from another site. Open the page here and try again.")
        if given.get("content-encoding", "identity").lower() != "identity":
            # A small body must not become a large one after it was measured.
            headers = {"Accept-Encoding": "identity"}
            raise DoorRefusal(415, "Send the body as it is, without compression.", headers=headers)
        if _is_in_other_coding(given.get("content-type", "")):
            raise DoorRefusal(415, "Send the form in UTF-8.")
        length = given.get("content-length", "")
        if length.isdecimal() and int(length) > settings().max_body_bytes and not self._is_streamed(scope):
            raise _too_large()

    def _capped(self, scope: Scope, receive: Receive) -> Receive:
        """A body without a declared length is counted as it comes."""
        if self._is_streamed(scope):
            return receive
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > settings().max_body_bytes:
                raise _too_large()
            return message

        return count


def _is_in_other_coding(content_type: str) -> bool:
    """A form whose charset is not the one that browsers send (RFC 7578 5.1.2): Python knows codings that fail halfway."""
    kind, options = parse_options_header(content_type)
    return kind == b"multipart/form-data" and options.get(b"charset", b"utf-8").lower() != b"utf-8"


def _answer(request: Request, problem: Problem) -> Response:
    try:
        return problems.answer(request, problem)
    except Exception as failure:  # noqa: BLE001 - what draws the pages may be what is broken
        log.get().error("failed", error=type(failure).__name__, where=_where(failure))
        return problems.plain(problem)


def _too_large() -> DoorRefusal:
    sentence = Sentence("The body may have {limit} bytes.", limit=f"{settings().max_body_bytes:,}")
    return DoorRefusal(413, sentence, headers={"Connection": "close"})


def _where(failure: Exception) -> str:
    """The innermost line of our own code: with the type it finds the fault, and quotes nobody."""
    frames = [frame for frame in extract_tb(failure.__traceback__) if Path(frame.filename).is_relative_to(CODE)]
    return f"{Path(frames[-1].filename).relative_to(CODE)}:{frames[-1].lineno}" if frames else "unknown"
