"""Measurements by the JSON door: every value is the server's own, true or in pixels, and nobody else's to see."""

import math
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydicom import examples
from pydicom.dataset import Dataset
from sqlalchemy.orm import undefer

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import transaction
from app.studies.measurement import Measurement
from app.studies.models import Instance
from tests import people
from tests.dicom import machine_report
from tests.dicom.phantom import DOPPLER, MM, TISSUE, UPPER, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import client_of, ok

LENGTH = {"frame": 1, "kind": "length", "points": [[100, 200], [280, 200]]}


def image_of(server: Running, places: Places, body: bytes, name: str = "a.dcm") -> str:
    placed = cases.place(server, places, (name, body))
    with client_of(server, places.reviewer) as client:
        seen: str = ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"][0]
    return f"/instances/{seen}/measurements"


@pytest.mark.parametrize(
    ("given", "value", "unit"),
    [
        (LENGTH, 180 * MM, "mm"),
        ({"kind": "ellipse", "points": [[200, 150], [420, 150], [310, 70], [310, 230]]}, math.pi * 3.3 * 2.4, "cm2"),
        ({"kind": "area", "points": [[100, 50], [300, 50], [300, 250], [100, 250]]}, 36.0, "cm2"),
        ({"kind": "angle", "points": [[200, 50], [100, 50], [200, 150]]}, 45.0, "deg"),
        ({"kind": "velocity", "points": [[300, 350.5]]}, 80.0, "cm/s"),
        ({"kind": "time", "points": [[300, 400], [400, 380]]}, 500.0, "ms"),
        ({"kind": "heart-rate", "points": [[100, 400], [340, 380]], "cycles": 3}, 150.0, "/min"),
    ],
)
def test_a_phantom_measures_what_it_is(
    server: Running, places: Places, given: dict[str, Any], value: float, unit: str
) -> None:
    image = image_of(server, places, phantom(UPPER, DOPPLER))
    with client_of(server, places.reviewer) as client:
        made = ok(client.post(image, json=given), 201)
        assert (made["unit"], made["calibrated"], made["reason"]) == (unit, True, "")
        assert math.isclose(made["value"], value, rel_tol=0.005)
        listed = ok(client.get(image))
        assert listed["items"] == [made]
        assert [area["number"] for area in listed["areas"]] == [1, 2]
        assert ok(client.get(f"{image}/{made['id']}")) == made


def test_the_shrunk_clip_of_the_wheel_is_measured_in_pixels(server: Running, places: Places) -> None:
    image = image_of(server, places, cases.dicom("ybr_color"))
    with client_of(server, places.reviewer) as client:
        made = ok(client.post(image, json=LENGTH), 201)
        listed = ok(client.get(image))
    assert (made["value"], made["unit"], made["calibrated"], made["region"]) == (180, "px", False, None)
    assert made["reason"] == "This image has no valid calibration."
    assert listed["areas"] == []
    assert {one["reason"] for one in listed["ignored"]} == {"frame"}


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[700, 200], [880, 200]], "A point lies outside the image."),
        ([[100, 200], [100, 380]], "The points do not lie in one calibrated region."),
    ],
)
def test_outside_the_image_or_over_two_regions_it_is_pixels_and_the_reason(
    server: Running, places: Places, points: list[list[float]], reason: str
) -> None:
    image = image_of(server, places, phantom(UPPER, DOPPLER))
    with client_of(server, places.reviewer) as client:
        made = ok(client.post(image, json=LENGTH | {"points": points}), 201)
    assert (made["value"], made["unit"], made["calibrated"], made["reason"]) == (180, "px", False, reason)


def test_regions_that_disagree_are_chosen_by_the_reader(server: Running, places: Places) -> None:
    inner = TISSUE | {"left": 50, "right": 500, "dx": 0.02, "dy": 0.02}
    image = image_of(server, places, phantom(TISSUE, inner))
    with client_of(server, places.reviewer) as client:
        asked = ok(client.post(image, json=LENGTH), 201)
        assert (asked["unit"], asked["choices"]) == ("px", [2, 1])
        chosen = ok(client.post(image, json=LENGTH | {"region": 2}), 201)
    assert (chosen["unit"], chosen["region"], round(chosen["value"], 6)) == ("mm", 2, 36)


