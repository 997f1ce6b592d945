"""The picture size that a compressed frame itself states, read from its first bytes without decoding."""

from collections.abc import Callable
from typing import NamedTuple

from app.dicom import limits
from app.dicom.refusals import beyond, damaged


class Size(NamedTuple):
    columns: int
    rows: int
    components: int  # 0: not stated
    bits: int
    header_bytes: int  # what was read to know it


Read = Callable[[int, int], bytes]  # (offset, length) within the frame, as many bytes as there are
_NO_SIZE = {0xC4, 0xC8, 0xCC}  # DHT, JPG, DAC lie among the SOFn (ISO 10918-1 B.1.1.3)


def jpeg(read: Read) -> Size:
    """SOFn of JPEG (ISO 10918-1 B.2.2) or SOF55 of JPEG-LS (ISO 14495-1 C.2.2)."""
    block, block_at, at = read(0, 1024), 0, 2
    if block[:2] != b"\xff\xd8":
        raise damaged("a picture in it does not begin as one")
    for _ in range(limits.MARKERS):
        if at + 10 > block_at + len(block):
            block, block_at = read(at, 1024), at
        head = block[at - block_at : at - block_at + 10]
        if len(head) < 10 or head[0] != 0xFF or at > limits.HEADER_BYTES:
            break
        marker = head[1]
        if marker == 0xFF:  # fill byte (B.1.1.2)
            at += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in _NO_SIZE):
            if int.from_bytes(head[2:4], "big") < 8 + 3 * head[9]:  # others would read the size elsewhere
                break
            rows, columns = int.from_bytes(head[5:7], "big"), int.from_bytes(head[7:9], "big")
            return Size(columns, rows, head[9], head[4], at + 10)
        elif marker in (0xD9, 0xDA) or marker < 0xC0:
            break
        else:
            at += 2 + max(2, int.from_bytes(head[2:4], "big"))
    raise damaged("a picture in it does not say how large it is")


def jpeg_2000(read: Read) -> Size:
    """SIZ (ISO 15444-1 A.5.1), also within JP2 boxes; the same for HTJ2K."""
    start = _codestream_box(read, b"jp2c") if read(4, 4) == b"jP  " else 0
    head = read(start, 64)
    if head[:4] != b"\xff\x4f\xff\x51" or len(head) < 44:
        raise damaged("a picture in it does not begin as one")
    words = [int.from_bytes(head[at : at + 4], "big") for at in range(8, 40, 4)]
    x1, y1, x0, y0, tile_w, tile_h, tile_x, tile_y = words
    components = int.from_bytes(head[40:42], "big")
    if not (x0 < x1 and y0 < y1 and tile_w and tile_h and tile_x <= x0 and tile_y <= y0):
        raise damaged("a picture in it has an impossible size")
    if -((tile_x - x1) // tile_w) * -((tile_y - y1) // tile_h) > limits.TILES:
        raise beyond("a picture in it has too many tiles", limits.TILES)
    return Size(x1 - x0, y1 - y0, components, (head[42] & 0x7F) + 1, start + 44)


def jpeg_xl(read: Read) -> Size:
    """SizeHeader (ISO 18181-1 D.2), bare or within boxes."""
    start = _codestream_box(read, b"jxlc", b"jxlp") if read(4, 4) == b"JXL " else 0
    head = read(start, 24)
    if head[:2] != b"\xff\x0a":
        raise damaged("a picture in it does not begin as one")
    bits = int.from_bytes(head[2:], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def side(is_small: int) -> int:
        return (1 + take(5)) * 8 if is_small else 1 + take((9, 13, 18, 30)[take(2)])

    is_small = take(1)
    rows = side(is_small)
    ratio = take(3)
    times, over = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio]
    columns = rows * times // over if ratio else side(is_small)
    return Size(columns, rows, 0, 0, start + 24)


def rle(read: Read, *, length: int, segments: int) -> None:
    """The header of an RLE frame (PS3.5 G.5): as many segments as byte planes, each within the frame."""
    head = read(0, 64)
    if len(head) < 64:
        raise damaged("a picture in it is too short")
    words = [int.from_bytes(head[at : at + 4], "little") for at in range(0, 64, 4)]
    starts = words[1 : 1 + segments]
    if words[0] != segments or starts[:1] != [64] or starts != sorted(set(starts)) or starts[-1] >= length:
        raise damaged("a picture in it is not packed as its header says")


def _codestream_box(read: Read, *wanted: bytes) -> int:
    """Where the first wanted box's content begins."""
    at = 0
    for _ in range(64):
        head = read(at, 16)
        if len(head) < 8:
            break
        length, name, content = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if length == 1:
            length, content = int.from_bytes(head[8:16], "big"), at + 16
        if name in wanted:
            return content + 4 if name == b"jxlp" else content  # jxlp: a counter first
        if length < 8:
            break
        at += length
    raise damaged("a picture in it has no content")
