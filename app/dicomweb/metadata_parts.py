"""STOW-RS of metadata with bulk data (PS3.18 10.5.1.2.2): each object of the JSON becomes a file."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.config import settings
from app.dicom import from_json, syntaxes
from app.dicomweb.parts import Part, media_type
from app.errors import Refusal, TooLarge
from app.http.problems import DoorRefusal
from app.storage.spool import Spooled, Spooling, ask_for_room

DICOM_JSON = "application/dicom+json"
ASK_BYTES = 64 << 20


def assembled(parts: list[Part]) -> Iterator[Spooled | Refusal]:
    """One file an instance, in the spool; whoever takes it discards it."""
    if not parts or parts[0].media_type != DICOM_JSON:
        raise DoorRefusal(400, f"The first part is the metadata, as {DICOM_JSON}.")
    bulk, kinds = _bulk(parts[1:])
    left_bytes = settings().max_stow_bytes
    for data in _objects(parts[0].file()):
        made = _one(data, bulk, kinds, left_bytes)
        left_bytes -= made.size_bytes if isinstance(made, Spooled) else 0
        yield made


def _objects(spooled: Spooled) -> list[Mapping[str, Any]]:
    if spooled.size_bytes > settings().max_metadata_bytes:
        raise TooLarge(f"The metadata may have {settings().max_metadata_bytes:,} bytes.")
    try:
        found = json.loads(spooled.path.read_bytes())
    except (ValueError, RecursionError) as wrong:
        raise DoorRefusal(400, "The metadata are not JSON.") from wrong
    objects = found if isinstance(found, list) else [found]
    if not objects or not all(isinstance(one, dict) for one in objects):
        raise DoorRefusal(400, "The metadata are one JSON object an instance.")
    if len(objects) > settings().max_stow_parts:
        raise TooLarge(f"A request may have {settings().max_stow_parts:,} instances; send them in several.")
    return objects


def _bulk(parts: list[Part]) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """The files by Content-Location, several where each is a frame; and what each says it is."""
    bulk: dict[str, list[Path]] = {}
    kinds: dict[str, str] = {}
    for part in parts:
        place = part.headers.get("content-location", "")
        bulk.setdefault(place, []).append(part.file().path)
        kinds.setdefault(place, part.headers.get("content-type", ""))
    return bulk, kinds


def _one(
    data: Mapping[str, Any], bulk: from_json.Bulk, kinds: Mapping[str, str], left_bytes: int
) -> Spooled | Refusal:  # fmt: skip
    """The disk is asked as the file grows: a part may be sent once, but a value written out is longer than its JSON."""
    spooling, asked_bytes, size_bytes = Spooling(min(settings().max_file_bytes, left_bytes)), 0, 0
    try:
        for piece in from_json.file(data, bulk, _syntax(data, kinds)):
            size_bytes += len(piece)
            if size_bytes >= asked_bytes:
                ask_for_room(ASK_BYTES)
                asked_bytes = size_bytes + ASK_BYTES
            spooling.write(piece)
    except Refusal as refusal:
        spooling.discard()
        return refusal
    except BaseException:
        spooling.discard()
        raise
    return spooling.finish()


def _syntax(data: Mapping[str, Any], kinds: Mapping[str, str]) -> str:
    """As the pixel data's part says; of compressed ones else the attribute (PS3.18 8.7.3), else as its type usually is."""
    pixels = data.get(from_json.PIXEL_DATA)
    uri = pixels.get("BulkDataURI") if isinstance(pixels, dict) else None
    if not isinstance(uri, str):
        return syntaxes.EXPLICIT_LE
    kind, parameters = media_type(kinds.get(uri, ""))
    if "transfer-syntax" in parameters:
        return parameters["transfer-syntax"]
    said = from_json.first(data, from_json.AVAILABLE_TRANSFER_SYNTAX)
    if syntaxes.media_type(said) == kind != "application/octet-stream":
        return said
    return from_json.SYNTAX_OF.get(kind, syntaxes.EXPLICIT_LE)
