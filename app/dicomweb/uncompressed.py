"""An instance in explicit little endian, decoded, for a client that asks for that: frame by frame, in children."""

import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import reading
from app.dicom import from_json, syntaxes
from app.dicom.json_values import turned_pieces
from app.dicomweb.resolve import Target
from app.errors import Conflict, TooLarge
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import Spooled, Spooling, spooled_copy
from app.studies import decoding, headers
from app.studies.models import InstanceHeader

CHUNK_BYTES = 1 << 18
ITEM = b"\xfe\xff\x00\xe0"
MOST_BYTES = 512 << 20  # decoded; what is larger is retrieved as it is, or frame by frame


def octets(blob: Blob, offset: int, length: int, word_bytes: int) -> Iterator[bytes]:
    """One value's bytes, little endian (PS3.18 8.7.3.3.2)."""
    pieces = blobs.read(blob, offset, offset + length)
    return turned_pieces(pieces, word_bytes) if word_bytes > 1 else pieces


def native_frame(target: Target, index: int) -> bytes:
    """The samples of one frame, little endian and colour by pixel (PS3.18 8.7.3.3.2)."""
    return bytes(_decoded(target, index)["body"])


def refuse_too_large(target: Target) -> None:
    """Before an answer begins that decodes every frame."""
    pixels = target.facts.pixels
    if pixels is None:
        raise Conflict("The pictures of this instance cannot be decoded here.")
    sample_bytes = pixels.samples_per_pixel * max(8, pixels.bits_allocated) // 8
    if pixels.rows * pixels.columns * sample_bytes * target.frame_count > MOST_BYTES:
        raise TooLarge("This instance is too large when unpacked. Retrieve it as it is stored, or frame by frame.")


def uncompressed(target: Target) -> Iterator[bytes]:
    """The whole file, decoded into the spool when its first piece is asked for."""
    spooled = _in_spool(target)
    try:
        file = spooled.path.open("rb")
    finally:
        spooled.discard()  # its name goes at once, its bytes when it is closed: also when the client leaves
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _in_spool(target: Target) -> Spooled:
    """For the caller to discard; its header says what the samples are now."""
    data, places = _header(target)
    first: dict[str, Any] = {}

    def samples() -> Iterator[bytes]:
        for index in range(target.frame_count):
            answer = _decoded(target, index)
            first.update(answer if not first else {})
            yield answer["body"]

    _leave_out_packed_icons(target, data, places)
    with ExitStack() as stack, _as_files(target, places) as bulk:
        bulk[from_json.PIXEL_DATA] = [stack.enter_context(spooled_copy(samples(), MOST_BYTES * 2)).path]
        data |= _described(first)
        spooling = Spooling(MOST_BYTES * 2)
        try:
            for piece in from_json.file(data, bulk, syntaxes.EXPLICIT_LE):
                spooling.write(piece)
        except BaseException:
            spooling.discard()
            raise
        return spooling.finish()


def _decoded(target: Target, index: int) -> dict[str, Any]:
    facts = target.facts
    if facts.pixels is None or facts.frames is None:
        raise Conflict("The pictures of this instance cannot be decoded here.")
    frame = blobs.read_ranges(target.blob, facts.frames.ranges(index))
    return decoding.pool().run("raw", data=frame, pixels=facts.pixels.to_json())


def _header(target: Target) -> tuple[dict[str, Any], dict[str, Any]]:
    query = sa.select(InstanceHeader).where(InstanceHeader.id == target.id)
    with reading(WORKER) as session:
        row = session.scalars(query).one_or_none()
    if row is None:
        headers.make_missing(WORKER, [target.id])
        with reading(WORKER) as session:
            row = session.scalars(query).one()
    data: dict[str, Any] = json.loads(zlib.decompress(row.packed))
    return data, {name: place for name, place in row.bulk.items() if name != from_json.PIXEL_DATA}


def _described(answer: dict[str, Any]) -> dict[str, Any]:
    """PS3.3 C.7.6.3.1: what a decoded colour picture is."""
    is_colour = answer["samples_per_pixel"] == 3
    found: dict[str, Any] = {
        "00280004": {"vr": "CS", "Value": [answer["photometric_interpretation"]]},
        "00280100": {"vr": "US", "Value": [answer["bits_allocated"]]},
        from_json.PIXEL_DATA: {
            "vr": "OW" if answer["bits_allocated"] > 8 else "OB",
            "BulkDataURI": from_json.PIXEL_DATA,
        },
    }
    return found | ({"00280006": {"vr": "US", "Value": [0]}} if is_colour else {})


def _leave_out_packed_icons(target: Target, data: dict[str, Any], places: dict[str, Any]) -> None:
    """An icon (PS3.3 C.7.6.1.1.6) that is compressed has no place in explicit little endian (PS3.5 A.4); it is optional."""
    for name in [one for one in places if one.endswith("." + from_json.PIXEL_DATA)]:
        offset, length, _ = places[name]
        if blobs.read_ranges(target.blob, [(offset, min(4, length))]) != ITEM:
            continue
        *above, sequence, _number, _tag = name.split(".")
        inside = data
        for outer, number in zip(above[::2], above[1::2], strict=True):
            inside = inside[outer]["Value"][int(number) - 1]
        inside.pop(sequence, None)
        for one in [one for one in places if one.startswith(name.removesuffix(from_json.PIXEL_DATA))]:
            del places[one]


@contextmanager
def _as_files(target: Target, places: dict[str, Any]) -> Iterator[dict[str, list[Path]]]:
    with ExitStack() as stack:
        yield {
            name: [stack.enter_context(spooled_copy(octets(target.blob, *place), MOST_BYTES)).path]
            for name, place in places.items()
        }
