"""The attributes that searches match and return, by level (PS3.18 10.6.1.2, tables 10.6.1-5 and 10.6.3-3 to -5)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute

from app.studies.models import Instance, Series, Study


class Level(IntEnum):
    """What a search lists."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


@dataclass(frozen=True)
class Key:
    """An attribute that lies in a column; `inside` is the sequence that it is in, with one item."""

    tag: str
    vr: str
    level: Level
    column: InstrumentedAttribute[Any]
    is_usual: bool = True  # returned without being asked for
    inside: str = ""
    folded: InstrumentedAttribute[Any] | None = None  # of a PN: the column that it is found by


def _keys(level: Level, *rows: tuple[Any, ...]) -> list[Key]:
    return [Key(tag, vr, level, *rest) for tag, vr, *rest in rows]


KEYS = {
    (key.inside + "." + key.tag).lstrip("."): key
    for key in [
        *_keys(
            Level.STUDY,
            ("00080020", "DA", Study.study_date), ("00080030", "TM", Study.study_time),
            ("00080050", "SH", Study.accession_number),
            ("00080090", "PN", Study.referring_physician_name, True, "", Study.referring_physician_key),
            ("00080201", "SH", Study.timezone_offset_from_utc, False), ("00081030", "LO", Study.study_description),
            ("00100010", "PN", Study.patient_name), ("00100020", "LO", Study.patient_identifier),
            ("00100021", "LO", Study.patient_issuer, False), ("00100030", "DA", Study.patient_birth_date),
            ("00100040", "CS", Study.patient_sex), ("0020000D", "UI", Study.study_instance_uid),
            ("00200010", "SH", Study.dicom_study_id),
        ),
        *_keys(
            Level.SERIES,
            ("00080060", "CS", Series.modality), ("0008103E", "LO", Series.series_description),
            ("0020000E", "UI", Series.series_instance_uid), ("00200011", "IS", Series.series_number),
            ("00400244", "DA", Series.performed_start_date), ("00400245", "TM", Series.performed_start_time),
            ("00400009", "SH", Series.scheduled_step_id, True, "00400275"),
            ("00401001", "SH", Series.requested_procedure_id, True, "00400275"),
        ),
        *_keys(
            Level.INSTANCE,
            ("00080016", "UI", Instance.sop_class_uid), ("00080018", "UI", Instance.sop_instance_uid),
            ("00083002", "UI", Instance.transfer_syntax_uid), ("00200013", "IS", Instance.instance_number),
            ("00280008", "IS", Instance.number_of_frames), ("00280010", "US", Instance.rows),
            ("00280011", "US", Instance.columns), ("00280100", "US", Instance.bits_allocated),
        ),
    ]
}  # fmt: skip

AVAILABILITY, MODALITIES, RETRIEVE_URL = "00080056", "00080061", "00081190"
SERIES_OF_STUDY, INSTANCES_OF_STUDY, INSTANCES_OF_SERIES = "00201206", "00201208", "00201209"
PATIENT_NAME, STUDY_DATE = "00100010", "00080020"

# Further attributes of a patient and study, and of a series: they are read from the header of one instance of it.
MORE = {
    Level.STUDY: (
        "00081032 00081048 00081060 00081080 00081110 00081111 00101000 00101001 00101002 00101010 00101020 00101030 "
        "00102000 00102110 00102160 00102180 001021B0 001021C0 00104000 00080080 00080081 00321060 00380010"
    ).split(),
    Level.SERIES: (
        "00080021 00080031 00080070 00081010 00081040 00081050 00081070 00081090 00180015 00181000 00181020 00181030 "
        "00400253 00400254"
    ).split(),
}  # fmt: skip


def keys_of(*levels: Level) -> list[Key]:
    return [key for key in KEYS.values() if key.level in levels]
