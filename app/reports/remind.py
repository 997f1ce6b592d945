"""Remind the clinic of what waits for its word: a question, an answer, a file; its time begins anew."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.audit import events
from app.audit.events import AuditEvent
from app.config import settings
from app.db import now
from app.errors import Conflict, Sentence
from app.notifications.notify import tell
from app.people.models import Person
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.reports import chase
from app.reports.models import Report
from app.reviews import clocks
from app.reviews.models import Review, ReviewStatus
from app.reviews.whom import senders

ACTION = "clinic.reminded"
TOLD = {"question": "review.question", "answer": "report.unread", "file": "file.waits"}


def remind(session: Session, actor: Actor, referral: Referral) -> None:
    """`referral` is locked: of two coordinators one reminds, and the other is told who did."""
    require(actor, "review.assign", referral.reading_organization_id)
    _refuse_again(session, referral)
    of = [
        name for name, act in (("question", _question), ("answer", _answer), ("file", _files)) if act(session, referral)
    ]
    if not of:
        raise Conflict("Nothing waits for the clinic's word.", status=referral.status)
    for name in of:
        tell(session, senders(session, referral), TOLD[name], referral, to=referral.organization)
    events.record(session, actor, ACTION, organization_id=referral.organization_id, entity_id=referral.id,
                  referral_id=referral.id, of=of)  # fmt: skip


def _question(session: Session, referral: Referral) -> bool:
    asked = sa.select(Review).where(Review.referral_id == referral.id, Review.status == ReviewStatus.ON_HOLD)
    review = session.scalars(asked).first()
    if review is None:
        return False
    review.reply_due_at = clocks.reply_due(referral, now())
    clocks.asked_again(session, review)
    return True


def _answer(session: Session, referral: Referral) -> bool:
    unread = sa.select(Report).where(
        Report.referral_id == referral.id, Report.signed_at.is_not(None), Report.acknowledged_at.is_(None)
    )
    report = session.scalars(unread).first()
    if report is None:
        return False
    chase.sent_again(session, report, referral)
    return True


def _files(session: Session, referral: Referral) -> bool:
    waits = sa.update(ManifestItem).where(
        ManifestItem.referral_id == referral.id,
        ManifestItem.status.in_((FileStatus.HELD, FileStatus.QUARANTINED)),
    )
    done = session.execute(waits.values(reminded_at=now()).execution_options(synchronize_session=False))
    return bool(done.rowcount)  # type: ignore[attr-defined]  # DML gives a CursorResult


def _refuse_again(session: Session, referral: Referral) -> None:
    since = now() - timedelta(minutes=settings().remind_every_min)
    before = sa.select(AuditEvent).where(
        AuditEvent.entity_id == referral.id, AuditEvent.action == ACTION, AuditEvent.at > since
    )
    last = session.scalars(before.order_by(AuditEvent.id.desc()).limit(1)).first()
    if last is None:
        return
    person = session.get(Person, last.person_id) if last.person_id else None
    raise Conflict(
        Sentence("{name} has just reminded the clinic.", name=person.name if person else "–"),
        since=last.at.isoformat(timespec="seconds"),
    )
