"""Raise a critical finding in one press, tell the site at once, and record who told whom, until somebody said it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor, person_of, require
from app.access.administer import require_admin
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict, Invalid, NotFound, Sentence
from app.notifications.inbox import told_in
from app.notifications.models import Notification
from app.notifications.notify import settle_told, tell
from app.people.models import Organization, Person
from app.referrals.models import Referral, ReferralStatus, both_sides
from app.reports.critical_finding import (
    SPOKEN,
    TRANSITIONS,
    CriticalFinding,
    CriticalStatus,
    Method,
    is_any_open,
    of_referral,
)
from app.reports.critical_list import Grade, Offered, changed, offered
from app.reports.models import Report, VersionStatus
from app.reviews.claim import TAKEN
from app.reviews.models import Review
from app.reviews.step import WHOLE, lock
from app.reviews.whom import coordinators, senders

AHEAD = timedelta(minutes=5)  # by which clocks differ


@dataclass(frozen=True)
class Said:
    """Who told whom, when and how; `is_read_back`: they repeated it."""

    received_by: str
    method: str
    communicated_by: str = ""
    received_at: datetime | None = None
    is_read_back: bool = False


def raise_finding(session: Session, actor: Actor, review: Review, code: str, words: str, grade: str) -> CriticalFinding:
    """From the list by its code, or in words with a grade. Whatever state the review is in: a patient may be dying."""
    require(actor, "critical.raise", review.reading_organization_id)
    line = _chosen(review.referral.reading_organization, code, words, grade)
    lock(session, review)
    found = CriticalFinding(
        id=new_id(), organization_id=review.organization_id, reading_organization_id=review.reading_organization_id,
        referral_id=review.referral_id, review_id=review.id, code=line.code, finding=line.words, grade=line.grade,
        person_id=person_of(actor), identified_at=now(),
    )  # fmt: skip
    session.add(found)
    session.flush()
    found.person = session.get_one(Person, found.person_id)
    _tell_the_site(session, review.referral, "critical.raised")
    _record(session, actor, found, "critical.raised", grade=found.grade)
    return found


def communicate(session: Session, actor: Actor, found: CriticalFinding, said: Said) -> None:
    """The reading side has told somebody; without a read-back it stays open, and may be told again."""
    require(actor, "critical.communicate", found.reading_organization_id)
    if not said.received_by:
        raise Invalid("Say who received it.", field="received_by")
    if said.method not in SPOKEN:
        raise Invalid("Say how it was communicated.", field="method")
    received_at = said.received_at or now()
    if received_at > now() + AHEAD:
        raise Invalid("This time lies in the future.", field="received_at")
    _step(session, found, "read-back" if said.is_read_back else "communicate")
    found.communicated_by, found.received_by = said.communicated_by or actor.name, said.received_by
    found.received_at, found.method = received_at, said.method
    if said.is_read_back:
        _end(session, actor, found)
    _record(session, actor, found, "critical.read-back" if said.is_read_back else "critical.communicated",
            method=said.method)  # fmt: skip


def read_back(session: Session, actor: Actor, found: CriticalFinding, text: str) -> None:
    """Somebody of the clinic writes what they were told, in their own words: its readers see that it was understood."""
    require(actor, "referral.send", found.organization_id)
    if not text:
        raise Invalid("Write what you were told, in your own words.", field="text")
    _step(session, found, "read-back")
    found.communicated_by = found.communicated_by or found.person.name
    found.received_by, found.received_at, found.method, found.said_back = actor.name, now(), Method.PAGE, text
    _end(session, actor, found)
    _tell_the_reader(session, found)
    _record(session, actor, found, "critical.read-back", method=Method.PAGE)


def withdraw(session: Session, actor: Actor, found: CriticalFinding, reason: str) -> None:
    """It was none, or another patient's; whoever was told is told that too."""
    require(actor, "critical.raise", found.reading_organization_id)
    if not reason:
        raise Invalid("Say why it is withdrawn.", field="reason")
    _step(session, found, "withdraw")
    found.reason = reason
    _end(session, actor, found)
    _tell_the_site(session, _referral(session, found), "critical.withdrawn")
    _record(session, actor, found, "critical.withdrawn", grade=found.grade)


