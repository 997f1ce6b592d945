"""Puts an uploaded picture, film or document into a DICOM file: its header as the standard wants it, around the bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.dicom import from_json, syntaxes

Data = dict[str, Any]
# PS3.4 B.5
US_IMAGE, US_CLIP = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
SECONDARY_CAPTURE, ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.104.1"
# PS3.3 C.8.6.1: how it was made is not known; of the terms 'workstation' says least
CONVERSION: Data = {"00080064": {"vr": "CS", "Value": ["WSD"]}}
CONTENT = "content"  # the bulk data's name


@dataclass(frozen=True)
class About:
    """Whose it is and where it belongs, for what does not say so itself."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    made_at: datetime  # its zone is that of all dates and times (PS3.3 C.12.1.1)
    patient_name: str = ""  # PN: component groups by '='
    patient_identifier: str = ""
    patient_issuer: str = ""
    patient_birth_date: str = ""  # DA
    patient_sex: str = ""
    patient_age: str = ""  # AS
    accession_number: str = ""
    dicom_study_id: str = ""
    study_date: str = ""  # DA and TM, empty where nobody said: the day of an upload is not that of the exam
    study_time: str = ""
    study_description: str = ""
    referring_physician_name: str = ""
    institution_name: str = ""
    series_number: int | None = None
    instance_number: int | None = None


def picture(about: About, content: Path, frame: dict[str, Any]) -> Iterator[bytes]:
    """An Ultrasound Image (PS3.3 A.6) of what `still_frame` wrote to `content` and said of it.

    That has 8 bits (C.8.5.6); grey of 16 is a Secondary Capture (A.8)."""
    if frame["bits"] > 8:
        data = _header(about, SECONDARY_CAPTURE, "US") | CONVERSION | _ultrasound(frame)
    else:
        data = _header(about, US_IMAGE, "US") | _ultrasound(frame)
    return _file(data, content, frame["transfer_syntax_uid"])


def clip(about: About, content: Path, stream: dict[str, Any]) -> Iterator[bytes]:
    """An Ultrasound Multi-frame Image (PS3.3 A.7) of what `film_stream` wrote: one fragment (PS3.5 8.2.7)."""
    vector = stream["frame_time_vector_ms"]
    rate = max(1, round(1000 / stream["frame_time_ms"]))
    data = _header(about, US_CLIP, "US") | _ultrasound(stream)
    data |= {
        "00280008": _one("IS", stream["frames"]),
        # PS3.3 C.7.6.6: to Frame Time or to its vector
        "00280009": _one("AT", "00181065" if vector else "00181063"),
        "00181065" if vector else "00181063": {"vr": "DS", "Value": vector or [stream["frame_time_ms"]]},
        "00180040": _one("IS", rate), "00082144": _one("IS", rate),
    }  # fmt: skip
    return _file(data, content, stream["transfer_syntax_uid"])


def document(about: About, content: Path) -> Iterator[bytes]:
    """An Encapsulated PDF (PS3.3 A.45.1) of the document as it came."""
    return _file(_encapsulated(about, content), content, syntaxes.EXPLICIT_LE)


def report(about: About, content: Path, title: str, *, is_final: bool) -> Iterator[bytes]:
    """The same of a signed report: what it is called, when it was signed, and whether it is verified (C.24.2)."""
    made = about.made_at
    kind = {
        "00080100": _one("SH", "18748-4"),
        "00080102": _one("SH", "LN"),
        "00080104": _one("LO", "Diagnostic imaging study"),
    }
    data = _encapsulated(about, content) | {
        "00080023": _one("DA", f"{made:%Y%m%d}"), "00080033": _one("TM", f"{made:%H%M%S}"),
        "00420010": _one("ST", _plain(title)), "0040A043": {"vr": "SQ", "Value": [kind]},
        "0040A493": _one("CS", "VERIFIED" if is_final else "UNVERIFIED"),
    }  # fmt: skip
    return _file(data, content, syntaxes.EXPLICIT_LE)


def _encapsulated(about: About, content: Path) -> Data:
    return _header(about, ENCAPSULATED_PDF, "DOC") | CONVERSION | {
        "0008002A": {"vr": "DT"}, "00420010": {"vr": "ST"},  # when it was acquired, and its title
        "00420011": {"vr": "OB", "BulkDataURI": CONTENT}, "00420012": _one("LO", "application/pdf"),
        "00420015": _one("UL", content.stat().st_size),
        "0040A043": {"vr": "SQ", "Value": []},  # of what kind, which nobody said
    }  # fmt: skip


