"""Whatever becomes of an upload, nothing of it stays where nobody looks; and none begins for which there is no room."""

import hashlib
import io
import time
import zipfile
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import now, reading, transaction
from app.tus import sweep
from app.tus.models import Upload
from tests import people
from tests.faults.mortal import Mortal
from tests.people import Somebody
from tests.servers.app import bound, serving
from tests.studies.sent import a_dicom, a_jpeg
from tests.tus.client import Tus
from tests.tus.test_resuming import MB, a_large_dicom, nothing_is_left
from tests.web import cases

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def who(one: Mortal) -> Somebody:
    return people.places().referrer


def in_two(tus: Tus, body: bytes, **given: str) -> str:
    """By two requests, so that on S3 the first leaves parts and a tail."""
    url = tus.begun(len(body), **given)
    assert tus.patch(url, 0, body[: 9 * MB]).status_code == 204
    assert tus.patch(url, 9 * MB, body[9 * MB :]).status_code in (204, 422)
    return url


def test_a_large_file_that_is_here_already_leaves_one_object(one: Mortal, who: Somebody) -> None:
    with Tus(one.base_url, who) as tus:
        referral_id, body = tus.place(), a_large_dicom(10 * MB)
        for name in ("a.dcm", "b.dcm"):
            in_two(tus, body, referral_id=referral_id, filename=name)
        (file,) = [each for each in tus.files(referral_id) if each["status"] != "withdrawn"]
        assert tus.original(file) == body
        assert nothing_is_left()
        assert tus.original(file) == body


def test_a_large_file_that_is_refused_or_ended_leaves_nothing(one: Mortal, who: Somebody) -> None:
    with Tus(one.base_url, who) as tus:
        referral_id = tus.place()
        refused = in_two(tus, b"nothing of use." * MB, referral_id=referral_id, filename="bad.dcm")
        assert tus.json.get(refused).json()["status"] == "refused"
        ended = tus.begun(20 * MB, referral_id=referral_id, filename="late.dcm")
        tus.patch(ended, 0, b"x" * 9 * MB)
        assert tus.http.delete(ended).status_code == 204
        assert {each["name"]: each["status"] for each in tus.files(referral_id)} == {
            "bad.dcm": "quarantined", "late.dcm": "withdrawn",
        }  # fmt: skip
        assert nothing_is_left()


def test_a_zip_is_unpacked_and_not_kept_itself(one: Mortal, who: Somebody) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("exam/large.dcm", a_large_dicom(10 * MB))
        archive.writestr("exam/IM1", a_jpeg())
        archive.writestr("exam/notes.txt", "nothing of use")
    with Tus(one.base_url, who) as tus:
        referral_id = tus.place()
        url = in_two(tus, packed.getvalue(), referral_id=referral_id, filename="exam.zip")
        assert tus.json.get(url).json()["status"] == "done"
        assert {each["name"]: each["status"] for each in tus.files(referral_id)} == {
            "exam.zip": "stored", "exam/large.dcm": "stored", "exam/IM1": "stored", "exam/notes.txt": "quarantined",
        }  # fmt: skip
        assert nothing_is_left()


def test_an_unmatched_file_that_conflicts_is_kept_once(one: Mortal, who: Somebody) -> None:
    with Tus(one.base_url, who) as tus:
        for size in (32, 40, 40):
            body = a_dicom(uid="2.25.4711", size=size)
            url = tus.create(len(body), body, filename="a.dcm").headers["location"]
            assert tus.json.get(url).json()["status"] == "done"
        assert "same identifier" in tus.json.get(url).json()["reason"]
    assert nothing_is_left()


def test_what_is_complete_is_recorded_without_its_client(one: Mortal, who: Somebody) -> None:
    body = a_large_dicom(10 * MB)
    with Tus(one.base_url, who) as tus:
        referral_id = tus.place()
        url = tus.begun(len(body), referral_id=referral_id, filename="a.dcm", sha256=hashlib.sha256(body).hexdigest())
        tus.patch(url, 0, body[: 9 * MB])
        one.die_at("pending")
        with pytest.raises(Exception):  # noqa: B017, PT011 - however the line ends
            tus.patch(url, 9 * MB, body[9 * MB :])
        one.wait_until_dead()
    with transaction(WORKER) as session:
        mine = sa.update(Upload).where(Upload.id == UUID(url.rpartition("/")[2]))
        session.execute(mine.values(updated_at=now() - timedelta(minutes=5)))
    time.sleep(3)  # until the dead server's lease has run out
    sweep.sweep()
    with reading(WORKER) as session:
        assert session.get_one(Upload, UUID(url.rpartition("/")[2])).state == "done"
    one.start()
    with Tus(one.base_url, who) as tus:
        (file,) = tus.files(referral_id)
        assert (file["status"], tus.original(file) == body) == ("stored", True)


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("setting", "value", "status"),
    [("MIN_FREE_DISK_BYTES", str(1 << 60), 507), ("MAX_WAITING_BYTES", "1000", 507), ("MAX_OPEN_UPLOADS", "1", 429)],
)
def test_nothing_begins_for_which_there_is_no_room(
    environment: dict[str, str], setting: str, value: str, status: int
) -> None:
    limited = environment | {f"SONOPOST_{setting}": value}
    with (
        serving(limited, "--no-worker") as running,
        bound(environment),
        Tus(running.base_url, people.places().referrer) as tus,
    ):
        referral_id = cases.ok(tus.json.post("/referrals", json=cases.PLAIN), 201)["id"]
        answers = [tus.create(700, referral_id=referral_id, filename=f"{number}.dcm") for number in range(2)]
        assert answers[1].status_code == status
        assert "retry-after" in answers[1].headers
        begun = [answer for answer in answers if answer.status_code == 201]
        assert len(begun) == (0 if value == str(1 << 60) else 1)
        assert len(tus.json.get("/uploads").json()["items"]) == len(begun)
        assert tus.referral(referral_id)["declared_count"] == len(begun)
