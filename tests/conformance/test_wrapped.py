"""A photograph, a PNG, a film and a PDF of a referral are instances like any other to who speaks DICOMweb."""

import base64
import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import generate_frames

from tests.conformance.dicomweb import DICOM, JSON, get, parts_of, value
from tests.dicom.test_film import pictures, recorded
from tests.dicom.wrapped import jpeg, png, scan
from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.studies.sent import a_pdf

pytestmark = pytest.mark.timeout(300)  # many requests, and a worker that waits for quiet, beside other tests
REFERRAL = {"patient": {"family_name": "Akinyi", "given_name": "Grace", "sex": "female"}, "exam_type": "abdomen",
            "question": "Gallstones?"}  # fmt: skip
ANY = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
EXPLICIT = f'multipart/related; type="{DICOM}"; transfer-syntax=1.2.840.10008.1.2.1'
SECONDS = 120
CLASSES = {"jpeg": "1.2.840.10008.5.1.4.1.1.6.1", "png": "1.2.840.10008.5.1.4.1.1.6.1",
           "mp4": "1.2.840.10008.5.1.4.1.1.3.1", "pdf": "1.2.840.10008.5.1.4.1.1.104.1"}  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """A referral with one file of each kind, and where DICOMweb has each."""

    referral: dict[str, Any]
    bodies: dict[str, bytes]
    files: dict[str, dict[str, Any]]
    found: dict[str, dict[str, Any]]

    def place(self, kind: str) -> str:
        return str(value(self.found[kind], "00081190")).partition("/dicom-web")[2]


@pytest.fixture
def sent(server: Running, places: Places, tmp_path: Path) -> Sent:
    film = recorded(tmp_path / "film", audio=True).read_bytes()
    bodies = {"jpeg": jpeg(scan()), "png": png(Image.fromarray(scan())), "mp4": film, "pdf": a_pdf()}
    api = f"{server.base_url}/api/v1/referrals"
    with httpx.Client(headers=places.referrer.headers, timeout=60) as client:
        referral = client.post(api, json=REFERRAL).json()
        files = {
            kind: client.post(f"{api}/{referral['id']}/files", content=body,
                              headers={"Content-Disposition": f"attachment; filename=a.{kind}"}).json()
            for kind, body in bodies.items()
        }  # fmt: skip
        client.post(f"{api}/{referral['id']}/submit")
    found = settled(server, places.referrer, referral, len(bodies))
    return Sent(referral, bodies, files, {kind: one for kind in bodies for one in found if is_of(kind, one)})


