"""WADO-RS by the clauses of PS3.18 10.4 and 8.7.3: real files come back as they were, by frame, and as pictures."""

import io
import logging
import struct
import time
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
import simplejpeg
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading
from app.dicom.json_values import turned_pieces
from app.studies.models import Instance, InstanceHeader
from tests.conformance import dicomweb
from tests.conformance.dicomweb import DICOM, JSON, files, get, multipart, parts_of, sequence, store, url, value
from tests.dicom import made, real
from tests.people import Places, count
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_pdf

ANY = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'
EXPLICIT = "1.2.840.10008.1.2.1"


def sent(server: Running, places: Places, body: bytes) -> str:
    """Stored; the path of its instance."""
    answer = store(server, places.referrer, files(body))
    assert answer.status_code == 200, answer.text
    return str(value(sequence(answer, "00081199")[0], "00081190")).partition("/dicom-web")[2]


def cine(server: Running, places: Places) -> tuple[str, pydicom.Dataset]:
    path = real.named("examples_ybr_color.dcm")
    return sent(server, places, path.read_bytes()), pydicom.dcmread(path)


def test_every_ultrasound_file_comes_back_byte_for_byte(server: Running, places: Places) -> None:
    """PS3.18 10.4.1.1: also when another one of its study stands beside it."""
    compared = 0
    for path in real.ULTRASOUND:
        body = path.read_bytes()
        answer = store(server, places.referrer, files(body))
        if answer.status_code != 200:
            continue  # what the admission check refuses, its own tests say
        place = value(sequence(answer, "00081199")[0], "00081190").partition("/dicom-web")[2]
        found = get(server, places.referrer, place, ANY)
        ((kind, content),) = parts_of(found)
        assert content == body, path.name
        assert kind.startswith("application/dicom; transfer-syntax=1.2.840.10008.1.2")
        assert int(found.headers["content-length"]) == len(found.content)
        compared += 1
    assert compared >= 10


def test_study_and_series_are_retrieved_whole(server: Running, places: Places) -> None:
    study = f"2.25.{uuid.uuid4().int}"
    bodies = [a_dicom(study=study) for _ in range(4)]
    store(server, places.referrer, files(*bodies))
    for path in (f"/studies/{study}", f"/studies/{study}/series/{study}.2"):
        answer = get(server, places.referrer, path, ANY)
        assert [content for _, content in parts_of(answer)] == bodies
    assert get(server, places.referrer, f"/studies/{study}/series/1.2.3", ANY).status_code == 404
    assert get(server, places.referrer, "/studies/1.2.3", ANY).status_code == 404


def test_one_instance_may_come_alone_and_by_range(server: Running, places: Places) -> None:
    body = a_dicom()
    path = sent(server, places, body)
    answer = get(server, places.referrer, path, DICOM)
    assert (answer.status_code, answer.content) == (200, body)
    part = get(server, places.referrer, path, DICOM, Range="bytes=128-131")
    assert (part.status_code, part.content) == (206, b"DICM")


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (ANY, 200), ("*/*", 200), (f'multipart/related; type="{DICOM}"', 200), (f"multipart/related; type={DICOM}", 200),
        (f'multipart/related; type="{DICOM}"; transfer-syntax=1.2.840.10008.1.2.4.50', 200),
        (f'multipart/related; type="{DICOM}"; transfer-syntax=1.2.840.10008.1.2.4.90', 406),
        (f'multipart/related; type="{DICOM}"; transfer-syntax=1.2.840.10008.1.2.4.90, {ANY};q=0.1', 200),
        ("image/jpeg", 406), ("application/dicom+xml", 406), ("application/dicom;q=0", 406),
    ],
)  # fmt: skip
def test_retrieval_is_negotiated(server: Running, places: Places, accept: str, status: int) -> None:
    """PS3.18 8.7.3: what is not acceptable is 406, with what could be had."""
    path, _data = cine(server, places)
    answer = get(server, places.referrer, path, accept)
    assert answer.status_code == status
    if status == 406:
        assert "1.2.840.10008.1.2.4.50" in answer.json()["available"][0]


