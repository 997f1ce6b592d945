"""The service as an operator meets it: starting, stopping, refusing, being asked how it is."""

import json
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.cli import schema
from app.config import Settings
from app.db import reading, transaction
from app.people.models import Organization, Role
from app.storage import blobs
from app.storage.spool import spooled_copy
from tests import people
from tests.servers.app import Column, Running, bound, serving, sonopost, working
from tests.servers.postgres import libpq_url
from tests.servers.process import free_ports

on_sqlite = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "column", [pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True
)


def test_a_running_service_is_alive_and_ready(server: Running) -> None:
    assert httpx.get(f"{server.base_url}/healthz").json() == {"status": "alive"}
    answer = httpx.get(f"{server.base_url}/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "database": "ok", "storage": "ok"}


@on_sqlite
def test_a_long_write_leaves_the_service_ready(server: Running) -> None:
    with transaction(WORKER) as session:
        session.execute(sa.update(Organization).values(name=Organization.name))
        assert httpx.get(f"{server.base_url}/readyz", timeout=10).status_code == 200


@on_postgresql
def test_a_service_whose_store_is_away_is_alive_and_not_ready(column: Column, environment: dict[str, str]) -> None:
    assert column.s3
    with serving(environment) as running:
        column.s3.process.send_signal(signal.SIGSTOP)
        try:
            answer = httpx.get(f"{running.base_url}/readyz", timeout=10)
            alive = httpx.get(f"{running.base_url}/healthz")
        finally:
            column.s3.process.send_signal(signal.SIGCONT)
        assert (answer.status_code, answer.json()["storage"], answer.json()["database"]) == (503, "away", "ok")
        assert alive.status_code == 200
        _until(lambda: httpx.get(f"{running.base_url}/readyz", timeout=10).status_code == 200, 30)


def test_a_killed_service_starts_again_with_what_was_committed(environment: dict[str, str]) -> None:
    (port,) = free_ports(1)
    with serving(environment, port=port) as first:
        with bound(environment):
            organization_id = people.organization("kept")
        first.kill()
    with serving(environment, port=port) as second:
        assert httpx.get(f"{second.base_url}/readyz").status_code == 200
        with bound(environment), reading(WORKER) as session:
            assert session.get_one(Organization, organization_id).name == "kept"


def test_a_service_stops_when_told_to(environment: dict[str, str]) -> None:
    with serving(environment) as running:
        assert running.stop() == 0
        assert "stopped" in running.log.read_text()


@on_sqlite
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_second_process_on_sqlite_is_refused_with_a_sentence(environment: dict[str, str], command: str) -> None:
    arguments = [command, "--port", "0"] if command == "serve" else [command]
    with serving(environment):
        second = sonopost(*arguments, environment=environment)
    assert second.returncode == 1
    assert second.stderr.strip().startswith("Another sonopost already runs on ")
    assert len(second.stderr.strip().splitlines()) == 1


@on_postgresql
def test_servers_and_workers_share_one_postgresql(environment: dict[str, str]) -> None:
    with (
        serving(environment, "--no-worker") as one,
        serving(environment, "--no-worker") as other,
        working(environment) as worker,
    ):
        for running in (one, other):
            assert httpx.get(f"{running.base_url}/readyz").status_code == 200
        assert worker.stop() == 0


def test_an_empty_sqlite_is_migrated_at_the_start_and_offers_its_set_up_once(tmp_path: Path) -> None:
    environment = {"SONOPOST_DATA_DIR": str(tmp_path)}
    with serving(environment) as running:
        link = re.search(r"http://\S+/set-up/\S+", running.log.read_text())
        assert link
        assert link[0].startswith(running.base_url)
        assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
        with bound(environment):
            people.somebody(people.organization("somewhere"), Role.ADMIN)
    with serving(environment) as running:
        assert "/set-up/" not in running.log.read_text()


@on_postgresql
def test_a_schema_that_is_behind_is_refused_on_postgresql(environment: dict[str, str]) -> None:
    with psycopg.connect(libpq_url(environment["SONOPOST_DATABASE_URL"])) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'older'")
    refused = sonopost("serve", "--port", "0", environment=environment)
    assert (refused.returncode, refused.stderr.strip()) == (
        1, "The database's schema is behind: run `sonopost migrate` first.",
    )  # fmt: skip


@on_postgresql
def test_a_missing_secret_key_is_refused_on_postgresql(environment: dict[str, str]) -> None:
    (Path(environment["SONOPOST_DATA_DIR"]) / "secret.key").unlink()
    refused = sonopost("serve", "--port", "0", environment=environment)
    assert refused.returncode == 2
    assert refused.stderr.startswith("SONOPOST_SECRET_KEY_FILE must exist")


WRONG = {
    "SONOPOST_DATABASE_URL": "mysql://localhost/x",
    "SONOPOST_STORAGE_URL": "ftp://files",
    "SONOPOST_PUBLIC_URL": "sonopost.example.org",
    "SONOPOST_SMTP_URL": "mail.example.org",
    "SONOPOST_MAX_FILE_BYTES": "many",
    "SONOPOST_LOG_LEVEL": "LOUD",
    "SONOPOST_TRUSTED_PROXIES": "10.0.0.7, abc",
    "SONOPOST_REQUIRE_SECOND_FACTOR": "maybe",
    "SONOPOST_SETTLE_QUIET_S": "-1",
    "SONOPOST_DATA_DIR": "/proc/nowhere",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_stops_the_start_with_one_sentence_that_names_it(tmp_path: Path, name: str) -> None:
    code, said = _run({"SONOPOST_DATA_DIR": str(tmp_path), name: WRONG[name]}, "serve", "--port", "0")
    assert (code, len(said.splitlines())) == (2, 1)
    assert said.startswith(f"{name} must ") or name == "SONOPOST_DATA_DIR"
    assert "Input" not in said


def test_a_setting_that_there_is_not_is_named_and_stops_nothing(tmp_path: Path) -> None:
    environment = {"SONOPOST_DATA_DIR": str(tmp_path), "SONOPOST_LOGLEVEL": "DEBUG", "SONOPOST_LOG_LEVEL": "warning"}
    with serving(environment, "--no-worker") as running:
        (line,) = (line for line in running.log.read_text().splitlines() if "SONOPOST_LOGLEVEL" in line)
        assert json.loads(line)["level"] == "warning"
    checked = sonopost("check", environment=environment).stdout.splitlines()
    assert checked[0].endswith("without effect, for it is no setting: SONOPOST_LOGLEVEL")


@pytest.mark.parametrize(
    ("public_url", "arguments", "sentence"),
    [
        ("", ["--host", "0.0.0.0"], "SONOPOST_PUBLIC_URL must be set to listen beyond loopback"),
        ("http://sono.example.org", ["--host", "0.0.0.0"], "SONOPOST_PUBLIC_URL must begin with https://"),
        ("", ["--tls-cert", "cert.pem"], "--tls-cert and --tls-key belong together."),
        ("", ["--tls-cert", "cert.pem", "--tls-key", "key.pem"], "--tls-cert and --tls-key cannot be used"),
        ("", ["--host", "192.0.2.1", "--port", "0"], "SONOPOST_PUBLIC_URL must be set"),
    ],
)
def test_serving_in_the_open_is_refused(tmp_path: Path, public_url: str, arguments: list[str], sentence: str) -> None:
    environment = {"SONOPOST_DATA_DIR": str(tmp_path), "SONOPOST_PUBLIC_URL": public_url}
    code, said = _run(environment, "serve", "--port", "0", *arguments)
    assert (code, said.startswith(sentence)) == (2, True), said
    assert not (tmp_path / "sonopost.db").exists()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = _run({"SONOPOST_DATA_DIR": str(tmp_path)}, "serve", "--port", port)
    assert code == 2
    assert f"--port {port} cannot be listened on" in said


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["127.0.0.1:1"], 404), (["localhost"], 404), (["sono.example.org"], 404), (["SONO.example.org:443"], 404),
        (["evil.example"], 421), (["sono.example.org.evil.example"], 421), (["[::bad"], 421), (["a@b"], 421),
        ([], 400), (["127.0.0.1", "evil.example"], 400),
    ],
)  # fmt: skip
def test_only_its_own_names_are_answered(server_by_name: Running, hosts: list[str], status: int) -> None:
    assert _status(server_by_name, "/nowhere", hosts) == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered_under_any_name(server_by_name: Running, path: str) -> None:
    assert _status(server_by_name, path, ["10.0.0.7"]) == 200


