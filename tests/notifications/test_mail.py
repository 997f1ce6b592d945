"""Somebody is told by mail that something waits, on a real mail server that takes, delays, refuses or hangs."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from app import config
from app.access.actor import WORKER
from app.config import Settings, WrongSetting
from app.db import reading, transaction
from app.errors import NotFound
from app.jobs import queue
from app.notifications import inbox, mail
from app.notifications.models import Notification
from app.people.models import Organization, Person
from app.referrals.given import GivenReferral
from app.referrals.place import place
from app.reviews.submit import for_change, submit
from tests.people import Places
from tests.servers.app import working
from tests.servers.process import free_ports
from tests.servers.smtp import HANG, Mailbox

pytestmark = pytest.mark.usefixtures("db")
PRIVATE = ("Wanjiru", "Achieng", "bleeding", "ob-second-trimester", "LDW-4711", "1998-03", "obstet", "female")


def ask(places: Places) -> str:
    """A referral is submitted, so that the readers are told; its code."""
    given = GivenReferral.model_validate({
        "patient": {"identifier": "LDW-4711", "family_name": "Wanjiru", "given_name": "Achieng",
                    "birth_date": "1998-03-04", "sex": "female"},
        "exam_type": "ob-second-trimester", "question": "bleeding since yesterday: placenta?", "priority": "asap",
        "callback": {"name": "Achieng", "phone": "+254 700 000000"},
    })  # fmt: skip
    with transaction(places.referrer.actor) as session:
        referral = place(session, places.referrer.actor, given)
        session.flush()
        submit(session, places.referrer.actor, for_change(session, places.referrer.actor, referral.id))
        return referral.code


def the_reviewers(places: Places) -> Notification:
    with reading(WORKER) as session:
        (row,) = inbox.inbox(session, places.reviewer.id)
        return row


@contextmanager
def mailing(settings: Settings, smtp_url: str) -> Iterator[None]:
    """This process, with that mail server."""
    given = settings.model_dump()
    config.load(**given | {"smtp_url": smtp_url, "public_url": "https://sono.example.org"})
    yield
    config.load(**given)


def test_the_mail_says_what_waits_and_where_and_nothing_of_the_patient(
    db: Settings, places: Places, mailbox: Mailbox
) -> None:
    code = ask(places)
    with mailing(db, mailbox.url):
        mail.send_mail(str(the_reviewers(places).id))
    (sent,) = mailbox.wait_for(1)
    assert sent.recipients == (places.reviewer.email,)
    subject, body = sent.message["Subject"], sent.message.get_content()
    assert re.fullmatch(rf"URGENT read waiting, Lodwar clinic, due (\d+ \w+ )?\d\d:\d\d, {code}", subject)
    row = the_reviewers(places)
    assert body.split() == [*subject.split(), f"https://sono.example.org/referrals/{row.referral_id}"]
    everything = sent.message.as_string()
    assert not [word for word in PRIVATE if word.casefold() in everything.casefold()]
    assert sent.message["Message-ID"] == f"<{row.id}@sono.example.org>"
    assert (row.mail_status, row.mail_reason) == ("sent", "")
    assert row.sent_at is not None


def test_a_mail_that_was_sent_is_not_sent_again_by_a_repeated_job(
    db: Settings, places: Places, mailbox: Mailbox
) -> None:
    ask(places)
    with mailing(db, mailbox.url):
        for _ in range(3):
            mail.send_mail(str(the_reviewers(places).id))
    assert mailbox.attempts == 1


def test_each_reader_is_told_and_the_referrer_is_not(places: Places) -> None:
    ask(places)
    with reading(WORKER) as session:
        told = set(session.scalars(sa.select(Notification.person_id)))
    assert told == {places.reviewer.id, places.second_reviewer.id, places.coordinator.id}
    jobs = queue.client().list_workflows(name="notifications.mail")
    assert {str(job.input["args"][0]) for job in jobs if job.input} == {
        str(notification_id) for notification_id in _all_ids()
    }


def _all_ids() -> list[UUID]:
    with reading(WORKER) as session:
        return list(session.scalars(sa.select(Notification.id)))


def test_the_subject_is_in_the_language_of_who_is_told(db: Settings, places: Places, mailbox: Mailbox) -> None:
    with transaction(WORKER) as session:
        session.get_one(Person, places.reviewer.id).language = "fr"
    code = ask(places)
    with mailing(db, mailbox.url):
        mail.send_mail(str(the_reviewers(places).id))
    (sent,) = mailbox.wait_for(1)
    subject = sent.message["Subject"]
    assert re.fullmatch(rf"Lecture URGENTE demandée, Lodwar clinic, échéance (\d+ \S+ )?\d\d:\d\d, {code}", subject)
    assert not [word for word in PRIVATE if word in sent.message.as_string()]
    with reading(WORKER) as session:
        others = {
            row.subject for row in session.scalars(sa.select(Notification)) if row.person_id != places.reviewer.id
        }
    assert {subject.partition(",")[0] for subject in others} == {"URGENT read waiting"}


def test_who_chose_no_language_is_told_in_that_of_their_organization(db: Settings, places: Places) -> None:
    with transaction(WORKER) as session:
        session.get_one(Organization, places.hospital).language = "fr-CD"
        session.get_one(Person, places.second_reviewer.id).language = "en"
    ask(places)
    with reading(WORKER) as session:
        said = {row.person_id: row.subject for row in session.scalars(sa.select(Notification))}
    assert said[places.reviewer.id].startswith("Lecture URGENTE demandée, ")
    assert said[places.second_reviewer.id].startswith("URGENT read waiting, ")


@pytest.mark.parametrize("answer", ["451 4.3.0 come later", "421 4.3.2 closing", "535 5.7.8 wrong password"])
def test_what_may_pass_is_tried_again(db: Settings, places: Places, mailbox: Mailbox, answer: str) -> None:
    ask(places)
    mailbox.fail_next(answer)
    with mailing(db, mailbox.url):
        with pytest.raises(mail.MailAway):
            mail.send_mail(str(the_reviewers(places).id))
        assert the_reviewers(places).mail_status == "queued"
        assert answer[:3] in the_reviewers(places).mail_reason
        mail.send_mail(str(the_reviewers(places).id))
    mailbox.wait_for(1)
    assert (the_reviewers(places).mail_status, the_reviewers(places).mail_reason) == ("sent", "")


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_mail_refused_for_good_is_shown_as_failed_and_not_tried_again(
    db: Settings, places: Places, mailbox: Mailbox, step: str
) -> None:
    ask(places)
    mailbox.fail_next("550 5.1.1 no such person", at="RCPT" if step == "RCPT" else "DATA")
    with mailing(db, mailbox.url):
        mail.send_mail(str(the_reviewers(places).id))
        mail.send_mail(str(the_reviewers(places).id))
    assert the_reviewers(places).mail_status == "failed"
    assert "550" in the_reviewers(places).mail_reason
    assert mailbox.attempts == 1


def test_a_mail_server_that_is_away_leaves_the_mail_queued_for_a_day(db: Settings, places: Places) -> None:
    ask(places)
    (closed,) = free_ports(1)
    with mailing(db, f"smtp://127.0.0.1:{closed}"):
        with pytest.raises(mail.MailAway):
            mail.send_mail(str(the_reviewers(places).id))
        assert the_reviewers(places).mail_status == "queued"
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=23, minutes=30)):
            mail.send_mail(str(the_reviewers(places).id))
    assert the_reviewers(places).mail_status == "failed"
    assert "a day" in the_reviewers(places).mail_reason


def test_a_mail_server_that_hangs_is_left_alone_after_a_time(db: Settings, places: Places, mailbox: Mailbox) -> None:
    ask(places)
    mailbox.fail_next(HANG)
    with mailing(db.model_copy(update={"mail_wait_s": 0.5}), mailbox.url), pytest.raises(mail.MailAway):
        mail.send_mail(str(the_reviewers(places).id))
    assert the_reviewers(places).mail_status == "queued"


def test_without_a_mail_server_nothing_fails_and_the_page_still_tells(db: Settings, places: Places) -> None:
    ask(places)
    mail.send_mail(str(the_reviewers(places).id))
    assert the_reviewers(places).mail_status == "off"


def test_a_closed_account_gets_no_mail(db: Settings, places: Places, mailbox: Mailbox) -> None:
    ask(places)
    with transaction(WORKER) as session:
        session.get_one(Person, places.reviewer.id).disabled_at = datetime.now(UTC)
    with mailing(db, mailbox.url):
        mail.send_mail(str(the_reviewers(places).id))
    assert mailbox.attempts == 0
    assert the_reviewers(places).mail_status == "failed"


def test_a_worker_sends_the_mails_and_repeats_what_was_put_off(
    environment: dict[str, str], places: Places, mailbox: Mailbox, tmp_path: Path
) -> None:
    mailbox.fail_next("451 4.3.0 come later", "451 4.3.0 come later")
    ask(places)
    with working(
        environment | {"SONOPOST_SMTP_URL": mailbox.url, "SONOPOST_PUBLIC_URL": "https://a.example"}
    ) as worker:
        mails = mailbox.wait_for(3, timeout_s=40)
        _until(lambda: the_reviewers(places).mail_status == "sent")
    assert len({each.recipients for each in mails}) == 3
    assert mailbox.attempts == 5
    written = worker.log.read_text()
    assert not [word for word in (*PRIVATE, places.reviewer.email) if word in written]


def test_a_wrong_mail_server_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="SONOPOST_SMTP_URL must be smtp://host"):
        config.load(data_dir=tmp_path, smtp_url="mail.example.org")


def test_the_inbox_is_the_newest_first_in_pages_and_marks_what_was_read(places: Places) -> None:
    codes = [ask(places) for _ in range(3)]
    with reading(WORKER) as session:
        first = inbox.inbox(session, places.reviewer.id, limit=2)
        second = inbox.inbox(session, places.reviewer.id, before=first[-1].id, limit=2)
        assert inbox.unread_count(session, places.reviewer.id) == 3
    assert [row.subject[-7:] for row in (*first, *second)] == codes[::-1]
    with transaction(places.reviewer.actor) as session:
        inbox.mark_read(session, places.reviewer.id, first[0].id)
    with reading(WORKER) as session:
        assert inbox.unread_count(session, places.reviewer.id) == 2
    with pytest.raises(NotFound), transaction(places.stranger_reviewer.actor) as session:
        inbox.mark_read(session, places.stranger_reviewer.id, first[0].id)


def _until(true: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
