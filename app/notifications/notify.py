"""Tell somebody that something waits: a row and a mail job in the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import new_id, now
from app.jobs.queue import enqueue
from app.languages import first_known
from app.notifications.inbox import IS_UNREAD
from app.notifications.models import DIGEST, OFF, QUEUED, Notification
from app.notifications.subjects import subject_line
from app.people.models import Mails, Organization, Person

AT_ONCE = "stat"  # due within the hour, which is as long as a digest may wait
CRITICAL = "critical."  # kinds that begin so go to everybody at once, whatever they have chosen


class Case(Protocol):
    """What may be said of a referral outside: priority, site, deadline and code, and nothing clinical."""

    @property
    def id(self) -> UUID: ...
    @property
    def code(self) -> str: ...
    @property
    def priority(self) -> str: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def organization(self) -> Organization: ...


def tell(
    session: Session, person_ids: Iterable[UUID], kind: str, case: Case, *, to: Organization, personally: bool = True
) -> None:
    """One notification a person, in their language or that of `to`, as whose members they are told; the mail
    goes by its own job, or with others, as each has chosen.

    Not `personally`: it waits for whoever is free."""
    query = sa.select(Person.id, Person.language, Person.mails).where(Person.id.in_(set(person_ids)))
    for person in sorted(session.execute(query), key=lambda row: row.id):
        say = first_known(person.language, to.language)
        subject = subject_line(kind, case.priority, case.organization, to, case.due_at, case.code, say)
        status, reason = _way(kind, person.mails, case.priority, personally)
        notification = Notification(
            id=new_id(), organization_id=to.id, person_id=person.id, kind=kind, referral_id=case.id, subject=subject,
            for_anyone=not personally, mail_status=status, mail_reason=reason,
        )  # fmt: skip
        session.add(notification)
        if status == QUEUED:
            enqueue(session, "notifications.mail", notification.id)


def _way(kind: str, mails: str, priority: str, personally: bool) -> tuple[str, str]:
    if kind.startswith(CRITICAL):
        return QUEUED, ""
    if mails == Mails.ASSIGNED and not personally:
        return OFF, "Only cases of their own go to this person by mail."
    if mails == Mails.DIGEST and priority != AT_ONCE:
        return DIGEST, ""
    return QUEUED, ""


def withdraw(session: Session, referral_id: UUID, organization_id: UUID, reason: str) -> None:
    """The case is no longer this organization's: nothing of it waits for anybody as its member."""
    waits = sa.and_(Notification.referral_id == referral_id, Notification.organization_id == organization_id, IS_UNREAD)
    _end(session, waits, reason)


def settle(session: Session, referral_id: UUID, reason: str, *, but: UUID | None = None) -> None:
    """Nobody has to take it any more, but for who has: what still says so waits no more, and goes by no mail."""
    waits = sa.and_(
        Notification.referral_id == referral_id, Notification.for_anyone.is_(True), IS_UNREAD,
        Notification.person_id != but if but is not None else sa.true(),
    )  # fmt: skip
    _end(session, waits, reason)


def settle_told(session: Session, referral_id: UUID, kind: str, reason: str) -> None:
    """What was told to several of them, one has seen to."""
    _end(session, sa.and_(Notification.referral_id == referral_id, Notification.kind == kind, IS_UNREAD), reason)


def _end(session: Session, waits: sa.ColumnElement[bool], reason: str) -> None:
    unsent = sa.and_(waits, Notification.mail_status.in_((QUEUED, DIGEST)))
    taken = sa.update(Notification).execution_options(synchronize_session=False)
    session.execute(taken.where(unsent).values(mail_status=OFF, mail_reason=reason))
    session.execute(taken.where(waits).values(settled_at=now()))
