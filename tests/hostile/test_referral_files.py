"""Hostile files for a referral, by JSON and by the form: a clear word for the sender, and nothing else stopped."""

from collections.abc import Callable

import httpx
import pytest

from tests.hostile import dicom
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg, a_pdf
from tests.web import cases

pytestmark = [pytest.mark.hostile, pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)]
NAMES = [
    "../../x.dcm", "..\\..\\x.dcm", "/etc/passwd", "C:\\autoexec.bat", "x\0y", "a\r\nSet-Cookie: b", "\u202egpj.exe", "CON",
    "n" * 300, "\U0001f600.dcm", "=cmd|' /C calc'!A0", "<img src=x onerror=alert(1)>", "-rf", "x.", "  ", ".", "..", "%2e%2e%2f",
    "\ud800", "e\u0301.dcm", "a;b=\"c", "filename*=UTF-8''x",
]  # fmt: skip
KINDS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"", "program": lambda: b"MZ\x90\0" + bytes(600), "elf": lambda: b"\x7fELF" + bytes(600),
    "page": lambda: b"<!doctype html><script>alert(1)</script>",
    "drawing": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "page as DICOM": lambda: bytes(128) + b"DICM<html>",
    "heic": lambda: b"\0\0\0\x18ftypheic" + bytes(100), "gif": lambda: b"GIF89a" + bytes(100),
    "cut JPEG": lambda: a_jpeg()[:-200], "cut PDF": lambda: a_pdf()[:-60], "cut ZIP": lambda: b"PK\3\4" + bytes(50),
    "cut DICOM": lambda: a_dicom()[:-10], "JPEG of no size": lambda: b"\xff\xd8\xff\xd9",
} | {name: make for name, (_code, make) in list(dicom.REFUSED.items())[::6]}  # fmt: skip


@pytest.fixture
def placed(server: Running, places: Places) -> cases.Placed:
    return cases.place(server, places)


def send(server: Running, places: Places, placed: cases.Placed, body: bytes, **headers: str | bytes) -> httpx.Response:
    given = [(name.encode(), value.encode()) for name, value in places.referrer.headers.items()]
    for name, value in headers.items():
        given.append((name.replace("_", "-").encode(), value if isinstance(value, bytes) else value.encode()))
    return httpx.post(
        f"{server.base_url}/api/v1/referrals/{placed.referral_id}/files", content=body, headers=given, timeout=30
    )


def send_form(server: Running, places: Places, placed: cases.Placed, *parts: tuple[bytes, bytes]) -> httpx.Response:
    body = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n' + content + b"\r\n"
        for name, content in parts
    )
    headers = {**places.referrer.headers, "Content-Type": "multipart/form-data; boundary=edge"}
    url = f"{server.base_url}/referrals/{placed.referral_id}/files"
    return httpx.post(url, content=body + b"--edge--\r\n", headers=headers, timeout=30)


def files_of(server: Running, places: Places, placed: cases.Placed) -> list[dict[str, str]]:
    with cases.client_of(server, places.referrer) as client:
        found: list[dict[str, str]] = cases.ok(client.get(f"/referrals/{placed.referral_id}"))["files"]
    return found


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_name_is_only_data(server: Running, places: Places, placed: cases.Placed, name: str) -> None:
    raw = name.encode("utf-8", "surrogatepass").replace(b"\r\n", b"%0D%0A").replace(b"\0", b"%00")
    escaped = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass"))
    quoted = b'attachment; filename="' + raw.replace(b'"', b'\\"') + b'"'
    for disposition in (quoted, f"attachment; filename*=UTF-8''{escaped}".encode()):
        answer = send(server, places, placed, a_dicom(), Content_Disposition=disposition)
        assert answer.status_code == 201, answer.text
        kept = answer.json()["name"]
        assert kept
        assert not {"", ".", ".."} & set(kept.split("/"))  # at most a path within what was sent
        assert not any(ord(letter) < 32 or letter in "\u202e\ud800" for letter in kept.replace("\n", ""))
    answer = send_form(server, places, placed, (raw.replace(b'"', b"%22"), a_dicom()), (b"good.dcm", a_dicom()))
    assert answer.status_code == 303, answer.text
    assert "good.dcm" in [one["name"] for one in files_of(server, places, placed)]
    with cases.client_of(server, places.referrer) as client:
        page = client.get(f"{server.base_url}/referrals/{placed.referral_id}", headers={"Accept": "text/html"})
    assert "<img src=x" not in page.text


@pytest.mark.parametrize("kind", KINDS)
def test_refused_file_is_told_why_and_stops_nothing_else(
    server: Running, places: Places, placed: cases.Placed, kind: str
) -> None:
    body = KINDS[kind]()
    answer = send(
        server, places, placed, body, Content_Disposition='attachment; filename="bad.dcm"', Content_Type="image/jpeg"
    )
    assert answer.status_code == 422
    said = answer.json()["detail"]
    assert said.startswith(("This ", "Sonopost does not know this kind of file. "))
    assert said.endswith(".")
    assert (
        send(server, places, placed, a_dicom(), Content_Disposition='attachment; filename="good.dcm"').status_code
        == 201
    )
    send_form(server, places, placed, (b"worse.dcm", body), (b"better.jpg", a_jpeg()))
    states = {one["name"]: one["status"] for one in files_of(server, places, placed)}
    assert states["good.dcm"] == states["better.jpg"] == "stored"
    assert states["worse.dcm"] == "quarantined"  # the same bytes again: one line, by their last name


@pytest.mark.parametrize(
    "kind", ["", "text/html", "application/x-msdownload", "../../x", "a" * 5000, "multipart/form-data", "\xff"]
)
def test_stated_type_is_not_believed(server: Running, places: Places, placed: cases.Placed, kind: str) -> None:
    answer = send(server, places, placed, a_dicom(), Content_Type=kind.encode("latin-1"))
    assert answer.status_code in (201, 400, 415), answer.text


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Repr-Digest", "sha-256=:AAAA:", 422), ("Repr-Digest", "sha-256=nonsense", 422),
        ("Content-Encoding", "gzip", 415), ("Idempotency-Key", "x" * 5000, (400, 422)),
    ],
)  # fmt: skip
def test_header_that_cannot_be_true_is_refused(
    server: Running, places: Places, placed: cases.Placed, header: str, value: str, status: int | tuple[int, ...]
) -> None:
    answer = send(server, places, placed, a_dicom(), **{header: value})
    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert answer.json()["detail"]
    assert files_of(server, places, placed) == []
