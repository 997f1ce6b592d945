"""A DICOMweb request beyond a setting's limit is refused whole, by the limits that the service was started with."""

import pytest

from app.config import settings
from app.studies.models import Instance
from tests.conformance.dicomweb import BOUNDARY, files, store
from tests.people import Places, count
from tests.servers.app import serving
from tests.studies.sent import a_dicom

pytestmark = [pytest.mark.hostile, pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)]


def test_requests_beyond_a_limit_are_refused_whole(environment: dict[str, str], db: object, places: Places) -> None:
    limits = {
        "SONOPOST_MAX_FILE_BYTES": "100000",
        "SONOPOST_MAX_STOW_BYTES": "1000000",
        "SONOPOST_MAX_STOW_PARTS": "20",
    }
    with serving({**environment, **limits}, "--no-worker") as small:
        for body in (files(bytes(200_000)), files(*[bytes(90_000)] * 15), files(*[b"x"] * 21)):
            answer = store(small, places.referrer, files(a_dicom())[: -len(f"--{BOUNDARY}--\r\n")] + body)
            assert answer.status_code == 413
            assert answer.json()["detail"]
        assert count(Instance) == 0
        assert store(small, places.referrer, files(a_dicom())).status_code == 200
        assert not list(settings().spool_dir.iterdir())
