"""Which version of its pages' files this service has: a browser that keeps them looks whether it has changed."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def version() -> str:
    """Of all that a browser keeps: with another one it fetches all of it anew."""
    kept = sorted(path for name in ("static", "templates") for path in (FOLDER / name).rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in kept)).hexdigest()[:12]
