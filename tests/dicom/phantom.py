"""Ultrasound pictures of which every measure is known beforehand."""

import io
from typing import Any

from PIL import Image, ImageDraw
from pydicom import examples
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

COLUMNS, ROWS = 800, 600
MM = 0.3  # a pixel of tissue
KEYWORDS = {
    "left": "RegionLocationMinX0", "top": "RegionLocationMinY0", "right": "RegionLocationMaxX1",
    "bottom": "RegionLocationMaxY1", "format": "RegionSpatialFormat", "x_unit": "PhysicalUnitsXDirection",
    "y_unit": "PhysicalUnitsYDirection", "dx": "PhysicalDeltaX", "dy": "PhysicalDeltaY", "zero": "ReferencePixelY0",
}  # fmt: skip
TISSUE = {
    "left": 0,
    "top": 0,
    "right": 799,
    "bottom": 599,
    "format": 1,
    "x_unit": 3,
    "y_unit": 3,
    "dx": MM / 10,
    "dy": MM / 10,
}
UPPER = TISSUE | {"bottom": 299}
# Below it a sweep of 4 s: 5 ms a pixel; the baseline lies at 150 of 300 px, a pixel is 0.8 cm/s
DOPPLER = {"left": 0, "top": 300, "right": 799, "bottom": 599, "format": 3, "x_unit": 4, "y_unit": 7, "dx": 0.005,
           "dy": -0.8, "zero": 150}  # fmt: skip


def phantom(*regions: dict[str, Any], name: str = "Otieno^Jane", birth_date: str = "19900403") -> bytes:
    """A grey picture of 800 × 600 with a white ruler of 180 px, in a US image with these regions."""
    dataset = examples.rgb_color
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Columns, dataset.Rows = COLUMNS, ROWS
    picture = Image.new("RGB", (COLUMNS, ROWS), (40, 40, 40))
    ImageDraw.Draw(picture).line((100, 200, 280, 200), fill="white")
    dataset.PixelData = picture.tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientID = name, birth_date, ""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SequenceOfUltrasoundRegions = Sequence([_region(one) for one in regions])
    if not regions:
        del dataset.SequenceOfUltrasoundRegions
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _region(given: dict[str, Any]) -> Dataset:
    made = Dataset()
    made.RegionDataType, made.RegionFlags = 1, 0
    for name, value in given.items():
        setattr(made, KEYWORDS[name], value)
    return made
