"""Sent back by JSON: a supervisor's remarks on a supervised reader's report, among those who read."""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.api.schemas import NamedOut, Out, ReviewOut
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.referrals.given import Given, Text
from app.reports.send_back import Remark, remarks, send_back
from app.reviews import step

router = APIRouter(tags=["reviewing"])


class SentBack(Given):
    text: Text = Field(min_length=1, examples=["The wall is measured across the lumen. Measure it again."])
    version: int | None = Field(None, ge=1, examples=[1], description="That was read: 409 where it is replaced")


class RemarkOut(Out):
    version: int = Field(examples=[1], description="Of the report, that it is about")
    text: str = Field(examples=["The wall is measured across the lumen. Measure it again."])
    by: NamedOut
    at: datetime

    @classmethod
    def of(cls, one: Remark) -> Self:
        by = NamedOut(id=one.person.id, name=one.person.name)
        return cls(version=one.version.version, text=one.text, by=by, at=one.at)


class RemarksOut(Out):
    mend_by: datetime | None = Field(
        description="By when it is to be signed anew; null where that is done, or nobody's"
    )
    items: list[RemarkOut] = Field(description="The newest first")


@router.post("/reviews/{review_id}/send-back")
def send_review_back(review_id: UUID, given: SentBack, who: Acting, key: Once) -> ReviewOut:
    """In place of a counter-signature: its reader is told, and has until `mend_by` to sign it anew.

    The review stays theirs, and the clinic keeps the preliminary report meanwhile; it does not see the remark."""
    with transaction(who) as session:
        done = once(session, key)
        review = step.for_reader(session, who, review_id, "report.countersign")
        if not done.before:
            send_back(session, who, review, given.text, given.version)
            done.keep(200, review.id)
        return ReviewOut.of(review)


@router.get("/reviews/{review_id}/remarks", summary="What supervisors sent it back with")
def list_remarks(review_id: UUID, who: Acting) -> RemarksOut:
    with reading(who) as session:
        review = step.for_reader(session, who, review_id, "review.list")
        return RemarksOut(mend_by=review.mend_by, items=[RemarkOut.of(one) for one in remarks(session, review.id)])
