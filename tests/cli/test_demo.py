"""The demo: real organizations, people and cases on one command, served again with the same accounts."""

import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.servers.app import clean, sonopost

ORDER = [
    "referrer", "admin",
    "reviewer", "supervisor", "coordinator", "admin",
    "referrer", "reviewer", "admin",
]  # fmt: skip


@contextmanager
def running_demo(folder: Path) -> Iterator[dict[str, Any]]:
    """The line that `--json` prints; nothing else comes on stdout."""
    command = [sys.executable, "-m", "app", "demo", "--json", "--port", "0", "--data-dir", str(folder)]
    with subprocess.Popen(
        command, env=clean({}), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.stdout.read() == ""
            assert process.wait(30) == 0


def test_people_are_shown_links_and_the_password_that_signing_asks_for(tmp_path: Path) -> None:
    folder, log = tmp_path / "demo", tmp_path / "stderr"
    command = [sys.executable, "-m", "app", "demo", "--port", "0", "--data-dir", str(folder)]
    with log.open("w") as stderr, subprocess.Popen(
        command, env=clean({}), stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while not any("Ctrl-C" in line for line in lines):
            lines.append(process.stdout.readline())
        httpx.get(lines[0].split()[5].rstrip(".") + "/sign-in").raise_for_status()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    password = json.loads((folder / "demo.json").read_text())["accounts"][2]["password"]
    assert any(line.rstrip().endswith(f"signing a report asks for: {password}") for line in lines)
    assert log.read_text() == ""


def test_a_port_that_is_taken_leaves_nothing_behind(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = sonopost("demo", "--port", port, environment={"TMPDIR": str(tmp_path)})
    assert refused.returncode == 2
    assert f"--port {port}" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def get(demo: dict[str, Any], account: dict[str, Any], path: str) -> Any:
    answer = httpx.get(demo["base_url"] + path, headers={"Authorization": f"Bearer {account['token']}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_demo_has_one_case_waiting_one_being_read_one_answered(tmp_path: Path) -> None:
    with running_demo(tmp_path / "demo") as demo:
        assert [one["role"] for one in demo["accounts"]] == ORDER
        assert {tuple(one) for one in demo["accounts"]} == {
            ("role", "organization", "email", "password", "sign_in_url", "token")
        }
        referrer, reviewer = demo["accounts"][0], demo["accounts"][2]
        cases = get(demo, referrer, "/api/v1/referrals")["items"]
        assert sorted(case["review"]["status"] for case in cases) == ["accepted", "completed", "requested"]
        assert all(case["arrived_count"] == case["declared_count"] > 0 for case in cases)
        assert len(get(demo, reviewer, "/api/v1/worklist")["items"]) == 2
        for stranger in demo["accounts"][6:8]:
            assert get(demo, stranger, "/api/v1/referrals")["items"] == []
            assert get(demo, stranger, "/api/v1/worklist" if stranger["role"] == "reviewer" else "/api/v1/me")


def test_a_sign_in_link_shows_a_form_and_signs_in_again_and_again(tmp_path: Path) -> None:
    with running_demo(tmp_path / "demo") as demo:
        link = demo["accounts"][0]["sign_in_url"]
        for _ in range(2):
            with httpx.Client(headers={"Origin": demo["base_url"]}) as browser:
                assert browser.get(link).status_code == 200
                assert not browser.cookies
                assert browser.post(link).status_code == 303
                assert browser.get(demo["base_url"] + "/").status_code == 200


def test_a_demo_is_served_again_with_the_same_accounts(tmp_path: Path) -> None:
    with running_demo(tmp_path / "demo") as demo:
        before = [{**one, "sign_in_url": one["sign_in_url"].removeprefix(demo["base_url"])} for one in demo["accounts"]]
    assert stat.S_IMODE((tmp_path / "demo" / "demo.json").stat().st_mode) == 0o600
    with running_demo(tmp_path / "demo") as demo:
        after = [{**one, "sign_in_url": one["sign_in_url"].removeprefix(demo["base_url"])} for one in demo["accounts"]]
        assert len(get(demo, demo["accounts"][0], "/api/v1/referrals")["items"]) == 3
    assert after == before


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = sonopost("demo", "--data-dir", str(tmp_path), environment={"SONOPOST_DATA_DIR": str(tmp_path)})
    assert refused.returncode == 2
    assert "not empty" in refused.stderr


def test_a_demo_never_touches_the_database_of_the_environment(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    command = [sys.executable, "-m", "app", "demo", "--json", "--port", "0", "--data-dir", str(tmp_path / "demo")]
    environment = clean({"SONOPOST_DATA_DIR": str(real), "SONOPOST_DATABASE_URL": f"sqlite:///{real / 'real.db'}"})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
    assert list(real.iterdir()) == []