def test_instance_is_decoded_only_where_that_is_asked_for(server: Running, places: Places) -> None:
    path, data = cine(server, places)
    answer = get(server, places.referrer, path, f'multipart/related; type="{DICOM}"; transfer-syntax={EXPLICIT}')
    assert answer.status_code == 200, answer.text
    ((kind, content),) = parts_of(answer)
    assert kind.endswith(EXPLICIT)
    found = pydicom.dcmread(io.BytesIO(content))
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    assert found.PhotometricInterpretation == "RGB"
    assert len(found.PixelData) == data.Rows * data.Columns * 3 * int(data.NumberOfFrames)
    assert (found.PatientName, found.SOPInstanceUID, found.StudyDate) == (
        data.PatientName,
        data.SOPInstanceUID,
        data.StudyDate,
    )
    assert len(found.SequenceOfUltrasoundRegions) == len(data.SequenceOfUltrasoundRegions)


def test_frames_are_the_stored_bytes(server: Running, places: Places) -> None:
    """PS3.18 10.4.1.1.6: each frame a part, in the order asked for."""
    path, data = cine(server, places)
    frames = list(generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames)))
    for accept in (
        "*/*", 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50', 'multipart/related; type="image/*"',
        f"{OCTETS}; transfer-syntax=*", 'multipart/related; type="image/jpeg"', "multipart/related",
    ):  # fmt: skip
        answer = get(server, places.referrer, f"{path}/frames/3,1", accept)
        assert answer.status_code == 200, accept
        parts = parts_of(answer)
        assert [content for _, content in parts] == [frames[2], frames[0]]
        assert all(kind.startswith("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50") for kind, _ in parts)
    alone = get(server, places.referrer, f"{path}/frames/2", "image/jpeg")
    assert (alone.content, alone.headers["content-type"].partition(";")[0]) == (frames[1], "image/jpeg")


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("numbers", "status"),
    [("0", 404), ("31", 404), ("1,999999", 404), ("x", 400), ("-1", 400), ("1,", 400), ("1.5", 400), ("9" * 40, 400),
     (",".join(["1"] * 1001), 400)],
)  # fmt: skip
def test_frame_out_of_range_is_not_found(server: Running, places: Places, numbers: str, status: int) -> None:
    path, data = cine(server, places)
    assert int(data.NumberOfFrames) == 30
    for tail in ("", "/rendered", "/thumbnail"):
        assert get(server, places.referrer, f"{path}/frames/{numbers}{tail}", "*/*").status_code == status


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("accept", ["image/jp2", 'multipart/related; type="image/jls"', "text/html",
                                    f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.4.90"])  # fmt: skip
def test_frame_in_another_form_is_not_acceptable(server: Running, places: Places, accept: str) -> None:
    path, _data = cine(server, places)
    answer = get(server, places.referrer, f"{path}/frames/1", accept)
    assert answer.status_code == 406
    assert len(answer.json()["available"]) == 2


def test_uncompressed_frames_are_what_another_decoder_sees(server: Running, places: Places) -> None:
    """Every ultrasound file that pydicom can decode, in colour as RGB or as the file has it."""
    logging.disable(logging.CRITICAL)
    compared = 0
    for path in real.ULTRASOUND:
        answer = store(server, places.referrer, files(path.read_bytes()))
        if answer.status_code != 200:
            continue
        place = value(sequence(answer, "00081199")[0], "00081190").partition("/dicom-web")[2]
        found = get(server, places.referrer, f"{place}/frames/1", f"{OCTETS}; transfer-syntax={EXPLICIT}")
        if found.status_code == 406:
            continue
        assert found.status_code == 200, (path.name, found.text)
        ours = np.frombuffer(parts_of(found)[0][1], np.uint8)
        theirs = _decoded(path)
        if theirs is None or ours.size != theirs.size:
            continue  # of 16 bits, for one
        assert np.abs(ours.astype(int) - theirs.ravel().astype(int)).mean() < 1.5, path.name
        compared += 1
    logging.disable(logging.NOTSET)
    assert compared >= 8


def _decoded(path: Path) -> "np.ndarray[Any, Any] | None":
    """The first frame: as it lies in the file where nothing is to be decoded, colour as RGB."""
    data = pydicom.dcmread(path)
    syntax = data.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        whole = np.frombuffer(data.PixelData, np.uint8)
        return whole[: len(whole) // int(data.get("NumberOfFrames", 1))] if syntax.is_little_endian else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(pixel_array(path, index=0, raw="RLE" in syntax.name))
        except Exception:  # noqa: BLE001 - whatever another decoder cannot do is not compared
            return None


def test_rendered_frame_is_a_picture_of_the_type_asked_for(server: Running, places: Places) -> None:
    """PS3.18 10.4.1.1.3."""
    path, data = cine(server, places)
    for accept, form in (("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/webp", "WEBP"), ("*/*", "JPEG"),
                         ("image/gif, image/*;q=0.5", "JPEG")):  # fmt: skip
        answer = get(server, places.referrer, f"{path}/frames/5/rendered", accept)
        picture = Image.open(io.BytesIO(answer.content))
        assert (picture.format, picture.size) == (form, (data.Columns, data.Rows)), accept
    assert get(server, places.referrer, f"{path}/frames/5/rendered", "image/gif").status_code == 406
    several = get(server, places.referrer, f"{path}/frames/5,6/rendered", "image/jpeg")
    assert len(parts_of(several)) == 2


def test_view_of_a_rendered_frame(server: Running, places: Places) -> None:
    """PS3.18 8.3.5: viewport, window, quality."""
    path, data = cine(server, places)

    def rendered(query: str) -> httpx.Response:
        return get(server, places.referrer, f"{path}/frames/1/rendered?{query}", "image/jpeg")

    assert (data.Columns, data.Rows) == (320, 240)
    assert Image.open(io.BytesIO(rendered("viewport=160,160").content)).size == (160, 120)
    assert Image.open(io.BytesIO(rendered("viewport=1000,60").content)).size == (80, 60)
    assert Image.open(io.BytesIO(rendered("viewport=9999,9999").content)).size == (320, 240)
    assert len(rendered("quality=20").content) < len(rendered("quality=95").content)
    assert rendered("window=100,50,linear").status_code == 200
    for wrong in ("viewport=0,5", "viewport=5", "quality=0", "quality=101", "quality=x", "window=1", "window=1,2,sigmoid",
                  "window=1,0", "annotation=patient", "viewport=1,2,3,4,5,6"):  # fmt: skip
        assert rendered(wrong).status_code == 400, wrong


def test_window_changes_a_grey_picture(server: Running, places: Places) -> None:
    pixels = bytes(range(256)) * 4
    body = made.file(made.picture(32, 32, made.element(0x7FE00010, "OB", pixels), instead={
        0x00080018: made.element(0x00080018, "UI", f"2.25.{uuid.uuid4().int}")}))  # fmt: skip
    path = sent(server, places, body)
    plain = get(server, places.referrer, f"{path}/rendered", "image/png")
    windowed = get(server, places.referrer, f"{path}/rendered?window=64,64", "image/png")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(plain.content))).ravel(), np.frombuffer(pixels, np.uint8))
    grey = np.asarray(Image.open(io.BytesIO(windowed.content))).ravel()[:256]
    assert (grey[31], grey[96], grey[255]) == (0, 255, 255)


