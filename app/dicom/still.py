"""An uploaded JPEG or PNG as a picture that browsers show: turned as it was taken, without its metadata."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from app.config import file_limits
from app.dicom import jpeg
from app.dicom.colour import Picture
from app.dicom.exif import ORIENTATION
from app.dicom.refusals import damaged
from app.dicom.render import Form, answer, encode


def still(
    *,
    path: str | None = None,
    data: bytes = b"",
    form: Form = "jpeg",
    max_side: int | None = None,
    quality: int | None = None,
) -> dict[str, Any]:
    """From a file or from bytes. A JPEG of full size that lies right keeps its pixels as they are."""
    data = Path(path).read_bytes() if path else data
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        if image.width * image.height > file_limits().max_frame_pixels:
            raise damaged("it has too many pixels")
        turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
        if form == "jpeg" and image.format == "JPEG" and not turned and max_side is None and quality is None:
            image.load()  # a broken scan is found here, not in the browser
            if jpeg.marks(data).is_shown_by_browsers:
                return answer(jpeg.without_metadata(data), "jpeg", *image.size, is_original=True)
        if max_side is not None:
            image.draft("RGB", (max_side, max_side))  # JPEG decodes smaller by itself
        ImageOps.exif_transpose(image, in_place=True)
        return encode(on_black(image), form, max_side, quality)


def on_black(image: Image.Image) -> Picture:
    """8 bits of grey or RGB; what shines through is black."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits of grey
        values = np.asarray(image).astype(np.int64)
        return (values >> 8 if values.max(initial=0) > 255 else values).clip(0, 255).astype(np.uint8)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(ground, layer).convert("RGB"))
    return np.asarray(image.convert("RGB"))
