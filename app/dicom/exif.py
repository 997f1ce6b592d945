"""How an uploaded picture is turned to be seen as it was taken, found as what shows it finds it (app.dicom.still)."""

import re
from typing import Literal

from app.dicom import limits
from app.dicom.codestream import Read

ORIENTATION = 0x0112  # 1 to 8; from 5 on width and height change places (TIFF 6.0, tag 274)
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_WIDTHS = {1: 1, 3: 2, 4: 4}  # of a value, by its type: BYTE, SHORT, LONG
_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"


def of_jpeg(read: Read) -> int:
    """Of the segments before the first scan; XMP is asked where EXIF is silent."""
    exif, xmp, at = b"", b"", 2
    for _ in range(limits.MARKERS):
        head = read(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] < 0xC0 or head[1] in (0xD9, 0xDA):
            break
        if head[1] == 0xFF:  # fill byte
            at += 1
            continue
        length = max(2, int.from_bytes(head[2:4], "big"))
        if head[1] == 0xE1:
            segment = read(at + 4, length - 2)
            exif = exif or (segment.removeprefix(_EXIF) if segment.startswith(_EXIF) else b"")
            xmp = segment if segment.startswith(_XMP) else xmp
        at += 2 + length
    said = re.search(rb'tiff:Orientation(?:="|>)([0-9])', xmp)
    return _sound(_of_tiff(exif), int(said[1]) if said else 1)


def of_png(read: Read) -> int | None:
    """Of its chunk eXIf (PNG 11.3.3.3), where that stands before the picture; None where a text may say it, in XMP or
    as ImageMagick's raw profile."""
    at = 8
    for _ in range(limits.MARKERS):
        head = read(at, 8)
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or name in (b"IDAT", b"IEND"):
            break
        if name == b"eXIf":
            return _sound(_of_tiff(read(at + 8, min(length, 1 << 16)).removeprefix(_EXIF)))
        if name in _TEXTS and read(at + 8, 17).startswith((b"XML:com.adobe.xmp", b"Raw profile type")):
            return None
        at += 12 + length
    return 1


def _sound(found: int | None, otherwise: int = 1) -> int:
    value = otherwise if found is None else found
    return value if 1 <= value <= 8 else 1


def _of_tiff(data: bytes) -> int | None:
    """Of its first directory."""
    order = _ORDERS.get(data[:4])
    if order is None:
        return None
    at = int.from_bytes(data[4:8], order)
    for n in range(int.from_bytes(data[at : at + 2], order)):
        entry = data[at + 2 + 12 * n : at + 14 + 12 * n]
        if len(entry) < 12:
            break
        width = _WIDTHS.get(int.from_bytes(entry[2:4], order))
        if int.from_bytes(entry[:2], order) == ORIENTATION and width:
            return int.from_bytes(entry[8 : 8 + width], order)
    return None