def test_film_of_a_clip_that_no_referral_asks_about_is_made_when_somebody_asks(server: Running, places: Places) -> None:
    path, _ = cine(server, places)
    first = get(server, places.referrer, path + "/rendered", "video/mp4")
    assert (first.status_code, first.headers["retry-after"]) == (503, "2")
    for _ in range(120):
        answer = get(server, places.referrer, path + "/rendered", "video/mp4")
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    assert (answer.status_code, answer.content[4:8]) == (200, b"ftyp")


def test_thumbnails_at_every_level(server: Running, places: Places) -> None:
    """PS3.18 10.4.1.1.4."""
    path, data = cine(server, places)
    study = f"/studies/{data.StudyInstanceUID}"
    for place in (study, f"{study}/series/{data.SeriesInstanceUID}", path, f"{path}/frames/2"):
        answer = get(server, places.referrer, f"{place}/thumbnail", "image/jpeg")
        assert answer.status_code == 200, place
        assert max(Image.open(io.BytesIO(answer.content)).size) <= 320
    assert get(server, places.referrer, f"{path}/thumbnail", "image/webp").headers["content-type"] == "image/webp"


def test_metadata_say_all_but_the_bulk_data_and_where_those_are(server: Running, places: Places) -> None:
    """PS3.18 10.4.1.1.2, F.2: every attribute, BulkDataURIs that answer."""
    path, data = cine(server, places)
    study = f"/studies/{data.StudyInstanceUID}"
    for place in (path, study, f"{study}/series/{data.SeriesInstanceUID}"):
        answer = get(server, places.referrer, f"{place}/metadata")
        assert answer.headers["content-type"] == JSON
        (found,) = answer.json()
        assert value(found, "00080018") == data.SOPInstanceUID
        assert value(found, "00083002") == data.file_meta.TransferSyntaxUID
        assert len(found["00186011"]["Value"]) == len(data.SequenceOfUltrasoundRegions)
    uris = [(tag, one["BulkDataURI"]) for tag, one in found.items() if "BulkDataURI" in one]
    assert {"00191050", "7FE00010"} <= {tag for tag, _ in uris}
    for tag, uri in uris:
        assert uri == url(server, f"{path}/bulkdata/{tag}")
        answer = httpx.get(uri, headers={**places.referrer.headers, "Accept": "*/*"})
        if tag == "7FE00010":
            assert len(parts_of(answer)) == int(data.NumberOfFrames)
        else:
            expected = data[int(tag, 16)].value
            assert answer.content.rstrip(b"\0 ") == (
                expected.encode() if isinstance(expected, str) else expected
            ).rstrip(b"\0 ")
    assert get(server, places.referrer, f"{path}/bulkdata/00100010", "*/*").status_code == 404
    assert get(server, places.referrer, f"{path}/bulkdata/..%2F..%2Fx", "*/*").status_code == 404
    assert get(server, places.referrer, f"{path}/metadata", "application/dicom+xml").status_code == 406