def test_a_value_that_the_server_does_not_find_is_refused(server: Running, places: Places) -> None:
    image = image_of(server, places, phantom(TISSUE))
    with client_of(server, places.reviewer) as client:
        for shown in ({"value": 55.0}, {"value": 54.0, "unit": "cm"}, {"unit": "mm"}):
            refused = client.post(image, json=LENGTH | shown)
            assert (refused.status_code, refused.json()["field"]) == (422, "value")
        ok(client.post(image, json=LENGTH | {"value": 54.0, "unit": "mm"}), 201)
        assert len(ok(client.get(image))["items"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frame": 0}, "frame"),
        ({"frame": 2}, "frame"),
        ({"kind": "volume"}, "kind"),
        ({"points": []}, "points"),
        ({"points": [[1, 2]]}, "points"),
        ({"points": [[1, 1e9], [2, 2]]}, "points.0.1"),
        ({"kind": "heart-rate"}, ""),
        ({"kind": "scale"}, ""),
        ({"kind": "text", "points": [[1, 1]]}, ""),
        ({"kind": "area", "points": [[1, 1], [9, 9], [9, 1], [1, 9]]}, "points"),
        ({"quantity": "x" * 61}, "quantity"),
        ({"side": "port"}, "side"),
    ],
)
def test_what_is_no_measurement_is_named(server: Running, places: Places, change: dict[str, Any], field: str) -> None:
    image = image_of(server, places, phantom(TISSUE))
    with client_of(server, places.reviewer) as client:
        refused = client.post(image, json=LENGTH | change)
        assert (refused.status_code, refused.json().get("field") or "") == (422, field), refused.text
        assert ok(client.get(image))["items"] == []


def test_numbers_that_are_none_are_refused_and_no_fault(server: Running, places: Places) -> None:
    image = image_of(server, places, phantom(TISSUE))
    with client_of(server, places.reviewer) as client:
        for number in ("NaN", "Infinity", "1e999"):
            body = f'{{"kind": "length", "points": [[{number}, 1], [5, 5]]}}'
            answer = client.post(image, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, answer.text


def test_sent_again_it_is_measured_once_and_removed_it_is_kept(server: Running, places: Places) -> None:
    image = image_of(server, places, phantom(TISSUE))
    with client_of(server, places.reviewer) as client:
        twice = [ok(client.post(image, json=LENGTH, headers={"Idempotency-Key": "same"}), 201) for _ in range(2)]
        assert twice[0] == twice[1]
        address = f"{image}/{twice[0]['id']}"
        assert [client.delete(address).status_code for _ in range(2)] == [204, 204]
        assert ok(client.get(image))["items"] == []
    instance_id = image.split("/")[2]
    assert (
        people.count(Measurement, Measurement.removed_at.is_not(None), Measurement.person_id == places.reviewer.id) == 1
    )
    acts = [
        people.count(AuditEvent, AuditEvent.action == act, AuditEvent.detail["instance_id"].as_string() == instance_id)
        for act in ("measurement.made", "measurement.removed")
    ]
    assert acts == [1, 1]


def test_each_organization_sees_its_own_and_a_coordinator_measures_nothing(server: Running, places: Places) -> None:
    image = image_of(server, places, phantom(TISSUE))

    def door(who: people.Somebody) -> httpx.Client:
        return client_of(server, who)

    with door(places.reviewer) as reader, door(places.referrer) as clinic, door(places.coordinator) as coordinator:
        theirs = ok(reader.post(image, json=LENGTH), 201)
        assert ok(clinic.get(image))["items"] == []
        assert clinic.delete(f"{image}/{theirs['id']}").status_code == 404
        ours = ok(clinic.post(image, json=LENGTH | {"kind": "arrow"}), 201)
        assert [one["id"] for one in ok(clinic.get(image))["items"]] == [ours["id"]]
        assert [one["id"] for one in ok(coordinator.get(image))["items"]] == [theirs["id"]]
        assert coordinator.post(image, json=LENGTH).status_code == 403
        assert coordinator.delete(f"{image}/{theirs['id']}").status_code == 403
    with door(places.second_reviewer) as colleague:
        assert colleague.delete(f"{image}/{theirs['id']}").status_code == 204


def test_the_ruler_on_a_photograph_makes_lengths_nearly_true(server: Running, places: Places) -> None:
    image = image_of(server, places, cases.jpeg(), "photo.jpg")
    with client_of(server, places.reviewer) as client:
        before = ok(client.post(image, json=LENGTH), 201)
        scale = ok(client.post(image, json=LENGTH | {"kind": "scale", "millimetres": 90}), 201)
        assert (scale["value"], scale["unit"], scale["approximate"]) == (90, "mm", True)
        after = ok(client.post(image, json=LENGTH | {"points": [[100, 200], [100, 300]]}), 201)
        assert (after["value"], after["unit"], after["approximate"], after["calibrated"]) == (50, "mm", True, False)
        listed = ok(client.get(image))
        assert listed["mm_per_pixel"] == 0.5
        assert listed["items"][0] == before
        refused = client.delete(f"{image}/{scale['id']}")
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "Measurements rest on this scale. Remove them first.",
        )
        assert client.delete(f"{image}/{after['id']}").status_code == 204
        assert client.delete(f"{image}/{scale['id']}").status_code == 204
        assert ok(client.get(image))["mm_per_pixel"] is None


