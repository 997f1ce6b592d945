"""The reports of TID 5000, 5100, 5200 and 1500 as highdicom writes them: a second writer, which checks its own tree."""

import io
import warnings
from collections.abc import Sequence

from highdicom import sr
from highdicom.sr.value_types import ContentItem
from pydicom import examples
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from tests.dicom.machine_report import Concept

HAS_MOD, CONTEXT, CONTAINS, FROM = (
    sr.RelationshipTypeValues.HAS_CONCEPT_MOD, sr.RelationshipTypeValues.HAS_OBS_CONTEXT,
    sr.RelationshipTypeValues.CONTAINS, sr.RelationshipTypeValues.INFERRED_FROM,
)  # fmt: skip
CLASS: Concept = ("121024", "DCM", "Subject Class")
SITE: Concept = ("363698007", "SCT", "Finding Site")
LEFT: Concept = ("7771000", "SCT", "Left")


def said(concept: Concept) -> sr.CodedConcept:
    return sr.CodedConcept(*concept)


def holder(
    concept: Concept, *inside: ContentItem, relation: sr.RelationshipTypeValues | None = CONTAINS
) -> ContentItem:
    made = sr.ContainerContentItem(name=said(concept), relationship_type=relation)
    made.ContentSequence = sr.ContentSequence(list(inside))
    return made


def number(concept: Concept, value: float, unit: str, *inside: ContentItem) -> ContentItem:
    made = sr.NumContentItem(
        name=said(concept), value=value, unit=sr.CodedConcept(unit, "UCUM", unit), relationship_type=CONTAINS
    )  # fmt: skip
    if inside:
        made.ContentSequence = sr.ContentSequence(list(inside))
    return made


def code(
    concept: Concept, value: Concept, *inside: ContentItem, relation: sr.RelationshipTypeValues = HAS_MOD
) -> ContentItem:
    made = sr.CodeContentItem(name=said(concept), value=said(value), relationship_type=relation)
    if inside:
        made.ContentSequence = sr.ContentSequence(list(inside))
    return made


def text(concept: Concept, value: str) -> ContentItem:
    return sr.TextContentItem(name=said(concept), value=value, relationship_type=CONTEXT)


def image(frame: int) -> ContentItem:
    us = examples.rgb_color
    return sr.ImageContentItem(
        name=codes.DCM.SourceImage, referenced_sop_class_uid=us.SOPClassUID, relationship_type=FROM,
        referenced_sop_instance_uid=us.SOPInstanceUID, referenced_frame_numbers=[frame],
    )  # fmt: skip


def obstetric() -> ContentItem:
    """TID 5000: twins, each in its own context (TID 1008), the mother in hers (TID 1007)."""
    bpd: Concept = ("11820-8", "LN", "Biparietal Diameter")

    def biometry(fetus: str, value: float) -> ContentItem:
        return holder(
            ("125002", "DCM", "Fetal Biometry"), code(CLASS, ("121026", "DCM", "Fetus"), relation=CONTEXT),
            text(("121030", "DCM", "Subject ID"), fetus),
            holder(("125005", "DCM", "Biometry Group"),
                   number(bpd, value, "mm", code(("121401", "DCM", "Derivation"), ("373098007", "SCT", "Mean")), image(1)),
                   number(("18185-9", "LN", "Gestational Age"), 154, "d")),
        )  # fmt: skip

    mother = holder(
        ("121118", "DCM", "Patient Characteristics"), code(CLASS, ("121025", "DCM", "Patient"), relation=CONTEXT),
        text(("121030", "DCM", "Subject ID"), "MRN-7"), number(("8302-2", "LN", "Patient Height"), 162, "cm"),
    )  # fmt: skip
    root: Concept = ("125000", "DCM", "OB-GYN Ultrasound Procedure Report")
    return holder(root, mother, biometry("A", 52.1), biometry("B", 49.8), relation=None)


def vascular() -> ContentItem:
    """TID 5100: the side is the section's, the vessel names its group, and how far along it is a modifier."""
    group = holder(
        ("32062004", "SCT", "Common Carotid Artery"),
        code(("106233006", "SCT", "Topographical modifier"), ("40415009", "SCT", "Proximal")),
        number(("11726-7", "LN", "Peak Systolic Velocity"), 92.4, "cm/s"),
    )  # fmt: skip
    section = holder(
        ("121070", "DCM", "Findings"), code(SITE, ("45206002", "SCT", "Artery of neck")),
        code(("272741003", "SCT", "Laterality"), LEFT), group,
    )  # fmt: skip
    return holder(("125100", "DCM", "Vascular Ultrasound Procedure Report"), section, relation=None)


def echo() -> ContentItem:
    """TID 5200: one name, told apart by the point of the cycle."""
    diameter: Concept = ("439984002", "SCT", "Left ventricular internal dimension")
    point: Concept = ("399301000", "SCT", "Cardiac Cycle Point")
    section = holder(
        ("121070", "DCM", "Findings"), code(SITE, ("87878005", "SCT", "Left Ventricle")),
        holder(("125007", "DCM", "Measurement Group"),
               number(diameter, 48, "mm", code(point, ("416190007", "SCT", "End diastole"))),
               number(diameter, 31, "mm", code(point, ("416430008", "SCT", "End systole")))),
    )  # fmt: skip
    return holder(("125200", "DCM", "Adult Echocardiography Procedure Report"), section, relation=None)


def general() -> Dataset:
    """TID 1500, by highdicom's own template."""
    kidney = sr.FindingSite(
        sr.CodedConcept("64033007", "SCT", "Kidney"), laterality=said(LEFT),
    )  # fmt: skip
    length = sr.Measurement(name=codes.SCT.Length, value=101.5, unit=codes.UCUM.Millimeter)
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier="kidney"), finding_sites=[kidney],
        measurements=[length], source_images=[sr.SourceImageForMeasurementGroup.from_source_image(examples.rgb_color)],
    )  # fmt: skip
    context = sr.ObservationContext(observer_device_context=sr.ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=generate_uid()),
    ))  # fmt: skip
    return sr.MeasurementReport(
        observation_context=context, procedure_reported=sr.CodedConcept("45036003", "SCT", "Ultrasonography"),
        imaging_measurements=[group], title=codes.DCM.ImagingMeasurementReport,
    )[0]  # fmt: skip


def written(root: Dataset, evidence: Sequence[Dataset] | None = None) -> bytes:
    """As a file; the character set is what highdicom leaves out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = sr.ComprehensiveSR(
            evidence=list(evidence or [examples.rgb_color]), content=root, series_instance_uid=generate_uid(), series_number=9,
            sop_instance_uid=generate_uid(), instance_number=1, manufacturer="A machine", institution_name="A clinic",
        )  # fmt: skip
    made.SpecificCharacterSet = "ISO_IR 192"
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()
