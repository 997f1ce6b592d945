"""A file that comes between a settle job's last look and its end is settled all the same."""

import httpx
import pytest

from app.jobs import queue
from tests.faults.invariants import check_invariants
from tests.faults.mortal import Mortal, client_of, files, ok, place, send, when
from tests.people import Places
from tests.studies.sent import a_dicom

pytestmark = pytest.mark.timeout(300)


def test_an_instance_that_comes_in_the_gap_is_settled_in_the_end(mortal: Mortal, places: Places) -> None:
    hold, held = mortal.folder / "hold", mortal.folder / "held"
    with client_of(mortal.base_url, places.referrer) as referrer:
        referral_id = place(referrer)
        hold.touch()
        ok(send(referrer, referral_id, a_dicom(study="2.25.123"), "first.dcm"), 201)
        when(held.exists)  # it has looked for the last time
        ok(send(referrer, referral_id, a_dicom(study="2.25.123"), "late.dcm"), 201)
        waiting = queue.client().list_workflows(name="studies.settle", status=["ENQUEUED", "DELAYED"])
        assert waiting == [], "the job that runs stands for the late one: only the schedule can find it"
        assert previews(referrer, referral_id) == {"first.dcm": "ready", "late.dcm": "pending"}
        hold.unlink()
        when(lambda: previews(referrer, referral_id)["late.dcm"] == "ready", timeout_s=90)
    check_invariants(worker_runs=True)


def previews(client: httpx.Client, referral_id: str) -> dict[str, str]:
    return {
        one["name"]: ok(client.get(f"/instances/{one['instance_id']}"))["preview"] for one in files(client, referral_id)
    }
