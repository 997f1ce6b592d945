"""The file form without script: streamed, each file by itself, nothing from a stranger."""

import io
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from tests import people
from tests.people import Places
from tests.servers.app import Running, bound, serving
from tests.web import cases

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
BOUNDARY = "frontier"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, body: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def endless() -> Iterator[bytes]:
    """A body that ends only after 64 MB: whoever takes it from a stranger is found out."""
    yield part("a.jpg", b"")[:-2]
    for _ in range(64):
        yield bytes(1 << 20)


def post(server: Running, places: Places, placed: cases.Placed, body: bytes, **headers: str) -> httpx.Response:
    url = f"{server.base_url}/referrals/{placed.referral_id}/files"
    return httpx.post(url, content=body, headers={**places.referrer.headers, **FORM, **headers})


def arrived(server: Running, places: Places, placed: cases.Placed) -> dict[str, str]:
    with cases.client_of(server, places.referrer) as client:
        found = cases.ok(client.get(f"/referrals/{placed.referral_id}"))
    return {one["name"]: one["status"] for one in found["files"]}


def test_several_files_arrive_and_a_bad_one_stops_only_itself(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    body = part("a.jpg", cases.jpeg()) + part("bad.dcm", b"nothing of use") + part("b.pdf", cases.pdf()) + END
    assert post(server, places, placed, body).status_code == 303
    assert arrived(server, places, placed) == {"a.jpg": "stored", "bad.dcm": "quarantined", "b.pdf": "stored"}


def test_a_zip_is_unpacked(server: Running, places: Places) -> None:
    placed, packed = cases.place(server, places), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("exam/one.jpg", cases.jpeg())
    assert post(server, places, placed, part("exam.zip", packed.getvalue()) + END).status_code == 303
    assert arrived(server, places, placed) == {"exam.zip": "stored", "exam/one.jpg": "stored"}


def test_a_form_cut_short_keeps_the_whole_files_and_says_so(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    answer = post(server, places, placed, part("a.jpg", cases.jpeg()) + part("b.pdf", cases.pdf())[:900])
    assert answer.status_code == 400
    assert "cut off" in answer.json()["detail"]
    assert arrived(server, places, placed) == {"a.jpg": "stored"}


def test_a_name_with_a_path_loses_it(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    post(server, places, placed, part("../../etc/b%22c.pdf", cases.pdf()) + END)
    assert arrived(server, places, placed) == {'b"c.pdf': "stored"}


@pytest.mark.parametrize(("body", "kind", "status"), [
    (part("", b"") + END, FORM["Content-Type"], 422),
    (b"a=b", "application/x-www-form-urlencoded", 415),
    (b"a=b", "multipart/form-data", 415),
    (b"no boundary in it", FORM["Content-Type"], 400),
])  # fmt: skip
def test_what_is_no_form_with_files_is_refused(
    server: Running, places: Places, body: bytes, kind: str, status: int
) -> None:
    placed = cases.place(server, places)
    assert post(server, places, placed, body, **{"Content-Type": kind}).status_code == status


def test_a_stranger_is_refused_before_a_file_is_taken(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    url = f"{server.base_url}/referrals/{placed.referral_id}/files"
    for headers in ({}, places.stranger_referrer.headers):
        try:
            answer = httpx.post(url, content=endless(), headers={**headers, **FORM})
        except httpx.TransportError:  # the server hung up on it
            continue
        assert answer.status_code in (401, 404)
    assert arrived(server, places, placed) == {}


def test_a_file_that_is_too_large_has_its_line_with_the_limit_and_the_others_arrive(
    environment: dict[str, str],
) -> None:
    with serving(environment | {"SONOPOST_MAX_FILE_BYTES": str(1 << 20)}) as server, bound(environment):
        places = people.places()
        placed = cases.place(server, places)
        answer = post(server, places, placed, part("big.dcm", bytes(2 << 20)) + part("b.pdf", cases.pdf()) + END)
        assert answer.status_code == 413
        assert "big.dcm: The file is larger than 1 MB" in answer.json()["detail"]
        assert arrived(server, places, placed) == {"big.dcm": "quarantined", "b.pdf": "stored"}
