"""What a measurement corresponds to: a fetal size that is true, or nearly true and confirmed, and nothing else."""

from app.referrals.fetal_age import SIZES, Corresponds, of_one
from app.studies.measurement import Measurement

# By which tools each is measured; 'machine' has its unit from the machine
LENGTHS, ROUNDS = ("length", "machine"), ("ellipse", "area", "machine")
TOOLS = {"CRL": LENGTHS, "BPD": LENGTHS, "FL": LENGTHS, "HC": ROUNDS, "AC": ROUNDS}
MM = {"mm": 1.0, "cm": 10.0}


def fetal_mm(made: Measurement) -> float | None:
    """Of a fetal size that counts, in millimetres."""
    quantity = quantity_of(made)
    if quantity not in SIZES or made.kind not in TOOLS[quantity] or made.value is None or made.unit not in MM:
        return None
    return made.value * MM[made.unit] if is_true(made) else None


def is_true(made: Measurement) -> bool:
    """Or nearly true, and somebody answers for it."""
    return made.calibrated or made.kind == "machine" or (made.approximate and made.confirmed_at is not None)


def quantity_of(made: Measurement) -> str:
    return made.quantity.strip().upper()


def corresponds(made: Measurement) -> Corresponds | None:
    """None where the number is only nearly true, in pixels, or outside the formula's range."""
    size = fetal_mm(made)
    return of_one(quantity_of(made), size) if size is not None else None
