"""Page, PDF, DICOM and JSON are made of what was signed: a change in one is a change in all."""

import io
import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pydicom
import pypdf
import pytest

from app.http.actor import PLAIN
from tests.people import Places, Somebody, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import PASSWORD, client_of, ok
from tests.web.conftest import cookie_of

SECONDS = 60
Forms = dict[str, str]  # the words of each form, with single spaces


def words(text: str) -> str:
    return " ".join(re.sub("[\u2066-\u2069]", "", text).split())


def pdf_text(body: bytes) -> str:
    return words(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages))


def page_text(server: Running, who: Somebody, path: str) -> str:
    answer = httpx.get(server.base_url + path, cookies={PLAIN: cookie_of(who)}, timeout=60)
    assert answer.status_code == 200, answer.text
    main = answer.text.split("<main", 1)[1].split("<details", 1)[0]
    return words(unescape(re.sub("<[^>]*>", " ", main)))


def forms(server: Running, places: Places, report_id: str, version: int) -> Forms:
    """As a clinic gets them by each way; the one in DICOM is made by a job."""
    with client_of(server, places.referrer) as client:
        path = f"/reports/{report_id}?version={version}"
        said = ok(client.get(path))
        pdf = client.get(path, headers={"Accept": "application/pdf"}).content
        until = time.monotonic() + SECONDS
        while said["dicom"] is None:
            assert time.monotonic() < until
            time.sleep(0.25)
            said = ok(client.get(path))
        found = client.get(said["dicom"]["retrieve_url"], headers={"Accept": "application/dicom"})
    return {
        "json": words(" ".join(leaves(said["source"]))), "pdf": pdf_text(pdf),
        "dicom": pdf_text(pydicom.dcmread(io.BytesIO(found.content)).EncapsulatedDocument),
        "page": page_text(server, places.referrer, path),
    }  # fmt: skip


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [one for each in (value.values() if isinstance(value, dict) else value) for one in leaves(each)]
    return [str(value)]


def write_and_sign(client: httpx.Client, review_id: str, body: dict[str, Any], tag: str | None = None) -> Any:
    saved = client.put(f"/reviews/{review_id}/report", json=body, headers={"If-Match": tag} if tag else {})
    sign = {"password": PASSWORD, "images_sha256": ok(saved)["images_sha256"]}
    return ok(client.post(f"/reviews/{review_id}/sign", json=sign, headers={"If-Match": saved.headers["etag"]}))


@pytest.fixture
def reader(server: Running, places: Places) -> Any:
    set_password(places.reviewer, PASSWORD)
    with client_of(server, places.reviewer) as client:
        yield client


TEXT = {
    "findings": "Wall 5 mm, three stones.",
    "impression": "Acute cholecystitis.",
    "recommendation": "Surgeon today.",
}
CHANGE: dict[str, Callable[[str], str]] = {
    "impression": lambda _: "Chronic cholecystitis.", "recommendation": lambda _: "Surgeon within 4 weeks.",
    "findings": lambda _: "Wall 2 mm, one stone.",
}  # fmt: skip


def test_a_change_in_one_is_a_change_in_all(server: Running, places: Places, reader: httpx.Client) -> None:
    placed = cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), files=[
        {"name": "a.dcm"}, {"name": "later.dcm", "size_bytes": 1000, "sha256": "0" * 64}
    ])  # fmt: skip
    ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    found = told_by_telephone(reader, placed.review_id)
    signed = write_and_sign(reader, placed.review_id, TEXT)
    first = forms(server, places, signed["report_id"], 1)
    with client_of(server, places.referrer) as clinic:
        ok(clinic.post(f"/critical-findings/{found}/read-back", json={"text": "Fluid around the heart."}))
        (image,) = ok(clinic.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
    ok(reader.put(f"/reviews/{placed.review_id}/seen", json={"seen": {image: "preview"}}))
    drafted = reader.post(f"/reports/{signed['report_id']}/amend", json={"kind": "corrected", "reason": "Seen again."})
    changed = {name: change(TEXT[name]) for name, change in CHANGE.items()}
    write_and_sign(reader, placed.review_id, changed, drafted.headers["etag"])
    second = forms(server, places, signed["report_id"], 2)
    for form in first:
        for before, now in zip(TEXT.values(), changed.values(), strict=True):
            assert (before in first[form], now in first[form]) == (True, False), form
            assert (before in second[form], now in second[form]) == (False, True), form
        assert "Seen again." in second[form]
        assert places.reviewer.name in first[form]
        assert cases.PLAIN["question"] in first[form]
    old = forms(server, places, signed["report_id"], 1)
    for form in ("pdf", "dicom", "page"):
        assert "This is version 1, replaced by version 2 on" in old[form]
        assert "This is version" not in second[form]
        for text in (first, second):
            assert "Read on what had arrived; 1 original was on the way." in text[form], form
            assert "Interpreted from 1 image acquired by" in text[form]
        assert "1 of 1 not opened" in first[form], form
        assert "1 seen as preview only" in second[form], form
        assert_told(form, first[form], second[form], places)
    for text, record in ((first, ("communicated", "telephone", "Sr Achieng")), (second, ("read-back", "page"))):
        assert all(word in text["json"] for word in ("Tamponade", "immediate", *record))


def told_by_telephone(reader: httpx.Client, review_id: str) -> str:
    raised = ok(reader.post(f"/reviews/{review_id}/critical-findings", json={"code": "tamponade"}), 201)
    spoken = {"received_by": "Sr Achieng", "method": "telephone"}
    ok(reader.post(f"/critical-findings/{raised['id']}/communicate", json=spoken))
    return str(raised["id"])


def assert_told(form: str, first: str, second: str, places: Places) -> None:
    """The record of six, as it stood when each version was signed."""
    reader = places.reviewer.name
    for text in (first, second):
        assert "Tamponade Immediate: within minutes, spoken. Seen" in text, form
    assert f"{reader} told Sr Achieng by telephone," in first, form
    assert "it had not been said back when this was signed." in first, form
    assert f"{reader} told {places.referrer.name} on the page of the case," in second, form
    assert "it was said back." in second, form
    assert "Sr Achieng" not in second, form


def test_the_page_is_small_before_its_images_and_says_the_answer_first(
    server: Running, places: Places, reader: httpx.Client
) -> None:
    images = [(f"{number}.jpg", cases.jpeg(50 + number)) for number in range(12)]
    placed = cases.place(server, places, *images)
    ok(reader.post(f"/reviews/{placed.review_id}/claim"))
    signed = write_and_sign(reader, placed.review_id, TEXT)
    cookies = {PLAIN: cookie_of(places.referrer)}
    with httpx.Client(base_url=server.base_url, cookies=cookies, timeout=60) as client:
        html = client.get(f"/reports/{signed['report_id']}").text
        sent = len(html.encode())
        for path in re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js|svg))"', html):
            with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
                sent += sum(len(chunk) for chunk in answer.iter_raw())
    assert sent <= 30_000
    main = html.split("<main", 1)[1]
    at = [main.index(text) for text in (TEXT["impression"], TEXT["recommendation"], TEXT["findings"], "<img")]
    assert at == sorted(at)
