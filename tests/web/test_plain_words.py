"""What pages say at a glance is the same wherever it is said, and says what can be done; no browser is needed for it."""

import io
import re
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from app.people.models import Role
from tests import people
from tests.people import Places, Somebody
from tests.servers.app import Running
from tests.web import cases

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
HELD = "29 Apr 1970"


@pytest.fixture
def sender(server: Running, places: Places) -> Iterator[httpx.Client]:
    with browser(server, places.referrer) as client:
        yield client


@pytest.fixture
def reader(server: Running, places: Places) -> Iterator[httpx.Client]:
    people.set_password(places.reviewer, cases.PASSWORD)
    with browser(server, places.reviewer) as client:
        yield client


def browser(server: Running, who: Somebody) -> httpx.Client:
    headers = {**who.headers, "Accept": "text/html"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=60, follow_redirects=True)


def read(client: httpx.Client, path: str) -> str:
    """The page's words, one space between them."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    body = re.sub(r"<script.*?</script>|<template.*?</template>", " ", answer.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


def test_files_are_counted_in_the_same_words_everywhere(
    server: Running, places: Places, sender: httpx.Client, reader: httpx.Client
) -> None:
    packed = zipped(good=cases.jpeg(61), cut=cases.dicom("rgb_color")[:3000])
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()), ("exam.zip", packed))
    case, room = f"/referrals/{placed.referral_id}", f"/reviews/{placed.review_id}"
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
        draft = {"impression": "Gallstones."}
        cases.ok(client.put(f"/reviews/{placed.review_id}/report", json=draft))
        counts = cases.ok(client.get(f"/referrals/{placed.referral_id}"))
    assert [counts[f"{one}_count"] for one in ("declared", "arrived", "refused")] == [3, 2, 1]
    for client, path in (
        (sender, case),
        (sender, "/"),
        (sender, f"{case}/receipt"),
        (reader, room),
        (reader, f"{room}/sign"),
    ):
        assert "2 files arrived, 1 refused" in read(client, path), path
        assert "not arrived" not in read(client, path), path
    assert "2 · 1 refused" in read(reader, "/worklist?status=mine")
    assert "2 files were in it. 1 of them is refused." in read(sender, case)


def test_refused_files_are_called_refused_in_the_reading_room(
    server: Running, places: Places, reader: httpx.Client
) -> None:
    packed = zipped(cut=cases.dicom("rgb_color")[:3000])
    placed = cases.place(server, places, ("exam.zip", packed))
    words = read(reader, f"/reviews/{placed.review_id}")
    assert "Refused files cut : This file was cut off" in words
    assert "Files kept aside" not in words


def test_the_date_in_a_held_file_is_written_as_other_dates(
    server: Running, places: Places, sender: httpx.Client
) -> None:
    placed = cases.place(server, places, ("x.dcm", cases.dicom("rgb_color", "Wanjiru^Mary", "19700429")))
    words = read(sender, f"/referrals/{placed.referral_id}")
    assert f"In the file: Wanjiru Mary, {HELD}" in words
    assert "19700429" not in words


def test_the_record_says_times_in_words_and_offers_what_was_done(server: Running, places: Places) -> None:
    cases.place(server, places)
    with browser(server, places.admin) as client:
        words, page = read(client, "/organization/audit"), client.get("/organization/audit").text
    assert re.search(r"due at: \d+ \w{3} \d{4}, \d\d:\d\d", words)
    assert not re.search(r"\d{4}-\d\d-\d\dT", words)
    assert '<option value="referral.submitted">' in page
    assert re.search(r'<td class="code whole">\w{3}-\w{3,4}</td>', page)


def test_who_can_send_nothing_yet_is_told_before_filling_a_form(server: Running) -> None:
    lonely = people.organization("Alone Clinic")
    admin, sister = people.somebody(lonely, Role.ADMIN), people.somebody(lonely, Role.REFERRER)
    with browser(server, sister) as client:
        for path in ("/", "/referrals/new"):
            assert "Nobody reads for Alone Clinic yet, so nothing can be sent. An administrator can" in read(
                client, path
            )
    with browser(server, people.also(admin, Role.REFERRER)) as client:
        for path in ("/", "/referrals/new"):
            assert f'href="/organization/reading?org={lonely}"' in client.get(path).text


def test_a_report_parts_question_and_history_and_leads_to_the_case(
    server: Running, places: Places, sender: httpx.Client, reader: httpx.Client
) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
    with cases.client_of(server, places.reviewer) as client:
        cases.ok(client.post(f"/reviews/{placed.review_id}/claim"))
    report = f"/reports/{cases.answer(server, places, placed.review_id)['report_id']}"
    assert "Gallstones? What is known Temperature" in read(sender, report)
    assert f'href="/referrals/{placed.referral_id}#files"' in sender.get(report).text
    assert re.search(rf'href="/reviews/{placed.review_id}\?image=[^"]+#stage"', reader.get(report).text)


def test_one_question_is_asked_once_however_many_files_raise_it(
    server: Running, places: Places, sender: httpx.Client
) -> None:
    other = [("x.dcm", cases.dicom(name, "Wanjiru^Mary", "19700429")) for name in ("rgb_color", "ybr_color")]
    placed = cases.place(server, places, *other, ("y.dcm", cases.dicom("palette_color", "Kamau^Ann", "19810102")))
    case = f"/referrals/{placed.referral_id}"
    assert f"2 files name Wanjiru Mary, {HELD}." in read(sender, case)
    (same, last) = re.findall(
        r'action="([^"]+/same-patient)"><input type="hidden" name="last" value="([^"]+)"', sender.get(case).text
    )[0]
    late = cases.dicom("jpeg2k", "Wanjiru^Mary", "19700429")
    cases.send(server, places, placed.referral_id, "late.dcm", late)
    assert sender.post(same, data={"last": last}).status_code == 200
    files = cases.ok(sender.get(f"/api/v1{case}"))["files"]
    assert [one["status"] for one in files] == ["stored", "stored", "held", "held"]
    with browser(server, places.admin) as client:
        assert read(client, "/organization/audit?action=file.identity-confirmed").count("file.identity-confirmed") >= 2
    assert sender.post(same, data={"last": last}).status_code == 409


def test_wrong_files_are_taken_off_together_and_asked_about_first(
    server: Running, places: Places, sender: httpx.Client
) -> None:
    other = [("x.dcm", cases.dicom(name, "Wanjiru^Mary", "19700429")) for name in ("rgb_color", "ybr_color")]
    placed = cases.place(server, places, *other)
    case = f"/referrals/{placed.referral_id}"
    page = sender.get(case).text
    asked = re.search(
        r'<details class="ask"><summary.*?<form method="post" action="([^"]+/withdraw)">.*?name="last" value="([^"]+)"',
        page,
    )
    assert asked
    assert sender.post(asked[1], data={"last": asked[2], "reason": "Wrong file."}).status_code == 200
    files = cases.ok(sender.get(f"/api/v1{case}"))["files"]
    assert [(one["status"], one["reason"]) for one in files] == [("withdrawn", "Wrong file.")] * 2


@pytest.mark.parametrize("act", ["same-patient", "withdraw"])
def test_what_names_no_file_settles_none(server: Running, places: Places, sender: httpx.Client, act: str) -> None:
    placed = cases.place(server, places, ("x.dcm", cases.dicom("rgb_color", "Wanjiru^Mary", "19700429")))
    (item,) = cases.ok(sender.get(f"/api/v1/referrals/{placed.referral_id}"))["files"]
    path = f"/referrals/{placed.referral_id}/files/{item['id']}/{act}"
    assert sender.post(path, data={"last": "x"}).status_code == 404
    with browser(server, places.stranger_referrer) as client:
        assert client.post(path, data={"last": item["id"]}).status_code == 404
    assert cases.ok(sender.get(f"/api/v1/referrals/{placed.referral_id}"))["files"][0]["status"] == "held"


def test_a_draft_needs_a_patient_and_is_asked_for_the_rest_when_it_is_sent(
    server: Running, places: Places, sender: httpx.Client
) -> None:
    lacking = {"sex": "female", "priority": "routine", "act": "draft"}
    assert sender.post("/referrals/new", data=lacking).status_code == 422
    kept = sender.post("/referrals/new", data={**lacking, "family_name": "Otieno"})
    assert kept.status_code == 200
    case = kept.url.path
    words = read(sender, case)
    assert "Written by" in words
    assert "Sent by" not in words
    assert "Otieno" in read(sender, "/")
    noted = {"version": "1", "priority": "routine", "clinical_notes": "Fever."}
    assert sender.post(f"{case}/revise", data=noted).url.path == case
    assert "Fever." in read(sender, case)
    asked = sender.post(f"{case}/submit")
    assert asked.status_code == 422
    assert "Choose what was examined." in asked.text
    assert cases.ok(sender.get(f"/api/v1{case}"))["status"] == "draft"
    version = {"version": "2", "priority": "routine", "exam_type": "abdomen", "question": "Gallstones?"}
    assert sender.post(f"{case}/revise", data=version).status_code == 200
    assert sender.post(f"{case}/submit").url.path == case
    assert cases.ok(sender.get(f"/api/v1{case}"))["status"] == "active"
    emptied = sender.post(f"{case}/revise", data={"version": "3", "priority": "routine", "exam_type": "abdomen"})
    assert emptied.status_code == 422
    assert "Write the question that the specialist should answer." in emptied.text


def test_what_is_sent_needs_a_question(server: Running, places: Places, sender: httpx.Client) -> None:
    answer = sender.post("/referrals/new", data={"family_name": "Otieno", "priority": "routine", "act": "send"})
    assert answer.status_code == 422
    assert "Write the question that the specialist should answer." in answer.text