def reason(client: httpx.Client, image: str, x: int, y: int) -> Any:
    made = ok(client.post(image, json=LENGTH | {"points": [[10, 10], [x, y]]}), 201)
    assert made["unit"] == "px"
    return made["reason_code"]


@pytest.mark.parametrize(
    ("orientation", "columns", "rows"), [(1, 640, 480), (3, 640, 480), (6, 480, 640), (8, 480, 640)]
)
def test_a_photograph_that_is_shown_turned_is_as_wide_as_it_is_shown(
    server: Running, places: Places, orientation: int, columns: int, rows: int
) -> None:
    image = image_of(server, places, cases.jpeg(orientation=orientation), "photo.jpg")
    with client_of(server, places.reviewer) as client:
        ground = ok(client.get(image))
        assert (ground["columns"], ground["rows"]) == (columns, rows)
        assert reason(client, image, columns - 5, rows - 5) == "none"
        assert reason(client, image, columns + 100, 100) == reason(client, image, 100, rows + 100) == "outside"


def test_a_photograph_that_came_before_its_turn_was_noted_may_lie_either_way(server: Running, places: Places) -> None:
    image = image_of(server, places, cases.jpeg(orientation=6), "photo.jpg")
    with client_of(server, places.reviewer) as client:
        for _ in range(100):  # once it is wrapped, no job changes it
            with transaction(WORKER) as session:
                old = session.get_one(Instance, UUID(image.split("/")[2]), options=[undefer(Instance.facts)])
                if is_wrapped := old.dicom_blob_id is not None:
                    old.dicom_blob_id, old.columns, old.rows = None, 640, 480
                    old.facts = {name: one for name, one in old.facts.items() if name != "orientation"}
                    break
            time.sleep(0.2)
        assert is_wrapped
        assert reason(client, image, 100, 600) == reason(client, image, 600, 100) == "none"
        assert reason(client, image, 100, 650) == "outside"


def test_a_ruler_is_refused_where_the_file_is_calibrated(server: Running, places: Places) -> None:
    image = image_of(server, places, phantom(TISSUE))
    with client_of(server, places.reviewer) as client:
        refused = client.post(image, json=LENGTH | {"kind": "scale", "millimetres": 90})
    assert (refused.status_code, refused.json()["detail"]) == (409, "This image has its own calibration.")


def test_a_page_and_a_report_of_the_machine_are_not_measured_on(server: Running, places: Places) -> None:
    image = image_of(server, places, cases.without_picture())
    with client_of(server, places.reviewer) as client:
        assert client.post(image, json=LENGTH).status_code == 409


def listed(client: httpx.Client, address: str) -> Any:
    """Once the study has settled: the header is read then."""
    for _ in range(100):
        if items := ok(client.get(address))["items"]:
            return items
        time.sleep(0.2)
    return []


