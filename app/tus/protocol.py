"""tus 1.0 in headers: versions, offsets, metadata, checksums; every answer says which version it is."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.config import settings
from app.errors import Invalid, Refusal
from app.http import problems
from app.http.problems import DoorRefusal
from app.referrals.models import LAST_PRIORITY

if TYPE_CHECKING:
    from hashlib import _Hash

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
ALGORITHMS = {"sha256": hashlib.sha256, "sha1": lambda: hashlib.sha1(usedforsecurity=False)}
CONTENT_TYPE = "application/offset+octet-stream"
MISMATCH = 460  # tus 1.0, Checksum


class TusRoute(APIRoute):
    """Another version than ours is refused before anything else; every answer names ours, refusals too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_version(request: Request) -> Response:
            try:
                if request.method != "OPTIONS" and request.headers.get("tus-resumable") != VERSION:
                    headers = {"Tus-Version": VERSION}
                    raise DoorRefusal(412, "Say Tus-Resumable: 1.0.0, the only version here.", headers=headers)
                answer = await handle(request)
            except (Refusal, HTTPException, RequestValidationError) as failure:
                answer = problems.answer(request, problems.problem_of(failure))
            answer.headers["Tus-Resumable"] = VERSION
            return answer

        return handle_version


@dataclass(frozen=True)
class Checksum:
    """Upload-Checksum of one request: which algorithm, and the digest that its bytes must have."""

    algorithm: str
    digest: bytes

    def begin(self) -> "_Hash":
        return ALGORITHMS[self.algorithm]()


def number(request: Request, name: str) -> int:
    """Upload-Length or Upload-Offset: a whole number that a column holds."""
    text = request.headers.get(name, "")
    if not re.fullmatch("[0-9]{1,18}", text):
        raise DoorRefusal(400, f"{name} is missing, or no whole number.")
    return int(text)


def metadata(request: Request) -> dict[str, str]:
    """Upload-Metadata, bounded."""
    text = request.headers.get("upload-metadata", "").strip()
    if len(text) > settings().max_upload_metadata_bytes:
        raise DoorRefusal(413, f"Upload-Metadata may have {settings().max_upload_metadata_bytes:,} bytes.")
    return metadata_of(text)


def metadata_of(text: str) -> dict[str, str]:
    """Each key once, each value in base64 (tus 1.0, Creation)."""
    found: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        key, _, value = pair.strip().partition(" ")
        if not key or not key.isascii() or key in found:
            raise DoorRefusal(400, "Upload-Metadata has a key that is empty, not ASCII or there twice.")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise DoorRefusal(400, f"Upload-Metadata: {key} is no base64 of UTF-8.") from None
    return found


def checksum(request: Request) -> Checksum | None:
    given = request.headers.get("upload-checksum")
    if given is None:
        return None
    algorithm, _, text = given.partition(" ")
    if algorithm not in ALGORITHMS:
        raise DoorRefusal(400, f"Upload-Checksum may be {' or '.join(ALGORITHMS)}.")
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise DoorRefusal(400, f"Upload-Checksum is no base64 of a {algorithm} digest.")
    return Checksum(algorithm, digest)


def sha256_of(given: str | None, name: str = "sha256") -> str | None:
    """The whole file's digest: in hex as everywhere here."""
    if given is None:
        return None
    if not re.fullmatch("[0-9a-fA-F]{64}", given):
        raise Invalid(f"{name} is the file's digest in 64 hexadecimal digits.", field=name)
    return given.lower()


def bytes_of(given: str, name: str) -> int:
    if not re.fullmatch("[0-9]{1,15}", given):
        raise Invalid(f"{name} is a whole number of bytes.", field=name)
    return int(given)


def priority_of(given: str | None) -> int | None:
    """0 to 9; clients have words of their own under this key, which are only given back."""
    return int(given) if given and re.fullmatch(f"[0-{LAST_PRIORITY}]", given) else None


def require_content_type(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise DoorRefusal(415, f"Send the bytes as {CONTENT_TYPE}.")


def expires(at: datetime) -> str:
    """Upload-Expires (RFC 9110 5.6.7)."""
    return format_datetime(at, usegmt=True)
