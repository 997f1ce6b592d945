"""The attributes of the standard (PS3.6 6): tag, keyword, value representation."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any


@cache
def _entries() -> dict[int, tuple[str, str, str, str, str]]:
    """pydicom's table, from its file alone: the package with numpy takes 60 MB, which the doors do without."""
    package = importlib.util.find_spec("pydicom")
    if package is None or package.origin is None:
        raise RuntimeError("pydicom is not installed")
    place = Path(package.origin).parent / "_dicom_dict.py"
    spec = importlib.util.spec_from_file_location("sonopost_dicom_dictionary", place)
    if spec is None or spec.loader is None:
        raise RuntimeError("pydicom has no dictionary")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entries: dict[int, tuple[str, str, str, str, str]] = module.DicomDictionary
    return entries


@cache
def _tags() -> dict[str, int]:
    return {entry[4]: tag for tag, entry in _entries().items() if entry[4]}


def vr_of(tag: int) -> str:
    """As the standard has it, 'US or SS' included; UN where it has none."""
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"  # PS3.5 7.8.1: private creators
    if 0x5000 <= tag >> 16 <= 0x501E or 0x6000 <= tag >> 16 <= 0x601E:  # repeating groups (PS3.5 7.6)
        tag &= 0xFF00FFFF
    entry = _entries().get(tag)
    return entry[0] if entry else "UN"


def tag_of(name: str) -> int | None:
    """Of a keyword or of eight hexadecimal digits (PS3.18 8.3.4.1); None when it is neither."""
    if len(name) == 8:
        try:
            return int(name, 16)
        except ValueError:
            pass
    return _tags().get(name)


def keyword_of(tag: int) -> str:
    entry = _entries().get(tag)
    return entry[4] if entry else f"{tag:08X}"
