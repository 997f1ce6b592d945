"""DICOM JSON as an answer, and the Warning that may come with it."""

import json
from typing import Any

from starlette.responses import Response

DICOM_JSON = "application/dicom+json"
_EXAMPLE = {"0020000D": {"vr": "UI", "Value": ["2.25.198310928730958712"]}}
_DATA_SETS = {"type": "array", "items": {"type": "object"}, "examples": [[_EXAMPLE]]}
# For the OpenAPI document.
FOUND: dict[int | str, dict[str, Any]] = {200: {"content": {DICOM_JSON: {"schema": _DATA_SETS}}}}


def dicom_json(data: Any, status: int = 200, *, warning: str = "") -> Response:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return json_bytes(body, status, warning=warning)


def json_bytes(body: bytes, status: int = 200, *, warning: str = "", media_type: str = DICOM_JSON) -> Response:
    return Response(body, status, warning_header(warning), media_type)


def warning_header(warning: str) -> dict[str, str]:
    """RFC 7234 5.5, as PS3.18 uses it: 299, who warns, and a quoted sentence in ASCII."""
    plain = warning.replace("×", "x").replace('"', "'").encode("ascii", "replace").decode()
    return {"Warning": f'299 sonopost "{plain}"'} if warning else {}
