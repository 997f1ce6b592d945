"""Which mails a person chose: at once, together once an hour, or of their own cases; and what a claim stops."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from app.access import profile
from app.access.actor import WORKER
from app.cases.case import OF_REFERRAL
from app.config import Settings
from app.db import reading, transaction
from app.jobs import queue
from app.notifications import digest, inbox, mail
from app.notifications.notify import tell
from app.people.models import Mails
from app.referrals.models import Referral
from app.reviews import claim
from app.reviews.models import Review
from app.reviews.step import loaded
from tests.notifications.test_mail import PRIVATE, ask, mailing
from tests.people import Places, Somebody
from tests.reviews.test_worklist import plan_of
from tests.servers.process import free_ports
from tests.servers.smtp import Mailbox

pytestmark = pytest.mark.usefixtures("db")


def choose(who: Somebody, mails: Mails) -> None:
    with transaction(who.actor) as session:
        profile.choose_mails(session, who.actor, mails)


def states(who: Somebody) -> list[str]:
    """Of what they were told, the oldest first."""
    with reading(WORKER) as session:
        return [row.state for row in reversed(inbox.inbox(session, who.id))]


def mail_jobs() -> int:
    return len(queue.client().list_workflows(name="notifications.mail"))


def the_review(code: str) -> Review:
    with reading(WORKER) as session:
        return session.scalars(sa.select(Review).where(Review.referral.has(code=code))).one()


def claimed(who: Somebody, code: str) -> None:
    with transaction(who.actor) as session:
        claim.claim(session, who.actor, loaded(session, who.actor, the_review(code).id))


def test_who_wants_only_their_own_is_mailed_when_it_is_assigned_and_told_in_the_pages_always(places: Places) -> None:
    choose(places.reviewer, Mails.ASSIGNED)
    code = ask(places)
    assert states(places.reviewer) == ["off"]
    assert mail_jobs() == 2  # the two others
    with transaction(places.coordinator.actor) as session:
        review = loaded(session, places.coordinator.actor, the_review(code).id)
        claim.assign(session, places.coordinator.actor, review, places.reviewer.id)
    assert states(places.reviewer) == ["off", "queued"]
    with reading(WORKER) as session:
        assert inbox.unread_count(session, places.reviewer.id) == 2


def test_a_digest_is_one_mail_of_what_is_still_unread(db: Settings, places: Places, mailbox: Mailbox) -> None:
    choose(places.reviewer, Mails.DIGEST)
    codes = [ask(places) for _ in range(3)]
    assert states(places.reviewer) == ["queued"] * 3
    with transaction(places.reviewer.actor) as session:
        inbox.mark_case_read(session, places.reviewer.id, the_review(codes[0]).referral_id)
    with mailing(db, mailbox.url):
        digest.gather()
        (job,) = queue.client().list_workflows(name="notifications.digest")
        assert job.input is not None
        assert list(job.input["args"]) == [str(places.reviewer.id)]
        for _ in range(2):
            digest.send_digest(str(places.reviewer.id))
    (sent,) = mailbox.wait_for(1)
    assert mailbox.attempts == 1
    assert sent.message["Subject"] == "2 things wait for you"
    body = sent.message.get_content()
    assert [code in body for code in codes] == [False, True, True]
    assert body.count("https://sono.example.org/referrals/") == 2
    assert not [word for word in PRIVATE if word.casefold() in sent.message.as_string().casefold()]
    assert states(places.reviewer) == ["read", "sent", "sent"]


def test_what_is_due_within_the_hour_waits_for_no_digest(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(places.reviewer, Mails.DIGEST)
    before = mail_jobs()
    ask(places)
    assert mail_jobs() - before == 2
    monkeypatch.setattr("app.notifications.notify.AT_ONCE", "asap")  # as which `ask` asks
    ask(places)
    assert mail_jobs() - before == 5


def test_a_digest_that_cannot_go_is_tried_again_and_shown_as_failed_after_a_day(db: Settings, places: Places) -> None:
    choose(places.reviewer, Mails.DIGEST)
    ask(places)
    (closed,) = free_ports(1)
    with mailing(db, f"smtp://127.0.0.1:{closed}"):
        with pytest.raises(mail.MailAway):
            digest.send_digest(str(places.reviewer.id))
        assert states(places.reviewer) == ["queued"]
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=23, minutes=30)):
            digest.send_digest(str(places.reviewer.id))
    assert states(places.reviewer) == ["failed"]


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_digest_refused_for_good_is_not_sent_again(db: Settings, places: Places, mailbox: Mailbox, step: str) -> None:
    choose(places.reviewer, Mails.DIGEST)
    ask(places)
    mailbox.fail_next("550 5.1.1 no such person", at="RCPT" if step == "RCPT" else "DATA")
    with mailing(db, mailbox.url):
        for _ in range(2):
            digest.send_digest(str(places.reviewer.id))
    assert states(places.reviewer) == ["failed"]
    assert mailbox.attempts == 1


@pytest.mark.parametrize("mails", [Mails.INSTANTLY, Mails.DIGEST])
def test_a_claim_stops_what_waits_for_the_others(db: Settings, places: Places, mailbox: Mailbox, mails: Mails) -> None:
    choose(places.second_reviewer, mails)
    code, other = ask(places), ask(places)
    claimed(places.reviewer, code)
    with reading(WORKER) as session:
        told = {row.referral_id: row for row in inbox.inbox(session, places.second_reviewer.id)}
        unread = {who.name: inbox.unread_count(session, who.id) for who in (places.reviewer, places.second_reviewer)}
    stopped, open_ = told[the_review(code).referral_id], told[the_review(other).referral_id]
    assert (stopped.state, stopped.mail_reason) == ("off", "Somebody else has taken it.")
    assert stopped.settled_at is not None
    assert (open_.state, open_.settled_at) == ("queued", None)
    assert unread == {places.reviewer.name: 2, places.second_reviewer.name: 1}
    with mailing(db, mailbox.url):
        mail.send_mail(str(stopped.id))
        digest.send_digest(str(places.second_reviewer.id))
    assert mailbox.attempts == (1 if mails == Mails.DIGEST else 0)


def test_a_claim_stops_every_reminder_to_take_it_and_none_that_is_personal(places: Places) -> None:
    code = ask(places)
    with transaction(WORKER) as session:
        case = session.scalars(sa.select(Referral).where(Referral.code == code).options(*OF_REFERRAL)).one()
        to = case.reading_organization
        tell(session, [places.coordinator.id], "review.overdue", case, to=to)
        tell(session, [places.second_reviewer.id], "review.overdue", case, to=to, personally=False)
    claimed(places.reviewer, code)
    assert states(places.second_reviewer) == ["off", "off"]
    assert states(places.coordinator) == ["off", "queued"]


def test_what_was_read_before_its_mail_went_goes_by_no_mail(db: Settings, places: Places, mailbox: Mailbox) -> None:
    ask(places)
    with transaction(places.reviewer.actor) as session:
        inbox.mark_all_read(session, places.reviewer.id)
    with reading(WORKER) as session:
        (row,) = inbox.inbox(session, places.reviewer.id)
    with mailing(db, mailbox.url):
        mail.send_mail(str(row.id))
    assert mailbox.attempts == 0
    assert states(places.reviewer) == ["read"]


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_counting_what_is_unread_walks_the_index_of_it(places: Places) -> None:
    def counted() -> None:
        with reading(WORKER) as session:
            inbox.unread_count(session, places.reviewer.id)

    assert "ix_notification_unread" in plan_of(counted)