def test_metadata_of_many_instances_keep_their_order(server: Running, places: Places) -> None:
    study = f"2.25.{uuid.uuid4().int}"
    uids = [f"2.25.{uuid.uuid4().int}" for _ in range(250)]
    answer = store(server, places.referrer, files(*[a_dicom(uid, study=study) for uid in uids]))
    assert answer.status_code == 200
    found = get(server, places.referrer, f"/studies/{study}/metadata").json()
    assert [value(one, "00080018") for one in found] == uids


def test_header_that_was_not_kept_is_made_when_it_is_asked_for(server: Running, places: Places) -> None:
    path = sent(server, places, a_dicom())
    before = get(server, places.referrer, f"{path}/metadata").content
    with reading(WORKER) as session:
        (instance_id,) = session.query(Instance.id).filter_by(organization_id=places.clinic).one()
        session.query(InstanceHeader).filter_by(id=instance_id).delete()
        session.commit()
    assert get(server, places.referrer, f"{path}/metadata").content == before


def test_big_endian_pixels_are_sent_little_endian(server: Running, places: Places) -> None:
    """PS3.18 8.7.3.3.2."""
    path = real.named("ExplVR_BigEnd.dcm")
    place = sent(server, places, path.read_bytes())
    ours = parts_of(get(server, places.referrer, f"{place}/frames/1", OCTETS))[0][1]
    theirs = pydicom.dcmread(path).pixel_array
    assert np.array_equal(
        np.frombuffer(ours, theirs.dtype.newbyteorder("<")), theirs[0].ravel() if theirs.ndim > 3 else theirs.ravel()
    )


