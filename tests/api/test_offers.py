"""Due date, age and weight are offered by the pregnancy and the sizes measured, and what is typed otherwise is said to be."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from tests.api.test_pregnancies import TODAY, ago, measure, oval
from tests.dicom.phantom import TISSUE, phantom
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import client_of, ok

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def claimed(
    server: Running, client: httpx.Client, places: Places, exam_type: str, days: int, **other: Any
) -> cases.Placed:
    """So many days far."""
    said = {"edd": ago(days - 280), "edd_basis": "CRL", "examined_on": ago(0)}
    placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)), exam_type=exam_type, obstetric=said, **other)
    ok(client.post(f"/reviews/{placed.review_id}/claim"))
    return placed


def written(client: httpx.Client, placed: cases.Placed, template: str, answers: dict[str, Any], **other: Any) -> Any:
    path = f"/reviews/{placed.review_id}/report"
    before = client.get(path)
    headers = {"If-Match": before.headers["etag"]} if before.status_code == 200 else {}
    body = {"form": {"template": template, "answers": answers}, "impression": "As it should be.", **other}
    return ok(client.put(path, json=body, headers=headers))["form"]


def by_key(form: Any) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for one in form["offers"]:
        found.setdefault(one["key"], []).append((one["value"], one["state"]))
    return found


def named(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def test_age_and_due_date_are_those_of_the_pregnancy_and_a_contradiction_is_said(
    server: Running, places: Places
) -> None:
    with client_of(server, places.reviewer) as client:
        placed = claimed(server, client, places, "ob-second-trimester", 140)
        due = TODAY + timedelta(days=140)
        form = written(client, placed, "ob-second-trimester", {"fetuses": {"numbers": [1]}})
        age = f"20w0d on {named(TODAY)}, by the due date {named(due)}"
        assert by_key(form) == {"ga": [(age, "open")], "edd": [(f"{named(due)}, by CRL", "open")]}
        assert form["offers"][0]["source"] == "from the pregnancy"
        for typed, state in (
            ("20+0", "open"),
            ("20 weeks", "open"),
            ("as before", "open"),
            ("21w1d", "differs"),
            (age, "taken"),
        ):
            form = written(
                client, placed, "ob-second-trimester", {"ga": {"text": typed}, "edd": {"text": due.isoformat()}}
            )
            assert (by_key(form)["ga"], by_key(form)["edd"][0][1]) == ([(age, state)], "open")
            assert form["answers"]["ga"]["text"] == typed, "nothing typed is written over"
        later = due + timedelta(days=20)
        form = written(client, placed, "ob-second-trimester", {"edd": {"text": named(later)}})
        assert by_key(form)["edd"] == [(f"{named(due)}, by CRL", "differs")]


def test_what_is_offered_is_in_the_language_of_the_report_and_its_source_in_the_readers(
    server: Running, places: Places
) -> None:
    with client_of(server, places.reviewer) as client:
        placed = claimed(server, client, places, "ob-third-trimester", 224)
        form = written(client, placed, "ob-third-trimester", {"fetuses": {"numbers": [1]}}, language="fr-CD")
    offer = form["offers"][0]
    assert offer["value"].startswith("32 SA + 0 j le ")
    assert "d’après le terme prévu le" in offer["answer"]["text"]
    assert offer["source"] == "from the pregnancy"


def test_weight_and_centile_come_from_the_sizes_of_each_fetus_as_pairs(server: Running, places: Places) -> None:
    with client_of(server, places.reviewer) as client:
        placed = claimed(server, client, places, "ob-third-trimester", 168)
        for name, scale in (("A", 1.0), ("B", 0.95)):
            measure(client, placed, quantity="HC", kind="ellipse", points=oval(172 * scale), fetus=name)
            measure(client, placed, quantity="AC", kind="ellipse", points=oval(160 * scale), fetus=name)
        first = written(client, placed, "ob-third-trimester", {"fetuses": {"numbers": [2]}})
        (one,), (other,) = by_key(first)["efw"], by_key(first)["efw~2"]
        offer = next(each for each in first["offers"] if each["key"] == "efw")
        grams = offer["answer"]["numbers"][0]
        assert one == (f"{grams:g} g", "open") != other
        assert offer["answer"]["text"] == "By INTERGROWTH-21st 2017 (HC, AC)"
        assert offer["source"] == "from the sizes of fetus A measured here, by INTERGROWTH-21st 2017 (HC, AC)"
        taken = written(client, placed, "ob-third-trimester", {"efw": offer["answer"]})
        assert by_key(taken)["efw"] == [(one[0], "taken")]
        assert f"Estimated weight: {grams:g} g. By INTERGROWTH-21st 2017 (HC, AC)." in taken["findings"]
        ((centile, state),) = by_key(taken)["efw-centile"]
        assert (centile.split("(")[1], state) == ("chart INTERGROWTH-21st 2017, at 24w0d)", "open")
        for typed, said in ((grams * 1.03, "open"), (grams * 1.2, "differs")):
            form = written(client, placed, "ob-third-trimester", {"efw": {"numbers": [round(typed)]}})
            assert by_key(form)["efw"] == [(one[0], said)]


def test_in_the_second_trimester_the_weight_comes_with_its_centile_and_chart(server: Running, places: Places) -> None:
    with client_of(server, places.reviewer) as client:
        placed = claimed(server, client, places, "ob-second-trimester", 168)
        measure(client, placed, quantity="HC", kind="ellipse", points=oval(172))
        measure(client, placed, quantity="AC", kind="ellipse", points=oval(160))
        first = written(client, placed, "ob-second-trimester", {"fetuses": {"numbers": [1]}})
        weight = next(one["answer"] for one in first["offers"] if one["key"] == "efw")
        taken = by_key(written(client, placed, "ob-second-trimester", {"efw": weight}))
    assert taken["efw-centile"][0][0].endswith("(chart INTERGROWTH-21st 2017, at 24w0d)")


def test_in_the_first_trimester_the_basis_is_offered_as_it_was_dated(server: Running, places: Places) -> None:
    with client_of(server, places.reviewer) as client:
        placed = claimed(server, client, places, "ob-first-trimester", 80)
        before = written(client, placed, "ob-first-trimester", {"edd-basis": {"choice": "lmp"}})
        measure(client, placed)
        ok(client.post(f"/referrals/{placed.referral_id}/pregnancy", json={"basis": "scan", "number": 1}), 201)
        after = written(client, placed, "ob-first-trimester", {"edd-basis": {"choice": "crl"}})
    assert by_key(before)["edd-basis"] == [
        ("an earlier scan", "differs")
    ]  # a CRL that the clinic tells of is not this scan's
    assert by_key(after)["edd-basis"] == [("crown-rump length", "taken")]


def test_nothing_is_offered_without_a_pregnancy_and_in_other_forms(server: Running, places: Places) -> None:
    with client_of(server, places.reviewer) as client:
        bare = cases.place(server, places, ("a.dcm", phantom(TISSUE)), exam_type="ob-second-trimester")
        ok(client.post(f"/reviews/{bare.review_id}/claim"))
        assert written(client, bare, "ob-second-trimester", {"ga": {"text": "20+0"}})["offers"] == []
        placed = claimed(server, client, places, "abdomen", 140)
        assert written(client, placed, "abdomen", {"cbd": {"numbers": [4]}})["offers"] == []


NODULE = {
    "nodules": {"choice": "one"}, "nodule-size": {"numbers": [14, 9, 18]}, "composition": {"choice": "solid"},
    "echogenicity": {"choice": "hypo"}, "shape": {"choice": "wide"}, "margin": {"choice": "smooth"}, "foci": {"choices": ["none"]},
}  # fmt: skip


def test_the_level_of_a_nodule_is_offered_by_its_points_and_never_put_in(server: Running, places: Places) -> None:
    with client_of(server, places.reviewer) as client:
        placed = cases.place(server, places, ("a.dcm", phantom(TISSUE)), exam_type="thyroid")
        ok(client.post(f"/reviews/{placed.review_id}/claim"))
        assert written(client, placed, "thyroid", {**NODULE, "margin": {}})["offers"] == []
        form = written(client, placed, "thyroid", NODULE)
        said = "4 points by ACR TI-RADS 2017, largest side 18 mm: biopsy is advised."
        assert by_key(form) == {"tirads": [(f"TR4: {said}", "open")]}
        assert "tirads" not in form["answers"]
        taken = form["offers"][0]["answer"]
        form = written(client, placed, "thyroid", {**NODULE, "tirads": taken})
        assert by_key(form)["tirads"][0][1] == "taken"
        assert f"biopsy from 15 mm. {said}" in form["findings"]
        form = written(client, placed, "thyroid", {**NODULE, "tirads": {"choice": "tr3"}})
        assert by_key(form)["tirads"][0][1] == "differs"
        own = {"tirads": {"choice": "tr4", "text": "Biopsied last year."}}
        assert by_key(written(client, placed, "thyroid", NODULE | own))["tirads"][0][1] == "open"
        smaller = NODULE | {"nodule-size": {"numbers": [12]}, "tirads": taken}
        assert by_key(written(client, placed, "thyroid", smaller))["tirads"][0][1] == "differs", (
            "its advice was another"
        )
        second = {f"{key}~2": answer for key, answer in NODULE.items() if key != "nodules"}
        form = written(client, placed, "thyroid", NODULE | second | {"shape~2": {"choice": "tall"}})
        assert by_key(form)["tirads~2"][0][0].startswith("TR5: 7 points")
