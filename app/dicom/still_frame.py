"""An uploaded JPEG or PNG as one frame of a DICOM instance: the JPEG's own scan where it may stay, else JPEG-LS."""

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image, ImageOps

from app.config import file_limits
from app.dicom import codestream, jpeg, jpegtran, syntaxes
from app.dicom.decode import Samples
from app.dicom.exif import ORIENTATION
from app.dicom.refusals import damaged, refused
from app.dicom.still import on_black


def still_frame(*, path: str, output: str) -> dict[str, Any]:
    """Write the frame to `output`, turned as it was taken and without the upload's metadata; say what it is."""
    data = Path(path).read_bytes()
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        if image.width * image.height > file_limits().max_frame_pixels:
            raise damaged("it has too many pixels")
        orientation = image.getexif().get(ORIENTATION, 1)
        is_jpeg = image.format != "PNG"  # MPO is a JPEG with others behind it
        own = _own_scan(data, orientation if orientation in range(1, 9) else 1) if is_jpeg else None
        if own is not None:
            Path(output).write_bytes(own)
            return _of_jpeg(own, len(data))
        samples = _samples(image, data)
    frame = _jpeg_ls(samples)
    Path(output).write_bytes(frame)
    return _of_samples(samples, len(data) if is_jpeg else 0)


def _own_scan(data: bytes, orientation: int) -> bytes | None:
    """As a baseline JPEG, the only one of 8 bits that every DICOM reader knows (PS3.5 8.2.1); None if it is none."""
    found = jpeg.marks(data)
    if not found.is_shown_by_browsers:
        return None
    bare = jpeg.without_metadata(data, jpeg.COLOURS_IN_DICOM)
    if found.sof == 0xC0 and orientation == 1:
        return bare
    turned = jpegtran.baseline(bare, orientation)
    return turned if turned and jpeg.marks(turned).sof == 0xC0 else None


def _samples(image: Image.Image, data: bytes) -> Samples:
    """The picture as it is shown; 16 bits of grey stay."""
    if image.format == "PNG" and data[24] == 16 and data[25] != 0:  # IHDR's bit depth and colour type (PNG 11.2.2)
        raise refused("depth", "DICOM's ultrasound has no colours of 16 bits; this picture stays as it came.")
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.max(initial=0) > 255:
            return values.clip(0, 65_535).astype(np.uint16)
    return on_black(image)


def _jpeg_ls(samples: Samples) -> bytes:
    """Lossless, without the SPIFF header that CharLS puts first and DICOM does not know (PS3.5 8.2.3)."""
    # Noise grows, and the encoder's own guess of the room that it needs is too small for it
    room = 2 * samples.nbytes + 65_536
    frame = bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(samples), out=room))
    while frame[2:4] == b"\xff\xe8":
        frame = frame[:2] + frame[4 + int.from_bytes(frame[4:6], "big") :]
    return frame


def _of_jpeg(frame: bytes, source_bytes: int) -> dict[str, Any]:
    size = codestream.jpeg(lambda at, length: frame[at : at + length])
    colours = "MONOCHROME2"
    if size.components == 3:
        # YBR_FULL_422 whatever the subsampling: the stream itself says it (PS3.5 8.2.1)
        colours = "RGB" if jpeg.is_rgb(jpeg.marks(frame), "YBR_FULL_422") else "YBR_FULL_422"
    return _described(size.rows, size.columns, size.components, 8, colours, syntaxes.JPEG_BASELINE, source_bytes)


def _of_samples(samples: Samples, lossy_bytes: int) -> dict[str, Any]:
    count = samples.shape[2] if samples.ndim == 3 else 1
    colours = "RGB" if count == 3 else "MONOCHROME2"
    rows, columns, bits = samples.shape[0], samples.shape[1], samples.dtype.itemsize * 8
    return _described(rows, columns, count, bits, colours, syntaxes.JPEG_LS_LOSSLESS, lossy_bytes)


def _described(
    rows: int, columns: int, samples: int, bits: int, colours: str, syntax: str, lossy_bytes: int
) -> dict[str, Any]:
    return {
        "rows": rows, "columns": columns, "samples_per_pixel": samples, "bits": bits,
        "photometric_interpretation": colours, "transfer_syntax_uid": syntax,
        # Lossy once is lossy for ever (PS3.3 C.7.6.1.1.5)
        "lossy_method": "ISO_10918_1" if lossy_bytes else "",
        "lossy_ratio": rows * columns * samples / lossy_bytes if lossy_bytes else None,
    }  # fmt: skip
