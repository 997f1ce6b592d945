"""`sonopost send`: a folder's files to a referral, over whatever line there is, by a script or by hand."""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.cli.line import Line, Patience, Refused, Stranger, Tired, as_sonopost_says
from app.cli.pieces import Chosen, Pace, Sending
from app.config import WrongSetting
from app.dicom.admission import examine
from app.errors import Invalid, Refusal

IGNORED = {"thumbs.db", "desktop.ini", "dicomdir"}
ARRIVED = {"stored", "held", "conflict"}
STILL, OTHER, CLIP = 0, 1, 2
CLIPS = {".mp4", ".mov", ".avi", ".m4v", ".webm"}
SMALL_BYTES = 1 << 20
AT_A_TIME = 200  # files that are declared in one request
CLEAR = "\r\033[K"  # the line on a terminal
ALL_STORED, SOME_MISSING, SOME_ASKED = 0, 1, 3


def send(given: argparse.Namespace) -> int:
    """0: all are stored; 1: some are refused or still here; 3: all arrived, and some wait for a person's answer."""
    token = _token(given.token)
    files = sorted(_chosen(Path(given.folder)), key=lambda file: (file.priority, file.size_bytes))
    if not files:
        raise Refusal(f"There is no file in {given.folder}.")
    line = Line(given.to, token, Patience(give_up_s=given.give_up_after * 60), given.ca_file)
    try:
        report = _send_all(line, given.referral, files)
    except Refused as refused:
        raise Refusal(refused.sentence) from None
    except Tired as tired:
        why = tired.sentence or "The line is down."
        raise Refusal(f"{why} Run the same command again: it goes on where it stopped.") from None
    finally:
        line.close()
    return _summed_up(report)


def _send_all(line: Line, referral_id: str | None, files: list[Chosen]) -> dict[str, str]:
    """What became of each, by name: its status, or the sentence that refuses it."""
    here = _declare(line, referral_id, files) if referral_id else {}
    under_way = _under_way(line, referral_id)
    report: dict[str, str] = {}
    pace, bar = Pace(), Bar(files)
    for file in files:
        if here.get(file.sha256) in ARRIVED:
            report[file.name] = here[file.sha256]
            bar.done(file, "is there already")
            continue
        try:
            known_url = under_way.get((file.name, file.sha256))
            url = Sending(line, pace, file, bar.teller(file)).run(referral_id, known_url)
        except Stranger:
            raise
        except Refused as refused:  # this one steps aside
            report[file.name] = refused.sentence
            bar.done(file, f"REFUSED: {refused.sentence}")
            continue
        except OSError as error:
            report[file.name] = f"It cannot be read: {error.strerror}."
            bar.done(file, f"NOT SENT: {report[file.name]}")
            continue
        report[file.name], sentence = _became(line, url, referral_id)
        bar.done(file, sentence)
    return report


def _declare(line: Line, referral_id: str, files: list[Chosen]) -> dict[str, str]:
    """Everybody sees what is coming; what is here already, by digest."""
    found: dict[str, str] = {}
    for at in range(0, len(files), AT_A_TIME):
        some = files[at : at + AT_A_TIME]
        named = [
            {"name": one.name, "size_bytes": one.size_bytes, "sha256": one.sha256, "priority": one.priority}
            for one in some
        ]
        said = line.insist_json("POST", f"/api/v1/referrals/{referral_id}/expect", {"files": named})
        with as_sonopost_says():
            found |= {one.sha256: str(item["status"]) for one, item in zip(some, said["items"], strict=True)}
    return found


