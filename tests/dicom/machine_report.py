"""Structured reports as ultrasound machines write them: obstetric (TID 5000), vascular (TID 5100), echo (TID 5200)."""

import io
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

COMPREHENSIVE = UID("1.2.840.10008.5.1.4.1.1.88.33")
Concept = tuple[str, str, str]
FETUS_ID: Concept = ("11951-1", "LN", "Fetus ID")
SITE: Concept = ("363698007", "SCT", "Finding Site")
OLD_SITE: Concept = ("G-C0E3", "SRT", "Finding Site")
SIDE: Concept = ("272741003", "SCT", "Laterality")
DERIVATION: Concept = ("121401", "DCM", "Derivation")
MEAN: Concept = ("373098007", "SCT", "Mean")


def concept(code: Concept) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code
    return made


def item(kind: str, name: Concept, *children: Dataset, relation: str = "CONTAINS") -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relation, kind
    made.ConceptNameCodeSequence = Sequence([concept(name)])
    if kind == "CONTAINER":
        made.ContinuityOfContent = "SEPARATE"
    if children:
        made.ContentSequence = Sequence(children)
    return made


def code(name: Concept, value: Concept, *children: Dataset, relation: str = "HAS CONCEPT MOD") -> Dataset:
    made = item("CODE", name, *children, relation=relation)
    made.ConceptCodeSequence = Sequence([concept(value)])
    return made


def text(name: Concept, value: str, relation: str = "HAS OBS CONTEXT") -> Dataset:
    made = item("TEXT", name, relation=relation)
    made.TextValue = value
    return made


def number(name: Concept, value: str, unit: str, *children: Dataset) -> Dataset:
    made = item("NUM", name, *children)
    measured = Dataset()
    measured.MeasurementUnitsCodeSequence = Sequence([concept((unit, "UCUM", unit))])
    measured.NumericValue = value
    made.MeasuredValueSequence = Sequence([measured])
    return made


def image(sop_instance_uid: str, frame: int) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "INFERRED FROM", "IMAGE"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.6.1",
        sop_instance_uid,
    )
    reference.ReferencedFrameNumber = frame
    made.ReferencedSOPSequence = Sequence([reference])
    return made


def obstetric() -> list[Dataset]:
    """Two fetuses; the mean of three, from a frame."""

    def biometry(fetus: str, *numbers: Dataset) -> Dataset:
        return item("CONTAINER", ("125002", "DCM", "Fetal Biometry"), text(FETUS_ID, fetus), *[
            item("CONTAINER", ("125005", "DCM", "Biometry Group"), one) for one in numbers
        ])  # fmt: skip

    bpd: Concept = ("11820-8", "LN", "Biparietal Diameter")
    return [
        biometry("A", number(bpd, "5.21", "cm", code(DERIVATION, MEAN), image("1.2.3.4", 2)),
                 number(("11984-2", "LN", "Head Circumference"), "19.5", "cm")),
        biometry("B", number(bpd, "4.98", "cm")),
    ]  # fmt: skip


def vascular() -> list[Dataset]:
    """The side stands below the site."""
    left: Concept = ("7771000", "SCT", "Left")
    carotid: Concept = ("32062004", "SCT", "Common Carotid Artery")
    peak: Concept = ("11726-7", "LN", "Peak Systolic Velocity")
    return [
        item(
            "CONTAINER",
            ("121070", "DCM", "Findings"),
            code(SITE, carotid, code(SIDE, left)),
            number(peak, "92.4", "cm/s"),
        )
    ]


def echo() -> list[Dataset]:
    """The site by its old code, and a number with a side of its own."""
    ventricle: Concept = ("T-32600", "SRT", "Left Ventricle")
    width: Concept = ("29436-3", "LN", "Left Ventricle Internal End Diastolic Dimension")
    return [item("CONTAINER", ("121070", "DCM", "Findings"), code(OLD_SITE, ventricle),
                 item("CONTAINER", ("125007", "DCM", "Measurement Group"), number(width, "48", "mm")))]  # fmt: skip


def report(contents: list[Dataset], **more: Any) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.file_meta.MediaStorageSOPClassUID = COMPREHENSIVE, COMPREHENSIVE
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.SpecificCharacterSet = "SR", "ISO_IR 192"
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientID = "Otieno^Jane", "19900403", ""
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = Sequence([concept(("125000", "DCM", "OB-GYN Ultrasound Procedure Report"))])
    dataset.ContentSequence = Sequence(contents)
    for name, value in more.items():
        setattr(dataset, name, value)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()