def settled(server: Running, who: Somebody, referral: dict[str, Any], wanted: int) -> list[dict[str, Any]]:
    """What QIDO-RS finds by the referral's accession number, once it finds all."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        answer = get(server, who, f"/instances?AccessionNumber={referral['accession_number']}")
        if answer.status_code == 200 and len(answer.json()) == wanted:
            return list(answer.json())
        time.sleep(0.3)
    raise AssertionError("not all files became instances")


def is_of(kind: str, one: dict[str, Any]) -> bool:
    is_lossless = value(one, "00083002") == "1.2.840.10008.1.2.4.80"
    return value(one, "00080016") == CLASSES[kind] and (kind not in ("jpeg", "png") or is_lossless == (kind == "png"))


def retrieved(server: Running, who: Somebody, place: str, accept: str = ANY) -> bytes:
    ((_kind, content),) = parts_of(get(server, who, place, accept))
    return content


def pixels(ds: pydicom.Dataset) -> NDArray[Any]:
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    if ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80":
        return np.asarray(imagecodecs.jpegls_decode(frame))
    return np.asarray(Image.open(io.BytesIO(frame)))


def as_sent(body: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(io.BytesIO(body)))


def test_every_kind_is_found_retrieved_and_served_as_it_came(server: Running, places: Places, sent: Sent) -> None:
    """PS3.18 10.6 and 10.4, by who sent it and by who reads it."""
    for who in (places.referrer, places.reviewer):
        study = get(server, who, "/studies?PatientName=Akinyi*").json()[0]
        assert value(study, "00100010") == {"Alphabetic": "Akinyi^Grace"}
        assert study["00080061"]["Value"] == ["DOC", "US"]
        assert value(study, "00201208") == 4
        for kind, uid in CLASSES.items():
            ds = pydicom.dcmread(io.BytesIO(retrieved(server, who, sent.place(kind))))
            assert (ds.SOPClassUID, str(ds.PatientName)) == (uid, "Akinyi^Grace")
            (metadata,) = get(server, who, sent.place(kind) + "/metadata").json()
            for tag in ("00080018", "0020000D", "00200013", "00080050"):
                assert value(metadata, tag) == ds[tag].value, tag
            for tag in ("00080016", "00083002", "00200013", "00280010", "00280011"):
                assert value(sent.found[kind], tag) == value(metadata, tag), tag
    everyone = get(server, places.stranger_reviewer, f"/instances?AccessionNumber={sent.referral['accession_number']}")
    assert everyone.status_code == 204
    for kind, file in sent.files.items():
        of = f"documents/{file['document_id']}" if kind == "pdf" else f"instances/{file['instance_id']}"
        headers = places.reviewer.headers
        assert httpx.get(f"{server.base_url}/api/v1/{of}/original", headers=headers).content == sent.bodies[kind]


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_the_pixels_of_a_still_are_those_that_were_sent(server: Running, places: Places, sent: Sent, kind: str) -> None:
    place, right = sent.place(kind), as_sent(sent.bodies[kind])
    ds = pydicom.dcmread(io.BytesIO(retrieved(server, places.referrer, place)))
    assert np.array_equal(pixels(ds), right)
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    media_type = {"jpeg": "image/jpeg", "png": "image/jls"}[kind]
    one = retrieved(server, places.referrer, place + "/frames/1", f'multipart/related; type="{media_type}"')
    assert one.rstrip(b"\0") == bytes(frame).rstrip(b"\0")
    plain = pydicom.dcmread(io.BytesIO(retrieved(server, places.referrer, place, EXPLICIT)))
    assert np.abs(plain.pixel_array.astype(int) - right).max() <= (2 if kind == "jpeg" else 0)
    rendered = get(server, places.referrer, place + "/rendered", "image/png")
    assert np.abs(as_sent(rendered.content).astype(int) - right).max() <= (2 if kind == "jpeg" else 0)
    assert get(server, places.referrer, place + "/thumbnail", "image/jpeg").status_code == 200


def test_a_film_is_passed_through(server: Running, places: Places, sent: Sent, tmp_path: Path) -> None:
    """PS3.18 8.7.3.3: as video/mp4, and by range."""
    place = sent.place("mp4")
    (tmp_path / "sent").write_bytes(sent.bodies["mp4"])
    right = [picture for _, picture in pictures(tmp_path / "sent")]
    assert value(sent.found["mp4"], "00280008") == len(right)
    for path in (place + "/rendered", place + "/bulkdata/7FE00010"):
        film = get(server, places.referrer, path, "video/mp4")
        assert film.headers["content-type"].startswith("video/mp4"), film.text
        (tmp_path / "got").write_bytes(film.content)
        assert all(np.array_equal(one, got) for one, (_, got) in zip(right, pictures(tmp_path / "got"), strict=True))
    part = get(server, places.referrer, place + "/rendered", "video/mp4", Range="bytes=0-99")
    assert (part.status_code, len(part.content)) == (206, 100)
    assert get(server, places.referrer, place + "/frames/1", "*/*").status_code == 406


def test_a_document_is_had_as_pdf_and_as_its_first_page(server: Running, places: Places, sent: Sent) -> None:
    place = sent.place("pdf")
    ds = pydicom.dcmread(io.BytesIO(retrieved(server, places.referrer, place)))
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == sent.bodies["pdf"]
    pdf = get(server, places.referrer, place + "/rendered", "application/pdf")
    assert pdf.content.rstrip(b"\0") == sent.bodies["pdf"]
    page = get(server, places.referrer, place + "/rendered", "image/png")
    assert as_sent(page.content).shape[2] == 3
    (metadata,) = get(server, places.referrer, place + "/metadata").json()
    assert base64.b64decode(metadata["00420011"]["InlineBinary"]) == pdf.content


def test_a_withdrawn_file_is_no_instance_any_more(server: Running, places: Places, sent: Sent) -> None:
    for kind in ("jpeg", "pdf"):
        path = f"{server.base_url}/api/v1/referrals/{sent.referral['id']}/files/{sent.files[kind]['id']}/withdraw"
        assert httpx.post(path, json={"reason": "Wrong file."}, headers=places.referrer.headers).status_code == 200
        assert get(server, places.referrer, sent.place(kind) + "/metadata", JSON).status_code == 404
    assert len(settled(server, places.reviewer, sent.referral, 2)) == 2
