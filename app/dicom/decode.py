"""One frame's bytes into an array of samples, by the codec of its transfer syntax."""

from typing import Any

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from openjpeg.utils import decode as decode_jpeg_2000
from rle.utils import decode_pixel_data as decode_rle

from app.dicom import jpeg
from app.dicom.facts import Pixels
from app.dicom.refusals import damaged

Samples = NDArray[Any]  # rows × columns, or rows × columns × 3
RGB, YBR, AS_LABELLED = "RGB", "YBR_FULL", ""


def decode(data: bytes, pixels: Pixels) -> tuple[Samples, str]:
    """The samples, and what three of them are: RGB, YBR_FULL, or as the photometric interpretation says."""
    samples, colours = _DECODERS[pixels.codec](data, pixels)
    if pixels.signed and pixels.codec in ("jpeg", "jpeg-ls"):
        samples = _signed(samples, pixels.bits_stored)
    wanted = (pixels.rows, pixels.columns)
    if samples.shape[:2] != wanted or samples.ndim not in (2, 3) or samples.dtype.itemsize > 2:
        raise damaged("a picture in it is not what its header says")
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    if samples.ndim == 3 and samples.shape[2] != 3:
        raise damaged("a picture in it has colours of an unknown kind")
    return samples, colours


def _signed(samples: Samples, bits_stored: int) -> Samples:
    """These codestreams know no sign (PS3.5 8.2.1, 8.2.3): it is the highest of the bits stored."""
    bits = samples.dtype.itemsize * 8
    if samples.dtype.kind != "u" or bits_stored > bits:
        return samples
    spare = bits - bits_stored
    return (samples << spare).view(f"i{bits // 8}") >> spare


def _native(data: bytes, pixels: Pixels) -> tuple[Samples, str]:
    if pixels.photometric_interpretation == "YBR_FULL_422":
        return _half_colour(data, pixels), YBR
    if pixels.is_swapped:
        data = np.frombuffer(data[: len(data) & ~1], ">u2").astype("<u2").tobytes() + data[len(data) & ~1 :]
    kind = ("i" if pixels.signed else "u") + str(pixels.bits_allocated // 8)
    count = pixels.rows * pixels.columns * pixels.samples_per_pixel
    samples = np.frombuffer(data, (">" if pixels.big_endian else "<") + kind, count=count)
    return _shaped(samples, pixels, by_plane=pixels.planar_configuration == 1), AS_LABELLED


def _shaped(samples: Samples, pixels: Pixels, *, by_plane: bool) -> Samples:
    size = (pixels.rows, pixels.columns)
    if pixels.samples_per_pixel == 1:
        return samples.reshape(size)
    if by_plane:
        return samples.reshape((pixels.samples_per_pixel, *size)).transpose(1, 2, 0)
    return samples.reshape((*size, pixels.samples_per_pixel))


def _half_colour(data: bytes, pixels: Pixels) -> Samples:
    """Y Y Cb Cr for every two pixels of a row (PS3.3 C.7.6.3.1.2)."""
    if pixels.columns % 2 or pixels.bits_allocated != 8:
        raise damaged("its colours cannot be of half resolution")
    pairs = np.frombuffer(data, np.uint8, count=pixels.rows * pixels.columns * 2).reshape(pixels.rows, -1, 4)
    whole = np.empty((pixels.rows, pixels.columns, 3), np.uint8)
    whole[:, :, 0] = pairs[:, :, :2].reshape(pixels.rows, pixels.columns)
    whole[:, :, 1:] = np.repeat(pairs[:, :, 2:], 2, axis=1)
    return whole


def _rle(data: bytes, pixels: Pixels) -> tuple[Samples, str]:
    planes = decode_rle(data, version=2, rows=pixels.rows, columns=pixels.columns, bits_allocated=pixels.bits_allocated)
    samples = np.frombuffer(planes, f"<{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}")
    return _shaped(samples, pixels, by_plane=True), AS_LABELLED


def _jpeg(data: bytes, pixels: Pixels) -> tuple[Samples, str]:
    found = jpeg.marks(data)
    if not found.is_shown_by_browsers:  # lossless, 12 bit: libjpeg must not turn what is no YCbCr
        if len(found.ids) == 1 or found.sof == 0xC3:
            return imagecodecs.jpeg8_decode(data, colorspace=0, outcolorspace=0), AS_LABELLED
        return imagecodecs.jpeg8_decode(data), RGB
    if len(found.ids) == 1:
        return simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=False)[:, :, 0], AS_LABELLED
    if jpeg.is_rgb(found, pixels.photometric_interpretation):
        data = jpeg.say_rgb(data, found)
    return simplejpeg.decode_jpeg(data, colorspace="RGB", strict=False), RGB


def _jpeg_ls(data: bytes, _pixels: Pixels) -> tuple[Samples, str]:
    return imagecodecs.jpegls_decode(data), AS_LABELLED


def _jpeg_2000(data: bytes, _pixels: Pixels) -> tuple[Samples, str]:
    return decode_jpeg_2000(data), RGB if _has_colour_transform(data) else AS_LABELLED


def _htj2k(data: bytes, _pixels: Pixels) -> tuple[Samples, str]:
    return imagecodecs.htj2k_decode(data), RGB if _has_colour_transform(data) else AS_LABELLED


def _jpeg_xl(data: bytes, _pixels: Pixels) -> tuple[Samples, str]:
    return imagecodecs.jpegxl_decode(data), RGB


def _has_colour_transform(data: bytes) -> bool:
    """The flag in COD (ISO 15444-1 A.6.1): the decoder has turned the components into RGB."""
    at = data.find(b"\xff\x52", 0, 4096)
    return at > 0 and data[at + 8 : at + 9] == b"\x01"


_DECODERS = {
    "native": _native,
    "rle": _rle,
    "jpeg": _jpeg,
    "jpeg-ls": _jpeg_ls,
    "jpeg-2000": _jpeg_2000,
    "htj2k": _htj2k,
    "jpeg-xl": _jpeg_xl,
}
