"""What measuring and playing need of a header: ultrasound regions and the time between frames."""

import math
import struct

from app.dicom import limits
from app.dicom.values import Values
from app.dicom.walk import Span

# PS3.3 C.8.5.5; the names are the keywords
_REGION = {
    0x6012: "region_spatial_format", 0x6014: "region_data_type", 0x6016: "region_flags",
    0x6018: "region_location_min_x0", 0x601A: "region_location_min_y0", 0x601C: "region_location_max_x1",
    0x601E: "region_location_max_y1", 0x6020: "reference_pixel_x0", 0x6022: "reference_pixel_y0",
    0x6024: "physical_units_x_direction", 0x6026: "physical_units_y_direction",
    0x6028: "reference_pixel_physical_value_x", 0x602A: "reference_pixel_physical_value_y",
    0x602C: "physical_delta_x", 0x602E: "physical_delta_y", 0x6030: "transducer_frequency",
}  # fmt: skip
_SIGNED = {0x6020, 0x6022}  # SL; where the file has VRs they are believed
_REAL = {0x6028, 0x602A, 0x602C, 0x602E}  # FD


def timing(values: Values) -> tuple[float | None, tuple[float, ...]]:
    """Milliseconds a frame (PS3.3 C.7.6.5): Frame Time or its vector, as the pointer says, or a rate."""
    vector = tuple(values.numbers(0x00181065))
    time_ms = _within(values.numbers(0x00181063))
    points_to_vector = values.raw(0x00280009)[:4] in (b"\x18\0\x65\x10", b"\0\x18\x10\x65")
    if len(vector) > 1 and (points_to_vector or time_ms is None):
        steps = vector[1:]
        if not all(0 <= step <= limits.FRAME_TIME_MS for step in steps) or not any(steps):
            values.warn("The clip's times between frames are impossible; they were left out.")
        elif min(steps) == max(steps):
            return steps[0], ()
        else:
            return round(sum(steps) / len(steps), 3), vector
    if time_ms is None:
        # Cine Rate, Recommended Display Frame Rate
        rates = (_within(values.numbers(tag)) for tag in (0x00180040, 0x00082144))
        time_ms = next((1000 / rate for rate in rates if rate and rate <= 1000), None)
    return (round(time_ms, 3) if time_ms else None), ()


def _within(found: list[float]) -> float | None:
    return found[0] if found and 0 < found[0] <= limits.FRAME_TIME_MS else None


Region = dict[str, float | int]


def regions(values: Values) -> tuple[Region, ...]:
    """The Sequence of Ultrasound Regions as it is; whether one may be measured in is decided where it is.

    It is of all frames: US Multi-frame (PS3.3 A.7.4) says nothing by frame, and no group of frames has regions (A.59.4)."""
    rows, columns = values.short(0x00280010) or 0, values.short(0x00280011) or 0
    found: list[Region] = []
    for spans in values.walk.regions[: limits.REGIONS]:
        region = {name: _binary(values, spans[0x00180000 | low], low) for low, name in _REGION.items()
                  if 0x00180000 | low in spans and spans[0x00180000 | low].length in (2, 4, 8)}  # fmt: skip
        found.append({name: value for name, value in region.items() if math.isfinite(value)})
        # Many machines write the size itself instead of the last pixel's number
        if found[-1].get("region_location_max_x1", 0) > columns or found[-1].get("region_location_max_y1", 0) > rows:
            values.warn("A measuring region of the picture lies beyond its edge.")
    if len(values.walk.regions) > limits.REGIONS:
        values.warn("There are more measuring regions than a picture can have; the rest were left out.")
    return tuple(found)


def _binary(values: Values, span: Span, low: int) -> float | int:
    value = values.walk.source.read(span.offset, span.length)
    has_vr = span.vr not in (b"", b"UN")
    if span.vr in (b"FD", b"FL") or (not has_vr and low in _REAL and len(value) == 8):
        return float(struct.unpack(values.walk.order + ("d" if len(value) == 8 else "f"), value)[0])
    is_signed = span.vr in (b"SL", b"SS") or (not has_vr and low in _SIGNED)
    return int.from_bytes(value, values.walk.byte_order, signed=is_signed)
