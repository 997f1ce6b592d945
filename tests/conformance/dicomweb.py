"""A DICOMweb client as small as the standard allows, for what well-made clients would never send."""

import json
from collections.abc import Sequence
from email import message_from_bytes
from typing import Any

import httpx

from tests.people import Somebody
from tests.servers.app import Running

BOUNDARY = "of-parts"
DICOM, JSON = "application/dicom", "application/dicom+json"
MULTIPART = f'multipart/related; type="{DICOM}"; boundary={BOUNDARY}'
Parts = Sequence[tuple[str, bytes]]  # headers, content


def multipart(parts: Parts, *, end: bool = True) -> bytes:
    body = b"".join(f"--{BOUNDARY}\r\n{headers}\r\n\r\n".encode() + content + b"\r\n" for headers, content in parts)
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def files(*bodies: bytes) -> bytes:
    return multipart([(f"Content-Type: {DICOM}", body) for body in bodies])


def url(server: Running, path: str) -> str:
    return f"{server.base_url}/dicom-web{path}"


def store(
    server: Running,
    who: Somebody,
    body: bytes,
    *,
    path: str = "/studies",
    content_type: str = MULTIPART,
    **headers: str,
) -> httpx.Response:
    given = {"Content-Type": content_type, "Accept": JSON, **who.headers, **headers}
    return httpx.post(url(server, path), content=body, headers=given, timeout=60)


def get(server: Running, who: Somebody, path: str, accept: str = JSON, **headers: str) -> httpx.Response:
    return httpx.get(url(server, path), headers={"Accept": accept, **who.headers, **headers}, timeout=60)


def sequence(answer: httpx.Response, tag: str) -> list[dict[str, Any]]:
    """The items of one sequence of a JSON answer."""
    found: list[dict[str, Any]] = answer.json().get(tag, {}).get("Value", [])
    return found


def failed(answer: httpx.Response) -> list[int]:
    """Failure Reasons, one a refused instance."""
    return [item["00081197"]["Value"][0] for item in sequence(answer, "00081198")]


def stored(answer: httpx.Response) -> list[str]:
    """SOP Instance UIDs of what was stored."""
    return [item["00081155"]["Value"][0] for item in sequence(answer, "00081199")]


def value(data: dict[str, Any], tag: str) -> Any:
    found = data.get(tag, {}).get("Value") or [None]
    return found[0]


def parts_of(answer: httpx.Response) -> list[tuple[str, bytes]]:
    """(Content-Type, content) of each part of a multipart answer, by another parser than the service's."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.content)
    assert message.is_multipart(), answer.headers["content-type"]
    found = []
    for part in message.get_payload():
        content = part.get_payload(decode=True)  # type: ignore[union-attr]  # the payload of a multipart is messages
        assert isinstance(content, bytes)
        found.append((str(part["Content-Type"]), content))  # type: ignore[index]  # as above
    return found


def dumped(data: Any) -> bytes:
    return json.dumps(data).encode()
