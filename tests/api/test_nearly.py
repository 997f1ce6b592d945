"""A number by the ruler on the screen founds no guarded sentence, put in or typed, until somebody confirms it."""

from typing import Any

import pytest

from tests.api.test_offers import written
from tests.api.test_pregnancies import measure
from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import client_of, ok

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
LOSS: dict[str, Any] = {
    "location": {"choice": "intrauterine"}, "embryos": {"numbers": [0]}, "sac": {"choice": "regular"},
    "yolk-sac": {"choice": "not-seen"}, "embryo": {"choice": "not-seen"}, "viability": {"choice": "loss"},
}  # fmt: skip


def why(form: Any) -> str:
    return "".join(one["detail"] for one in form["lacks"] if one["key"] == "viability")


def test_a_ruled_mean_sac_diameter_is_no_pregnancy_loss(server: Running, places: Places) -> None:
    sent = cases.place(server, places, ("photo.jpg", cases.jpeg()), exam_type="ob-first-trimester")
    with client_of(server, places.reviewer) as client:
        ok(client.post(f"/reviews/{sent.review_id}/claim"))
        measure(client, sent, kind="scale", millimetres=100, points=[[100, 100], [300, 100]])
        made = measure(client, sent, quantity="MSD", points=[[100, 200], [152, 200]])
        assert (made["value"], made["approximate"]) == (26, True)

        def said(number: float, *ids: str) -> Any:
            answers = LOSS | {"msd": {"numbers": [number], "measurement_ids": list(ids)}}
            return written(client, sent, "ob-first-trimester", answers)

        measured = f"/instances/{made['instance_id']}/measurements/{made['id']}"
        for ids in ([made["id"]], []):  # put in by one press, and typed
            form = said(26, *ids)
            assert "by the ruler on the screen" in why(form)
            assert "Pregnancy loss" not in form["findings"]
            assert "Uncertain viability: repeat the scan in 7–14 days." in form["recommendation"]
        assert why(said(31)) == ""  # another number is the reader's own
        other = measure(client, sent, quantity="MSD", points=[[100, 200], [160, 200]])
        removed = client.delete(f"/instances/{other['instance_id']}/measurements/{other['id']}")
        assert removed.status_code in (200, 204)
        assert "by the ruler on the screen" in why(said(30, other["id"]))  # where it came from has not changed
        ok(client.post(f"{measured}/confirm"))
        form = said(26, made["id"])
        assert why(form) == ""
        assert "Mean sac diameter: ≈ 26 mm (image 1)." in form["findings"]
        assert "Pregnancy loss by the published criteria." in form["findings"]


def test_a_true_measurement_of_the_same_makes_it_true(server: Running, places: Places) -> None:
    files = (("photo.jpg", cases.jpeg()), ("a.dcm", phantom(TISSUE)))
    sent = cases.place(server, places, *files, exam_type="ob-first-trimester")
    with client_of(server, places.reviewer) as client:
        ok(client.post(f"/reviews/{sent.review_id}/claim"))
        seen = ok(client.get(f"/referrals/{sent.referral_id}"))["instance_ids"]
        photo = next(each for each in seen if ok(client.get(f"/instances/{each}"))["kind"] == "jpeg")
        image = next(each for each in seen if each != photo)
        for body in ({"kind": "scale", "millimetres": 100, "points": [[100, 100], [300, 100]]},
                     {"kind": "length", "quantity": "MSD", "points": [[100, 200], [160, 200]]}):  # fmt: skip
            ok(client.post(f"/instances/{photo}/measurements", json=body), 201)
        answers = LOSS | {"msd": {"numbers": [30]}}
        assert why(written(client, sent, "ob-first-trimester", answers)) != ""
        true = {"kind": "length", "quantity": "msd", "points": [[100, 200], [200, 200]]}
        assert ok(client.post(f"/instances/{image}/measurements", json=true), 201)["value"] == pytest.approx(30)
        assert why(written(client, sent, "ob-first-trimester", answers)) == ""