def a_document(body: bytes, kind: str) -> bytes:
    uid = f"2.25.{uuid.uuid4().int}"
    elements = [
        made.element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.1"), made.element(0x00080018, "UI", uid),
        made.element(0x0020000D, "UI", f"{uid}.1"[:64]), made.element(0x0020000E, "UI", f"{uid}.2"[:64]),
        made.element(0x00420011, "OB", body), made.element(0x00420012, "LO", kind),
    ]  # fmt: skip
    return made.file(b"".join(elements), sop_instance=uid.encode())


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("kind", ["text/html", "text/javascript", "image/svg+xml", "application/pdf"])
def test_senders_document_is_never_run_by_a_browser(server: Running, places: Places, kind: str) -> None:
    """Its type is the sender's word: only a PDF is called what it says, and that too is only saved."""
    body = b"<script>fetch('/api')</script>".ljust(2048)
    place = sent(server, places, a_document(body, kind)) + "/bulkdata/00420011"
    called = "application/pdf" if kind == "application/pdf" else "application/octet-stream"
    for accept, expected in (("*/*", called), ("text/html,*/*;q=0.8", called), (called, called),
                             ("application/octet-stream", "application/octet-stream")):  # fmt: skip
        answer = get(server, places.referrer, place, accept)
        assert (answer.status_code, answer.content) == (200, body)
        assert answer.headers["content-type"] == expected
        assert answer.headers["content-disposition"] == "attachment"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert get(server, places.referrer, place, "text/html").status_code == 406


def test_what_is_given_is_what_was_accepted(server: Running, places: Places) -> None:
    """PS3.18 8.7.3: an instance alone also when it is decoded for that; pixel data as octets are not compressed."""
    path, data = cine(server, places)
    alone = get(server, places.referrer, path, f"{DICOM}; transfer-syntax={EXPLICIT}")
    assert alone.headers["content-type"] == f"{DICOM}; transfer-syntax={EXPLICIT}"
    assert pydicom.dcmread(io.BytesIO(alone.content)).file_meta.TransferSyntaxUID == EXPLICIT
    bulk = f"{path}/bulkdata/7FE00010"
    parts = parts_of(get(server, places.referrer, bulk, OCTETS))
    assert {kind for kind, _ in parts} == {f"application/octet-stream; transfer-syntax={EXPLICIT}"}
    assert [len(content) for _, content in parts] == [data.Rows * data.Columns * 3] * int(data.NumberOfFrames)
    assert get(server, places.referrer, bulk, "image/jpeg").status_code == 406  # many, alone
    found = get(server, places.referrer, f"{path}/metadata", "application/json")
    assert found.headers["content-type"] == "application/json"


def test_decoded_frames_are_made_one_by_one(server: Running, places: Places) -> None:
    """However many are asked for, none waits in memory for the others: their length is not known beforehand."""
    path, data = cine(server, places)
    for tail, accept in (("", f"{OCTETS}; transfer-syntax={EXPLICIT}"), ("/rendered", "image/png")):
        answer = get(server, places.referrer, f"{path}/frames/{','.join(['1', '2'] * 5)}{tail}", accept)
        parts = [content for _, content in parts_of(answer)]
        assert len(parts) == 10
        assert parts == parts[:2] * 5
        assert "content-length" not in answer.headers
    one = get(server, places.referrer, f"{path}/frames/1", f"{OCTETS}; transfer-syntax={EXPLICIT}")
    assert int(one.headers["content-length"]) == len(one.content) > data.Rows * data.Columns * 3


