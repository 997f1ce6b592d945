"""What waits for a person, once an hour in one mail, for whoever wants it so."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app.access.actor import WORKER
from app.config import settings
from app.db import now, reading, transaction
from app.jobs.queue import enqueue
from app.languages import first_known
from app.notifications.mail import GIVE_UP_AFTER, MailAway, Refused, deliver, link_of, note, tried_for_a_day, written
from app.notifications.models import DIGEST, FAILED, OFF, SENT, Notification

MOST = 100  # in one mail; the rest comes with the next


def gather() -> None:
    """By the clock: a job for each person for whom something was put together."""
    with transaction(WORKER) as session:
        waits = sa.select(Notification.person_id).where(Notification.mail_status == DIGEST).distinct()
        for person_id in session.scalars(waits):
            enqueue(session, "notifications.digest", person_id, once=f"digest-{person_id}")


def send_digest(person_id: str) -> None:
    """The job `notifications.digest`: one mail of what is still unread; on failure the same things are told again."""
    told = _put_together(UUID(person_id))
    if seen := [one for one in told if one.read_at is not None]:
        note(seen, OFF, "It was read before the mail went.")
    rest = [one for one in told if one.read_at is None]
    if not rest:
        return
    if not settings().smtp_url or rest[0].person.disabled_at is not None:
        note(rest, OFF, "The person's account is closed." if settings().smtp_url else "No mail server is set.")
        return
    try:
        _send(rest)
    except Refused as refused:
        note(rest, FAILED, refused.sentence)
    except MailAway as away:
        if old := [one for one in rest if now() - one.created_at > GIVE_UP_AFTER]:
            note(old, FAILED, tried_for_a_day(away))
        if len(old) < len(rest):
            raise
    else:
        note(rest, SENT, "")


def _put_together(person_id: UUID) -> list[Notification]:
    query = sa.select(Notification).where(Notification.person_id == person_id, Notification.mail_status == DIGEST)
    with reading(WORKER) as session:
        oldest = query.options(joinedload(Notification.person)).order_by(Notification.id).limit(MOST)
        return list(session.scalars(oldest))


def _send(told: list[Notification]) -> None:
    say = first_known(told[0].person.language)
    subject = say.ngettext("{n} thing waits for you", "{n} things wait for you", len(told)).format(n=len(told))
    parts = [f"{one.subject}\n{link_of(one, settings())}" for one in told]
    deliver(written(told[-1], settings(), subject, parts), settings())
