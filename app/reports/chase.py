"""An answer that nobody has read in time is sent again, then it is the coordinator's; each job acts once."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import WORKER
from app.audit import events
from app.db import clock, transaction
from app.jobs.timers import stop, take, wind
from app.notifications.notify import tell
from app.referrals.deadlines import span
from app.referrals.models import Referral, both_sides
from app.reports.models import Report
from app.reviews.whom import coordinators, in_charge, senders

# Timers, by the names of the jobs that they become.
UNREAD, ESCALATE = "reports.unread", "reports.escalate"


def begun(session: Session, report: Report, referral: Referral) -> None:
    """There is something to read: the clinic has as long as the reader had."""
    report.escalated_at = None
    wind(session, UNREAD, report.id, clock(session) + span(referral))
    stop(session, report.id, ESCALATE)


def sent_again(session: Session, report: Report, referral: Referral) -> None:
    """The clinic was told once more, and has its time anew."""
    report.escalated_at = None
    stop(session, report.id, UNREAD)
    wind(session, ESCALATE, report.id, clock(session) + span(referral))


def ended(session: Session, report: Report) -> None:
    """Somebody has read it."""
    report.escalated_at = None
    stop(session, report.id, UNREAD, ESCALATE)


def unread(report_id: str, timer_id: str) -> None:
    """The job `reports.unread`: the answer is sent again, to whoever may acknowledge it."""
    with transaction(WORKER) as session:
        report, referral = _rung(session, report_id, timer_id)
        if report is None or referral is None:
            return
        tell(session, senders(session, referral), "report.unread", referral, to=referral.organization)
        sent_again(session, report, referral)
        _record(session, report, "report.sent-again")


def escalate(report_id: str, timer_id: str) -> None:
    """The job `reports.escalate`: the coordinators of both sides know, until somebody acknowledges."""
    with transaction(WORKER) as session:
        report, referral = _rung(session, report_id, timer_id)
        if report is None or referral is None:
            return
        report.escalated_at = clock(session)
        here = coordinators(session, report.organization_id)
        tell(session, here, "report.unread", referral, to=referral.organization)
        there = set(in_charge(session, report.reading_organization_id)) - set(here)
        tell(session, there, "report.unacknowledged", referral, to=referral.reading_organization)
        _record(session, report, "report.escalated")


def _rung(session: Session, report_id: str, timer_id: str) -> tuple[Report | None, Referral | None]:
    """What a timer rang for, locked; nothing where it has acted before, counts no more, or the answer is read."""
    found = session.get(Report, UUID(report_id))
    if found is None:
        return None, None
    of = sa.select(Referral).where(Referral.id == found.referral_id)
    referral = session.scalars(of.options(*both_sides()).with_for_update(of=Referral, key_share=True)).one()
    session.refresh(found)
    if not take(session, timer_id) or found.acknowledged_at is not None or found.signed_at is None:
        return None, None
    return found, referral


def _record(session: Session, report: Report, action: str) -> None:
    events.record(session, WORKER, action, organization_id=report.organization_id, entity_id=report.id,
                  referral_id=report.referral_id, version=report.version)  # fmt: skip
