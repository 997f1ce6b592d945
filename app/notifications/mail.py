"""The mail of a notification: one line that says what waits, and a link; nothing of the patient or the exam."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app import log
from app.access.actor import WORKER
from app.config import Settings, settings
from app.db import now, reading, transaction
from app.errors import Sentence
from app.notifications.models import FAILED, OFF, QUEUED, SENT, Notification

GIVE_UP_AFTER = timedelta(hours=23)  # before the job's own last attempt, so that the failure is seen at the mail
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class MailAway(Exception):
    """The mail server is away or asks to come later: the job tries again."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(Exception):
    """The mail server will never take it (RFC 5321 4.2.1, 5yz)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.sentence = Sentence("The mail server refused it for good ({code}).", code=code)


def send_mail(notification_id: str) -> None:
    """The job `notifications.mail`; a mail that was sent, refused or switched off is not tried again."""
    with reading(WORKER) as session:
        query = sa.select(Notification).where(Notification.id == UUID(notification_id))
        waiting = session.scalars(query.options(joinedload(Notification.person))).one_or_none()
    if waiting is None or waiting.mail_status != QUEUED:
        return
    if waiting.read_at is not None:
        _note(waiting, OFF, "It was read before the mail went.")
        return
    if not settings().smtp_url:
        _note(waiting, OFF, "No mail server is set.")
        return
    if waiting.person.disabled_at is not None:
        _note(waiting, FAILED, "The person's account is closed.")
        return
    try:
        deliver(message_of(waiting, settings()), settings())
    except Refused as refused:
        _note(waiting, FAILED, refused.sentence)
    except MailAway as away:
        if now() - waiting.created_at > GIVE_UP_AFTER:
            _note(waiting, FAILED, tried_for_a_day(away))
            return
        _note(waiting, QUEUED, Sentence("{reason} It is tried again.", reason=away.sentence))
        raise
    else:
        _note(waiting, SENT, "")


def tried_for_a_day(away: MailAway) -> Sentence:
    return Sentence("{reason} It was tried for a day.", reason=away.sentence)


def message_of(notification: Notification, now_set: Settings) -> EmailMessage:
    """The same bytes at every attempt, so that a mail server can tell a repetition."""
    return written(notification, now_set, notification.subject, [link_of(notification, now_set)])


def link_of(notification: Notification, now_set: Settings) -> str:
    return f"{now_set.public_url}/referrals/{notification.referral_id}"


def written(last: Notification, now_set: Settings, subject: str, parts: list[str]) -> EmailMessage:
    """A mail of which `last` is the newest thing that it tells."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = now_set.mail_from
    message["To"] = last.person.email
    message["Subject"] = subject
    message["Date"] = format_datetime(last.created_at)
    host = urlsplit(now_set.public_url).hostname or "localhost"
    message["Message-ID"] = f"<{last.id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 5: no out-of-office answers
    text = "\n\n".join([subject, *parts])
    message.set_content(f"{text}\n", charset="utf-8", cte="quoted-printable")
    return message


def deliver(message: EmailMessage, now_set: Settings) -> None:
    """Hand it over, or raise MailAway or Refused."""
    try:
        with _connected(now_set.smtp_url) as server:
            _send(server, message)
    except smtplib.SMTPRecipientsRefused as refused:
        code = next(iter(refused.recipients.values()))[0]
        raise _by_code(code) from None
    except smtplib.SMTPResponseException as answer:
        raise _by_code(answer.smtp_code) from None
    except (OSError, smtplib.SMTPException) as away:  # OSError: refused, unreachable, time-out, TLS
        raise MailAway(Sentence("The mail server does not answer ({how}).", how=type(away).__name__)) from None


def _send(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPNotSupportedError:  # an address beyond ASCII, and a server without SMTPUTF8 (RFC 6531)
        raise Refused(553) from None


def check() -> str:
    """For `sonopost check`: what the mail server says, without a mail."""
    if not settings().smtp_url:
        return "off: SONOPOST_SMTP_URL is not set"
    try:
        with _connected(settings().smtp_url) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as away:
        raise MailAway(Sentence("the mail server does not answer ({how})", how=type(away).__name__)) from None
    return "answers"


@contextmanager
def _connected(smtp_url: str) -> Iterator[smtplib.SMTP]:
    url = urlsplit(smtp_url)
    host, port = url.hostname or "", url.port or PORTS[url.scheme]
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=settings().mail_wait_s, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(host, port, timeout=settings().mail_wait_s)
    try:
        if url.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        yield server
    finally:
        # Once DATA was answered the mail is theirs; a quarrel at QUIT must not send it again.
        with suppress(OSError, smtplib.SMTPException):
            server.quit()


def _by_code(code: int) -> Exception:
    # 535 and its kin are our own wrong settings, which somebody may put right within the day.
    for_good = 500 <= code < 600 and code not in (530, 534, 535, 538)
    return Refused(code) if for_good else MailAway(Sentence("The mail server asks to come later ({code}).", code=code))


def _note(notification: Notification, status: str, reason: str) -> None:
    note([notification], status, reason)


def note(told: Sequence[Notification], status: str, reason: str) -> None:
    """Keep what became of it, to be seen in the pages; never back from a state that is final."""
    ids = [one.id for one in told]
    with transaction(WORKER) as session:
        session.execute(
            sa.update(Notification)
            .where(Notification.id.in_(ids), Notification.mail_status.not_in((SENT, FAILED)))
            .values(mail_status=status, mail_reason=reason, sent_at=now() if status == SENT else None)
        )
    log.get().info("mail", notification_id=str(ids[-1]), count=len(ids), outcome=status)
