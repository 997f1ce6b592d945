"""Second opinions by JSON: asked of a reader or of an organization, given, taken back."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.schemas import NamedOut, Out
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.people.models import Person
from app.referrals.given import Given, Text
from app.reviews import opinion, step
from app.reviews.opinion import OpinionStatus, SecondOpinion

router = APIRouter(tags=["second opinions"])


class Asked(Given):
    """One reader of your organization, or an organization that reads for yours."""

    question: Text = Field(min_length=1, examples=["Is this a septum or a second cyst?"])
    person_id: UUID | None = Field(None, examples=["0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f71"])
    organization_id: UUID | None = Field(None, examples=[None])


class Answer(Given):
    text: Text = Field(min_length=1, examples=["A septum; no flow in it."])
    agrees: bool = Field(examples=[True], description="With what the reader thinks")


class OpinionOut(Out):
    id: UUID
    review_id: UUID
    referral_id: UUID
    status: OpinionStatus
    question: str
    asked_at: datetime
    asked_by: NamedOut
    asked_person: NamedOut | None
    asked_organization: NamedOut
    agrees: bool | None
    text: str
    given_by: NamedOut | None
    ended_at: datetime | None

    @classmethod
    def of(cls, asked: SecondOpinion) -> Self:
        plain = ("id", "review_id", "referral_id", "status", "question", "asked_at", "agrees", "text", "ended_at")
        organization = asked.asked_organization
        return cls(
            **{name: getattr(asked, name) for name in plain}, asked_by=_named(asked.person),
            asked_person=_named(asked.asked_person) if asked.asked_person else None,
            asked_organization=NamedOut(id=organization.id, name=organization.name),
            given_by=_named(asked.given_by) if asked.given_by else None,
        )  # fmt: skip


class OpinionPage(Out):
    items: list[OpinionOut]
    next_cursor: str | None


@router.post("/reviews/{review_id}/opinions", status_code=201)
def ask_opinion(review_id: UUID, given: Asked, who: Acting, key: Once) -> OpinionOut:
    """The review stays yours, and its deadline runs on; another organization sees the case until it has answered."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id)
        if done.before and done.resource_id is not None:
            return OpinionOut.of(opinion.loaded(session, done.resource_id))
        asked = opinion.ask(session, who, review, given.question, person_id=given.person_id,
                            organization_id=given.organization_id)  # fmt: skip
        done.keep(201, asked.id)
        return OpinionOut.of(asked)


@router.get("/reviews/{review_id}/opinions")
def list_of_review(review_id: UUID, who: Acting) -> OpinionPage:
    with reading(who) as session:
        review = step.for_reader(session, who, review_id, "review.list")
        found = opinion.of_review(session, review.id)
    return OpinionPage(items=[OpinionOut.of(one) for one in found], next_cursor=None)


@router.get("/opinions")
def list_opinions(
    who: Acting, cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> OpinionPage:  # fmt: skip
    """What you are asked, by name or as a reader of your organization; the oldest first."""
    with reading(who) as session:
        found, next_cursor = opinion.listing(session, who, cursor=cursor, limit=limit)
    return OpinionPage(items=[OpinionOut.of(one) for one in found], next_cursor=next_cursor)


@router.get("/opinions/{opinion_id}")
def get_opinion(opinion_id: UUID, who: Acting) -> OpinionOut:
    with reading(who) as session:
        return OpinionOut.of(opinion.get(session, who, opinion_id))


@router.post("/opinions/{opinion_id}/give")
def give_opinion(opinion_id: UUID, given: Answer, who: Acting, key: Once) -> OpinionOut:
    """Who asked is told; what becomes of it in the report is theirs."""
    with transaction(who) as session:
        done = once(session, key)
        asked = opinion.for_change(session, who, opinion_id)
        if not done.before:
            opinion.give(session, who, asked, given.text, agrees=given.agrees)
            done.keep(200, asked.id)
        return OpinionOut.of(opinion.loaded(session, asked.id))


@router.post("/opinions/{opinion_id}/withdraw")
def withdraw_opinion(opinion_id: UUID, who: Acting, key: Once) -> OpinionOut:
    with transaction(who) as session:
        done = once(session, key)
        asked = opinion.for_change(session, who, opinion_id)
        if not done.before:
            opinion.withdraw(session, who, asked)
            done.keep(200, asked.id)
        return OpinionOut.of(opinion.loaded(session, asked.id))


def _named(person: Person) -> NamedOut:
    return NamedOut(id=person.id, name=person.name)
