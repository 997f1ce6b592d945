"""What points on a picture are worth: true units by one region, nearly true ones by a ruler, else pixels and the reason."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from app.dicom.areas import Area
from app.errors import Invalid

Point = tuple[float, float]
# kind -> how many points it takes
KINDS: dict[str, tuple[int, int]] = {
    "length": (2, 2), "ellipse": (2, 4), "area": (3, 300), "angle": (3, 3), "heart-rate": (2, 2), "velocity": (1, 2),
    "time": (2, 2), "text": (1, 1), "arrow": (2, 2), "scale": (2, 2),
}  # fmt: skip
ROUND = ("HC", "AC")  # of these the way round is wanted, not the area
PLANAR = ("length", "ellipse", "area", "angle")
SMALLEST_PX = 0.5  # two points nearer than this are one
REASONS = {
    "": "",
    "none": "This image has no valid calibration.",
    "outside": "A point lies outside the image.",
    "between": "The points do not lie in one calibrated region.",
    "choose": "Regions here disagree. Choose one.",
    "unlike": "The axes here differ, time against depth or velocity: only along one of them is there a measure.",
    "no-time": "No time runs along the image here.",
    "no-velocity": "There is no velocity along the image here.",
    "no-zero": "The image does not say where its velocity is 0. Measure from the baseline.",
    "ruler": "By the ruler on the screen, so only nearly true.",
    "mark": "",
    "machine": "Measured by the machine, accepted by a reader.",
}


@dataclass(frozen=True)
class Quantity:
    value: float
    unit: str


@dataclass(frozen=True)
class Measured:
    value: float | None
    unit: str = ""
    calibrated: bool = False
    reason: str = ""  # a key of REASONS
    region: int | None = None
    approximate: bool = False  # by a ruler on the screen: '≈', for good
    more: dict[str, Quantity] = field(default_factory=dict)
    choices: tuple[int, ...] = ()  # regions that disagree


@dataclass(frozen=True)
class Ground:
    """What is known of the picture that is measured on."""

    columns: int
    rows: int
    areas: Sequence[Area]
    mm_per_pixel: float | None = None  # by the ruler on the screen


def measured(
    ground: Ground,
    kind: str,
    points: Sequence[Point],
    *,
    quantity: str = "",
    cycles: int = 1,
    region: int | None = None,
) -> Measured:
    """`points` in pixels of the picture; Invalid when they are no measurement of that kind at all."""
    check(kind, points)
    if kind in ("text", "arrow"):
        return Measured(None, reason="mark")
    if kind == "scale":
        return Measured(None, reason="ruler", approximate=True)
    area, reason, choices = _where(ground, points, region)
    if area is None and reason == "none" and ground.mm_per_pixel and kind in PLANAR:
        return replace(
            _planar(kind, points, quantity, ground.mm_per_pixel, ground.mm_per_pixel), reason="ruler", approximate=True
        )
    if area is None:
        return replace(_in_pixels(kind, points, quantity), reason=reason, choices=choices)
    if kind in PLANAR:
        return _in_tissue(kind, points, quantity, area)
    return _along_one_axis(kind, points, cycles, area)


def check(kind: str, points: Sequence[Point]) -> None:
    least, most = KINDS[kind]
    if not least <= len(points) <= most or (kind == "ellipse" and len(points) == 3):
        raise Invalid("This kind of measurement takes another number of points.", field="points")
    if kind in PLANAR or kind == "scale":
        neighbours = pairwise(points)
        if kind != "area" and any(math.dist(one, two) < SMALLEST_PX for one, two in neighbours):
            raise Invalid("The points coincide.", field="points")
    if kind in ("time", "heart-rate") and abs(points[0][0] - points[1][0]) < SMALLEST_PX:
        raise Invalid("The points are at the same time.", field="points")
    if kind == "ellipse" and abs(_cross(*half_axes(points))) < SMALLEST_PX**2:
        raise Invalid("The ellipse has no width.", field="points")
    if kind == "area" and (crosses_itself(points) or abs(_shoelace(points)) < SMALLEST_PX**2):
        raise Invalid("The outline crosses itself, or encloses nothing.", field="points")


def _where(ground: Ground, points: Sequence[Point], wanted: int | None) -> tuple[Area | None, str, tuple[int, ...]]:
    """The smallest region that holds all points, where those that do agree; else why there is none."""
    if any(not (0 <= x <= ground.columns and 0 <= y <= ground.rows) for x, y in points):
        return None, "outside", ()
    if not ground.areas:
        return None, "none", ()
    holding = sorted((one for one in ground.areas if all(one.holds(x, y) for x, y in points)), key=lambda one: one.size)
    if wanted is not None:
        holding = [one for one in holding if one.number == wanted]
    if not holding:
        return None, "between", ()
    if any(not holding[0].agrees(one) for one in holding[1:]):
        return None, "choose", tuple(one.number for one in holding)
    return holding[0], "", ()


def _in_tissue(kind: str, points: Sequence[Point], quantity: str, area: Area) -> Measured:
    if area.is_tissue:
        made = _planar(kind, points, quantity, abs(area.dx) * 10, abs(area.dy) * 10)
        return replace(made, calibrated=True, region=area.number)
    more = {} if kind != "length" else _apart(points, area)
    return replace(_in_pixels(kind, points, quantity), reason="unlike", region=area.number, more=more)


def _apart(points: Sequence[Point], area: Area) -> dict[str, Quantity]:
    """Along each axis by itself."""
    (x1, y1), (x2, y2) = points
    across = {"s": ("time", 1000.0, "ms"), "cm": ("depth", 10.0, "mm"), "cm/s": ("velocity", 1.0, "cm/s")}
    found = {}
    for unit, pixels in ((area.x_unit, abs(x1 - x2) * abs(area.dx)), (area.y_unit, abs(y1 - y2) * abs(area.dy))):
        name, factor, called = across[unit]
        found[name] = Quantity(pixels * factor, called)
    return found


def _along_one_axis(kind: str, points: Sequence[Point], cycles: int, area: Area) -> Measured:
    if kind == "velocity":
        return _velocity(points, area)
    if area.x_unit != "s":
        return replace(_in_pixels(kind, points, ""), reason="no-time", region=area.number)
    seconds = abs(points[0][0] - points[1][0]) * abs(area.dx)
    if kind == "time":
        return Measured(seconds * 1000, "ms", calibrated=True, region=area.number)
    each = {"cycle": Quantity(seconds * 1000 / cycles, "ms")}
    return Measured(60 * cycles / seconds, "/min", calibrated=True, region=area.number, more=each)


def _velocity(points: Sequence[Point], area: Area) -> Measured:
    """Of one point against the baseline, of two the difference."""
    if area.y_unit != "cm/s":
        return replace(_in_pixels("velocity", points, ""), reason="no-velocity", region=area.number)
    if len(points) == 2:
        apart = _apart(points, area)
        value = apart.pop("velocity").value
        return Measured(value, "cm/s", calibrated=True, region=area.number, more=apart)
    if area.zero_y is None:
        return Measured(None, reason="no-zero", region=area.number)
    return Measured((points[0][1] - area.zero_y) * area.dy, "cm/s", calibrated=True, region=area.number)


def _in_pixels(kind: str, points: Sequence[Point], quantity: str) -> Measured:
    if kind in PLANAR:
        return _planar(kind, points, quantity, 1, 1, "px", "px2", 1)
    if kind == "velocity":
        return Measured(abs(points[0][1] - points[1][1]), "px") if len(points) == 2 else Measured(None)
    return Measured(abs(points[0][0] - points[1][0]), "px")


def _planar(
    kind: str, points: Sequence[Point], quantity: str, dx: float, dy: float,
    unit: str = "mm", square: str = "cm2", squared: float = 0.01,
) -> Measured:  # fmt: skip
    """On a plane of which a pixel is `dx` × `dy`."""
    flat = [(x * dx, y * dy) for x, y in points]
    if kind == "length":
        return Measured(math.dist(*flat), unit)
    if kind == "angle":
        return Measured(_angle(flat), "deg")
    area, way, more = _SHAPES[kind](flat)
    round_it = Quantity(way, unit)
    named = {name: Quantity(value, unit) for name, value in more.items()}
    if quantity.upper() in ROUND:
        return Measured(way, unit, more={"area": Quantity(area * squared, square), **named})
    return Measured(area * squared, square, more={"circumference": round_it, **named})


def _ellipse(points: Sequence[Point]) -> tuple[float, float, dict[str, float]]:
    """By two conjugate half diameters, which stay such when the pixels are not square."""
    u, v = half_axes(points)
    square, cross = sum(each * each for each in (*u, *v)), abs(_cross(u, v))
    larger, smaller = math.sqrt(square + 2 * cross), math.sqrt(max(0.0, square - 2 * cross))
    a, b = (larger + smaller) / 2, (larger - smaller) / 2
    h = ((a - b) / (a + b)) ** 2
    way = math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))  # Ramanujan 1914
    return math.pi * cross, way, {"long_axis": 2 * a, "short_axis": 2 * b}


def half_axes(points: Sequence[Point]) -> tuple[Point, Point]:
    """Of four points the ends of both axes (PS3.3 C.18.6.1.2), of two the corners of the box around it."""
    if len(points) == 2:
        (x1, y1), (x2, y2) = points
        return ((x2 - x1) / 2, 0.0), (0.0, (y2 - y1) / 2)
    a, b, c, d = points
    return ((b[0] - a[0]) / 2, (b[1] - a[1]) / 2), ((d[0] - c[0]) / 2, (d[1] - c[1]) / 2)


def _outline(points: Sequence[Point]) -> tuple[float, float, dict[str, float]]:
    way = sum(math.dist(one, two) for one, two in zip(points, [*points[1:], points[0]], strict=True))
    return abs(_shoelace(points)), way, {}


_SHAPES: dict[str, Callable[[Sequence[Point]], tuple[float, float, dict[str, float]]]] = {
    "ellipse": _ellipse, "area": _outline,
}  # fmt: skip


def _shoelace(points: Sequence[Point]) -> float:
    return sum(_cross(one, two) for one, two in zip(points, [*points[1:], points[0]], strict=True)) / 2


def _cross(one: Point, two: Point) -> float:
    return one[0] * two[1] - one[1] * two[0]


def _angle(points: Sequence[Point]) -> float:
    """At the second of three."""
    one, at, two = points
    a, b = (one[0] - at[0], one[1] - at[1]), (two[0] - at[0], two[1] - at[1])
    return math.degrees(math.atan2(abs(_cross(a, b)), a[0] * b[0] + a[1] * b[1]))


def crosses_itself(points: Sequence[Point]) -> bool:
    """Whether two sides of the closed outline that are no neighbours meet."""
    sides = list(zip(points, [*points[1:], points[0]], strict=True))
    last = len(sides) - 1
    return any(
        _cross_each_other(*sides[one], *sides[two])
        for one in range(last + 1)
        for two in range(one + 2, last + 1)
        if (one, two) != (0, last)
    )


def _cross_each_other(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