def test_the_machines_own_numbers_are_accepted_one_by_one(server: Running, places: Places) -> None:
    placed = cases.place(server, places, ("sr.dcm", machine_report.report(machine_report.obstetric())))
    with client_of(server, places.reviewer) as client:
        seen = ok(client.get(f"/referrals/{placed.referral_id}"))
        listing = f"/studies/{seen['study_ids'][0]}/machine-measurements"
        first, second, _third = listed(client, listing)
        assert (first["quantity"], first["value"], first["unit"], first["fetus"]) == ("BPD", 5.21, "cm", "A")
        assert first["accepted_id"] is None
        accepting = f"/instances/{first['instance_id']}/machine-measurements/{first['key']}/accept"
        accepted = [ok(client.post(accepting), 201) for _ in range(2)]
        assert accepted[0] == accepted[1]
        assert (accepted[0]["kind"], accepted[0]["value"], accepted[0]["unit"]) == ("machine", 5.21, "cm")
        again = ok(client.get(listing))["items"]
        assert [one["accepted_id"] for one in again[:2]] == [accepted[0]["id"], None]
        assert client.post(accepting.replace(first["key"], "9.9")).status_code == 404
        address = f"/instances/{first['instance_id']}/measurements/{accepted[0]['id']}"
        assert client.delete(address).status_code == 204
        assert ok(client.get(listing))["items"][0]["accepted_id"] is None
    with client_of(server, places.coordinator) as client:
        assert client.post(accepting).status_code == 403
    assert second["quantity"] == "HC"


def test_what_was_remeasured_stands_beside_the_machines_number(server: Running, places: Places) -> None:
    study = examples.rgb_color.StudyInstanceUID
    report = machine_report.report(machine_report.obstetric(), StudyInstanceUID=study)
    placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)), ("sr.dcm", report))
    with client_of(server, places.reviewer) as client:
        seen = ok(client.get(f"/referrals/{placed.referral_id}"))
        answers = [
            client.post(f"/instances/{one}/measurements", json=LENGTH | {"quantity": "bpd", "fetus": "A"})
            for one in seen["instance_ids"]
        ]
        assert sorted(one.status_code for one in answers) == [201, 409]
        (study_id,) = seen["study_ids"]
        found = listed(client, f"/studies/{study_id}/machine-measurements")
        assert [(one["quantity"], [each["value"] for each in one["remeasured"]]) for one in found] == [
            ("BPD", [54]), ("HC", []), ("BPD", []),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("report", "named", "expected"),
    [
        (machine_report.obstetric()[:1], "", [("A", 54.0, False, 52.1)]),  # machines name the only fetus too
        (machine_report.obstetric(), "A", [("A", 54.0, False, 52.1)]),
        (machine_report.obstetric(), "", [("", 54.0, False, None), ("A", 52.1, True, None)]),  # of which, nobody said
        (machine_report.obstetric(), "B", [("A", 52.1, True, None), ("B", 54.0, False, None)]),
    ],
)
@pytest.mark.parametrize("is_accepted_last", [True, False])
def test_the_readers_own_number_counts_beside_the_machines(
    server: Running, places: Places, report: list[Dataset], named: str, expected: list[Any], *, is_accepted_last: bool
) -> None:
    sr = machine_report.report(report, StudyInstanceUID=examples.rgb_color.StudyInstanceUID)
    placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)), ("sr.dcm", sr), exam_type="ob-second-trimester")
    with client_of(server, places.reviewer) as client:
        seen = ok(client.get(f"/referrals/{placed.referral_id}"))
        machines = listed(client, f"/studies/{seen['study_ids'][0]}/machine-measurements")[0]
        (image,) = set(seen["instance_ids"]) - {machines["instance_id"]}
        acts: list[tuple[str, Any]] = [
            (f"/instances/{image}/measurements", LENGTH | {"quantity": "BPD", "fetus": named}),
            (f"/instances/{machines['instance_id']}/machine-measurements/{machines['key']}/accept", None),
        ]
        for address, body in acts if is_accepted_last else reversed(acts):
            ok(client.post(address, json=body), 201)
        fetuses = ok(client.get(f"/referrals/{placed.referral_id}/pregnancy"))["fetuses"]
    found = [(fetus["name"], fetus["sizes"][0]) for fetus in fetuses]
    told = ("millimetres", "by_machine", "machine_millimetres")
    assert [(name, *(size[each] for each in told)) for name, size in found] == expected