def test_nothing_stays_in_the_spool_when_the_client_leaves(server: Running, places: Places) -> None:
    """An instance that is decoded for one request has no name there while it is sent."""
    path, _ = cine(server, places)
    accept = f"{DICOM}; transfer-syntax={EXPLICIT}"
    data_dir = Path(server.environment["SONOPOST_DATA_DIR"])
    folders = [data_dir / "spool", data_dir / "blobs" / ".spool"]
    before = {one for folder in folders for one in folder.glob("*")}
    headers = {"Accept": accept, **places.referrer.headers}
    with httpx.stream("GET", url(server, path), headers=headers, timeout=60) as answer:
        assert len(next(answer.iter_bytes(1000))) == 1000
        assert {one for folder in folders for one in folder.glob("*")} <= before
    assert any(folder.is_dir() for folder in folders)


def test_documents_picture_fits_where_it_is_wanted(server: Running, places: Places) -> None:
    path = sent(server, places, a_document(a_pdf(), "application/pdf"))

    def size(tail: str) -> tuple[int, int]:
        answer = get(server, places.referrer, path + tail, "image/png")
        return Image.open(io.BytesIO(answer.content)).size

    assert size("/thumbnail") == (320, 320)
    assert size("/rendered") == (1600, 1600)
    assert size("/rendered?viewport=500,100") == (100, 100)


def test_tables_of_a_big_endian_file_are_sent_little_endian(server: Running, places: Places) -> None:
    """PS3.18 8.7.3.3: a long palette, in an uncompressed form and as bulk data."""
    uid, words = f"2.25.{uuid.uuid4().int}", list(range(0, 65536, 64))
    rows: list[tuple[int, str, made.Value]] = [
        (0x00080016, "UI", made.US_IMAGE), (0x00080018, "UI", uid), (0x0020000D, "UI", uid), (0x0020000E, "UI", uid),
        (0x00280002, "US", 1), (0x00280004, "CS", "PALETTE COLOR"), (0x00280010, "US", 4), (0x00280011, "US", 4),
        (0x00280100, "US", 8), (0x00280101, "US", 8), (0x00280102, "US", 7), (0x00280103, "US", 0),
        *((0x00281101 + number, "US", [1024, 0, 16]) for number in range(3)),
        *((0x00281201 + number, "OW", struct.pack(">1024H", *words)) for number in range(3)),
        (0x7FE00010, "OB", bytes(range(16))),
    ]  # fmt: skip
    data = b"".join(made.element(tag, vr, given, order=">") for tag, vr, given in rows)
    place = sent(server, places, made.file(data, "1.2.840.10008.1.2.2", sop_instance=uid.encode()))
    whole = get(server, places.referrer, place, f"{DICOM}; transfer-syntax={EXPLICIT}")
    assert pydicom.dcmread(io.BytesIO(whole.content))[0x00281202].value == struct.pack("<1024H", *words)
    bulk = get(server, places.referrer, f"{place}/bulkdata/00281202", "application/octet-stream")
    assert bulk.content == struct.pack("<1024H", *words)
    assert list(turned_pieces([b"\1", b"\2\3", b"\4\5"], 2)) == [b"", b"\2\1", b"\4\3", b"\5"]


def test_icon_that_is_compressed_is_left_out_of_an_uncompressed_form(server: Running, places: Places) -> None:
    """PS3.5 A.4: explicit little endian has no place for its fragments."""
    uid = f"2.25.{uuid.uuid4().int}"
    stream = simplejpeg.encode_jpeg(np.zeros((8, 8, 1), np.uint8), 90, "GRAY", "Gray")
    icon = made.item(made.picture(8, 8, made.encapsulated(stream)))
    instead = {tag: made.element(tag, "UI", uid) for tag in (0x00080018, 0x0020000D, 0x0020000E)}
    instead[0x00880200] = made.sequence(0x00880200, icon)
    picture = made.picture(8, 8, made.encapsulated(stream), instead=instead)
    place = sent(server, places, made.file(picture, made.JPEG, sop_instance=uid.encode()))
    answer = get(server, places.referrer, place, f"{DICOM}; transfer-syntax={EXPLICIT}")
    assert answer.status_code == 200, answer.text
    found = pydicom.dcmread(io.BytesIO(answer.content))
    assert "IconImageSequence" not in found
    assert found.PixelData == bytes(64)


