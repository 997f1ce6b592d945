"""Samples into what a screen shows: 8 bits, grey or RGB (PS3.3 C.7.6.3, C.7.9, C.11)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.dicom.decode import RGB, YBR, Samples
from app.dicom.facts import Palette, Pixels
from app.dicom.palette import segments
from app.dicom.untouched import is_shown_as_stored

Picture = NDArray[np.uint8]
Window = tuple[float, float]  # centre and width
_YBR_LABELS = ("YBR_FULL", "YBR_FULL_422")


def shown(samples: Samples, colours: str, pixels: Pixels, palette: bytes, window: Window | None) -> Picture:
    """Grey (rows × columns) or RGB (rows × columns × 3)."""
    if pixels.palette is not None and samples.ndim == 2:
        return _by_palette(samples, pixels.palette, palette, pixels)
    if samples.ndim == 2:
        return _grey(samples, pixels, window)
    if samples.dtype.itemsize == 2:
        samples = samples >> max(0, pixels.bits_stored - 8)
    samples = np.ascontiguousarray(samples, np.uint8)
    if colours == YBR or (colours != RGB and pixels.photometric_interpretation in _YBR_LABELS):
        return np.asarray(Image.fromarray(samples, "YCbCr").convert("RGB"))
    return samples


def _grey(samples: Samples, pixels: Pixels, window: Window | None) -> Picture:
    """Modality rescale, then the window by its linear function (PS3.3 C.11.2.1.2.1)."""
    is_inverted = pixels.photometric_interpretation == "MONOCHROME1"
    stored = _stored(samples, pixels)
    if window is None and is_shown_as_stored(pixels):
        same = stored.astype(np.uint8)
        return ~same if is_inverted else same
    lowest, highest = int(stored.min()), int(stored.max())
    values = np.arange(lowest, highest + 1, dtype=np.float64) * pixels.rescale_slope + pixels.rescale_intercept
    window = window or _own_window(pixels)
    if window is None:
        center, width = (values[0] + values[-1] + 1) / 2, max(1.0, abs(values[-1] - values[0]) + 1)
    else:
        center, width = window
    table = np.clip(((values - (center - 0.5)) / max(width - 1, 1e-6) + 0.5) * 255, 0, 255).round().astype(np.uint8)
    picture: Picture = table[stored.astype(np.int32) - lowest]
    return ~picture if is_inverted else picture


def _own_window(pixels: Pixels) -> Window | None:
    if pixels.window_center is None or pixels.window_width is None:
        return None
    return pixels.window_center, pixels.window_width


def _stored(samples: Samples, pixels: Pixels) -> Samples:
    """The stored bits alone (PS3.5 8.1.1): old machines keep overlays in the ones above."""
    if pixels.codec not in ("native", "rle") or pixels.bits_stored == pixels.bits_allocated:
        return samples
    spare = samples.dtype.itemsize * 8 - pixels.bits_stored
    return (samples << spare) >> spare  # of a signed type this also extends the sign


def _by_palette(samples: Samples, table: Palette, data: bytes, pixels: Pixels) -> Picture:
    entries, at = [], 0
    for (count, _, bits), (_, length) in zip(table.descriptors, table.ranges, strict=True):
        entries.append(_entries(data[at : at + length], count, bits, table.segmented, pixels.big_endian))
        at += length
    first = table.descriptors[0][1]
    colours: Picture = np.stack(entries, axis=1)
    places = np.clip(_stored(samples, pixels).astype(np.int32) - first, 0, len(colours) - 1)
    shown_colours: Picture = colours[places]
    return shown_colours


def _entries(data: bytes, count: int, bits: int, is_segmented: bool, is_big: bool) -> Picture:
    """One colour's table as 8 bits (PS3.3 C.7.6.3.1.6); 8-bit entries come one a byte or one a word."""
    words = np.frombuffer(data[: len(data) & ~1], ">u2" if is_big else "<u2")
    if is_segmented:
        words = _unfolded(words)
    elif bits == 8 and len(data) < 2 * count:
        return (words.astype("<u2").view(np.uint8) if is_big else np.frombuffer(data, np.uint8))[:count]
    words = words[:count]
    # Some machines write 8-bit colours into tables that they call 16-bit
    return (words >> 8 if bits == 16 and words.max(initial=0) > 255 else words).astype(np.uint8)


def _unfolded(words: NDArray[Any]) -> NDArray[np.uint16]:
    parts: list[NDArray[Any]] = []
    last = 0
    for segment in segments(words.tolist()):
        if segment.is_line:
            steps = np.arange(1, segment.entries + 1)
            parts.append(last + (int(words[segment.at]) - last) * steps // segment.entries)
        else:
            parts.append(words[segment.at : segment.at + segment.entries])
        last = int(parts[-1][-1])
    return np.concatenate(parts).astype(np.uint16)
