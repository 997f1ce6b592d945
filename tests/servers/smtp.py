"""A throw-away SMTP server that keeps what it is sent and fails when told to."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers.process import free_ports

Step = Literal["RCPT", "DATA"]
HANG = "hang"  # the server takes the command and never answers


@dataclass(frozen=True)
class Mail:
    """One message that was accepted, with the addresses of its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


@dataclass
class Mailbox:
    """What came, and the failures still to be answered; both change under one condition."""

    port: int
    attempts: int = 0
    mails: list[Mail] = field(default_factory=list)
    _failures: dict[Step, deque[str]] = field(default_factory=lambda: {"RCPT": deque(), "DATA": deque()})
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def fail_next(self, *answers: str, at: Step = "DATA") -> None:
        """The next commands `at` get these answers, one each: "451 4.3.0 later", "550 5.1.1 no", HANG."""
        with self._changed:
            self._failures[at].extend(answers)

    def wait_for(self, count: int, timeout_s: float = 10) -> list[Mail]:
        """Return the mails once there are `count` of them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.mails) >= count, timeout_s):
                raise AssertionError(f"{len(self.mails)} of {count} mails came, {self.attempts} attempts")
            return list(self.mails)

    def wait_for_one_to(self, address: str, timeout_s: float = 20) -> Mail:
        """Return the first mail to this address once it is there."""

        def found() -> Mail | None:
            return next((mail for mail in self.mails if address in mail.recipients), None)

        with self._changed:
            if (mail := self._changed.wait_for(found, timeout_s)) is None:
                raise AssertionError(f"none of {len(self.mails)} mails went to {address}")
            return mail

    def wait_for_attempts(self, count: int, timeout_s: float = 10) -> None:
        """Return once `count` messages or recipients were tried, accepted or not."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.attempts >= count, timeout_s):
                raise AssertionError(f"{self.attempts} of {count} attempts came")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if failure := await self._failure("RCPT"):
            return failure
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if failure := await self._failure("DATA"):
            return failure
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        with self._changed:
            self.attempts += 1
            self.mails.append(Mail(str(envelope.mail_from), tuple(envelope.rcpt_tos), message))
            self._changed.notify_all()
        return "250 OK"

    async def _failure(self, step: Step) -> str | None:
        with self._changed:
            if not self._failures[step]:
                return None
            answer = self._failures[step].popleft()
            self.attempts += 1
            self._changed.notify_all()
        if answer == HANG:
            await asyncio.Event().wait()
        return answer


@contextmanager
def throwaway_smtp() -> Iterator[Mailbox]:
    """A mailbox behind a real SMTP server on a port of the loopback."""
    (port,) = free_ports(1)
    mailbox = Mailbox(port)
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
