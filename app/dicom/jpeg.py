"""What a JPEG says of its own colours, and how to make a browser see them right without decoding it."""

import re
from typing import NamedTuple

_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"  # APP14: colour transform 0 (Adobe TN 5116)
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EOI, _SOS, _ALONE = 0xD9, 0xDA, (0x01, 0xD8)
# In a scan FF 00 is a byte FF and FF D0 to D7 restart it (ISO 10918-1 B.1.1.5, B.2.1)
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
COLOURS = frozenset({0xE0, 0xE2, 0xEE})  # JFIF, ICC and Adobe say how colours are meant
COLOURS_IN_DICOM = frozenset({0xE0, 0xEE})  # its own attribute holds a profile (PS3.3 C.11.15)


class Marks(NamedTuple):
    """The markers before the first scan."""

    sof: int
    bits: int
    ids: bytes  # of the components
    is_subsampled: bool
    is_jfif: bool
    adobe_transform: int | None
    has_exif: bool

    @property
    def is_shown_by_browsers(self) -> bool:
        """Baseline, extended or progressive Huffman coding of 8 bits (ISO 10918-1 B.2.2)."""
        return self.sof in (0xC0, 0xC1, 0xC2) and self.bits == 8 and len(self.ids) in (1, 3)


def marks(data: bytes) -> Marks:
    """Read the segments up to the frame header; ValueError when there is none."""
    at, is_jfif, adobe, has_exif = 2, False, None, False
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker in _SOF:
            if len(body) < 6 or len(body) < 6 + 3 * body[5]:
                break
            parts = [body[6 + 3 * number : 9 + 3 * number] for number in range(body[5])]
            subsampled = len({part[1] for part in parts}) > 1
            ids = bytes(part[0] for part in parts)
            return Marks(marker, body[0], ids, subsampled, is_jfif, adobe, has_exif)
        if marker == 0xDA:
            break
        is_jfif |= marker == 0xE0 and body.startswith(b"JFIF")
        has_exif |= marker == 0xE1
        if marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        at += 1 if marker == 0xFF else 2 + length
    raise ValueError("no frame header")


def is_rgb(found: Marks, photometric_interpretation: str) -> bool:
    """Whether three components are RGB. The JPEG's own marks are believed first: the label is often wrong.

    Without any mark, and without subsampling, which RGB never has, only the label is left."""
    if found.adobe_transform is not None:
        return found.adobe_transform == 0
    if found.is_jfif or found.is_subsampled:
        return False
    return found.ids == b"RGB" or photometric_interpretation == "RGB"


def say_rgb(data: bytes, found: Marks) -> bytes:
    """The same picture, marked as RGB where it is not: decoders take an unmarked one for YCbCr."""
    if found.adobe_transform is not None or found.ids == b"RGB":
        return data
    return data[:2] + _ADOBE_RGB + data[2:]


def without_metadata(data: bytes, kept: frozenset[int] = COLOURS) -> bytes:
    """The same picture, scans bit for bit, without EXIF, IPTC, comments, thumbnails and what is behind its end.

    Place, time and owner stand there; telephones put a second picture with the same behind the first one's end."""
    parts, at = [data[:2]], 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == _EOI:
            break
        if marker in _ALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        segment = data[at - 2 : end]
        if marker == 0xE0:
            segment = _without_thumbnail(segment)
        if marker in kept or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            parts.append(segment)
        at = end
        if marker == _SOS:
            after = _MARKER.search(data, end)
            at = after.start() if after else len(data)
            parts.append(data[end:at])
    return b"".join([*parts, b"\xff\xd9"])


def _without_thumbnail(segment: bytes) -> bytes:
    """JFIF without its small picture (ISO 10918-5 10.1); JFXX is nothing else."""
    if segment[4:9] != b"JFIF\0":
        return b""
    return b"\xff\xe0\x00\x10" + segment[4:16].ljust(12, b"\0") + b"\0\0"
