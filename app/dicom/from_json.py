"""A DICOM file from DICOM JSON and its bulk data (PS3.18 F.2, PS3.10 7): explicit little endian, or as the pixel data are."""

import base64
import binascii
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.config import file_limits
from app.dicom import syntaxes
from app.dicom.refusals import beyond, refused
from app.dicom.walk import LONG, SHORT, UNDEFINED

COPY_BYTES = 1 << 18
PIXEL_DATA, CHARACTER_SET, AVAILABLE_TRANSFER_SYNTAX = "7FE00010", "00080005", "00083002"
_FORMATS = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "UV": "<Q", "SV": "<q", "FL": "<f", "FD": "<d"}
_BINARY = frozenset("OB OD OF OL OV OW UN".split())
_SEQUENCE_END, _ITEM_END = b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xfe\xff\x0d\xe0\0\0\0\0"
# PS3.18 table 8.7.3-2: what compressed pixel data are when only their media type is said
SYNTAX_OF = {
    "application/octet-stream": syntaxes.EXPLICIT_LE, "image/jpeg": syntaxes.JPEG_BASELINE,
    "image/dicom-rle": "1.2.840.10008.1.2.5", "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90", "image/jphc": "1.2.840.10008.1.2.4.201",
    "video/mpeg2": "1.2.840.10008.1.2.4.100", "video/mp4": "1.2.840.10008.1.2.4.102",
}  # fmt: skip
Bulk = dict[str, list[Path]]  # by URI: one file, or one a frame; taken out as they are used


def file(data: Mapping[str, Any], bulk: Bulk, syntax: str) -> Iterator[bytes]:
    """The file piece by piece; Invalid when the JSON is no data set."""
    try:
        yield bytes(128) + b"DICM" + _meta(_text(data, "00080016"), _text(data, "00080018"), syntax)
        yield from _data_set({**data, CHARACTER_SET: {"vr": "CS", "Value": ["ISO_IR 192"]}}, bulk, syntax, 0)
    except (struct.error, binascii.Error, ArithmeticError, ValueError, TypeError, AttributeError, KeyError) as wrong:
        raise _no_data_set() from wrong


def _no_data_set() -> Exception:
    return refused("metadata", "The metadata are no DICOM JSON of an instance.")


def _meta(sop_class_uid: str, sop_instance_uid: str, syntax: str) -> bytes:
    body = (
        _element(0x00020001, "OB", b"\0\1") + _element(0x00020002, "UI", sop_class_uid.encode("ascii"))
        + _element(0x00020003, "UI", sop_instance_uid.encode("ascii")) + _element(0x00020010, "UI", syntax.encode("ascii"))
        + _element(0x00020012, "UI", b"2.25.207451098226484471390267829614402761389")
    )  # fmt: skip
    return _element(0x00020000, "UL", struct.pack("<I", len(body))) + body


def _data_set(data: Mapping[str, Any], bulk: Bulk, syntax: str, depth: int) -> Iterator[bytes]:
    if depth > file_limits().max_dicom_depth:
        raise beyond("its header is nested too deeply", file_limits().max_dicom_depth)
    for name in sorted(data):
        tag = int(name, 16)
        if len(name) != 8 or tag >> 16 == 2 or tag & 0xFFFF == 0 or name == AVAILABLE_TRANSFER_SYNTAX:
            continue
        if name == CHARACTER_SET and depth:  # one for all: the text is UTF-8
            continue
        attribute = data[name]
        vr = str(attribute["vr"])
        if vr.encode("ascii") not in SHORT | LONG:
            raise _no_data_set()
        if vr == "SQ":
            yield from _sequence(tag, attribute.get("Value") or [], bulk, syntax, depth)
        elif "BulkDataURI" in attribute:
            yield from _from_bulk(tag, vr, _found(bulk, attribute["BulkDataURI"]), syntax)
        else:
            yield _element(tag, vr, _bytes(vr, attribute))


def _sequence(tag: int, items: Sequence[Any], bulk: Bulk, syntax: str, depth: int) -> Iterator[bytes]:
    yield _head(tag, "SQ", UNDEFINED)
    for one in items:
        yield b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        yield from _data_set(one or {}, bulk, syntax, depth + 1)
        yield _ITEM_END
    yield _SEQUENCE_END


def _found(bulk: Bulk, uri: str) -> Sequence[Path]:
    """Of the parts that came, each once; no other address is ever asked."""
    if uri not in bulk:
        raise refused("bulk", "Bulk data that the metadata refer to did not come with them, or are used twice.")
    return bulk.pop(uri)


def _from_bulk(tag: int, vr: str, files: Sequence[Path], syntax: str) -> Iterator[bytes]:
    if tag == int(PIXEL_DATA, 16) and syntax != syntaxes.EXPLICIT_LE:
        yield _head(tag, "OB", UNDEFINED) + b"\xfe\xff\x00\xe0\0\0\0\0"
        for path in files:
            size = path.stat().st_size
            yield b"\xfe\xff\x00\xe0" + struct.pack("<I", size + size % 2)
            yield from _copy(path)
        yield _SEQUENCE_END
        return
    size = sum(path.stat().st_size for path in files)
    if size >= UNDEFINED or (vr.encode() in SHORT and size > 0xFFFE):
        raise beyond("one value of its header has too many bytes", UNDEFINED - 1)
    yield _head(tag, vr, size + size % 2)
    for path in files[:-1]:
        yield from _copy(path, pad=False)
    yield from _copy(files[-1], pad=False)
    yield b"\0" * (size % 2)


def _copy(path: Path, *, pad: bool = True) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(COPY_BYTES):
            yield chunk
    if pad and path.stat().st_size % 2:
        yield b"\0"


def _head(tag: int, vr: str, length: int) -> bytes:
    start = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    return start + (struct.pack("<HI", 0, length) if vr.encode() in LONG else struct.pack("<H", length))


def _element(tag: int, vr: str, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == "UI" or vr in _BINARY else b" "
    return _head(tag, vr, len(value)) + value


def _bytes(vr: str, attribute: Mapping[str, Any]) -> bytes:
    if "InlineBinary" in attribute:
        return base64.b64decode(attribute["InlineBinary"], validate=True)
    values = attribute.get("Value") or []
    if vr in _FORMATS:
        whole = int if vr not in ("FL", "FD") else float
        return b"".join(struct.pack(_FORMATS[vr], whole(value)) for value in values)
    if vr == "AT":
        return b"".join(struct.pack("<HH", int(value[:4], 16), int(value[4:], 16)) for value in values)
    if vr in _BINARY and values:
        raise _no_data_set()
    return "\\".join(_one(vr, value) for value in values).encode()


def _one(vr: str, value: Any) -> str:
    if value is None:
        return ""
    if vr == "PN":
        groups = (value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(groups).rstrip("=")
    if vr == "DS" and isinstance(value, float):
        return repr(value) if len(repr(value)) <= 16 else f"{value:.10g}"  # PS3.5 6.2: 16 bytes
    if isinstance(value, dict | list | bool):
        raise _no_data_set()
    return str(value)


def first(data: Mapping[str, Any], tag: str) -> str:
    """The first value as text, empty where there is none, whatever stands there."""
    try:
        return _text(data, tag)
    except (TypeError, AttributeError, KeyError):
        return ""


def _text(data: Mapping[str, Any], tag: str) -> str:
    return str((data[tag].get("Value") or [""])[0])
