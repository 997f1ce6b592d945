"""Reads a DICOM file's header, once, into Facts: preamble, meta information, data set and frame index."""

import re
from typing import Any

from app.config import file_limits
from app.dicom import limits, syntaxes
from app.dicom.cine import regions, timing
from app.dicom.facts import Facts, PatientFacts
from app.dicom.picture import describe
from app.dicom.refusals import bad_uid, beyond, cut_off, damaged, refused, unknown
from app.dicom.source import Source
from app.dicom.values import Values
from app.dicom.walk import LONG, SHORT, Walk

META_END = 0x0003_0000
DICOMDIR = "1.2.840.10008.1.3.10"
_UID = re.compile(r"[0-9A-Za-z.]{1,64}")
_SOUND_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")

# The study's identity, and its short texts, under the names of Facts
_UIDS = {"sop_class_uid": 0x00080016, "sop_instance_uid": 0x00080018, "study_instance_uid": 0x0020000D,
         "series_instance_uid": 0x0020000E}  # fmt: skip
_CODES = {
    "modality": 0x00080060, "image_type": 0x00080008, "study_date": 0x00080020, "series_date": 0x00080021,
    "acquisition_date": 0x00080022, "content_date": 0x00080023, "study_time": 0x00080030,
    "series_time": 0x00080031, "acquisition_time": 0x00080032, "content_time": 0x00080033,
    "timezone_offset_from_utc": 0x00080201, "burned_in_annotation": 0x00280301,
    "lossy_image_compression": 0x00282110,
}  # fmt: skip
_TEXTS = {
    "accession_number": 0x00080050, "study_id": 0x00200010, "study_description": 0x00081030,
    "series_description": 0x0008103E, "manufacturer": 0x00080070, "manufacturer_model_name": 0x00081090,
    "device_serial_number": 0x00181000, "institution_name": 0x00080080, "document_mime_type": 0x00420012,
}  # fmt: skip
_PATIENT = {"identifier": 0x00100020, "issuer": 0x00100021, "name": 0x00100010, "birth_date": 0x00100030,
            "sex": 0x00100040}  # fmt: skip
_NUMBERS = {"series_number": 0x00200011, "instance_number": 0x00200013}


def read(source: Source) -> Facts | None:
    """Facts of a DICOM file, None when it is none.

    PS3.10 7.1 wants a preamble, 'DICM' and meta information. Files of old machines lack the preamble, or
    all of it: they are accepted, with a warning, when they begin with meta information or with group 0008 of
    the data set, in either byte order, and hold a SOP Class and a SOP Instance UID."""
    start, has_preamble = (132, True) if source.head[128:132] == b"DICM" else (0, False)
    if not has_preamble and not _begins_plausibly(source.head):
        return None
    meta, start = _meta(source, start)
    syntax, walk, notes = _data_set(source, meta, start)
    if not has_preamble:
        notes.append("The file has no DICOM preamble.")
    values = Values(walk)
    for note in notes:
        walk.warn(note)
    uids = _identity(values, meta, has_preamble=has_preamble)
    return _facts(values, uids, syntax, start)


def _begins_plausibly(head: bytes) -> bool:
    if len(head) < 16:
        return False
    group_element, vr = head[:4], head[4:6]
    is_typed = vr in SHORT or vr in LONG
    if group_element[:2] in (b"\x02\0", b"\0\x08"):
        return is_typed
    length = int.from_bytes(head[4:8], "little")
    return group_element[:2] == b"\x08\0" and group_element[3] == 0 and (is_typed or length <= 1024)


def _meta(source: Source, start: int) -> tuple[dict[int, bytes], int]:
    """File meta information (PS3.10 7.1), always explicit little endian; its own length is not believed."""
    found: dict[int, bytes] = {}
    at = start
    count = 0
    while source.read(at, 2) == b"\x02\0":
        count += 1
        if count > file_limits().max_dicom_meta_elements:
            raise beyond("its meta information has too many elements", file_limits().max_dicom_meta_elements)
        head = source.read(at, 12)
        vr, header_bytes, length = head[4:6], 8, int.from_bytes(head[6:8], "little")
        if vr in LONG:
            header_bytes, length = 12, int.from_bytes(head[8:12], "little")
        elif vr not in SHORT:
            raise damaged("its meta information cannot be read")
        if length > file_limits().max_dicom_value_bytes:
            raise beyond("a value of its meta information has too many bytes", file_limits().max_dicom_value_bytes)
        if at + header_bytes + length > source.size:
            raise cut_off(source.size, at + header_bytes + length)
        value = source.read(at + header_bytes, min(length, limits.TEXT_CHARS))
        if found.setdefault(int.from_bytes(head[2:4], "little"), value) != value:
            raise damaged("its meta information has one element twice, with two values")
        at += header_bytes + length
    return found, at


