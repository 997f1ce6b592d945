"""One file by tus 1.0 over a line that breaks: in pieces as large as the line carries, the smaller with their checksums."""

import base64
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.cli.line import AWAY, Answer, Broken, Line, Refused, Stranger, as_sonopost_says

SMALLEST, LARGEST, FIRST = 64 << 10, 32 << 20, 256 << 10  # bytes
LARGEST_CHECKED = 4 << 20  # of more, the service keeps what came when it is cut; a piece with a checksum begins anew
MOST_AT_BEGINNING = 1 << 20  # said twice, the upload is there and these bytes are dropped: see `linger_bytes`
GOAL_S = 5.0
LIMITED = "A proxy on the way refuses bodies even as small as this one: its limit on bodies has to be raised."
MISMATCH = 460
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True)
class Chosen:
    """A file to send: what it is called there, what its bytes are, and when it leaves (0 first)."""

    path: Path
    name: str
    size_bytes: int
    sha256: str
    priority: int = 0


@dataclass
class Pace:
    """How much goes at once: what the line carries in a few seconds, less after a cut, and no more than a proxy lets through."""

    piece_bytes: int = FIRST
    most_bytes: int = LARGEST

    def took(self, size_bytes: int, seconds: float) -> None:
        if size_bytes == self.piece_bytes:  # of a smaller one the way there and back is most
            self.piece_bytes = min(self.most_bytes, max(SMALLEST, int(size_bytes * GOAL_S / max(seconds, 0.001))))

    def broke(self) -> None:
        self.piece_bytes = max(SMALLEST, min(self.piece_bytes, LARGEST_CHECKED) // 2)

    def was_too_large(self, size_bytes: int) -> None:
        self.piece_bytes = self.most_bytes = max(SMALLEST, size_bytes // 2)


class Sending:
    """One file on its way; `tell` hears how far it is by the service's word."""

    def __init__(self, line: Line, pace: Pace, file: Chosen, tell: Callable[[int], None]) -> None:
        self.line, self.pace, self.file, self.tell = line, pace, file, tell
        self.url = ""

    def run(self, referral_id: str | None, known_url: str | None) -> str:
        """The upload's address once all of it is recorded; Refused when it is not taken."""
        offset = self._go_on(known_url) if known_url else None
        if offset is None:
            offset = self._begin(referral_id)
        with self.file.path.open("rb") as file:
            while offset < self.file.size_bytes:
                self.tell(offset)
                file.seek(offset)
                offset = self._piece(offset, file.read(self.pace.piece_bytes))
        self.tell(offset)
        return self.url

    def _begin(self, referral_id: str | None) -> int:
        """With the first piece: a small file is one round trip."""
        headers, piece = self._first(referral_id)
        while True:
            try:
                answer = self.line.ask("POST", "/uploads", headers, piece)
            except Broken:
                self.pace.broke()
                self.line.patience.wait()  # under the same key it is the same upload, however far it came
                continue
            if answer.status == 201:
                self.line.patience.moved()
                self.url = answer.headers.get("location", "")
                if not self.url:
                    raise Stranger
                return self._offset(answer)
            if self._is_halved(answer, piece):
                headers, piece = self._first(referral_id)
            else:
                self._refuse_or_wait(answer)

    def _first(self, referral_id: str | None) -> tuple[dict[str, str], bytes]:
        """Each with its own key: under one that was said, another body would be refused."""
        named = {"filename": self.file.name, "sha256": self.file.sha256, "priority": str(self.file.priority)}
        if referral_id is not None:
            named["referral_id"] = referral_id
        with self.file.path.open("rb") as file:
            piece = file.read(min(self.pace.piece_bytes, MOST_AT_BEGINNING))
        headers = {
            **TUS, **OCTETS, **checksum(piece), "Upload-Length": str(self.file.size_bytes),
            "Upload-Metadata": ",".join(f"{name} {_base64(value.encode())}" for name, value in named.items()),
            "Idempotency-Key": str(uuid4()),
        }  # fmt: skip
        return headers, piece

    def _go_on(self, known_url: str) -> int | None:
        self.url = known_url
        try:
            return self._look()
        except Refused as refused:
            if refused.status in (404, 410):
                return None
            raise

    def _piece(self, offset: int, piece: bytes) -> int:
        if not piece:
            raise Refused(0, "The file became shorter while it was sent.")
        headers = {**TUS, **OCTETS, **checksum(piece), "Upload-Offset": str(offset)}
        began = time.monotonic()
        try:
            answer = self.line.ask("PATCH", self.url, headers, piece)
        except Broken:
            self.pace.broke()
            self.line.patience.wait()
            return self._moved(offset)
        if answer.status == 204:
            if (stands := self._offset(answer)) <= offset:  # a yes that takes nothing: at once again would be forever
                self.line.patience.wait()
                return stands
            self.line.patience.moved()
            self.pace.took(len(piece), time.monotonic() - began)
            return stands
        if self._is_halved(answer, piece):
            return offset
        self._refuse_or_wait(answer)
        return self._moved(offset)

    def _moved(self, offset: int) -> int:
        """Where it stands now: that the service answers is nothing to wait on for, that bytes arrive is."""
        if (stands := self._look()) > offset:
            self.line.patience.moved()
        return stands

    def _look(self) -> int:
        try:
            answer = self.line.insist("HEAD", self.url, TUS)
        except Refused as refused:
            if refused.status == 410:  # why, a HEAD cannot say
                said = self.line.insist_json("GET", f"/api/v1{self.url}")
                with as_sonopost_says():
                    raise Refused(410, str(said["reason"] or refused.sentence)) from None
            raise
        return self._offset(answer)

    def _offset(self, answer: Answer) -> int:
        """A Stranger where it is none of this file's: whoever believes it takes what was never sent for arrived."""
        text = answer.headers.get("upload-offset", "")
        if not re.fullmatch("[0-9]{1,18}", text) or int(text) > self.file.size_bytes:
            raise Stranger
        return int(text)

    def _is_halved(self, answer: Answer, piece: bytes) -> bool:
        """A 413 that is not the service's own is a proxy's: fewer bytes at once may come through."""
        if answer.status != 413 or "tus-resumable" in answer.headers:
            return False
        if len(piece) <= SMALLEST:
            raise Refused(413, LIMITED)
        self.pace.was_too_large(len(piece))
        return True

    def _refuse_or_wait(self, answer: Answer) -> None:
        if answer.status < 300:  # another yes than the service's own
            raise Stranger
        if answer.status == MISMATCH:  # that piece again
            self.pace.broke()
        elif answer.status not in AWAY | {409}:  # another offset than we believed
            raise Refused(answer.status, answer.sentence)
        self.line.patience.wait(answer)


def checksum(piece: bytes) -> dict[str, str]:
    """The whole file's digest is compared at its end, however its bytes came."""
    if len(piece) > LARGEST_CHECKED:
        return {}
    return {"Upload-Checksum": f"sha256 {_base64(hashlib.sha256(piece).digest())}"}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
