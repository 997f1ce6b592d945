"""A connection to a service over a line that breaks: made anew when it does, and waited for with patience."""

import http.client
import json
import random
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app import __version__
from app.config import WrongSetting

SILENT_S = 60  # a lossy satellite link is silent that long
LONGEST_PAUSE_S = 60.0
NOT_SONOPOST = "What answers at this address is not Sonopost: is there a sign-in page of this network in between?"
AWAY = frozenset({408, 423, 425, 429, 500, 502, 503, 504, 507})


class Broken(Exception):
    """No answer came; whether the request was done is not known."""


class Refused(Exception):
    """The service said no, and why; asking again would not help."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Stranger(Refused):
    """Something else than the service answers: nothing that it says counts, and the next file would hear the same."""

    def __init__(self) -> None:
        super().__init__(0, NOT_SONOPOST)


class Tired(Exception):
    """The line was down, or the service busy, for longer than one wanted to wait: what it said last, if anything."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        with suppress(ValueError):
            return json.loads(self.body)
        return {}

    @property
    def sentence(self) -> str:
        said = self.json()
        known = said.get("detail") if isinstance(said, dict) else None
        return str(known or f"The service answered {self.status}.")


@dataclass
class Patience:
    """How long the line may be down: each wait is longer, with some chance in it, until something moves again."""

    give_up_s: float
    wait_s: float = 1.0
    moved_at: float = field(default_factory=time.monotonic)
    said: str = ""

    def moved(self) -> None:
        self.wait_s, self.moved_at, self.said = 1.0, time.monotonic(), ""

    def wait(self, answer: Answer | None = None) -> None:
        """After an answer that asks for it; after none what was said before is still why nothing moves."""
        self.said = answer.sentence if answer else self.said
        if time.monotonic() - self.moved_at > self.give_up_s:
            raise Tired(self.said)
        time.sleep(max(_asked_s(answer) if answer else 0, self.wait_s * random.uniform(0.5, 1)))  # noqa: S311 - no secret
        self.wait_s = min(LONGEST_PAUSE_S, self.wait_s * 2)


class Line:
    """One keep-alive connection, and the token that is said on it."""

    def __init__(self, base_url: str, token: str, patience: Patience, ca_file: str | None = None) -> None:
        where = urlsplit(base_url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise WrongSetting("--to is the service's address: https://sonopost.example.org.")
        self._where, self._token, self.patience = where, token, patience
        self._tls = ssl.create_default_context(cafile=ca_file) if where.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        """One try."""
        given = {"Authorization": f"Bearer {self._token}", "User-Agent": f"sonopost/{__version__}"} | (headers or {})
        try:
            connection = self._connection = self._connection or self._connect()
            connection.request(method, self._where.path.rstrip("/") + path, body, given)
            came = connection.getresponse()
            answer = Answer(came.status, {name.lower(): value for name, value in came.getheaders()}, came.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Broken(type(error).__name__) from error
        return answer

    def insist(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Until it is answered: for what may be asked twice."""
        while True:
            try:
                answer = self.ask(method, path, headers, body)
            except Broken:
                self.patience.wait()
                continue
            if answer.status < 300:
                return answer
            if answer.status not in AWAY:
                raise Refused(answer.status, answer.sentence)
            self.patience.wait(answer)

    def insist_json(self, method: str, path: str, given: object = None) -> Any:
        body = None if given is None else json.dumps(given).encode()
        answer = self.insist(method, path, {"Content-Type": "application/json"} if body else None, body)
        self.patience.moved()
        return answer.json()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        assert self._where.hostname  # noqa: S101 - checked where it was given
        if self._tls is not None:
            return http.client.HTTPSConnection(
                self._where.hostname, self._where.port, timeout=SILENT_S, context=self._tls
            )
        return http.client.HTTPConnection(self._where.hostname, self._where.port, timeout=SILENT_S)


@contextmanager
def as_sonopost_says() -> Iterator[None]:
    """Around no more than the reading of an answer: one of another shape is a Stranger's."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Stranger from None


def _asked_s(answer: Answer) -> float:
    """Retry-After, as far as it is sensible."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE_S) if text.isdecimal() else 0
