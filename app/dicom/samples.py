"""Real ultrasound that comes inside the pydicom wheel, for the demo."""

from pathlib import Path

from pydicom.data import get_testdata_file


def sample(name: str) -> Path:
    """Where the file lies; nothing is downloaded."""
    found = get_testdata_file(name, download=False)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    return Path(found)
