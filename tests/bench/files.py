"""Synthetic files as ultrasound machines make them, each copy with a SOP Instance UID of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, count, repeat
from secrets import randbelow
from struct import pack

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

PATIENT = {"identifier": "BENCH-1", "family_name": "Ekai", "given_name": "Naomi", "sex": "female"}
UID_ROOT = "1.2.826.0.1.3680043.10.1"
US_IMAGE, US_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
STILL_ROWS, STILL_COLUMNS = 680, 800  # 1.6 MB as RGB
JPEG_BYTES = 100_000
CLIP_FRAMES = 100  # 10 MB
# Of one length, so that one replaces another without changing a length field.
_numbers = count(10**20 + randbelow(10**19))


def new_uid() -> str:
    return f"{UID_ROOT}.{next(_numbers)}"


@dataclass(frozen=True)
class Copies:
    """One file cut at its UIDs; the pieces joined by a new one are a new file."""

    pieces: list[bytes]

    @classmethod
    def of(cls, data_set: Dataset, syntax: str) -> "Copies":
        return cls(_written(data_set, syntax).split(data_set.SOPInstanceUID.encode()))

    def new(self) -> bytes:
        return new_uid().encode().join(self.pieces)


def rgb_still(study_uid: str) -> Copies:
    data_set = _described(study_uid, US_IMAGE, STILL_ROWS, STILL_COLUMNS, "RGB")
    data_set.PixelData = _speckle(STILL_ROWS, STILL_COLUMNS, 1).tobytes()
    return Copies.of(data_set, ExplicitVRLittleEndian)


def jpeg_still(study_uid: str) -> Copies:
    data_set = _described(study_uid, US_IMAGE, 768, 1024, "YBR_FULL_422")
    data_set.PixelData = encapsulate([_jpeg(1)])
    return Copies.of(data_set, JPEGBaseline8Bit)


def jpeg_clip(study_uid: str) -> Copies:
    data_set = _described(study_uid, US_MULTI_FRAME, 768, 1024, "YBR_FULL_422")
    _as_clip(data_set, CLIP_FRAMES)
    few = [_jpeg(seed) for seed in range(10)]
    data_set.PixelData = encapsulate([few[number % 10] for number in range(CLIP_FRAMES)])
    return Copies.of(data_set, JPEGBaseline8Bit)


def rgb_clip(study_uid: str, frames: int) -> tuple[int, Iterator[bytes]]:
    """A large file without compression, put together while it is sent: its size, and its pieces."""
    data_set = _described(study_uid, US_MULTI_FRAME, STILL_ROWS, STILL_COLUMNS, "RGB")
    _as_clip(data_set, frames)
    frame = _speckle(STILL_ROWS, STILL_COLUMNS, 1).tobytes()
    # PS3.5 7.1.2: tag, VR, two reserved bytes, length
    head = _written(data_set, ExplicitVRLittleEndian) + pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", len(frame) * frames)
    return len(head) + len(frame) * frames, chain([head], repeat(frame, frames))


def _as_clip(data_set: Dataset, frames: int) -> None:
    data_set.NumberOfFrames, data_set.FrameTime = frames, "33.333"
    data_set.FrameIncrementPointer = 0x00181063


def _described(study_uid: str, sop_class_uid: str, rows: int, columns: int, photometric: str) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID, data_set.SOPInstanceUID = sop_class_uid, new_uid()
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = study_uid, f"{study_uid}.1"
    data_set.Modality, data_set.Manufacturer, data_set.ManufacturerModelName = "US", "Example", "Cart 1"
    data_set.StudyDate = data_set.ContentDate = "20261124"
    data_set.StudyTime = data_set.ContentTime = "101500"
    data_set.PatientName = f"{PATIENT['family_name']}^{PATIENT['given_name']}"
    data_set.PatientID, data_set.PatientSex = PATIENT["identifier"], "F"
    data_set.StudyDescription, data_set.InstanceNumber = "Obstetric ultrasound", 1
    data_set.Rows, data_set.Columns, data_set.SamplesPerPixel = rows, columns, 3
    data_set.PhotometricInterpretation, data_set.PlanarConfiguration = photometric, 0
    data_set.BitsAllocated = data_set.BitsStored = 8
    data_set.HighBit, data_set.PixelRepresentation = 7, 0
    return data_set


def _written(data_set: Dataset, syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = data_set.SOPClassUID, data_set.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    data_set.file_meta = meta
    data_set.save_as(written := BytesIO(), enforce_file_format=True)
    return written.getvalue()


def _speckle(rows: int, columns: int, seed: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """A bright sector with the grain of ultrasound on black."""
    random = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows))
    sector = (np.abs(across) < down * 0.9) & (down > 0.05)
    grain = random.rayleigh(45, (rows, columns)) * np.exp(-down) * sector
    return np.repeat(np.clip(grain, 0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def _jpeg(seed: int) -> bytes:
    """The quality at which it comes nearest to 100 kB from below."""
    picture = Image.fromarray(_speckle(768, 1024, seed))
    for quality in range(90, 5, -3):
        picture.save(written := BytesIO(), "JPEG", quality=quality, subsampling="4:2:2")
        if len(data := written.getvalue()) <= JPEG_BYTES:
            break
    return data + b"\0" * (len(data) % 2)
