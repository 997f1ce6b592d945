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


def inside(package: str, *folder: str, ending: str = ".dcm") -> list[Path]:
    """Files that come with a package; none where it is not installed."""
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    return sorted(path for at in places or [] for path in Path(at).joinpath(*folder).glob(f"*{ending}"))


# A folder with more real files, for who has one beside this one or names it: it is searched with its folders
FOLDER = Path(os.environ.get("SONOPOST_TEST_FILES") or Path(__file__).parents[3] / "shared" / "data")
MORE = sorted(path for path in FOLDER.rglob("*") if path.is_file())
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
