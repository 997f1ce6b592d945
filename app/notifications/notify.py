"""Tell somebody that something waits: a row and a mail job in the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import new_id
from app.jobs.queue import enqueue
from app.languages import first_known
from app.notifications.models import Notification
from app.notifications.subjects import subject_line
from app.people.models import Organization, Person


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


def tell(session: Session, person_ids: Iterable[UUID], kind: str, case: Case, *, to: Organization) -> None:
    """One notification a person, in their language or that of `to`, as whose members they are told; the mail
    goes by its own job."""
    query = sa.select(Person.id, Person.language).where(Person.id.in_(set(person_ids)))
    languages: dict[UUID, str | None] = {row.id: row.language for row in session.execute(query)}
    for person_id in sorted(languages):
        say = first_known(languages[person_id], to.language)
        subject = subject_line(kind, case.priority, case.organization, to, case.due_at, case.code, say)
        notification = Notification(id=new_id(), organization_id=to.id, person_id=person_id, kind=kind,
                                    referral_id=case.id, subject=subject)  # fmt: skip
        session.add(notification)
        enqueue(session, "notifications.mail", notification.id)
