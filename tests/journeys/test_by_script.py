"""The README's examples for scripts, run as they stand there: curl line by line, and the Python one as a file."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from tests.people import Places
from tests.servers.app import Running
from tests.web import cases

ROOT = Path(__file__).parents[2]


def blocks(kind: str) -> list[str]:
    section = (ROOT / "README.md").read_text().partition("### A referral by script")[2].partition("\n### ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def run(folder: Path, *command: str, **environment: str) -> str:
    """What it printed; its exit code is 0."""
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "referral.json").write_text(blocks("json")[0])
    (tmp_path / "ruq.dcm").write_bytes(cases.dicom("rgb_color"))
    (tmp_path / "cut.dcm").write_bytes(cases.dicom("rgb_color")[:3000])
    (tmp_path / "post.py").write_text(blocks("python")[0])
    return tmp_path


def claimed_and_answered(server: Running, places: Places, referral_id: str) -> Any:
    with cases.client_of(server, places.reviewer) as client:
        review_id = cases.ok(client.get(f"/referrals/{referral_id}"))["review"]["id"]
        cases.ok(client.post(f"/reviews/{review_id}/claim"))
    answer = cases.answer(server, places, review_id)
    settled(server)
    return answer


def settled(server: Running) -> None:
    """PostgreSQL tells a script of what was written only when nothing earlier can still be committed."""
    if "SONOPOST_DATABASE_URL" in server.environment:
        time.sleep(Settings().poll_behind_s + 0.5)


def test_the_python_example_is_short() -> None:
    assert len([line for line in blocks("python")[0].splitlines() if line]) <= 40


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_curl_examples_run_as_they_stand(server: Running, places: Places, folder: Path) -> None:
    given = {"URL": server.base_url, "TOKEN": places.referrer.token}
    place, submit, send, by_number, changed, signed, fetch = (f"{line} -fsS" for line in blocks("text")[0].splitlines())
    given["ID"] = json.loads(run(folder, "sh", "-c", place, **given))["id"]
    assert json.loads(run(folder, "sh", "-c", submit, **given))["status"] == "active"
    assert json.loads(run(folder, "sh", "-c", send, **given))["status"] == "stored"
    settled(server)
    for line in (by_number, changed):
        assert [one["id"] for one in json.loads(run(folder, "sh", "-c", line, **given))["items"]] == [given["ID"]]
    given["REPORT"] = claimed_and_answered(server, places, given["ID"])["report_id"]
    assert given["REPORT"] in run(folder, "sh", "-c", signed, **given)
    run(folder, "sh", "-c", fetch, **given)
    assert (folder / "answer.pdf").read_bytes().startswith(b"%PDF-")
    assert json.loads(run(folder, "sh", "-c", place, **given))["id"] == given["ID"]


def test_the_python_example_sends_once_and_fetches_what_was_signed_since(
    server: Running, places: Places, folder: Path
) -> None:
    given = {"URL": server.base_url, "TOKEN": places.referrer.token}
    command = (sys.executable, "post.py", "referral.json", "ruq.dcm", "cut.dcm")
    first = run(folder, *command, **given).splitlines()
    assert first[0].endswith("ruq.dcm stored")
    assert "cut.dcm This file was cut off" in first[1]
    with cases.client_of(server, places.referrer) as client:
        (referral,) = cases.ok(client.get("/referrals"))["items"]
    claimed_and_answered(server, places, referral["id"])
    fetched = run(folder, *command, **given)
    assert f"{referral['id']}-v1.pdf final" in fetched
    assert (folder / f"{referral['id']}-v1.pdf").read_bytes().startswith(b"%PDF-")
    assert ".pdf" not in run(folder, *command, **given)
    with cases.client_of(server, places.referrer) as client:
        assert [one["arrived_count"] for one in cases.ok(client.get("/referrals"))["items"]] == [1]
