"""A pregnancy has another expected date: whoever read or signed a report by the one before is told, and who reads now."""

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from app.access.actor import WORKER, Actor
from app.audit.events import AuditEvent
from app.db import now, transaction
from app.jobs.timers import Timer, take
from app.notifications.notify import tell
from app.referrals.models import Referral, both_sides
from app.referrals.pregnancy import Pregnancy
from app.reports import marks
from app.reports.dated import changed_since, standing
from app.reports.models import Acknowledgement, Report, ReportVersion, VersionStatus
from app.reviews.looked import tell_who_looked
from app.reviews.models import OPEN, Review

KIND = "pregnancy.redated"


def redated(referral_id: str, timer_id: str) -> None:
    """The job `reports.redated`, on the date as it is then; who set it knows."""
    of = sa.select(Referral).where(Referral.id == UUID(referral_id)).options(*both_sides())
    with transaction(WORKER) as session:
        # Whoever signs at this moment is before this, and their report looked at, or after it, and signs the new date.
        referral = session.scalars(of.with_for_update(of=Referral, key_share=True)).one_or_none()
        timer = session.get(Timer, UUID(timer_id))
        if referral is None or timer is None or not take(session, timer_id):
            return
        known = standing(session, referral.id)
        if known is None:
            return
        by = replace(WORKER, person_id=_by(session, known))
        if reports := _outdated(session, referral, known):
            tell_who_looked(
                session, by, referral, KIND, [one.id for one in reports], also=_signed_or_read(session, reports)
            )
            referral.updated_at = now()
        else:
            _tell_the_reader(session, by, referral, timer.at)


def _by(session: Session, known: Pregnancy) -> UUID | None:
    """Whose act it was."""
    acts = sa.select(AuditEvent.person_id).where(
        AuditEvent.entity_id == known.id, AuditEvent.action.in_(("pregnancy.dated", "pregnancy.joined"))
    )  # fmt: skip
    return session.scalars(acts.order_by(AuditEvent.id.desc()).limit(1)).first()


def _outdated(session: Session, referral: Referral, known: Pregnancy) -> list[Report]:
    """Those whose newest version was signed with another date; one in error says nothing any more."""
    query = sa.select(Report).where(
        Report.referral_id == referral.id, Report.signed_at.is_not(None), Report.status != VersionStatus.ENTERED_IN_ERROR
    )  # fmt: skip
    found = session.scalars(query.options(selectinload(Report.versions).joinedload(ReportVersion.signature)))
    return [one for one in found if changed_since(json.loads(marks.newest(one).canonical or "{}"), known)]


def _signed_or_read(session: Session, reports: list[Report]) -> set[UUID]:
    """Whoever opened one is known by the record."""
    versions = [version for one in reports for version in marks.signed(one)]
    signers = {version.signature.person_id for version in versions if version.signature is not None}
    read = sa.select(Acknowledgement.person_id).where(
        Acknowledgement.report_version_id.in_([one.id for one in versions])
    )
    return signers | set(session.scalars(read))


def _tell_the_reader(session: Session, by: Actor, referral: Referral, at: datetime) -> None:
    """Who has had it since before."""
    mine = sa.select(Review.owner_id).where(
        Review.referral_id == referral.id, Review.status.in_(OPEN), Review.owned_at <= at
    )
    whom = [each for each in session.scalars(mine) if each is not None and each != by.person_id]
    tell(session, whom, KIND, referral, to=referral.reading_organization)
