"""One frame's samples without compression (PS3.5 8.1.1), as a client asks that decodes nothing itself."""

from typing import Any

import numpy as np

from app.dicom.decode import AS_LABELLED, decode
from app.dicom.facts import Pixels


def raw(*, data: bytes, pixels: dict[str, Any]) -> dict[str, Any]:
    """Little endian, colour by pixel; `photometric_interpretation` says what three samples are now."""
    facts = Pixels.from_json(pixels)
    samples, colours = decode(data, facts)
    order = samples.dtype.newbyteorder("<")
    return {
        "body": np.ascontiguousarray(samples, order).tobytes(), "bits_allocated": 8 * samples.dtype.itemsize,
        "samples_per_pixel": samples.shape[2] if samples.ndim == 3 else 1,
        "photometric_interpretation": facts.photometric_interpretation if colours == AS_LABELLED else colours,
    }  # fmt: skip
