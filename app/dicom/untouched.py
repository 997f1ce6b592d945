"""Whether a frame's own JPEG can go to a browser as it is: no decoder is needed to tell, nor to send it."""

from app.dicom import jpeg
from app.dicom.facts import Pixels


def untouched(data: bytes, pixels: Pixels) -> bytes | None:
    """The JPEG of the frame if a browser shows what the file means, marked as RGB where it must be."""
    if pixels.codec != "jpeg" or pixels.palette is not None:
        return None
    try:
        found = jpeg.marks(data)
    except ValueError:  # a later frame than those looked at, or an older file: a decoder will say so
        return None
    if not found.is_shown_by_browsers:
        return None
    if found.has_exif:  # it may turn the picture under the measurements
        data = jpeg.without_metadata(data)
    if len(found.ids) == 3:
        return jpeg.say_rgb(data, found) if jpeg.is_rgb(found, pixels.photometric_interpretation) else data
    return data if pixels.photometric_interpretation == "MONOCHROME2" and is_shown_as_stored(pixels) else None


def is_shown_as_stored(pixels: Pixels) -> bool:
    """Grey of 8 bits without a window, or with one over all of them, as most ultrasound machines write."""
    is_all = (
        pixels.window_center is None
        or pixels.window_width is None
        or (127 <= pixels.window_center <= 128 and 255 <= pixels.window_width <= 256)
    )
    is_plain = pixels.rescale_slope == 1 and pixels.rescale_intercept == 0
    return is_all and is_plain and pixels.bits_stored == 8 and not pixels.signed
