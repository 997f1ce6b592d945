"""What an organization looks into: the record of who did what."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from app.audit import events, search
from app.audit.events import AuditEvent
from app.audit.search import Sought
from app.db import transaction
from app.errors import Forbidden
from app.http.actor import Acting
from app.people.models import Membership, Person
from app.referrals.codes import normalized
from app.referrals.models import Referral
from app.web.admin import frame_of
from app.web.forms import Form
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(prefix="/organization", include_in_schema=False)
PAGE = 100


def watched(who: Acting, org: Annotated[UUID | None, Query()] = None) -> UUID:
    """As `admin.chosen`, for privacy officers too."""
    mine = who.organizations_for("audit.read")
    if not mine or (org is not None and org not in mine):
        raise Forbidden("Only administrators and privacy officers read the audit record.")
    return org or mine[0]


Watched = Annotated[UUID, Depends(watched)]


@router.get("/attention")
def moved_to_attention() -> Response:
    """Where it stood before; kept for whoever has noted the address."""
    return see_other("/attention")


@router.get("/audit")
def show_audit(
    request: Request, who: Acting, org: Watched, person: str = "", code: Annotated[str, Query(max_length=20)] = "",
    action: Annotated[str, Query(max_length=60)] = "", since: str = "", until: str = "", before: UUID | None = None,
) -> Response:  # fmt: skip
    """The newest first; looking is an event too."""
    frame = frame_of(who, org)
    form = Form({"person": person, "code": code, "action": action, "since": since, "until": until})
    zone = ZoneInfo(frame["here"].time_zone)
    unknown = speech_of(request, who).gettext("No case has this code.")
    with transaction(who) as session:
        sought = Sought(
            (org,), person_id=_id(person), referral_id=_case(session, org, form, unknown),
            action=action.strip(), since=_day(since, zone), until=_day(until, zone, days=1), before=before, limit=PAGE + 1,
        )  # fmt: skip
        found = [] if form.errors else search.search(session, sought)
        events.record_opening(session, who, "audit.read", organization_id=org, entity_id=org)
        names, codes = _names(session, found), _codes(session, found)
        people, acts = _people(session, org), search.acts_of_late(session, org)
    return render(
        request, who, "audit.html", **frame, form=form, events=found[:PAGE], more=len(found) > PAGE, names=names,
        codes=codes, people=people, acts=acts,
    )  # fmt: skip


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _day(text: str, zone: ZoneInfo, days: int = 0) -> datetime | None:
    """Midnight at the organization; what is no date does not narrow the search."""
    try:
        at = datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), zone) if text else None
        return at and at.astimezone(UTC)  # in which the ends of the calendar are no days
    except (ValueError, OverflowError):
        return None


def _case(session: Session, org: UUID, form: Form, unknown: str) -> UUID | None:
    if not form.value("code").strip():
        return None
    code = normalized(form.value("code"))
    found = session.scalar(sa.select(Referral.id).where(
        Referral.code == code, sa.or_(Referral.organization_id == org, Referral.reading_organization_id == org)
    ))  # fmt: skip
    if found is None:
        form.errors["code"] = unknown
    return found


def _names(session: Session, found: list[AuditEvent]) -> dict[UUID, str]:
    ids = {one.person_id for one in found if one.person_id}
    found_people = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {row.id: row.name for row in found_people}


def _codes(session: Session, found: list[AuditEvent]) -> dict[UUID, str]:
    ids = {one.referral_id for one in found if one.referral_id}
    cases = session.execute(sa.select(Referral.id, Referral.code).where(Referral.id.in_(ids)))
    return {row.id: row.code for row in cases}


def _people(session: Session, org: UUID) -> list[Person]:
    """Everybody who is or was a member."""
    query = sa.select(Person).join(Membership, Membership.person_id == Person.id)
    return list(session.scalars(query.where(Membership.organization_id == org).distinct().order_by(Person.name)))
