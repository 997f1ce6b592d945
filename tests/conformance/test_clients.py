"""A DICOMweb client that others wrote stores, searches and retrieves with what it sends by itself."""

import io
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom.encaps import generate_frames

from tests.conformance.dicomweb import url
from tests.dicom import real
from tests.people import Places, Somebody
from tests.servers.app import Running

EXPLICIT = "1.2.840.10008.1.2.1"


def client_of(server: Running, who: Somebody) -> DICOMwebClient:
    return DICOMwebClient(url(server, ""), headers=who.headers)


@dataclass(frozen=True)
class Kept:
    """What the client stored, and the client."""

    client: DICOMwebClient
    cine: pydicom.Dataset
    still: pydicom.Dataset

    @property
    def of_cine(self) -> tuple[str, str, str]:
        return (self.cine.StudyInstanceUID, self.cine.SeriesInstanceUID, self.cine.SOPInstanceUID)


@pytest.fixture
def kept(server: Running, places: Places) -> Kept:
    """A cine of 30 JPEG frames and an uncompressed still of one patient, each a study."""
    cine, still = (pydicom.dcmread(real.named(name)) for name in ("examples_ybr_color.dcm", "examples_rgb_color.dcm"))
    for one in (cine, still):
        one.PatientID, one.PatientName, one.SpecificCharacterSet = "C-7", "Otieno^Änne", "ISO_IR 192"
    client = client_of(server, places.referrer)
    answer = client.store_instances([cine, still])
    assert len(answer.ReferencedSOPSequence) == 2
    assert "FailedSOPSequence" not in answer
    return Kept(client, cine, still)


def test_client_finds_what_it_stored(kept: Kept) -> None:
    study, series, uid = kept.of_cine
    found = kept.client.search_for_studies(search_filters={"PatientID": "C-7"}, fields=["StudyDescription"])
    assert {one["0020000D"]["Value"][0] for one in found} == {study, kept.still.StudyInstanceUID}
    by_id: dict[str, Any] = {"search_filters": {"PatientID": "C-7"}, "fields": ["StudyDescription"]}
    assert kept.client.search_for_studies(**by_id, limit=1, offset=1) == found[1:]
    assert kept.client.search_for_studies(**by_id, limit=1, get_remaining=True) == found
    assert len(kept.client.search_for_studies(search_filters={"PatientName": "anne"}, fuzzymatching=True)) == 2
    assert kept.client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    (one,) = kept.client.search_for_series(study)
    assert pydicom.Dataset.from_json(one).SeriesInstanceUID == series
    assert len(kept.client.search_for_series(search_filters={"Modality": "US"})) == 2
    (instance,) = kept.client.search_for_instances(study, series)
    assert pydicom.Dataset.from_json(instance).NumberOfFrames == 30
    assert len(kept.client.search_for_instances(search_filters={"SOPInstanceUID": uid})) == 1
    assert len(kept.client.search_for_instances(study)) == 1


def test_client_retrieves_what_it_stored(kept: Kept) -> None:
    study, series, uid = kept.of_cine
    alone = kept.client.retrieve_instance(study, series, uid)
    assert alone == kept.cine
    assert alone.file_meta.TransferSyntaxUID == kept.cine.file_meta.TransferSyntaxUID
    assert list(kept.client.retrieve_study(study)) == [kept.cine]
    assert list(kept.client.iter_study(study)) == [kept.cine]
    assert list(kept.client.retrieve_series(study, series)) == [kept.cine]
    assert list(kept.client.iter_series(study, series)) == [kept.cine]


def test_client_gets_it_decoded_where_it_asks_for_that(kept: Kept) -> None:
    study, series, uid = kept.of_cine
    native = kept.client.retrieve_instance(study, series, uid, media_types=(("application/dicom", EXPLICIT),))
    assert native.file_meta.TransferSyntaxUID == EXPLICIT
    assert native.pixel_array.shape == (30, 240, 320, 3)


def test_client_retrieves_metadata_at_every_level(kept: Kept) -> None:
    study, series, uid = kept.of_cine
    alone = kept.client.retrieve_instance_metadata(study, series, uid)
    assert kept.client.retrieve_study_metadata(study) == [alone]
    assert kept.client.retrieve_series_metadata(study, series) == [alone]
    read = pydicom.Dataset.from_json(alone, bulk_data_uri_handler=lambda _uri: b"")
    assert (read.PatientName, read.SequenceOfUltrasoundRegions) == (
        kept.cine.PatientName,
        kept.cine.SequenceOfUltrasoundRegions,
    )


