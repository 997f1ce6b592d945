"""One frame of a DICOM file as a picture that browsers show."""

import io
from typing import Any, Literal

import numpy as np
import simplejpeg
from PIL import Image

from app.config import file_limits
from app.dicom.colour import Picture, Window, shown
from app.dicom.decode import decode
from app.dicom.facts import Pixels
from app.dicom.untouched import untouched

Form = Literal["jpeg", "png", "webp"]
MOST_SIDE: dict[Form, int] = {"webp": 16_383, "jpeg": 65_500, "png": 65_535}  # libwebp's and libjpeg's; a DICOM frame's
EXACT_QUALITY, PREVIEW_QUALITY = 90, 80


def frame(
    *,
    data: bytes,
    pixels: dict[str, Any],
    palette: bytes = b"",
    form: Form = "jpeg",
    max_side: int | None = None,
    quality: int | None = None,
    window: Window | None = None,
) -> dict[str, Any]:
    """`data`: the frame's ranges, joined; `palette`: the palette's ranges, joined.

    A JPEG of full size is the original one wherever a browser shows that right."""
    facts = Pixels.from_json(pixels)
    if form == "jpeg" and max_side is None and quality is None and window is None:
        original = untouched(data, facts)
        if original is not None:
            return answer(original, "jpeg", facts.columns, facts.rows, is_original=True)
    samples, colours = decode(data, facts)
    return encode(shown(samples, colours, facts, palette, window), form, max_side, quality)


def smaller(*, data: bytes, form: Form, max_side: int) -> dict[str, Any]:
    """A WebP that was made here, in another form or size."""
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        return encode(np.asarray(image.convert("RGB")), form, max_side, None)


def encode(picture: Picture, form: Form, max_side: int | None, quality: int | None) -> dict[str, Any]:
    """At most `max_side` in width and height, and what the form can say; never made larger."""
    image = Image.fromarray(picture)
    max_side = min(max_side or MOST_SIDE[form], MOST_SIDE[form])
    if max(image.size) > max_side:
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    if form == "webp":
        image.save(out, "WEBP", quality=quality or PREVIEW_QUALITY, method=2)
    elif form == "png":
        image.save(out, "PNG", compress_level=4)
    else:
        # Thin coloured lines and letters lie over grey: colour is kept at full resolution
        small = np.asarray(image)
        grey = small.ndim == 2
        small = np.ascontiguousarray(small[:, :, None] if grey else small)
        space, sampling = ("GRAY", "Gray") if grey else ("RGB", "444")
        out.write(simplejpeg.encode_jpeg(small, quality or EXACT_QUALITY, space, sampling))
    return answer(out.getvalue(), form, *image.size)


def answer(body: bytes, form: Form, columns: int, rows: int, *, is_original: bool = False) -> dict[str, Any]:
    return {
        "body": body, "media_type": f"image/{form}", "columns": columns, "rows": rows, "is_original": is_original,
    }  # fmt: skip


def warm_up() -> None:
    """Load what Pillow loads at first use, before the children are forked."""
    Image.MAX_IMAGE_PIXELS = file_limits().max_frame_pixels // 2  # Pillow refuses at twice this
    forms: tuple[Form, ...] = ("jpeg", "png", "webp")
    for form in forms:
        body = encode(np.zeros((16, 16, 3), np.uint8), form, 8, None)["body"]
        with Image.open(io.BytesIO(body)) as image:
            image.load()
