"""Where each frame of the pixel data lies (PS3.5 A.4), and that each has the size that the header says."""

from itertools import pairwise

from app.config import file_limits
from app.dicom import codestream, jpeg, limits
from app.dicom.codestream import Size
from app.dicom.facts import Frames, Pixels
from app.dicom.refusals import beyond, damaged, refused
from app.dicom.walk import PIXEL_DATA, Walk
from app.errors import Sentence

EXTENDED_OFFSETS = 0x7FE00001
OTHER_COLOURS = "Header and pictures disagree about colour; the pictures are believed."
_BEGINS = {"jpeg": b"\xff\xd8", "jpeg-ls": b"\xff\xd8", "jpeg-2000": b"\xff\x4f", "htj2k": b"\xff\x4f",
           "jpeg-xl": b"\xff\x0a"}  # fmt: skip
_SIZE_OF = {"jpeg": codestream.jpeg, "jpeg-ls": codestream.jpeg, "jpeg-2000": codestream.jpeg_2000,
            "htj2k": codestream.jpeg_2000, "jpeg-xl": codestream.jpeg_xl}  # fmt: skip


def index(walk: Walk, pixels: Pixels, count: int) -> Frames:
    """The frame index of one data set; Invalid when frames are missing or of another size."""
    if walk.fragments is None:
        return _native(walk, pixels, count)
    if pixels.codec == "native" and pixels.transfer_syntax_uid[-3:] != ".98":
        raise damaged("its picture data are packed, but its header says that they are not")
    table, *fragments = walk.fragments or [(0, 0)]
    if not fragments or not any(length for _, length in fragments):
        raise damaged("it has no picture data")
    frames = _encapsulated(walk, pixels, count, table, fragments)
    if not pixels.is_video:
        _check_sizes(walk, pixels, frames)
    return frames


def _native(walk: Walk, pixels: Pixels, count: int) -> Frames:
    if pixels.codec != "native":
        raise damaged("its picture data are not packed as its header says")
    span = walk.found[PIXEL_DATA]
    stride = frame_bytes(pixels)
    if span.length < stride * count:
        if span.length < stride:
            size = f"{pixels.columns} × {pixels.rows}"
            raise damaged(Sentence("its header says {size} pixels, its picture data hold fewer", size=size))
        raise _missing(span.length // stride, count)
    if span.length > stride * count + 1:
        walk.warn("There are more picture data than the header says; the rest is not shown.")
    # The last of an odd number of swapped samples lies in the padding's place
    return Frames(count=count, offset=span.offset, stride=stride + (pixels.is_swapped and stride % 2))


def frame_bytes(pixels: Pixels) -> int:
    """The length of one frame that is not compressed (PS3.5 8.1.1, PS3.3 C.7.6.3.1.2)."""
    samples = 2 if pixels.photometric_interpretation == "YBR_FULL_422" else pixels.samples_per_pixel
    return pixels.rows * pixels.columns * samples * pixels.bits_allocated // 8


def _encapsulated(
    walk: Walk, pixels: Pixels, count: int, table: tuple[int, int], fragments: list[tuple[int, int]]
) -> Frames:
    offset, lengths = fragments[0][0], tuple(length for _, length in fragments)
    if pixels.is_video:  # the fragments are one stream (PS3.5 8.2.5 ff.)
        return Frames(1, offset, lengths=lengths, fragments=(len(lengths),) if len(lengths) > 1 else ())
    firsts = _by_table(walk, table, fragments, count) or _by_content(walk, pixels, fragments, count)
    if len(firsts) < count:
        raise _missing(len(firsts), count)
    if len(firsts) > count:
        walk.warn("There are more frames than the header says; the rest is not shown.")
    edges = [*firsts, len(fragments)]
    each = tuple(edges[at + 1] - edges[at] for at in range(count))
    used = sum(each)
    return Frames(count, offset, lengths=lengths[:used], fragments=() if used == count else each)


def _by_table(walk: Walk, table: tuple[int, int], fragments: list[tuple[int, int]], count: int) -> list[int]:
    """Each frame's first fragment by the basic or extended offset table; empty when neither is usable."""
    extended = walk.found.get(EXTENDED_OFFSETS)
    tables = [(extended.offset, extended.length, 8)] if extended else []
    tables = [one for one in (*tables, (*table, 4)) if one[1]]
    for offset, length, width in tables:
        if firsts := _firsts(walk, offset, length, width, fragments, count):
            return firsts
    if tables:
        walk.warn("The file's own table of frames is wrong; the frames were found without it.")
    elif count > 1:
        walk.warn("The file has no table of its frames; they were found without it.")
    return []


def _firsts(
    walk: Walk, offset: int, length: int, width: int, fragments: list[tuple[int, int]], count: int
) -> list[int]:
    """By one table; empty when it does not lead to the beginnings of as many fragments as there are frames."""
    if length > file_limits().max_dicom_fragments * width:
        raise beyond("its table of frames is too long", file_limits().max_dicom_fragments)
    data = walk.source.read(offset, length)
    starts = [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data) - width + 1, width)]
    base = fragments[0][0]
    places = {at - base: number for number, (at, _) in enumerate(fragments)}
    firsts = [places.get(start, -1) for start in starts]
    is_right = len(firsts) == count and firsts[0] == 0 and all(one < after for one, after in pairwise(firsts))
    return firsts if is_right else []


