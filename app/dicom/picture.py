"""The picture part of a header (PS3.3 C.7.6.3): its limits, what decodes it, and where its frames lie."""

import sys
from array import array

from app.config import file_limits
from app.dicom import limits, syntaxes
from app.dicom.facts import Frames, Palette, Pixels
from app.dicom.index import frame_bytes, index
from app.dicom.palette import segments
from app.dicom.refusals import beyond, damaged, sized
from app.dicom.values import Values
from app.dicom.walk import PIXEL_DATA
from app.errors import Sentence

_PHOTOMETRIC = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3,
    "YBR_ICT": 3, "YBR_RCT": 3, "XYB": 3,
}  # fmt: skip
Described = tuple[Pixels | None, Frames | None, int | None]


def describe(values: Values, syntax: str) -> Described:
    """Pixels and frames, None for what cannot be shown; Invalid beyond a limit."""
    _check_overlays(values)
    rows, columns = values.short(0x00280010), values.short(0x00280011)
    if PIXEL_DATA not in values.walk.found and values.walk.fragments is None:
        return None, None, None
    if not rows or not columns:
        raise damaged("it holds a picture of no size")
    if rows * columns > file_limits().max_frame_pixels:
        raise beyond(
            sized("its pictures have {columns} × {rows} pixels", columns, rows), file_limits().max_frame_pixels
        )
    count = _frame_count(values)
    pixels = _pixels(values, syntax, rows, columns)
    decoded = rows * columns * pixels.samples_per_pixel * max(8, pixels.bits_allocated) // 8 * count
    if decoded > file_limits().max_decoded_bytes:
        raise beyond(
            Sentence("its pictures take {n} bytes when unpacked", n=f"{decoded:,}"), file_limits().max_decoded_bytes
        )
    if not _can_be_shown(values, pixels, count):
        return None, None, count
    return pixels, index(values.walk, pixels, count), count


def _frame_count(values: Values) -> int:
    found = values.numbers(0x00280008)  # absent, or no number, which is warned of: one frame
    count = int(found[0]) if found else 1
    if count > file_limits().max_frames:
        raise beyond(Sentence("it has {n} frames", n=f"{count:,}"), file_limits().max_frames)
    if count < 1:
        values.warn("The header says that there is no frame; one is shown.")
        return 1
    return count


def _pixels(values: Values, syntax: str, rows: int, columns: int) -> Pixels:
    samples = values.short(0x00280002, 1) or 1
    bits_allocated = values.short(0x00280100, 8) or 8
    bits_stored = values.short(0x00280101, bits_allocated) or bits_allocated
    if samples > limits.COMPONENTS:
        raise beyond("its pictures have too many colour components", limits.COMPONENTS)
    if bits_allocated > 64 or bits_stored > bits_allocated:
        raise damaged("its pictures have an impossible number of bits")
    photometric = values.code(0x00280004) or ("RGB" if samples == 3 else "MONOCHROME2")
    if photometric == "YBR_FULL_422" and syntaxes.CODEC.get(syntax) == "native":
        photometric = _is_it_halved(values, rows, columns)
    center, width = values.numbers(0x00281050), values.numbers(0x00281051)
    span = values.span(PIXEL_DATA)
    slope, intercept = values.numbers(0x00281053), values.numbers(0x00281052)
    has_window = bool(center and width and width[0] >= 1)
    return Pixels(
        transfer_syntax_uid=syntax, rows=rows, columns=columns, samples_per_pixel=samples,
        photometric_interpretation=photometric, planar_configuration=values.short(0x00280006, 0) or 0,
        bits_allocated=bits_allocated, bits_stored=bits_stored, signed=values.short(0x00280103, 0) == 1,
        is_swapped=values.walk.order == ">" and bits_allocated == 8 and span is not None and span.vr == b"OW",
        window_center=center[0] if has_window else None, window_width=width[0] if has_window else None,
        rescale_slope=slope[0] if slope and slope[0] else 1.0,
        rescale_intercept=intercept[0] if intercept else 0.0,
        palette=_palette(values) if photometric == "PALETTE COLOR" else None,
    )  # fmt: skip


