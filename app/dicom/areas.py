"""Where a picture may be measured: its ultrasound regions as far as they can be true, and a note on each that cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.dicom.cine import Region

# PS3.3 C.8.5.5.1.15; what is not here is no axis that one measures along
UNITS = {3: "cm", 4: "s", 7: "cm/s"}
# How much of each a whole picture may span: less or more is a slip of the machine's, not a body
SPANS = {"cm": (0.1, 100.0), "s": (0.01, 120.0), "cm/s": (1.0, 5000.0)}
MAX_STRETCH = 4.0  # of one axis of tissue against the other: pixels are square or nearly so
AGREES = 1e-3  # scales within a thousandth are one


@dataclass(frozen=True)
class Area:
    """A region that lies inside the picture; pixel n covers n to n + 1."""

    number: int  # its place in the Sequence of Ultrasound Regions, from 1
    left: float
    top: float
    right: float
    bottom: float
    x_unit: str
    y_unit: str
    dx: float  # a pixel, in these units; the sign says which way it grows
    dy: float
    zero_y: float | None = None  # where the vertical axis is 0, in pixels of the picture

    @property
    def size(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def is_tissue(self) -> bool:
        return self.x_unit == self.y_unit == "cm"

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x < self.right and self.top <= y < self.bottom

    def agrees(self, other: "Area") -> bool:
        """In unit and scale, and in where a velocity is 0."""
        same = (self.x_unit, self.y_unit) == (other.x_unit, other.y_unit)
        scales = ((self.dx, other.dx), (self.dy, other.dy))
        near = all(abs(abs(one) - abs(two)) <= AGREES * abs(one) for one, two in scales)
        return same and near and (self.y_unit != "cm/s" or self.zero_y == other.zero_y)


@dataclass(frozen=True)
class Note:
    """A region that is ignored, and why: frame, delta, span, stretch."""

    number: int
    reason: str


def areas(regions: Sequence[Region], columns: int, rows: int) -> tuple[list[Area], list[Note]]:
    """Those that can be true, and notes on those that cannot; regions without a physical axis are neither."""
    found, notes = [], []
    for number, region in enumerate(regions, 1):
        made = _area(number, region, columns, rows)
        if isinstance(made, Area):
            found.append(made)
        elif made:
            notes.append(Note(number, made))
    return found, notes


def _area(number: int, region: Region, columns: int, rows: int) -> Area | str:
    units = tuple(UNITS.get(int(region.get(f"physical_units_{axis}_direction", 0))) for axis in "xy")
    if units[0] is None or units[1] is None:
        return ""
    left, top = region.get("region_location_min_x0", -1), region.get("region_location_min_y0", -1)
    right, bottom = region.get("region_location_max_x1", -1), region.get("region_location_max_y1", -1)
    # Many machines write the size itself instead of the last pixel's number
    if not (0 <= left < right <= columns and 0 <= top < bottom <= rows):
        return "frame"
    right, bottom = min(right + 1, columns), min(bottom + 1, rows)
    dx, dy = region.get("physical_delta_x", 0.0), region.get("physical_delta_y", 0.0)
    if not dx or not dy:
        return "delta"
    for unit, span in ((units[0], (right - left) * abs(dx)), (units[1], (bottom - top) * abs(dy))):
        least, most = SPANS[unit]
        if not least <= span <= most:
            return "span"
    if units == ("cm", "cm") and not 1 / MAX_STRETCH <= abs(dx / dy) <= MAX_STRETCH:
        return "stretch"
    return Area(number, left, top, right, bottom, units[0], units[1], dx, dy, _zero(region, top, dy))


def _zero(region: Region, top: float, dy: float) -> float | None:
    """The middle of the reference pixel, which is counted from the region's corner, less its own value."""
    reference = region.get("reference_pixel_y0")
    if reference is None:
        return None
    return top + reference + 0.5 - region.get("reference_pixel_physical_value_y", 0.0) / dy
