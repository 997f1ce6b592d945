"""`sonopost send`: a folder to a referral, again without sending twice, and an exit code by what became of it."""

import hashlib
import threading
import time
from pathlib import Path

import httpx
import pytest

from app.cli.line import Line, Patience
from app.cli.pieces import LARGEST, Chosen, Pace, Sending
from tests.faults.chaos import chaos
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg, a_pdf
from tests.tus.client import Tus
from tests.tus.test_chaos import ended, send
from tests.web.cases import numbered_clip

pytestmark = [pytest.mark.timeout(180), pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exam"
    (made / "CT" / "1").mkdir(parents=True)
    (made / "CT" / "1" / "IM1").write_bytes(a_dicom(size=700))
    (made / "IM1").write_bytes(a_jpeg())
    (made / "letter.pdf").write_bytes(a_pdf())
    (made / "Thumbs.db").write_bytes(b"nothing")
    (made / ".hidden").write_bytes(b"nothing")
    (made / "loop").symlink_to(made)
    return made


def test_every_file_of_a_folder_is_sent_the_smallest_first_and_the_rest_ignored(
    server: Running, places: Places, tus: Tus, folder: Path
) -> None:
    referral_id = tus.place()
    code, out, err = ended(send(folder, server.base_url, places.referrer, "--referral", referral_id))
    assert (code, out) == (0, "3 of 3 files received and verified.\n"), err
    assert [line.partition(":")[0] for line in err.splitlines()] == ["letter.pdf", "IM1", "CT/1/IM1"]
    found = {one["name"]: one["status"] for one in tus.files(referral_id)}
    assert found == {"letter.pdf": "stored", "IM1": "stored", "CT/1/IM1": "stored"}


def test_a_clip_leaves_after_the_stills_however_small_it_is(
    server: Running, places: Places, tus: Tus, tmp_path: Path
) -> None:
    (tmp_path / "still").write_bytes(a_dicom(size=400))
    (tmp_path / "clip").write_bytes(numbered_clip(2))
    assert (tmp_path / "clip").stat().st_size < (tmp_path / "still").stat().st_size
    referral_id = tus.place()
    _code, _out, err = ended(send(tmp_path, server.base_url, places.referrer, "--referral", referral_id))
    assert [line.partition(":")[0] for line in err.splitlines()] == ["still", "clip"]
    assert {one["name"]: one["priority"] for one in tus.files(referral_id)} == {"still": 0, "clip": 2}


def test_sent_again_nothing_is_sent_twice(server: Running, places: Places, tus: Tus, folder: Path) -> None:
    referral_id = tus.place()
    options = ("--referral", referral_id)
    assert ended(send(folder, server.base_url, places.referrer, *options))[0] == 0
    with chaos(int(server.base_url.rpartition(":")[2])) as line:
        code, out, err = ended(send(folder, line.base_url, places.referrer, *options))
        assert (code, out, err.count("is there already")) == (0, "3 of 3 files received and verified.\n", 3)
        assert line.up_bytes < 10_000
    assert len(tus.files(referral_id)) == 3


def test_a_file_that_is_refused_steps_aside_and_is_named(
    server: Running, places: Places, tus: Tus, folder: Path
) -> None:
    (folder / "notes.txt").write_text("no picture")
    referral_id = tus.place()
    code, out, _err = ended(send(folder, server.base_url, places.referrer, "--referral", referral_id))
    assert code == 1
    assert out.splitlines()[0] == "3 of 4 files received and verified."
    assert out.splitlines()[1].startswith("  not sent: notes.txt: Sonopost does not know this kind")


def test_a_file_that_waits_for_an_answer_is_named(server: Running, places: Places, tus: Tus, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(a_dicom(patient="Wanjiru^Mary"))
    code, out, _err = ended(send(path, server.base_url, places.referrer, "--referral", tus.place()))
    assert (code, out.splitlines()[1]) == (3, "  held: a.dcm")


def test_without_a_referral_files_go_to_the_unmatched_studies(
    server: Running, places: Places, tus: Tus, tmp_path: Path
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(a_dicom())
    assert ended(send(path, server.base_url, places.referrer))[0] == 0
    assert len(tus.json.get("/studies?unmatched=true").json()["items"]) == 1


def test_a_run_that_was_killed_is_gone_on_with_by_the_next(
    server: Running, places: Places, tus: Tus, tmp_path: Path
) -> None:
    path, referral_id = tmp_path / "clip.dcm", tus.place()
    path.write_bytes(a_dicom(size=3000))
    with chaos(int(server.base_url.rpartition(":")[2]), bytes_per_s=2_000_000) as line:
        first = send(path, line.base_url, places.referrer, "--referral", referral_id)
        while line.up_bytes < 4_000_000:
            time.sleep(0.05)
        first.kill()
        first.communicate()
        line.bytes_per_s, line.up_bytes = 0, 0
        code, _out, err = ended(send(path, line.base_url, places.referrer, "--referral", referral_id))
        assert code == 0, err
        assert line.up_bytes < 8_000_000
    assert [one["status"] for one in tus.files(referral_id)] == ["stored"]
    assert httpx.get(f"{server.base_url}/api/v1/uploads", headers=places.referrer.headers).json()["items"] == []


def test_a_cut_in_a_files_first_request_is_got_over(server: Running, places: Places, tus: Tus, tmp_path: Path) -> None:
    path, referral_id = tmp_path / "clip.dcm", tus.place()
    path.write_bytes(a_dicom(size=3500))
    body = path.read_bytes()
    with chaos(int(server.base_url.rpartition(":")[2]), bytes_per_s=4_000_000) as line:
        to = Line(line.base_url, places.referrer.token, Patience(30))
        threading.Timer(0.15, line.cut).start()
        file = Chosen(path, "clip.dcm", len(body), hashlib.sha256(body).hexdigest())
        Sending(to, Pace(LARGEST), file, lambda _: None).run(referral_id, None)
        to.close()
        assert line.connections > 1
    assert [one["status"] for one in tus.files(referral_id)] == ["stored"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--referral", "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70"), 1, "There is nothing here."),
        (("--token", "spt_wrong", "--referral", "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70"), 1, "This token is not valid."),
        (("--token", "@/nowhere/token"), 2, "cannot be read"), (("--to", "ftp://x"), 2, "--to is"),
    ],
)  # fmt: skip
def test_what_cannot_work_ends_with_a_sentence(
    server: Running, places: Places, folder: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    ended_with, out, err = ended(send(folder, server.base_url, places.referrer, *options))
    assert (ended_with, out, said in err) == (code, "", True), err


def test_a_line_that_stays_down_ends_with_how_to_go_on(server: Running, places: Places, folder: Path) -> None:
    with chaos(1) as line:
        sending = send(folder, line.base_url, places.referrer, "--give-up-after", "0.02")
        code, _out, err = ended(sending)
    assert (code, "goes on where it stopped" in err) == (1, True)
