"""The real ultrasound files that come with the test dependencies, and those of a folder named in the environment."""

import importlib.util
import os
from pathlib import Path

import pydicom


def _packaged() -> list[Path]:
    """pydicom's own files, and those of pydicom-data where it is installed."""
    found = importlib.util.find_spec("data_store")
    places = found.submodule_search_locations if found else None
    folders = [Path(pydicom.__file__).parent / "data" / "test_files", *(Path(at) / "data" for at in places or [])]
    return sorted(path for folder in folders for path in folder.glob("*.dcm"))


# A folder with more real files, for who has one: it is searched with its folders
MORE = (
    [path for path in Path(os.environ["SONOPOST_TEST_FILES"]).rglob("*") if path.is_file()]
    if os.environ.get("SONOPOST_TEST_FILES")
    else []
)
DICOM = _packaged() + [path for path in MORE if path.suffix == ".dcm"]
ULTRASOUND = [
    path
    for path in DICOM
    if path.name.startswith(
        ("US1_", "OBXXXX1A", "color", "gdcm-US", "examples_", "ExplVR_BigEnd.", "JPGLossless", "sonoque")
    )
    and path.name != "examples_overlay.dcm"
]


def named(name: str) -> Path:
    return next(path for path in DICOM if path.name == name)
