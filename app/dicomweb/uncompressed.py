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
from app.dicomweb.resolve import Target
from app.errors import Conflict, TooLarge
from app.storage import blobs
from app.storage.spool import Spooled, Spooling, spooled_copy
from app.studies import decoding, headers
from app.studies.models import InstanceHeader

MOST_BYTES = 512 << 20  # decoded; what is larger is retrieved as it is, or frame by frame


def native_frame(target: Target, index: int) -> bytes:
    """The samples of one frame, little endian and colour by pixel (PS3.18 8.7.3.3.2)."""
    return bytes(_decoded(target, index)["body"])


def uncompressed(target: Target) -> Spooled:
    """The whole file in the spool, for the caller to discard; its header says what the samples are now."""
    pixels = target.facts.pixels
    if pixels is None:
        raise Conflict("The pictures of this instance cannot be decoded here.")
    if pixels.rows * pixels.columns * pixels.samples_per_pixel * target.frame_count > MOST_BYTES:
        raise TooLarge("This instance is too large when unpacked. Retrieve it as it is stored, or frame by frame.")
    data, places = _header(target)
    first: dict[str, Any] = {}

    def samples() -> Iterator[bytes]:
        for index in range(target.frame_count):
            answer = _decoded(target, index)
            first.update(answer if not first else {})
            yield answer["body"]

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


@contextmanager
def _as_files(target: Target, places: dict[str, Any]) -> Iterator[dict[str, list[Path]]]:
    with ExitStack() as stack:
        yield {
            name: [stack.enter_context(spooled_copy(blobs.read(target.blob, at, at + length), MOST_BYTES)).path]
            for name, (at, length, _word_bytes) in places.items()
        }
