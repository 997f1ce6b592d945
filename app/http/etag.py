"""ETag, If-Match and If-None-Match (RFC 9110 13): nobody overwrites what they have not seen."""

import hashlib
from typing import Annotated

from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from app.http.problems import DoorRefusal

IfMatch = Annotated[
    str | None, Header(description="The ETag of what this rests on", examples=['"2c26b46b68ffc68ff99b453c1d304134"'])
]


def etag(*parts: object) -> str:
    """A strong tag of what decides the representation: an id and a version, or a digest."""
    return f'"{hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:32]}"'


def require_match(if_match: str | None, current: str, **what_differs: object) -> None:
    """Refuse with 428 when the request does not say what it rests on, with 412 when that is not `current`.

    `what_differs` tells the caller what changed since."""
    if if_match is None:
        raise DoorRefusal(428, "Say with If-Match which version this changes.", etag=current)
    if not names(if_match, current, weakly=False):
        raise DoorRefusal(412, "It has changed since you last saw it.", headers={"ETag": current}, **what_differs)


def is_unchanged(if_none_match: str | None, current: str) -> bool:
    """The client has this already: answer 304."""
    return if_none_match is not None and names(if_none_match, current, weakly=True)


def unless_known(request: Request, answer: Response) -> Response:
    """The answer under a tag of its bytes, or 304 where the client has them already (RFC 9110 15.4.5)."""
    current = etag(hashlib.sha256(answer.body).hexdigest())
    if is_unchanged(request.headers.get("if-none-match"), current):
        return Response(status_code=304, headers={"ETag": current})
    answer.headers["ETag"] = current
    return answer


def names(condition: str, current: str, *, weakly: bool = False) -> bool:
    """One of these tags is the current one; `*` is any."""
    tags = [tag.strip() for tag in condition.split(",")]
    if weakly:  # RFC 9110 8.8.3.2: If-None-Match compares without the W/
        tags = [tag.removeprefix("W/") for tag in tags]
    return "*" in tags or current in tags
