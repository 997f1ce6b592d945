"""An organization's own table of deadlines and its clock, and how long its cases take."""

from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.access import relate, scope
from app.access.actor import require_member
from app.api.schemas import Out, SiteOut
from app.cases import turnaround
from app.cases.turnaround import Course, Figures, Stage
from app.db import now, reading, transaction
from app.http.actor import Acting
from app.people.models import Organization
from app.referrals import deadlines
from app.referrals.given import Given, Line, Moment
from app.referrals.models import Priority, Referral

router = APIRouter(tags=["deadlines"])


class GivenDeadlines(Given):
    """Minutes from submission, by FHIR's priority; null is the default."""

    stat_min: int | None = Field(None, examples=[60])
    asap_min: int | None = Field(None, examples=[240])
    urgent_min: int | None = Field(None, examples=[1440])
    routine_min: int | None = Field(None, examples=[4320])

    @property
    def minutes(self) -> dict[Priority, int | None]:
        return {each: getattr(self, f"{each}_min") for each in Priority}


class GivenClock(Given):
    time_zone: Line = Field(max_length=60, examples=["Africa/Nairobi"], description="An IANA name")
    clips_from: Line = Field(
        "", max_length=5, examples=["20:00"], description="Clips that were put off leave from then"
    )
    clips_until: Line = Field("", max_length=5, examples=["06:00"], description="until then, by that clock")


class DeadlinesOut(Out):
    """What counts for referrals that this organization sends, and for those that it reads where the sender has no own."""

    organization_id: UUID
    stat_min: int
    asap_min: int
    urgent_min: int
    routine_min: int
    own: list[Priority] = Field(description="Those that the organization has set itself", examples=[["stat"]])

    @classmethod
    def of(cls, organization: Organization) -> Self:
        counts = {
            f"{each}_min": int(span.total_seconds()) // 60 for each, span in deadlines.table(organization).items()
        }
        return cls(
            organization_id=organization.id, own=[Priority(each) for each in organization.deadlines_min], **counts
        )


class StageOut(Out):
    stage: Stage
    cases: int
    half_s: float = Field(description="Half of them took no longer (p50)", examples=[21960.0])
    nine_tenths_s: float = Field(description="Nine in ten took no longer (p90)", examples=[72000.0])


class TurnaroundOut(Out):
    """From the record, pauses left out of each stage and shown by themselves."""

    since: datetime
    until: datetime
    cases: int
    in_time: int = Field(description="Signed before they were due", examples=[1])
    is_cut: bool = Field(description="There were more; the latest are counted")
    stages: list[StageOut]

    @classmethod
    def of(cls, found: Figures, since: datetime, until: datetime) -> Self:
        stages = [
            StageOut(stage=one.stage, cases=one.cases, half_s=one.half.total_seconds(),
                     nine_tenths_s=one.nine_tenths.total_seconds())
            for one in found.stages
        ]  # fmt: skip
        plain = {"cases": found.cases, "in_time": found.in_time, "is_cut": found.is_cut}
        return cls(since=since, until=until, stages=stages, **plain)


class Pause(Out):
    since: datetime
    until: datetime


class CourseOut(Out):
    """The milestones of one case, and what its stages took without the pauses."""

    submitted_at: datetime | None
    last_byte_at: datetime | None = Field(description="Of what was there when it was signed")
    opened_at: datetime | None = Field(description="First, by somebody of the reading organization")
    claimed_at: datetime | None
    preliminary_at: datetime | None = Field(description="A preliminary answer was signed")
    signed_at: datetime | None
    notified_at: datetime | None = Field(description="A mail to the clinic was accepted, or it opened the case")
    delivered_at: datetime | None = Field(description="First opened there, as page, PDF or JSON")
    acknowledged_at: datetime | None
    pauses: list[Pause]
    stages_s: dict[Stage, float] = Field(examples=[{"arrive": 95.0, "open": 480.0, "claim": 540.0, "answer": 1800.0}])

    @classmethod
    def of(cls, course: Course) -> Self:
        plain = {name: getattr(course, name) for name in cls.model_fields if name.endswith("_at")}
        pauses = [Pause(since=since, until=until) for since, until in course.pauses]
        return cls(
            **plain, pauses=pauses, stages_s={one: took.total_seconds() for one, took in course.stages().items()}
        )


@router.get("/organizations/{organization_id}/deadlines")
def get_deadlines(organization_id: UUID, who: Acting) -> DeadlinesOut:
    """For whoever belongs to it."""
    require_member(who, organization_id)
    with reading(who) as session:
        return DeadlinesOut.of(session.get_one(Organization, organization_id))


@router.put("/organizations/{organization_id}/deadlines")
def put_deadlines(organization_id: UUID, given: GivenDeadlines, who: Acting) -> DeadlinesOut:
    """The whole table, by its administrator; what is sent already keeps its deadline."""
    with transaction(who) as session:
        return DeadlinesOut.of(deadlines.change(session, who, organization_id, given.minutes))


@router.put("/organizations/{organization_id}/clock")
def put_clock(organization_id: UUID, given: GivenClock, who: Acting) -> SiteOut:
    """By which clock its times are shown, by its administrator; what was signed keeps the one it was signed under."""
    with transaction(who) as session:
        return SiteOut.of(relate.set_clock(session, who, organization_id, **given.model_dump()))


@router.get("/organizations/{organization_id}/turnaround")
def get_turnaround(
    organization_id: UUID, who: Acting, since: Moment | None = None, until: Moment | None = None
) -> TurnaroundOut:
    """Over the cases signed in that time, by default of thirty days, that it asked or read."""
    until = until or now()
    since = since or until - timedelta(days=30)
    with reading(who) as session:
        return TurnaroundOut.of(turnaround.of_organization(session, who, organization_id, since, until), since, until)


@router.get("/referrals/{referral_id}/turnaround")
def get_course(referral_id: UUID, who: Acting) -> CourseOut:
    with reading(who) as session:
        return CourseOut.of(turnaround.of_case(session, scope.get(session, Referral, referral_id, who).id))