@pytest.fixture(scope="module")
def server_by_name(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that people know by a name, with short patience."""
    environment = {
        "SONOPOST_DATA_DIR": str(tmp_path_factory.mktemp("named")),
        "SONOPOST_PUBLIC_URL": "https://sono.example.org",
        "SONOPOST_HEADER_SILENCE_S": "1",
        "SONOPOST_BODY_SILENCE_S": "2",
        "SONOPOST_KEEP_ALIVE_S": "1",
        "SONOPOST_LINGER_S": "3",
        "SONOPOST_LINGER_BYTES": "400000",
    }
    with serving(environment, "--no-worker") as running:
        yield running


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b"408"),
        (b"GET / HTTP/1.1\r\nHost: local", b"408"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
        (b"POST /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf", b""),
    ],
    ids=["nothing", "half a head", "an endless head", "half a body"],
)
def test_who_falls_silent_is_cut_off(server_by_name: Running, sent: bytes, answer: bytes) -> None:
    with closing(_connect(server_by_name)) as client:
        client.sendall(sent)
        received = client.recv(1000)  # b"" when it is closed; a time-out would raise
    assert answer in received[:20]


def test_a_connection_waits_for_the_next_request_as_long_as_set(server_by_name: Running) -> None:
    client = HTTPConnection(urlsplit(server_by_name.base_url).netloc, timeout=8)
    with closing(client):
        for _ in range(2):
            client.request("GET", "/healthz")
            assert client.getresponse().read()
            used = client.sock
            time.sleep(0.2)
        assert used is client.sock, "the same connection"
        assert used.recv(1) == b""


def test_who_sends_slowly_but_steadily_is_not_cut_off(server_by_name: Running) -> None:
    with closing(_connect(server_by_name)) as client:
        client.sendall(b"POST /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):  # longer in all than the silence allowed
            time.sleep(0.5)
            client.sendall(b"x")
        assert client.recv(1000).startswith(b"HTTP/1.1 4")


def _refused_before_its_body(client: socket.socket, body_bytes: int) -> None:
    client.sendall(f"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body_bytes}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"}"):
        answer += client.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("piece_bytes", [50_000, 300_000])
def test_a_body_that_was_answered_before_all_of_it_came_is_no_part_of_the_next_request(
    server_by_name: Running, piece_bytes: int
) -> None:
    with closing(_connect(server_by_name)) as client:
        _refused_before_its_body(client, 300_000)
        for _ in range(300_000 // piece_bytes):
            client.sendall(bytes(piece_bytes))
            time.sleep(0.05)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(10_000).startswith(b"HTTP/1.1 200")


def test_after_a_body_that_was_answered_the_connection_waits_as_after_any_request(server_by_name: Running) -> None:
    with closing(_connect(server_by_name)) as client:
        _refused_before_its_body(client, 100_000)
        client.sendall(bytes(100_000))
        assert client.recv(10_000) == b"", "no answer to what nobody asked"


def test_a_body_that_was_answered_is_not_waited_for_in_vain(server_by_name: Running) -> None:
    with closing(_connect(server_by_name)) as client:
        _refused_before_its_body(client, 300_000)
        client.sendall(b"x")
        assert client.recv(10_000) == b""


def test_a_body_that_was_answered_and_goes_on_by_drops_is_not_read_for_ever(server_by_name: Running) -> None:
    with closing(_connect(server_by_name)) as client:
        _refused_before_its_body(client, 300_000)
        began = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _drip(client, 1, 0.5, times=40)
        assert 3 <= time.monotonic() - began < 10


def test_a_body_that_was_answered_is_not_read_however_long_it_is(server_by_name: Running) -> None:
    with closing(_connect(server_by_name)) as client:
        _refused_before_its_body(client, 1_000_000)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _drip(client, 50_000, 0.01, times=19)


def _drip(client: socket.socket, piece_bytes: int, every_s: float, times: int) -> None:
    for _ in range(times):
        client.sendall(bytes(piece_bytes))
        time.sleep(every_s)


def test_a_request_leaves_a_line_with_its_route_and_not_with_its_path(server: Running) -> None:
    name = "Wanjiru-4711"
    httpx.get(f"{server.base_url}/api/v1/referrals/{name}?q={name}", headers={"User-Agent": name})
    httpx.get(f"{server.base_url}/static/mark.svg").raise_for_status()
    httpx.get(f"{server.base_url}/{name}")
    _until(lambda: {"/api/v1/referrals/{referral_id}", "unmatched"} <= _routes(server), 5)
    assert name not in server.log.read_text()
    assert "/static" not in _routes(server)


def _routes(running: Running) -> set[str]:
    lines = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    return {line["route"] for line in lines if line.get("event") == "request"}


def test_check_says_one_line_a_part(environment: dict[str, str]) -> None:
    checked = sonopost("check", "--deep", environment=environment)
    parts = [line.split()[:2] for line in checked.stdout.splitlines()]
    names = "settings database schema storage queue disk mail fonts digests orphans".split()
    assert parts == [[name, "ok"] for name in names], checked.stdout
    assert checked.returncode == 0


@on_sqlite
def test_check_fails_and_names_the_file_whose_bytes_have_changed(environment: dict[str, str], db: Settings) -> None:
    organization_id = people.organization("one")
    with spooled_copy(iter([b"bytes"]), 100) as spooled:
        blob = blobs.keep(WORKER, organization_id, spooled, "text/plain")
        with transaction(WORKER) as session:
            blobs.record(session, [blob])
    path = blobs.local_path(blob)
    assert path
    path.write_bytes(b"other")
    checked = sonopost("check", "--deep", environment=environment)
    assert checked.returncode == 1
    assert f"blob {blob.id}: the bytes have changed" in checked.stdout


def test_check_fails_where_a_part_is_away(tmp_path: Path) -> None:
    environment = {"SONOPOST_DATA_DIR": str(tmp_path), "SONOPOST_SMTP_URL": f"smtp://127.0.0.1:{free_ports(1)[0]}"}
    sonopost("migrate", environment=environment).check_returncode()
    checked = sonopost("check", environment=environment)
    assert checked.returncode == 1
    assert [line.split()[0] for line in checked.stdout.splitlines() if " FAIL " in line] == ["mail"]


@on_sqlite
def test_administration_without_pages_prints_what_it_made(server: Running) -> None:
    name = f"Kisumu {time.time_ns()}"
    environment = server.environment
    made = sonopost("organization", "add", name, "--time-zone", "Africa/Nairobi", environment=environment)
    listed = sonopost("organization", "list", environment=environment).stdout
    assert f"{made.stdout.strip()}\tAfrica/Nairobi\t{name}" in listed
    link = sonopost(
        "invite", "--organization", name, "--role", "admin", "--email", "a@example.org", environment=environment
    )
    assert re.search(r"/invitation/\S{40,}", link.stdout)
    admin = people.somebody(people.organization("other"), Role.ADMIN)
    token = sonopost("token", "--email", admin.email, "--name", "script", environment=environment).stdout.strip()
    me = httpx.get(f"{server.base_url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.status_code == 200
    assert httpx.get(f"{server.base_url}/api/v1/me", headers={"Authorization": f"Bearer {token}x"}).status_code == 401
    refused = sonopost("invite", "--organization", name, "--role", "boss", "--email", "a@b", environment=environment)
    assert (refused.returncode, refused.stderr.startswith("--role is one of ")) == (1, True)


@on_sqlite
def test_migrations_lead_up_from_nothing_and_describe_every_table(environment: dict[str, str], db: Settings) -> None:
    assert schema.is_current()
    with closing(sqlite3.connect(Path(environment["SONOPOST_DATA_DIR"]) / "sonopost.db")) as file:
        tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(Organization.metadata.tables) <= tables


def _run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = sonopost(*arguments, environment=environment)
    return done.returncode, done.stderr.strip()


def _connect(running: Running) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", urlsplit(running.base_url).port or 0))
    client.settimeout(8)
    return client


def _status(running: Running, path: str, hosts: list[str]) -> int:
    lines = [f"GET {path} HTTP/1.1", *(f"Host: {host}" for host in hosts), "Connection: close", "", ""]
    with closing(_connect(running)) as client:
        client.sendall("\r\n".join(lines).encode())
        return int(client.recv(1000).split()[1])


def _until(true: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)
