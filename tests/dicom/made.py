"""DICOM files put together byte by byte, right or wrong as a test wants them."""

import struct
from collections.abc import Sequence

EXPLICIT = "1.2.840.10008.1.2.1"
JPEG, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
RLE, HTJ2K, JPEG_XL = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.110"
H264 = "1.2.840.10008.1.2.4.102"
US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"
LONG = {"OB", "OW", "SQ", "UN", "UT", "UC", "UR", "OF", "OD", "OL", "OV", "SV", "UV"}
UNDEFINED = 0xFFFFFFFF
Value = bytes | str | int | float | Sequence[int]


def element(tag: int, vr: str, value: Value = b"", *, length: int | None = None, order: str = "<") -> bytes:
    """Explicit VR; `length` may lie."""
    data = value_bytes(vr, value, order)
    data += (b" " if vr not in {"UI", "OB", "UN", "OW"} else b"\0") * (len(data) % 2)
    stated = len(data) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in LONG:
        return head + b"\0\0" + struct.pack(order + "I", stated) + data
    return head + struct.pack(order + "H", stated & 0xFFFF) + data


def value_bytes(vr: str, value: Value, order: str = "<") -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, Sequence):
        return b"".join(value_bytes(vr, one, order) for one in value)
    return struct.pack(order + {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FD": "d", "FL": "f"}[vr], value)


def implicit(tag: int, value: bytes, *, length: int | None = None) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(content: bytes = b"", *, undefined: bool = False) -> bytes:
    if undefined:
        return b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + content + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content


def sequence(tag: int, *items: bytes, undefined: bool = False) -> bytes:
    if undefined:
        return element(tag, "SQ", b"".join(items), length=UNDEFINED) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return element(tag, "SQ", b"".join(items))


def encapsulated(*fragments: bytes, table: bytes = b"") -> bytes:
    """Pixel data in fragments (PS3.5 A.4), each of even length."""
    pieces = b"".join(item(fragment + b"\0" * (len(fragment) % 2)) for fragment in (table, *fragments))
    return element(0x7FE00010, "OB", pieces, length=UNDEFINED) + b"\xfe\xff\xdd\xe0\0\0\0\0"


def meta(syntax: str = EXPLICIT, **changed: bytes) -> bytes:
    body = (
        element(0x00020001, "OB", b"\0\1")
        + element(0x00020002, "UI", changed.get("sop_class", US_IMAGE.encode()))
        + element(0x00020003, "UI", changed.get("sop_instance", b"1.2.3.4"))
        + element(0x00020010, "UI", syntax)
    )
    return element(0x00020000, "UL", len(body)) + body


def file(data_set: bytes, syntax: str = EXPLICIT, *, preamble: bytes = b"\0" * 128, **changed: bytes) -> bytes:
    return preamble + b"DICM" + meta(syntax, **changed) + data_set


def picture(
    rows: int = 8,
    columns: int = 8,
    pixel_data: bytes | None = None,
    *,
    samples: int = 1,
    frames: int | None = None,
    photometric: str | None = None,
    bits: int = 8,
    before: Sequence[bytes] = (),
    instead: dict[int, bytes] | None = None,
) -> bytes:
    """A data set with one picture: native zeros unless pixel data are given; `instead` replaces elements."""
    kind = photometric or ("RGB" if samples == 3 else "MONOCHROME2")
    parts = {
        0x00080016: element(0x00080016, "UI", US_IMAGE),
        0x00080018: element(0x00080018, "UI", "1.2.3.4"),
        0x00080060: element(0x00080060, "CS", "US"),
        0x00100010: element(0x00100010, "PN", "Test^Case"),
        0x00100020: element(0x00100020, "LO", "P1"),
        0x0020000D: element(0x0020000D, "UI", "1.2.3.1"),
        0x0020000E: element(0x0020000E, "UI", "1.2.3.2"),
        0x00280002: element(0x00280002, "US", samples),
        0x00280004: element(0x00280004, "CS", kind),
        0x00280006: element(0x00280006, "US", 0) if samples == 3 else b"",
        0x00280008: element(0x00280008, "IS", str(frames)) if frames else b"",
        0x00280010: element(0x00280010, "US", rows),
        0x00280011: element(0x00280011, "US", columns),
        0x00280100: element(0x00280100, "US", bits),
        0x00280101: element(0x00280101, "US", bits),
        0x00280102: element(0x00280102, "US", bits - 1),
        0x00280103: element(0x00280103, "US", 0),
    }
    for extra in before:
        parts[int.from_bytes(extra[:2], "little") << 16 | int.from_bytes(extra[2:4], "little")] = extra
    parts |= instead or {}
    header = b"".join(parts[tag] for tag in sorted(parts) if tag < 0x7FE00010)
    if pixel_data is None:
        zeros = bytes(rows * columns * samples * bits // 8 * (frames or 1))
        pixel_data = element(0x7FE00010, "OW" if bits > 8 else "OB", zeros)
    return header + pixel_data


def jpeg_stating(rows: int, columns: int, components: int = 1) -> bytes:
    """The headers of a JPEG that says it is this large, with hardly anything behind."""
    parts = b"".join(bytes((number + 1, 0x11, 0)) for number in range(components))
    sof = b"\x08" + struct.pack(">HHB", rows, columns, components) + parts
    tables = b"\xff\xdb\x00\x43\0" + b"\x01" * 64
    huffman = b"\xff\xc4\x00\x14\x00\x01" + b"\0" * 15 + b"\0" + b"\xff\xc4\x00\x14\x10\x01" + b"\0" * 15 + b"\0"
    scan = bytes((components,)) + b"".join(bytes((number + 1, 0)) for number in range(components)) + b"\0\x3f\0"
    return (
        b"\xff\xd8" + tables + b"\xff\xc0" + struct.pack(">H", len(sof) + 2) + sof + huffman
        + b"\xff\xda" + struct.pack(">H", len(scan) + 2) + scan + b"\0" * 64 + b"\xff\xd9"
    )  # fmt: skip


def jpeg_2000_stating(rows: int, columns: int, *, tile: int | None = None, components: int = 1) -> bytes:
    sizes = struct.pack(">8I", columns, rows, 0, 0, tile or columns, tile or rows, 0, 0)
    siz = struct.pack(">H", 0) + sizes + struct.pack(">H", components) + b"\x07\x01\x01" * components
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(siz) + 2) + siz + b"\xff\x90" + b"\0" * 32 + b"\xff\xd9"


def rle_stating(segments: int, length: int = 200) -> bytes:
    starts = [64 + number * 16 for number in range(segments)] + [0] * (15 - segments)
    return struct.pack("<16I", segments, *starts) + b"\x81\x7f" * (length // 2)