def _data_set(source: Source, meta: dict[int, bytes], start: int) -> tuple[str, Walk, list[str]]:
    """Walk the data set in the encoding that it has, which is not always the one that is declared."""
    declared = meta.get(0x0010, b"").decode("latin-1").strip(" \0")
    if declared == syntaxes.DEFLATED:
        raise refused("deflated", "This file is deflated as a whole; please export it without 'deflate'.")
    head = source.read(start, 6)
    if len(head) < 6:
        raise cut_off(source.size)
    is_typed = head[4:6] in SHORT or head[4:6] in LONG
    notes = []
    if not declared:
        notes.append("The file does not say how it is encoded; it was found out.")
        declared = syntaxes.IMPLICIT_LE if not is_typed else syntaxes.EXPLICIT_LE
        if head[0] == 0 and head[1] == 8:
            declared = syntaxes.EXPLICIT_BE
    elif not _UID.fullmatch(declared):
        raise bad_uid()
    is_big = declared == syntaxes.EXPLICIT_BE and head[0] == 0
    if is_typed == (declared == syntaxes.IMPLICIT_LE) or is_big != (declared == syntaxes.EXPLICIT_BE):
        notes.append("The header is encoded in another way than the file says.")
        if declared in (syntaxes.IMPLICIT_LE, syntaxes.EXPLICIT_LE, syntaxes.EXPLICIT_BE):
            declared = syntaxes.EXPLICIT_LE if is_typed else syntaxes.IMPLICIT_LE
    walk = Walk(source, start, implicit=not is_typed, big_endian=is_big)
    walk.run()
    return declared, walk, notes


def _identity(values: Values, meta: dict[int, bytes], *, has_preamble: bool) -> dict[str, Any]:
    uids: dict[str, str | None] = {name: values.code(tag) or None for name, tag in _UIDS.items()}
    for name, element, called in (
        ("sop_class_uid", 0x0002, "kind"),
        ("sop_instance_uid", 0x0003, "identity"),
    ):
        of_meta = meta.get(element, b"").decode("latin-1").strip(" \0") or None
        if uids[name] is None and of_meta:
            values.warn(f"The file states its {called} only in the meta information.")
            uids[name] = of_meta
        elif of_meta and of_meta != uids[name]:
            values.warn(f"Header and meta information disagree about the {called}; the header is believed.")
    if uids["sop_class_uid"] == DICOMDIR:
        raise refused("dicomdir", "This is the list of a disk's files (DICOMDIR), not a picture.")
    if not uids["sop_class_uid"] or not uids["sop_instance_uid"]:
        if not has_preamble:
            raise unknown()
        raise refused("identity", "This DICOM file does not say which picture it is.")
    _check_uids(values, uids)
    return uids


def _check_uids(values: Values, uids: dict[str, str | None]) -> None:
    for uid in filter(None, uids.values()):
        if not _UID.fullmatch(uid):
            raise bad_uid()
        if not _SOUND_UID.fullmatch(uid):
            values.warn("An identifier (UID) is not formed as the standard says.")
    for name, called in (("study_instance_uid", "study"), ("series_instance_uid", "series")):
        if uids[name] is None:
            values.warn(f"The file does not say to which {called} it belongs.")


def _facts(values: Values, uids: dict[str, Any], syntax: str, start: int) -> Facts:
    frame_time_ms, vector = timing(values)
    patient = PatientFacts(**{name: values.text(tag) for name, tag in _PATIENT.items()})
    found: dict[str, Any] = {name: values.code(tag) for name, tag in _CODES.items()}
    found |= {name: values.text(tag) for name, tag in _TEXTS.items()}
    found |= {name: values.whole(tag) for name, tag in _NUMBERS.items()}
    pixels, frames, count = describe(values, syntax)
    document = values.span(0x00420011)
    areas = regions(values)
    if values.charset.doubt:
        values.warn(values.charset.doubt)
    return Facts(
        kind="dicom", size_bytes=values.walk.source.size, transfer_syntax_uid=syntax, dataset_offset=start,
        rows=values.short(0x00280010), columns=values.short(0x00280011), number_of_frames=count,
        frame_time_ms=frame_time_ms, frame_time_vector_ms=vector, patient=patient, regions=areas,
        pixels=pixels, frames=frames, document=(document.offset, document.length) if document else None,
        warnings=tuple(values.walk.warnings), **uids, **found,
    )  # fmt: skip
