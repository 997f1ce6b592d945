"""A JPEG turned and made baseline without decoding it, by libjpeg's own program where it is installed."""

import shutil
import subprocess

from app.dicom import limits

# EXIF orientation (TIFF 6.0 tag 274) and what undoes it
_TURNS = {
    1: (), 2: ("-flip", "horizontal"), 3: ("-rotate", "180"), 4: ("-flip", "vertical"), 5: ("-transpose",),
    6: ("-rotate", "90"), 7: ("-transverse",), 8: ("-rotate", "270"),
}  # fmt: skip


def baseline(data: bytes, orientation: int) -> bytes | None:
    """The same coefficients as a baseline JPEG that lies right.

    None where they cannot stay: no program here, or a side that must be turned and is no multiple of its blocks.
    It runs within the limits of the child that calls it."""
    program = shutil.which("jpegtran")
    if program is None:
        return None
    command = [program, "-copy", "none", "-perfect", "-maxscans", str(limits.SCANS), *_TURNS[orientation]]
    run = subprocess.run(command, input=data, capture_output=True, check=False)  # noqa: S603 - our own command
    return run.stdout if run.returncode == 0 else None
