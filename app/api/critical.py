"""Critical findings by JSON: raised by the reader, communicated, said back by the clinic; and an organization's list."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.access import scope
from app.access.actor import require_member
from app.api.schemas import NamedOut, Out
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.people.models import Organization
from app.referrals.given import Given, Line, Moment, Text
from app.referrals.models import Referral
from app.reports import critical, critical_finding
from app.reports.critical import Said
from app.reports.critical_finding import CriticalFinding, CriticalStatus, Method
from app.reports.critical_list import Grade, offered
from app.reviews import step

router = APIRouter(tags=["critical findings"])
Spoken = Literal["telephone", "in-person", "radio", "message"]


class GivenFinding(Given):
    """One of the list by its code, or in one's own words with a grade."""

    code: Line = Field("", max_length=30, examples=["ectopic"])
    finding: Line = Field("", examples=["Foreign body in the orbit"])
    grade: Grade | None = Field(None, examples=["urgent"])


class Communicated(Given):
    """What is left of the six fields once it was raised."""

    received_by: Line = Field(min_length=1, examples=["Sr Achieng"])
    method: Spoken = Field(examples=["telephone"])
    communicated_by: Line = Field("", examples=["Dr Amina Yusuf"], description="By default you")
    received_at: Moment | None = Field(None, description="By default now")
    is_read_back: bool = Field(False, description="They said it back: only then it is closed")


class SaidBack(Given):
    text: Text = Field(min_length=1, examples=["Free fluid in the belly. We take her to theatre now."])


class Withdrawn(Given):
    reason: Text = Field(min_length=1, examples=["An old cyst, seen on the earlier examination."])


class CriticalOut(Out):
    id: UUID
    referral_id: UUID
    review_id: UUID
    code: str
    finding: str
    grade: Grade
    status: CriticalStatus
    identified_at: datetime
    raised_by: NamedOut
    communicated_by: str
    received_by: str
    received_at: datetime | None
    method: Method | None
    said_back: str
    ended_at: datetime | None
    reason: str

    @classmethod
    def of(cls, found: CriticalFinding) -> Self:
        own = ("raised_by", "method")
        plain = {name: getattr(found, name) for name in cls.model_fields if name not in own}
        by = NamedOut(id=found.person.id, name=found.person.name)
        return cls(**plain, raised_by=by, method=Method(found.method) if found.method else None)


class CriticalPage(Out):
    items: list[CriticalOut]
    next_cursor: str | None


class ListLine(Out):
    code: str
    words: str
    grade: Grade


class ListOut(Out):
    organization_id: UUID
    items: list[ListLine]

    @classmethod
    def of(cls, organization: Organization) -> Self:
        return cls(
            organization_id=organization.id, items=[ListLine.model_validate(one) for one in offered(organization)]
        )


class OwnLine(Given):
    words: Line = Field(min_length=1, examples=["Ruptured hydatid cyst"])
    grade: Grade = Field(examples=["urgent"])


class GivenList(Given):
    """What is otherwise than on the default list."""

    grades: dict[str, Literal["", "immediate", "urgent", "significant"]] = Field(
        {}, max_length=100, examples=[{"malignancy": "urgent", "non-cephalic": ""}], description="'' takes it off"
    )
    own: list[OwnLine] = Field([], max_length=50)


@router.post("/reviews/{review_id}/critical-findings", status_code=201)
def raise_finding(review_id: UUID, given: GivenFinding, who: Acting, key: Once) -> CriticalOut:
    """The site is told at once, before a word of the report is written; signing does not wait for it."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "critical.raise")
        if done.before and done.resource_id is not None:
            return CriticalOut.of(critical.for_change(session, who, done.resource_id))
        found = critical.raise_finding(session, who, review, given.code, given.finding, given.grade or "")
        done.keep(201, found.id)
        return CriticalOut.of(found)


@router.get("/critical-findings")
def list_findings(
    who: Acting, cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CriticalPage:  # fmt: skip
    """What nobody has said back yet, on either side of your organizations, the oldest first."""
    with reading(who) as session:
        found, next_cursor = critical_finding.listing(session, who, cursor=cursor, limit=limit)
    return CriticalPage(items=[CriticalOut.of(one) for one in found], next_cursor=next_cursor)


@router.get("/referrals/{referral_id}/critical-findings")
def list_of_referral(referral_id: UUID, who: Acting) -> CriticalPage:
    """All of one case, what is open before the rest."""
    with reading(who) as session:
        found = critical_finding.of_referral(session, scope.get(session, Referral, referral_id, who).id)
    return CriticalPage(items=[CriticalOut.of(one) for one in found], next_cursor=None)


@router.post("/critical-findings/{finding_id}/communicate")
def communicate(finding_id: UUID, given: Communicated, who: Acting, key: Once) -> CriticalOut:
    """The reading side has told somebody; until it was read back it stays open."""
    with transaction(who) as session:
        done = once(session, key)
        found = critical.for_change(session, who, finding_id)
        if not done.before:
            critical.communicate(session, who, found, Said(**given.model_dump()))
            done.keep(200, found.id)
        return CriticalOut.of(found)


@router.post("/critical-findings/{finding_id}/read-back")
def read_back(finding_id: UUID, given: SaidBack, who: Acting, key: Once) -> CriticalOut:
    """Somebody of the clinic says in their own words what they were told; its reader is told."""
    with transaction(who) as session:
        done = once(session, key)
        found = critical.for_change(session, who, finding_id)
        if not done.before:
            critical.read_back(session, who, found, given.text)
            done.keep(200, found.id)
        return CriticalOut.of(found)


@router.post("/critical-findings/{finding_id}/withdraw")
def withdraw(finding_id: UUID, given: Withdrawn, who: Acting, key: Once) -> CriticalOut:
    """It was none; whoever was told is told that too."""
    with transaction(who) as session:
        done = once(session, key)
        found = critical.for_change(session, who, finding_id)
        if not done.before:
            critical.withdraw(session, who, found, given.reason)
            done.keep(200, found.id)
        return CriticalOut.of(found)


@router.get("/organizations/{organization_id}/critical-list")
def get_list(organization_id: UUID, who: Acting) -> ListOut:
    """What its readers choose from, the most pressing first; for whoever belongs to it."""
    require_member(who, organization_id)
    with reading(who) as session:
        return ListOut.of(session.get_one(Organization, organization_id))


@router.put("/organizations/{organization_id}/critical-list")
def put_list(organization_id: UUID, given: GivenList, who: Acting) -> ListOut:
    """All that is otherwise than by default, by its administrator."""
    own = [(one.words, str(one.grade)) for one in given.own]
    with transaction(who) as session:
        return ListOut.of(critical.change_list(session, who, organization_id, dict(given.grades), own))
