"""Uploads that are no DICOM, as telephones and scanners make them, and the DICOM file that is made of each."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.dicom import wrap
from app.dicom.film_stream import film_stream
from app.dicom.still_frame import still_frame
from app.dicom.wrap import About

ABOUT = About(
    "2.25.1", "2.25.1.1", "2.25.2", datetime(2026, 11, 26, 9, 30, tzinfo=UTC), patient_name="Otieno^Jane=ጄን",
    patient_identifier="P-17", patient_issuer="Lodwar clinic", patient_birth_date="19900102", patient_sex="F",
    patient_age="036Y", accession_number="A-1", dicom_study_id="K7M-2QX", study_description="abdomen",
    referring_physician_name="Ekal^Asha", institution_name="Lodwar clinic", series_number=1, instance_number=3,
)  # fmt: skip


def scan(rows: int = 64, columns: int = 96) -> NDArray[np.uint8]:
    """No two of its corners alike, smooth enough that a JPEG of it stays near."""
    down, along = np.mgrid[0:rows, 0:columns]
    red, green, blue = 255 * along / columns, 255 * down / rows, 128 + 80 * np.sin(along / 9) * np.cos(down / 7)
    return np.stack([red, green, blue], axis=2).round().astype(np.uint8)


def telephone_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Telephone of Jane Doe"
    exif.get_ifd(0x8825).update({1: "N", 2: (3.0, 7.0, 9.0), 29: "2026:11:26"})  # GPS: latitude, day
    return exif


def jpeg(picture: NDArray[Any], **given: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", **{"quality": 90, "exif": telephone_exif(), **given})
    return out.getvalue()


def png(image: Image.Image, **given: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **given)
    return out.getvalue()


def framed(folder: Path, body: bytes) -> tuple[bytes, dict[str, Any]]:
    """The frame made of a still, and what is said of it."""
    path, output = folder / "upload", folder / "frame"
    path.write_bytes(body)
    said = still_frame(path=str(path), output=str(output))
    return output.read_bytes(), said


def still_instance(folder: Path, body: bytes) -> Path:
    _frame, said = framed(folder, body)
    return kept(folder, wrap.picture(ABOUT, folder / "frame", said))


def film_instance(folder: Path, film: Path) -> Path:
    said = film_stream(path=str(film), output=str(folder / "stream"))
    return kept(folder, wrap.clip(ABOUT, folder / "stream", said))


def document_instance(folder: Path, body: bytes) -> Path:
    (folder / "upload").write_bytes(body)
    return kept(folder, wrap.document(ABOUT, folder / "upload"))


def kept(folder: Path, pieces: Any) -> Path:
    path = folder / "wrapped.dcm"
    path.write_bytes(b"".join(pieces))
    return path