def _by_content(walk: Walk, pixels: Pixels, fragments: list[tuple[int, int]], count: int) -> list[int]:
    """Each frame's first fragment where no table says it: one each, all in one, or where a picture begins."""
    if len(fragments) == count:
        return list(range(count))
    if count == 1:
        return [0]
    begins = _BEGINS.get(pixels.codec)
    if begins is None:
        return list(range(len(fragments)))
    return [number for number, (at, _) in enumerate(fragments) if walk.source.read(at, 2) == begins]


def _check_sizes(walk: Walk, pixels: Pixels, frames: Frames) -> None:
    """Every frame states the header's size: a decoder takes memory for what the frame states."""
    known, size = b"", Size(0, 0, 0, 0, 0)
    size_of = _SIZE_OF.get(pixels.codec)
    for number in range(frames.count):
        offset, length = frames.ranges(number)[0]

        def read(at: int, wanted: int, offset: int = offset, length: int = length) -> bytes:
            return walk.source.read(offset + at, max(0, min(wanted, length - at)))

        if pixels.codec == "rle":
            segments = pixels.samples_per_pixel * pixels.bits_allocated // 8
            codestream.rle(read, length=sum(part for _, part in frames.ranges(number)), segments=segments)
        elif size_of and not (known and read(0, len(known)) == known):
            size = size_of(read)
            _check_size(walk, pixels, size)
            if pixels.codec == "jpeg" and size.components == 3:
                _compare_colours(walk, pixels, read(0, size.header_bytes + 9))
            known = read(0, size.header_bytes)


def _check_size(walk: Walk, pixels: Pixels, size: Size) -> None:
    if (size.columns, size.rows) != (pixels.columns, pixels.rows):
        raise refused(
            "size",
            Sentence(
                "This file is not accepted: its header says {said} pixels, a picture in it {found}.",
                said=f"{pixels.columns} × {pixels.rows}",
                found=f"{size.columns} × {size.rows}",
            ),
        )
    if size.components > limits.COMPONENTS:
        raise beyond("a picture in it has too many colour components", limits.COMPONENTS)
    if size.components and size.components != pixels.samples_per_pixel:
        walk.warn(OTHER_COLOURS)


def _compare_colours(walk: Walk, pixels: Pixels, head: bytes) -> None:
    """A JPEG's own marks against Photometric Interpretation, which carts often write as RGB over YCbCr."""
    try:
        found = jpeg.marks(head)
    except ValueError:  # lossless JPEG-LS, say: no browser shows it either
        return
    is_labelled_rgb = pixels.photometric_interpretation == "RGB"
    if found.is_shown_by_browsers and jpeg.is_rgb(found, pixels.photometric_interpretation) != is_labelled_rgb:
        walk.warn(OTHER_COLOURS)


def _missing(here: int, promised: int) -> Exception:
    sentence = Sentence(
        "This file was cut off: {here} of {promised} frames are here.", here=f"{here:,}", promised=f"{promised:,}"
    )
    return refused("truncated", sentence)
