"""DICOM files made to hang, crash, exhaust or deceive whoever reads them, one function a class."""

import struct
import zlib
from collections.abc import Callable

from tests.dicom import made
from tests.dicom.made import UNDEFINED, element, encapsulated, file, implicit, item, picture, sequence

IMPLICIT = "1.2.840.10008.1.2"
_OPEN_SEQUENCE = element(0x0040A730, "SQ", length=UNDEFINED) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_CLOSE_SEQUENCE = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"


def deflate_bomb() -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeeze.compress(bytes(50 << 20)) + squeeze.flush()
    return file(body, "1.2.840.10008.1.2.1.99")


def nested(depth: int) -> bytes:
    return file(picture(before=[_OPEN_SEQUENCE * depth + _CLOSE_SEQUENCE * depth]))


def nested_with_lengths(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = sequence(0x0040A730, item(inner))
    return file(picture(before=[inner]))


def nested_implicit(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = implicit(0x0040A730, item(inner))
    ids = implicit(0x00080016, made.US_IMAGE.encode()) + implicit(0x00080018, b"1.2.3.4")
    return file(ids + inner, IMPLICIT)


def nested_as_unknown(depth: int) -> bytes:
    """UN of undefined length is a sequence in implicit VR (PS3.5 6.2.2), all the way down."""
    opened = b"\x40\0\x30\xa7\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    first = element(0x00091010, "UN", length=UNDEFINED) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return file(picture(before=[first + opened * depth + _CLOSE_SEQUENCE * (depth + 1)]))


def unclosed_sequence() -> bytes:
    return file(picture() + element(0xFFFAFFFA, "SQ", length=UNDEFINED) + item(b""))


def items_flood() -> bytes:
    return file(picture(before=[sequence(0x0040A730, item() * 50_001, undefined=True)]))


def elements_flood() -> bytes:
    return file(picture() + b"".join(element(0x7FE10010 + number, "CS") for number in range(50_001)))


def fragments_flood() -> bytes:
    return file(picture(pixel_data=encapsulated(*[b""] * 100_001)), made.JPEG)


def meta_flood() -> bytes:
    extra = element(0x00020016, "AE", "X") * 5_000
    return bytes(128) + b"DICM" + extra + made.meta() + picture()


def jpeg_header_mismatch() -> bytes:
    data = encapsulated(made.jpeg_stating(30_000, 30_000))
    return file(picture(512, 512, data), made.JPEG)


def jpeg_bomb() -> bytes:
    return file(picture(65_500, 65_500, encapsulated(made.jpeg_stating(65_500, 65_500))), made.JPEG)


def jpeg_mismatch_in_a_late_frame() -> bytes:
    frames = [made.jpeg_stating(64, 64)] * 9 + [made.jpeg_stating(60_000, 60_000)]
    return file(picture(64, 64, encapsulated(*frames), frames=10), made.JPEG)


def jpeg_with_endless_markers() -> bytes:
    data = b"\xff\xd8" + b"\xff\xfe\x00\x02" * 100_000
    return file(picture(64, 64, encapsulated(data)), made.JPEG)


def jpeg_ls_mismatch() -> bytes:
    data = made.jpeg_stating(65_000, 65_000).replace(b"\xff\xc0", b"\xff\xf7")
    return file(picture(64, 64, encapsulated(data)), made.JPEG_LS)


def jpeg_2000_mismatch() -> bytes:
    return file(picture(64, 64, encapsulated(made.jpeg_2000_stating(60_000, 60_000))), made.JPEG_2000)


def jpeg_2000_tiles() -> bytes:
    return file(picture(4096, 4096, encapsulated(made.jpeg_2000_stating(4096, 4096, tile=1))), made.JPEG_2000)


def jpeg_2000_components() -> bytes:
    data = made.jpeg_2000_stating(64, 64, components=16_000)
    return file(picture(64, 64, encapsulated(data)), made.JPEG_2000)


def htj2k_mismatch() -> bytes:
    return file(picture(64, 64, encapsulated(made.jpeg_2000_stating(60_000, 60_000))), made.HTJ2K)


def jpeg_xl_mismatch() -> bytes:
    bits = 0 | 3 << 1 | (59_999 & (1 << 30) - 1) << 3 | 1 << 33  # one size for both sides
    return file(picture(64, 64, encapsulated(b"\xff\x0a" + bits.to_bytes(8, "little") + bytes(64))), made.JPEG_XL)


def rle_bomb() -> bytes:
    return file(picture(65_535, 65_535, encapsulated(made.rle_stating(1))), made.RLE)


def rle_bomb_of_frames() -> bytes:
    data = encapsulated(*[made.rle_stating(3)] * 200)
    return file(picture(6_000, 6_000, data, samples=3, frames=200), made.RLE)


def rle_segments_beyond() -> bytes:
    data = struct.pack("<16I", 1, 0x7FFFFFFF, *[0] * 14) + bytes(100)
    return file(picture(64, 64, encapsulated(data)), made.RLE)


def _palette(*data: bytes, entries: int = 256, segmented: bool = True) -> bytes:
    tags = (0x00281221, 0x00281222, 0x00281223) if segmented else (0x00281201, 0x00281202, 0x00281203)
    before = [element(0x00281101 + number, "US", [entries & 0xFFFF, 0, 16]) for number in range(3)]
    before += [element(tag, "OW", one) for tag, one in zip(tags, data, strict=True)]
    return file(picture(photometric="PALETTE COLOR", before=before))


def segmented_lut_bomb() -> bytes:
    """Segments that copy a long one, again and again."""
    first = struct.pack("<2H", 0, 4_000) + bytes(8_000)
    copies = struct.pack("<4H", 2, 1, 0, 0) * 3_000
    return _palette(first + copies, first + copies, first + copies)


def segmented_lut_to_itself() -> bytes:
    loop = struct.pack("<4H", 2, 0xFFFF, 0, 0) * 2
    return _palette(loop, loop, loop)


def lut_too_short() -> bytes:
    return _palette(b"\0\0", b"\0\0", b"\0\0", segmented=False)


def overlay_huge() -> bytes:
    sizes = [element(0x60000010, "US", 65_535), element(0x60000011, "US", 65_535)]
    return file(picture(before=[*sizes, element(0x60003000, "OW", bytes(16))]))


def native_huge() -> bytes:
    return file(picture(65_535, 65_535, element(0x7FE00010, "OW", bytes(64)), samples=3, bits=16))


def native_many_frames() -> bytes:
    return file(picture(64, 64, element(0x7FE00010, "OW", bytes(64)), frames=2_000_000_000))


def native_all_frames_too_large() -> bytes:
    return file(picture(4_000, 4_000, element(0x7FE00010, "OW", bytes(64)), samples=3, frames=10_000))


def rows_as_ul() -> bytes:
    return file(picture(instead={0x00280010: element(0x00280010, "UL", 8)}))


def negative_frames() -> bytes:
    return file(picture(instead={0x00280008: element(0x00280008, "IS", "-5")}, frames=1))


def long_text() -> bytes:
    return file(picture(before=[element(0x00204000, "UT", b"x" * 100, length=0xFFFFFFF0)]))


def long_pixel_data() -> bytes:
    return file(picture(pixel_data=element(0x7FE00010, "OB", bytes(64), length=0xFFFFFFFE)))


def long_meta_group() -> bytes:
    """The length of the meta information is a lie: harmless to who does not believe it."""
    whole = file(picture())
    return whole[:140] + b"\xff\xff\xff\xff" + whole[144:]


def long_meta_value() -> bytes:
    return bytes(128) + b"DICM" + element(0x00020102, "OB", b"x", length=0xFFFFFFF0) + made.meta() + picture()


def endless_number() -> bytes:
    return file(picture(before=[element(0x00200013, "IS", "9" * 60_000)]))


def many_values() -> bytes:
    return file(picture(before=[element(0x00081140, "UT", b"") + element(0x00181065, "DS", "1\\" * 30_000)]))


def uid(value: bytes) -> bytes:
    return file(picture(instead={0x00080018: element(0x00080018, "UI", value)}), sop_instance=b"1.2.3.4")


def uid_in_meta_only(value: bytes) -> bytes:
    return file(picture(instead={0x00080018: b""}), sop_instance=value)


def polyglot(magic: bytes) -> bytes:
    return file(picture(), preamble=magic.ljust(128, b"\0"))


def script_as_name() -> bytes:
    name = b"<script>alert(1)</script>^\x1b[2J\x00\r\nSet-Cookie: x"
    return file(picture(instead={0x00100010: element(0x00100010, "PN", name)}))


def name_of_64_kilobytes() -> bytes:
    return file(picture(instead={0x00100010: element(0x00100010, "PN", b"x" * 65_534)}))


def charset_nonsense() -> bytes:
    sets = element(0x00080005, "CS", b"ISO 2022 IR 87\\ISO_IR 999\\" + b"A" * 200)
    return file(picture(before=[sets, element(0x00100010, "PN", b"\x1b$B\xff\xfe\x1b$)C\x80^\\=\x1b")]))


def wrong_order() -> bytes:
    return file(picture() + element(0x00080008, "CS", "ORIGINAL"))


def same_element_twice() -> bytes:
    return file(element(0x00080018, "UI", "1.2.3.5") + picture())


def two_pixel_data() -> bytes:
    return file(picture() + element(0x7FE00010, "OB", bytes(64)))


def regions_out_of_bounds() -> bytes:
    region = element(0x0018601C, "UL", 0xFFFFFFFF) + element(0x0018602C, "FD", float("nan"))
    return file(picture(before=[sequence(0x00186011, *[item(region)] * 500)]))


def offset_table_beyond() -> bytes:
    frame = made.jpeg_stating(8, 8)
    data = encapsulated(frame, frame, table=struct.pack("<2I", 0xFFFFFFF0, 4))
    return file(picture(pixel_data=data, frames=2), made.JPEG)


def item_longer_than_its_sequence() -> bytes:
    return file(picture(before=[element(0x0040A730, "SQ", b"\xfe\xff\x00\xe0\x00\x01\x00\x00")]))


def broken_streams() -> bytes:
    return file(picture(64, 64, encapsulated(made.jpeg_stating(64, 64, 3)), samples=3), made.JPEG)


def implicit_file(*elements: bytes) -> bytes:
    ids = implicit(0x00080016, made.US_IMAGE.encode()) + implicit(0x00080018, b"1.2.3.4")
    return file(ids + b"".join(elements), IMPLICIT)


def implicit_endless_number() -> bytes:
    return implicit_file(implicit(0x00200013, b"9" * 60_000))


def implicit_many_values() -> bytes:
    """Frame times by the million: the VR is not in the file, and yet others read them as numbers."""
    return implicit_file(implicit(0x00181065, b"1\\" * 4_000_000))


def implicit_uid_upwards() -> bytes:
    return implicit_file(implicit(0x00081155, b"../../../etc/passwd"))


def unknown_many_values() -> bytes:
    """UN of a known attribute is read as that attribute (PS3.5 6.2.2)."""
    return file(picture(before=[element(0x00181065, "UN", b"1\\" * 1_000_000)]))


def uid_of_values() -> bytes:
    return file(picture(before=[element(0x0008001A, "UI", b"\\" * 60_000)]))


def text_of_17_megabytes() -> bytes:
    return file(picture(before=[element(0x00204000, "UT", b"x" * (17 << 20))]))


def private_data_twice() -> bytes:
    """Each of the two may be large; to compare them would take both into memory."""
    data = element(0x00091010, "OB", bytes(17 << 20))
    return file(picture(before=[element(0x00090010, "LO", "X") + data + data]))


def value_of_no_known_type() -> bytes:
    return file(picture(before=[element(0x00204000, "ZZ", b"x" * 100)]))


def odd_words() -> bytes:
    return file(picture(instead={0x00280010: element(0x00280010, "US", b"\x08\0\0\0\0\0")[:-1]}))


def pixels_too_short() -> bytes:
    return file(picture(64, 64, element(0x7FE00010, "OB", bytes(64 * 64 - 2))))


def frames_missing() -> bytes:
    return file(picture(8, 8, encapsulated(*[made.jpeg_stating(8, 8)] * 3), frames=4), made.JPEG)


def frame_without_a_size() -> bytes:
    """A frame header too short for what it states: readers differ in where they find the size."""
    return file(
        picture(64, 64, encapsulated(made.jpeg_stating(64, 64).replace(b"\xff\xc0\0\x0b", b"\xff\xc0\0\x02"))),
        made.JPEG,
    )


def frames_with_all_markers() -> bytes:
    """Twenty thousand frames, each of which states its size only after as many markers as are looked at."""
    start, end = b"\xff\xd8" + b"\xff\xfe\0\x02" * 140, made.jpeg_stating(8, 8)[2:]
    frames = [start[:-1] + bytes((2,)) + b"\xff\xfe\0\4" + struct.pack(">H", number) + end for number in range(20_000)]
    return file(picture(8, 8, encapsulated(*frames), frames=20_000), made.JPEG)


def offset_table_without_end() -> bytes:
    data = encapsulated(made.jpeg_stating(8, 8), made.jpeg_stating(8, 8), table=bytes(1 << 20))
    return file(picture(pixel_data=data, frames=2), made.JPEG)


def lists_flood() -> bytes:
    """A header of many megabytes in values of the most values each."""
    flood = [element(0x00181000 + 2 * number, "CS", b"A\\" * 19_999) for number in range(500)]
    return file(picture(before=flood))


def names_flood() -> bytes:
    """Names that are dear to decode: an escape in each of many values."""
    sets = element(0x00080005, "CS", b"\\ISO 2022 IR 87")
    names = [element(0x00081048 + number, "PN", b"\x1b$B;3\x1b(B\\" * 6_000) for number in (0, 2, 8, 0x12)]
    return file(picture(before=[sets, *names]))


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "deflate bomb": ("deflated", deflate_bomb),
    "nested 240": ("limit", lambda: nested(240)),
    "nested 5,000": ("limit", lambda: nested(5_000)),
    "nested 100,000": ("limit", lambda: nested(100_000)),
    "nested with lengths": ("limit", lambda: nested_with_lengths(300)),
    "nested in implicit VR": ("limit", lambda: nested_implicit(300)),
    "nested as UN": ("limit", lambda: nested_as_unknown(5_000)),
    "unclosed sequence": ("truncated", unclosed_sequence),
    "items flood": ("limit", items_flood),
    "elements flood": ("limit", elements_flood),
    "fragments flood": ("limit", fragments_flood),
    "meta flood": ("limit", meta_flood),
    "jpeg header mismatch": ("size", jpeg_header_mismatch),
    "jpeg bomb": ("limit", jpeg_bomb),
    "jpeg mismatch in a late frame": ("size", jpeg_mismatch_in_a_late_frame),
    "jpeg with endless markers": ("damaged", jpeg_with_endless_markers),
    "jpeg-ls mismatch": ("size", jpeg_ls_mismatch),
    "jpeg 2000 mismatch": ("size", jpeg_2000_mismatch),
    "jpeg 2000 tiles": ("limit", jpeg_2000_tiles),
    "jpeg 2000 components": ("limit", jpeg_2000_components),
    "htj2k mismatch": ("size", htj2k_mismatch),
    "jpeg xl mismatch": ("size", jpeg_xl_mismatch),
    "rle bomb": ("limit", rle_bomb),
    "rle bomb of frames": ("limit", rle_bomb_of_frames),
    "rle segments beyond": ("damaged", rle_segments_beyond),
    "segmented lut bomb": ("damaged", segmented_lut_bomb),
    "segmented lut to itself": ("damaged", segmented_lut_to_itself),
    "lut too short": ("damaged", lut_too_short),
    "overlay huge": ("limit", overlay_huge),
    "native huge": ("limit", native_huge),
    "native many frames": ("limit", native_many_frames),
    "native all frames too large": ("limit", native_all_frames_too_large),
    "rows as UL": ("damaged", rows_as_ul),
    "long text": ("truncated", long_text),
    "long pixel data": ("truncated", long_pixel_data),
    "long meta value": ("limit", long_meta_value),
    "endless number": ("limit", endless_number),
    "many values": ("limit", many_values),
    "endless number without VR": ("limit", implicit_endless_number),
    "many values without VR": ("limit", implicit_many_values),
    "many values as UN": ("limit", unknown_many_values),
    "lists flood": ("limit", lists_flood),
    "many values of a UID": ("limit", uid_of_values),
    "text of 17 MB": ("limit", text_of_17_megabytes),
    "private data twice": ("damaged", private_data_twice),
    "value of no known type": ("damaged", value_of_no_known_type),
    "odd words": ("damaged", odd_words),
    "pixels too short": ("damaged", pixels_too_short),
    "frames missing": ("truncated", frames_missing),
    "frame without a size": ("damaged", frame_without_a_size),
    "offset table without end": ("limit", offset_table_without_end),
    "uid without VR": ("uid", implicit_uid_upwards),
    "uid upwards": ("uid", lambda: uid(b"../../../etc/passwd")),
    "uid absolute": ("uid", lambda: uid(b"/etc/passwd")),
    "uid with NUL": ("uid", lambda: uid(b"1.2\x003.4")),
    "uid with newline": ("uid", lambda: uid(b"1.2\n3.4")),
    "uid escaped": ("uid", lambda: uid(b"1.2%2f3")),
    "uid of 300": ("uid", lambda: uid(b"1" * 300)),
    "uid upwards in meta": ("uid", lambda: uid_in_meta_only(b"../../x")),
    "same element twice": ("damaged", same_element_twice),
    "two pixel data": ("damaged", two_pixel_data),
    "item longer than its sequence": ("truncated", item_longer_than_its_sequence),
}
HARMLESS: dict[str, Callable[[], bytes]] = {
    "long meta group": long_meta_group,
    "negative frames": negative_frames,
    "polyglot PE": lambda: polyglot(b"MZ\x90\0"),
    "polyglot ELF": lambda: polyglot(b"\x7fELF"),
    "polyglot HTML": lambda: polyglot(b"<html><script>alert(1)</script>"),
    "polyglot PDF": lambda: polyglot(b"%PDF-1.7\n"),
    "polyglot JPEG": lambda: polyglot(b"\xff\xd8\xff\xe0"),
    "polyglot shell": lambda: polyglot(b"#!/bin/sh\nid\n"),
    "script as name": script_as_name,
    "name of 64 kB": name_of_64_kilobytes,
    "charset nonsense": charset_nonsense,
    "wrong order": wrong_order,
    "regions out of bounds": regions_out_of_bounds,
    "offset table beyond": offset_table_beyond,
    "broken streams": broken_streams,
    "names flood": names_flood,
}


def _frames_without_table() -> bytes:
    return file(picture(8, 8, encapsulated(*[made.jpeg_stating(8, 8)] * 3), frames=3), made.JPEG)


def _labelled_rgb(marker: bytes) -> bytes:
    data = made.jpeg_stating(8, 8, 3)
    return file(picture(8, 8, encapsulated(data[:2] + marker + data[2:]), samples=3), made.JPEG)


_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE_YCC = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1"
_FULL_AS_HALF = element(0x7FE00010, "OB", bytes(8 * 8 * 3))

# What real machines write wrong, harmlessly, and a part of the warning that is kept on the instance
ODD: dict[str, tuple[Callable[[], bytes], str]] = {
    "no SOP Instance UID": (lambda: uid_in_meta_only(b"1.2.3.5"), "only in the meta information"),
    "charset ISO_IR": (lambda: file(picture(before=[element(0x00080005, "CS", "ISO_IR")])), "character set"),
    "UID with a leading zero": (lambda: uid(b"1.2.03.4"), "not formed as the standard says"),
    "UID of letters": (lambda: uid(b"05fa52f0e599f17b"), "not formed as the standard says"),
    "UID that differs in meta": (lambda: file(picture(), sop_instance=b"1.2.9"), "disagree about the identity"),
    "RGB over JFIF": (lambda: _labelled_rgb(_JFIF), "disagree about colour"),
    "RGB over Adobe YCC": (lambda: _labelled_rgb(_ADOBE_YCC), "disagree about colour"),
    "half colour over all of it": (
        lambda: file(picture(8, 8, _FULL_AS_HALF, samples=3, photometric="YBR_FULL_422")), "half colour resolution",
    ),
    "region beyond the frame": (regions_out_of_bounds, "lies beyond its edge"),
    "empty offset table": (_frames_without_table, "no table of its frames"),
    "wrong offset table": (offset_table_beyond, "table of frames is wrong"),
    "tags out of order": (wrong_order, "out of order"),
    "no preamble": (lambda: file(picture())[132:], "no DICOM preamble"),
}  # fmt: skip
