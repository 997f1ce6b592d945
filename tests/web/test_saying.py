"""The reader's message by its form, with files: streamed, sent whole or not at all, and what was typed is never lost."""

from collections.abc import Iterator

import httpx
import pytest

from tests import people
from tests.people import Places, Somebody
from tests.servers.app import Running, bound, serving
from tests.studies.sent import a_dicom
from tests.web import cases
from tests.web.test_uploads import BOUNDARY, END, FORM, endless, part

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
NOTE = "Hold the probe like this."


def field(name: str, text: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()


def post(
    server: Running, who: Somebody, placed: cases.Placed, content: bytes | Iterator[bytes], **headers: str
) -> httpx.Response:
    url = f"{server.base_url}/reviews/{placed.review_id}/say"
    given = {**who.headers, **FORM, "Accept": "text/html", **headers}
    return httpx.post(url, content=content, headers=given, timeout=60)


def sent(server: Running, places: Places, placed: cases.Placed) -> list[tuple[str, set[str]]]:
    """What was said in the case, each with its files."""
    with cases.client_of(server, places.referrer) as client:
        said = cases.ok(client.get(f"/referrals/{placed.referral_id}"))["messages"]
    return [(one["text"], {file["name"] for file in one["enclosures"]}) for one in said]


def test_a_message_goes_with_its_files_and_once_under_its_key(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    body = field("idempotency_key", placed.review_id) + field("note", NOTE) + part("../hold.jpg", cases.jpeg())
    body += part("guide.pdf", cases.pdf()) + END
    for _ in range(2):
        answer = post(server, places.reviewer, placed, body)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/reviews/{placed.review_id}#talk")
    assert sent(server, places, placed) == [(NOTE, {"hold.jpg", "guide.pdf"})]


def test_without_a_file_it_goes_too(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    body = field("note", NOTE) + part("", b"") + END  # as browsers send a file that was not chosen
    assert post(server, places.reviewer, placed, body).status_code == 303
    assert sent(server, places, placed) == [(NOTE, set())]


def test_a_bad_file_sends_nothing_and_leaves_the_text_in_its_field(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    body = field("note", NOTE) + part("good.jpg", cases.jpeg()) + part("scan.dcm", a_dicom()) + END
    answer = post(server, places.reviewer, placed, body)
    assert answer.status_code == 422
    assert "scan.dcm: Only JPEG, PNG, MP4 and PDF go with a message." in answer.text
    assert "Nothing was sent. Your text is still here; choose the files again." in answer.text
    assert f">{NOTE}</textarea>" in answer.text
    french = post(server, places.reviewer, placed, body, **{"Accept-Language": "fr"})
    assert "Rien n’a été envoyé." in french.text
    assert sent(server, places, placed) == []


def test_a_message_without_text_or_beyond_its_length_is_asked_about(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    empty = post(server, places.reviewer, placed, field("note", " ") + part("a.jpg", cases.jpeg()) + END)
    assert (empty.status_code, "Write what you want to say." in empty.text) == (422, True)
    for name, text, status in (("note", "x" * 20_001, 422), ("file_id", "1", 422), ("note", "x" * (2 << 20), 413)):
        assert post(server, places.reviewer, placed, field(name, text) + END).status_code == status
    assert sent(server, places, placed) == []


def test_one_that_was_cut_short_is_not_sent_by_half(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    answer = post(server, places.reviewer, placed, field("note", NOTE) + part("a.jpg", cases.jpeg()))
    assert (answer.status_code, "The message was cut off on its way." in answer.text) == (400, True)
    assert sent(server, places, placed) == []


@pytest.mark.parametrize(("body", "kind", "status"), [
    (b"note=a", "application/x-www-form-urlencoded", 415),
    (b"no boundary in it", FORM["Content-Type"], 400),
])  # fmt: skip
def test_what_is_no_form_with_files_is_refused(
    server: Running, places: Places, body: bytes, kind: str, status: int
) -> None:
    placed = cases.place(server, places)
    assert post(server, places.reviewer, placed, body, **{"Content-Type": kind}).status_code == status


def test_nobody_else_s_bytes_are_taken(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    for who in (places.stranger_reviewer, places.referrer):
        try:
            assert post(server, who, placed, endless()).status_code == 404
        except httpx.TransportError:  # the server hung up on it
            continue
    assert sent(server, places, placed) == []


def test_too_large_a_file_and_too_many_are_refused_with_the_limit_named(environment: dict[str, str]) -> None:
    limits = {"SONOPOST_MAX_ENCLOSURE_BYTES": str(1 << 20), "SONOPOST_MAX_ENCLOSURES": "2"}
    with serving(environment | limits) as server, bound(environment):
        places = people.places()
        placed = cases.place(server, places)
        large = post(server, places.reviewer, placed, field("note", NOTE) + part("a.mp4", bytes(2 << 20)) + END)
        assert (large.status_code, "a.mp4: The file is larger than 1 MB, the limit here." in large.text) == (413, True)
        assert "at most 2 files of 1 MB each" in large.text
        many = b"".join(part(f"{n}.jpg", cases.jpeg()) for n in range(3))
        refused = post(server, places.reviewer, placed, field("note", NOTE) + many + END)
        assert (refused.status_code, "At most 2 files go with a message." in refused.text) == (413, True)
        assert f">{NOTE}</textarea>" in refused.text
        assert sent(server, places, placed) == []