def _under_way(line: Line, referral_id: str | None) -> dict[tuple[str, str], str]:
    """What an earlier run began: the service remembers it, this machine need not."""
    found: dict[tuple[str, str], str] = {}
    where, cursor = f"&referral_id={referral_id}" if referral_id else "", ""
    while True:
        page = line.insist_json("GET", f"/api/v1/uploads?limit=200{where}{cursor}")
        with as_sonopost_says():
            mine = [one for one in page["items"] if one["referral_id"] == referral_id]
            found |= {(one["name"], one["sha256"]): str(one["url"]) for one in mine}
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def _became(line: Line, url: str, referral_id: str | None) -> tuple[str, str]:
    """The status of a file that arrived, and the service's word on it."""
    said = line.insist_json("GET", f"/api/v1{url}")
    with as_sonopost_says():
        state, file_id, reason = str(said["status"]), said["file_id"], str(said["reason"])
    if state != "done":
        sentence = reason or f"The service has not recorded it: it is {state}."
        return sentence, f"{state.upper()}: {sentence}"
    if referral_id is None or file_id is None:
        return "stored", "received and verified"
    referral = line.insist_json("GET", f"/api/v1/referrals/{referral_id}")
    with as_sonopost_says():
        status = next((str(one["status"]) for one in referral["files"] if one["id"] == file_id), "stored")
    return status, "received and verified" if status == "stored" else f"{status.upper()}: {reason}"


def _chosen(folder: Path) -> Iterator[Chosen]:
    """With the folders they lie in: a scanner calls many files IM1."""
    if not folder.exists():
        raise WrongSetting(f"There is no {folder}.")
    inside = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    for path in inside:
        parts = path.relative_to(folder).parts if path != folder else (path.name,)
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if path.is_file() and not path.is_symlink() and not hidden and path.name.lower() not in IGNORED:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = path.stat().st_size
            yield Chosen(path, "/".join(parts), size_bytes, digest, _priority(path, size_bytes))


def _priority(path: Path, size_bytes: int) -> int:
    """As a browser's outbox has it: small stills, other files, clips."""
    if path.suffix.lower() in CLIPS or _frames(path) > 1:
        return CLIP
    return STILL if size_bytes <= SMALL_BYTES else OTHER


def _frames(path: Path) -> int:
    try:
        return examine(path).number_of_frames or 1
    except Invalid:  # the service says what is wrong with it
        return 1


def _token(given: str) -> str:
    """`@file` keeps it out of the list of processes."""
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text().strip()
    except OSError as error:
        raise WrongSetting(f"--token {given} cannot be read: {error.strerror}.") from None


def _summed_up(report: dict[str, str]) -> int:
    stored = sum(status == "stored" for status in report.values())
    asked = [name for name, status in report.items() if status in ARRIVED - {"stored"}]
    missing = [name for name, status in report.items() if status not in ARRIVED]
    print(f"{stored + len(asked)} of {len(report)} files received and verified.")
    for name in asked:
        print(f"  {report[name]}: {name}")
    for name in missing:
        print(f"  not sent: {name}: {report[name]}")
    return SOME_MISSING if missing else SOME_ASKED if asked else ALL_STORED


class Bar:
    """One line that changes on a terminal; elsewhere a line for each file, on stderr."""

    def __init__(self, files: list[Chosen]) -> None:
        self.total_bytes = sum(file.size_bytes for file in files)
        self.sent_bytes, self.moved_bytes = 0, 0
        self.began = time.monotonic()
        self.is_seen = sys.stderr.isatty()

    def teller(self, file: Chosen) -> Any:
        first: list[int] = []

        def tell(offset: int) -> None:
            first.append(offset)
            self._draw(file, offset, self.moved_bytes + offset - first[0])
            if offset == file.size_bytes:
                self.moved_bytes += offset - first[0]

        return tell

    def done(self, file: Chosen, sentence: str) -> None:
        self.sent_bytes += file.size_bytes
        print(f"{CLEAR if self.is_seen else ''}{file.name}: {sentence}", file=sys.stderr, flush=True)

    def _draw(self, file: Chosen, offset: int, moved: int) -> None:
        if not self.is_seen:
            return
        share = (self.sent_bytes + offset) / max(1, self.total_bytes)
        rate = moved / max(0.001, time.monotonic() - self.began)
        left_s = (self.total_bytes - self.sent_bytes - offset) / rate if rate else 0
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        line = f"[{'#' * round(share * 20):20}] {share:4.0%} {rate / 1e3:,.0f} kB/s, {left_s / 60:.0f} min left  {file.name}"
        print(f"{CLEAR}{line[: width - 1]}", end="", file=sys.stderr, flush=True)