def test_unknown_transfer_syntax_is_kept_and_not_rendered(server: Running, places: Places) -> None:
    uid = f"2.25.{uuid.uuid4().int}"
    instead = {0x00080018: made.element(0x00080018, "UI", uid)}
    body = made.file(
        made.picture(pixel_data=made.encapsulated(b"own!"), instead=instead), "1.2.3.4.5", sop_instance=uid.encode()
    )
    path = sent(server, places, body)
    assert parts_of(get(server, places.referrer, path, ANY))[0][1] == body
    assert get(server, places.referrer, f"{path}/frames/1", "*/*").status_code == 404
    assert get(server, places.referrer, f"{path}/rendered", "*/*").status_code == 404


def test_what_is_not_the_actors_is_not_there(server: Running, places: Places) -> None:
    path, data = cine(server, places)
    study = f"/studies/{data.StudyInstanceUID}"
    for place in (path, study, f"{path}/metadata", f"{path}/frames/1", f"{path}/rendered", f"{path}/frames/1/rendered",
                  f"{path}/thumbnail", f"{path}/bulkdata/7FE00010", f"{study}/metadata", f"{study}/thumbnail"):  # fmt: skip
        strange = get(server, places.stranger_referrer, place, "*/*")
        nowhere = get(server, places.stranger_referrer, place.replace(data.StudyInstanceUID, "1.2.3"), "*/*")
        assert (strange.status_code, strange.content) == (404, nowhere.content), place
        assert httpx.get(url(server, place)).status_code == 401


@pytest.mark.parametrize(
    ("tail", "action"),
    [("", "study.retrieved"), ("/frames/1", "study.viewed"), ("/rendered", "study.viewed"), ("/metadata", "study.viewed"),
     ("/thumbnail", "study.viewed"), ("/bulkdata/7FE00010", "study.viewed")],
)  # fmt: skip
def test_every_retrieval_is_on_the_record(server: Running, places: Places, tail: str, action: str) -> None:
    path = sent(server, places, a_dicom())
    for _ in range(2):
        assert get(server, places.referrer, path + tail, "*/*").status_code == 200
    assert count(AuditEvent, AuditEvent.action == action, AuditEvent.organization_id == places.clinic) == 1


def test_metadata_and_bulk_data_become_an_instance(server: Running, places: Places) -> None:
    """PS3.18 10.5.1.2.2: JSON metadata, bulk data by Content-Location."""
    data = pydicom.dcmread(real.named("US1_UNCI.dcm"))
    data.SOPInstanceUID = f"2.25.{uuid.uuid4().int}"
    by_place: Callable[[Any], str] = lambda element: f"bulk/{element.tag:08X}"  # noqa: E731 - pydicom takes a function
    sent_json = data.to_json_dict(1024, by_place)
    body = multipart([
        (f"Content-Type: {JSON}", dicomweb.dumped([sent_json])),
        ("Content-Type: application/octet-stream\r\nContent-Location: bulk/7FE00010", data.PixelData),
    ])  # fmt: skip
    kind = f'multipart/related; type="{JSON}"; boundary={dicomweb.BOUNDARY}'
    answer = store(server, places.referrer, body, content_type=kind)
    assert answer.status_code == 200, answer.text
    place = value(sequence(answer, "00081199")[0], "00081190").partition("/dicom-web")[2]
    back = pydicom.dcmread(io.BytesIO(parts_of(get(server, places.referrer, place, ANY))[0][1]))
    assert back.PixelData == data.PixelData
    for element in data:
        if element.tag not in (0x00080005, 0x7FE00010):
            assert back[element.tag].value == element.value, element