def _file(data: Data, content: Path, syntax: str) -> Iterator[bytes]:
    filled = {tag: attribute for tag, attribute in data.items() if attribute.get("Value") != [None]}
    return from_json.file(filled, {CONTENT: [content]}, syntax)


def _header(about: About, sop_class_uid: str, modality: str) -> Data:
    """Patient, General Study, Series and Equipment, and SOP Common; empty where nothing is known (PS3.5 7.4.3)."""
    made = about.made_at
    return {
        "00080012": _one("DA", f"{made:%Y%m%d}"), "00080013": _one("TM", f"{made:%H%M%S}"),
        "00080016": _one("UI", sop_class_uid), "00080018": _one("UI", about.sop_instance_uid),
        "00080020": _one("DA", about.study_date), "00080030": _one("TM", about.study_time),
        "00080023": {"vr": "DA"}, "00080033": {"vr": "TM"},
        "00080050": _one("SH", _plain(about.accession_number)[:16]), "00080060": _one("CS", modality),
        "00080070": {"vr": "LO"}, "00080080": _one("LO", _plain(about.institution_name)[:64]),
        "00080090": _name(about.referring_physician_name), "00080201": _one("SH", f"{made:%z}"),
        "00081030": _one("LO", _plain(about.study_description)[:64]),
        "00100010": _name(about.patient_name), "00100020": _one("LO", _plain(about.patient_identifier)[:64]),
        "00100021": _known("LO", _plain(about.patient_issuer)[:64]), "00100030": _one("DA", about.patient_birth_date),
        "00100040": _one("CS", about.patient_sex), "00101010": _known("AS", about.patient_age),
        "0020000D": _one("UI", about.study_instance_uid), "0020000E": _one("UI", about.series_instance_uid),
        "00200010": _one("SH", _plain(about.dicom_study_id)[:16]), "00200011": _one("IS", about.series_number),
        "00200013": _one("IS", about.instance_number),
        # Nobody has looked for names in the picture (PS3.3 C.7.6.1.1.4)
        "00280301": _one("CS", "YES"),
    }  # fmt: skip


def _ultrasound(pixels: dict[str, Any]) -> Data:
    """General Image, Image Pixel and US Image (PS3.3 C.7.6.1, C.7.6.3, C.8.5.6)."""
    samples, bits = pixels["samples_per_pixel"], pixels["bits"]
    data = {
        "00080008": {"vr": "CS", "Value": ["DERIVED", "PRIMARY"]},
        "00082111": _one("ST", "Put into DICOM from a picture or film that was exported or photographed."),
        "00200020": {"vr": "CS"}, "00200060": {"vr": "CS"},  # orientation and side: nobody said
        "00280002": _one("US", samples), "00280004": _one("CS", pixels["photometric_interpretation"]),
        "00280010": _one("US", pixels["rows"]), "00280011": _one("US", pixels["columns"]),
        "00280100": _one("US", 8 if bits <= 8 else 16), "00280101": _one("US", bits), "00280102": _one("US", bits - 1),
        "00280103": _one("US", 0),
        "7FE00010": {"vr": "OB", "BulkDataURI": CONTENT},
    }  # fmt: skip
    if samples == 3:
        data["00280006"] = _one("US", 0)
    if pixels["lossy_method"]:
        data |= {
            "00282110": _one("CS", "01"), "00282112": _one("DS", round(pixels["lossy_ratio"], 2)),
            "00282114": _one("CS", pixels["lossy_method"]),
        }  # fmt: skip
    return data


def _one(vr: str, value: Any) -> Data:
    return {"vr": vr} if value in ("", None) else {"vr": vr, "Value": [value]}


def _known(vr: str, value: str) -> Data:
    """An attribute that is left out where it would be empty (type 3)."""
    return {"vr": vr, "Value": [value or None]}


def _name(text: str) -> Data:
    """PN (PS3.5 6.2.1): groups of up to 64 characters."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    found = {group: _plain(part)[:64] for group, part in groups if part}
    return {"vr": "PN", "Value": [found]} if found else {"vr": "PN"}


def _plain(text: str) -> str:
    """Without the character that separates values (PS3.5 6.2) and without control characters."""
    return "".join(one for one in text if one.isprintable() and one != "\\").strip()