def test_client_follows_the_bulk_data_of_metadata(kept: Kept) -> None:
    study, series, uid = kept.of_cine
    frames = list(generate_frames(kept.cine.PixelData, number_of_frames=30))
    uri = kept.client.retrieve_instance_metadata(study, series, uid)["7FE00010"]["BulkDataURI"]
    assert list(kept.client.retrieve_bulkdata(uri)) == frames
    assert list(kept.client.iter_bulkdata(uri)) == frames
    still = kept.still
    metadata = kept.client.retrieve_instance_metadata(
        still.StudyInstanceUID, still.SeriesInstanceUID, still.SOPInstanceUID
    )
    assert list(kept.client.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"])) == [still.PixelData]


def test_client_gets_frames_as_they_lie_or_decoded(kept: Kept) -> None:
    frames = list(generate_frames(kept.cine.PixelData, number_of_frames=30))
    for media_types in (None, ("image/jpeg",), (("image/jpeg", "1.2.840.10008.1.2.4.50"),), (("*/*", "*"),), ("*/*",)):
        found = kept.client.retrieve_instance_frames(*kept.of_cine, [30, 2], media_types=media_types)
        assert list(found) == [frames[29], frames[1]], media_types
    native = kept.client.retrieve_instance_frames(*kept.of_cine, [1], media_types=("application/octet-stream",))
    assert [len(one) for one in native] == [240 * 320 * 3]
    still = (kept.still.StudyInstanceUID, kept.still.SeriesInstanceUID, kept.still.SOPInstanceUID)
    assert list(kept.client.iter_instance_frames(*still, [1])) == [kept.still.PixelData]


def test_client_gets_pictures(kept: Kept) -> None:
    still = (kept.still.StudyInstanceUID, kept.still.SeriesInstanceUID, kept.still.SOPInstanceUID)
    by_itself = Image.open(io.BytesIO(kept.client.retrieve_instance_rendered(*still)))
    exact = Image.open(io.BytesIO(kept.client.retrieve_instance_rendered(*still, media_types=("image/png",))))
    assert (by_itself.format, exact.format, exact.size) == ("JPEG", "PNG", (320, 240))
    assert np.array_equal(np.asarray(exact), kept.still.pixel_array)
    frame = kept.client.retrieve_instance_frames_rendered(*kept.of_cine, [7], media_types=("image/jpeg",))
    assert Image.open(io.BytesIO(frame)).size == (320, 240)


def test_client_of_another_organization_finds_and_gets_nothing(server: Running, places: Places, kept: Kept) -> None:
    stranger = client_of(server, places.stranger_referrer)
    assert stranger.search_for_studies() == []
    with pytest.raises(requests.HTTPError, match="404"):
        stranger.retrieve_instance(*kept.of_cine)
    with pytest.raises(requests.HTTPError, match="404"):
        stranger.retrieve_study_metadata(kept.cine.StudyInstanceUID)


def test_client_is_told_what_was_not_stored(server: Running, places: Places) -> None:
    """One instance twice with other bytes: the second one is refused, and the client sees why."""
    client, data = client_of(server, places.referrer), pydicom.dcmread(real.named("examples_rgb_color.dcm"))
    other = pydicom.dcmread(real.named("examples_palette.dcm"))
    client.store_instances([data])
    changed = pydicom.dcmread(real.named("examples_rgb_color.dcm"))
    changed.PatientName = f"Someone^{uuid.uuid4().hex}"
    answer = client.store_instances([changed, other])
    assert [item.FailureReason for item in answer.FailedSOPSequence] == [0x0111]
    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [other.SOPInstanceUID]


def test_client_stores_a_file_of_another_syntax_and_character_set(server: Running, places: Places) -> None:
    client = client_of(server, places.referrer)
    for path in (real.named("US1_J2KR.dcm"), real.named("OBXXXX1A_rle.dcm"), real.named("ExplVR_BigEnd.dcm")):
        data = pydicom.dcmread(path)
        for element in [one for one in data if one.tag.element == 0]:
            del data[element.tag]  # group lengths, which pydicom itself does not write
        client.store_instances([data])
        back = client.retrieve_instance(data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID)
        assert (back, back.file_meta.TransferSyntaxUID) == (data, data.file_meta.TransferSyntaxUID), Path(path).name