def _is_it_halved(values: Values, rows: int, columns: int) -> str:
    """Some machines write the label of half colour resolution over full data; the length tells."""
    span = values.span(PIXEL_DATA)
    if span and span.length >= rows * columns * 3 * _frame_count(values):
        values.warn("The header says half colour resolution, the pictures have all of it.")
        return "YBR_FULL"
    return "YBR_FULL_422"


def _palette(values: Values) -> Palette | None:
    """Red, green and blue tables (PS3.3 C.7.6.3.1.5, .6), each checked to unfold to what it declares."""
    plain, segmented = (0x00281201, 0x00281202, 0x00281203), (0x00281221, 0x00281222, 0x00281223)
    tags = segmented if segmented[0] in values.walk.found else plain
    descriptors = [_descriptor(values, 0x00281101 + number) for number in range(3)]
    spans = [values.span(tag) for tag in tags]
    found = [(span.offset, span.length) for span in spans if span]
    if len(found) < 3 or any(descriptor is None for descriptor in descriptors):
        raise damaged("its colour table is missing")
    for tag, descriptor in zip(tags, descriptors, strict=True):
        _check_table(values, tag, descriptor, is_segmented=tags == segmented)
    return Palette(tuple(filter(None, descriptors)), tuple(found), tags == segmented)


def _descriptor(values: Values, tag: int) -> tuple[int, int, int] | None:
    value = values.raw(tag)
    if len(value) != 6:
        return None
    entries, first, bits = (int.from_bytes(value[at : at + 2], values.walk.byte_order) for at in (0, 2, 4))
    if values.short(0x00280103, 0) == 1 and first >= 1 << 15:  # SS when the pixels are signed
        first -= 1 << 16
    return entries or limits.FULL_LUT, first, bits


def _check_table(values: Values, tag: int, descriptor: tuple[int, int, int] | None, *, is_segmented: bool) -> None:
    entries, _, bits = descriptor or (0, 0, 0)
    data = values.raw(tag)
    most = file_limits().max_lut_entries
    if bits not in (8, 16) or entries > most or len(data) > 8 * most:
        raise damaged("its colour table is impossible")
    if is_segmented:
        words = array("H", data[: len(data) & ~1])
        if values.walk.byte_order != sys.byteorder:
            words.byteswap()
        if sum(segment.entries for segment in segments(words)) < entries:
            raise damaged("its colour table breaks off")
    elif len(data) < entries * (1 if bits == 8 else 2):
        raise damaged("its colour table breaks off")


def _can_be_shown(values: Values, pixels: Pixels, count: int) -> bool:
    if pixels.transfer_syntax_uid not in syntaxes.CODEC:
        values.warn("The pictures are packed in a way that Sonopost does not know; they are kept, not shown.")
        return False
    if pixels.is_video:
        return values.walk.fragments is not None
    wanted = _PHOTOMETRIC.get(pixels.photometric_interpretation)
    is_split = pixels.is_swapped and count > 1 and frame_bytes(pixels) % 2  # words across two frames
    if wanted != pixels.samples_per_pixel or pixels.bits_allocated not in (8, 16) or is_split:
        values.warn("The pictures are of a kind that Sonopost does not show; the file is kept.")
        return False
    return True


def _check_overlays(values: Values) -> None:
    """Overlay planes (PS3.3 C.9.2) are not drawn, but other readers take memory for them."""
    for group in range(0x6000, 0x6020, 2):
        rows, columns = values.short(group << 16 | 0x10), values.short(group << 16 | 0x11)
        if rows and columns and rows * columns > file_limits().max_overlay_pixels:
            raise beyond("an overlay of it is too large", file_limits().max_overlay_pixels)
