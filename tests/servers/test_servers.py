"""The servers that other tests lean on do what those tests believe of them."""

import os
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import LiteralString

import boto3
import psutil
import psycopg
import pytest
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError

from tests.servers.postgres import fresh_database, libpq_url, throwaway_postgres
from tests.servers.s3 import throwaway_s3
from tests.servers.smtp import HANG, Mailbox, throwaway_smtp

MAIL = EmailMessage()
MAIL["Subject"] = "Something waits for you – ምስል"
MAIL.set_content("https://example.org/r/1")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with throwaway_smtp() as mailbox:
        yield mailbox


def send(mailbox: Mailbox, timeout_s: float = 5) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=timeout_s) as client:
        client.send_message(MAIL, "from@example.org", ["to@example.org"])


def test_a_mail_arrives_with_its_envelope_and_subject(mailbox: Mailbox) -> None:
    send(mailbox)
    (mail,) = mailbox.wait_for(1)
    assert (mail.sender, mail.recipients) == ("from@example.org", ("to@example.org",))
    assert mail.message["Subject"] == "Something waits for you – ምስል"
    assert mail.message.get_content().strip() == "https://example.org/r/1"


def test_a_scripted_failure_is_answered_once_and_then_mail_passes(mailbox: Mailbox) -> None:
    mailbox.fail_next("451 4.3.0 later")
    with pytest.raises(smtplib.SMTPDataError) as later:
        send(mailbox)
    mailbox.fail_next("550 5.1.1 unknown", at="RCPT")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox)
    send(mailbox)
    assert later.value.smtp_code == 451
    assert refused.value.recipients["to@example.org"][0] == 550
    assert len(mailbox.mails) == 1
    assert mailbox.attempts == 3


def test_a_hanging_mail_server_leaves_the_sender_to_its_own_time_limit(mailbox: Mailbox) -> None:
    mailbox.fail_next(HANG)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(mailbox, timeout_s=0.5)
    mailbox.wait_for_attempts(1)
    send(mailbox)
    assert len(mailbox.wait_for(1)) == 1


def answer(url: str, statement: LiteralString) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(url)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.postgres
def test_databases_are_copies_of_their_template_and_go_away() -> None:
    with throwaway_postgres() as server_url:
        with fresh_database(server_url) as template_url:
            answer(template_url, "CREATE TABLE thing AS SELECT 7 AS size")
            template = template_url.rpartition("/")[2]
            with fresh_database(server_url, template) as copy_url:
                assert answer(copy_url, "TABLE thing") == [(7,)]
        assert answer(server_url, "SELECT datname FROM pg_database WHERE NOT datistemplate") == [("postgres",)]


def test_the_bucket_takes_keys_of_its_owner_and_of_nobody_else() -> None:
    with throwaway_s3() as server:
        owner = boto3.client(
            "s3", endpoint_url=server.endpoint_url, region_name=server.region,
            aws_access_key_id=server.access_key_id, aws_secret_access_key=server.secret_access_key,
        )  # fmt: skip
        owner.put_object(Bucket=server.bucket, Key="a/b", Body=b"bytes")
        assert owner.get_object(Bucket=server.bucket, Key="a/b")["Body"].read() == b"bytes"
        nobody = boto3.client(
            "s3", endpoint_url=server.endpoint_url, region_name=server.region,
            config=Config(signature_version=UNSIGNED),
        )  # fmt: skip
        with pytest.raises(ClientError) as refused:
            nobody.get_object(Bucket=server.bucket, Key="a/b")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


SERVE_AND_WAIT = """
import sys, time
from tests.servers.{module} import throwaway_{module} as throwaway
with throwaway() as server:
    print(getattr(server, "endpoint_url", server), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Removed at the end, as a killed run removes nothing; PostgreSQL's other user may enter it."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("module", ["postgres", "s3"])
def test_a_server_dies_with_a_killed_test_run(module: str, open_folder: Path) -> None:
    run = psutil.Popen(
        [sys.executable, "-c", SERVE_AND_WAIT.format(module=module)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(open_folder)},
    )
    run.stdout.readline()
    servers = run.children(recursive=True)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 10
    while any(map(_alive, servers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert servers
    assert not any(map(_alive, servers))


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