def told_of(session: Session, referral_id: UUID) -> dict[UUID, list[Notification]]:
    """Who was told of each finding of a case. A notification names the case alone; it was made when its finding was
    raised, with the case locked, and so before the next one was."""
    left, told = told_in(session, referral_id, "critical.raised"), {}
    for found in sorted(of_referral(session, referral_id), key=lambda one: one.identified_at, reverse=True):
        told[found.id] = [one for one in left if one.created_at >= found.identified_at]
        left = [one for one in left if one.created_at < found.identified_at]
    return told


def for_change(session: Session, actor: Actor, finding_id: UUID) -> CriticalFinding:
    """The finding, if the actor may know of it, its case locked until the end of the transaction."""
    found = scope.get(session, CriticalFinding, finding_id, actor, joinedload(CriticalFinding.person))
    lock(session, session.get_one(Review, found.review_id, options=WHOLE))
    session.refresh(found, attribute_names=["status"])
    return found


def change_list(
    session: Session, actor: Actor, organization_id: UUID, grades: dict[str, str], own: list[tuple[str, str]]
) -> Organization:
    """The organization's own list from now on; what was raised keeps its words and its grade."""
    require_admin(actor, organization_id)
    organization = session.get(Organization, organization_id, with_for_update=True)
    if organization is None:
        raise NotFound
    after = changed(grades, own)
    if after != organization.critical_findings:
        organization.critical_findings = after
        events.record(session, actor, "critical-list.changed", organization_id=organization_id,
                      entity_id=organization_id, count=len(offered(organization)))  # fmt: skip
    return organization


def _chosen(organization: Organization, code: str, words: str, grade: str) -> Offered:
    if code:
        line = next((one for one in offered(organization) if one.code == code), None)
        if line is None:
            raise Invalid("This is not on the list of critical findings.", field="code")
        return line
    if not words:
        raise Invalid("Choose the finding, or name it.", field="finding")
    if grade not in set(Grade):
        raise Invalid("A critical finding is immediate, urgent or significant.", field="grade")
    return Offered("", words, Grade(grade))


def _step(session: Session, found: CriticalFinding, act: str) -> None:
    """By compare-and-swap; the case is locked besides."""
    status = TRANSITIONS.get((found.status, act))
    if status is None:
        raise Conflict(
            Sentence("This cannot be done now: the critical finding is {status}.", status=CriticalStatus(found.status)),
            status=found.status,
        )
    found.status = status
    session.flush()


def _end(session: Session, actor: Actor, found: CriticalFinding) -> None:
    found.ended_at, found.ended_by_id = now(), person_of(actor)
    referral = _referral(session, found)
    referral.updated_at = now()
    session.flush()
    if not is_any_open(session, referral.id):
        settle_told(session, referral.id, "critical.raised", TAKEN)
        _close(session, referral)


def _close(session: Session, referral: Referral) -> None:
    """Its answer was read before, and nothing else is open: the case is completed now."""
    answered = sa.select(Report.id).where(
        Report.referral_id == referral.id, Report.acknowledged_at.is_not(None),
        Report.status.not_in((VersionStatus.PRELIMINARY, VersionStatus.ENTERED_IN_ERROR)),
    )  # fmt: skip
    if referral.status == ReferralStatus.ACTIVE and session.scalar(answered) is not None:
        referral.status = ReferralStatus.COMPLETED


def _referral(session: Session, found: CriticalFinding) -> Referral:
    return session.get_one(Referral, found.referral_id, options=both_sides(), populate_existing=True)


def _tell_the_site(session: Session, referral: Referral, kind: str) -> None:
    """Whoever may take it: who sent it, who else sends for the clinic, and its coordinators."""
    whom = {*senders(session, referral), *coordinators(session, referral.organization_id)}
    tell(session, whom, kind, referral, to=referral.organization)


def _tell_the_reader(session: Session, found: CriticalFinding) -> None:
    review, referral = session.get_one(Review, found.review_id), _referral(session, found)
    whom = {found.person_id} | ({review.owner_id} if review.owner_id else set())
    tell(session, whom, "critical.read-back", referral, to=referral.reading_organization)


def _record(session: Session, actor: Actor, found: CriticalFinding, action: str, **detail: object) -> None:
    """Without the finding: an event holds no patient's data."""
    session.execute(sa.update(Referral).where(Referral.id == found.referral_id).values(updated_at=now()))
    events.record(session, actor, action, organization_id=found.organization_id, entity_id=found.id,
                  referral_id=found.referral_id, **detail)  # fmt: skip
