"""What needs somebody, and the acts that settle it: reminding the clinic, sending a mail again, trying a job again."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.schemas import NamedOut, Out, SiteOut
from app.cases import attention
from app.cases.attention import Item
from app.cases.slipped import ASSIGNABLE, Kind
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.jobs import parked
from app.notifications.again import send_again
from app.reports.remind import remind
from app.reviews import submit
from app.reviews.models import Review

router = APIRouter(tags=["attention"])
OWN_DEADLINE = {Kind.ON_HOLD: "reply_due_at", Kind.SENT_BACK: "mend_by"}


class Act(Out):
    """The one call that settles it; its body is described there."""

    method: str = "POST"
    path: str


class AttentionItem(Out):
    """A line; what does not apply to its kind is null."""

    kind: Kind
    id: str = Field(
        description="Of what it is about: a critical finding, review, report, file, conflict, study, notification or job"
    )
    since: datetime
    code: str | None
    site: SiteOut | None
    referral_id: UUID | None
    due_at: datetime | None
    owner: NamedOut | None
    owned_at: datetime | None
    reason: str
    act: Act

    @classmethod
    def of(cls, item: Item) -> Self:
        referral, subject = item.referral, item.subject
        review = subject if isinstance(subject, Review) else None
        owner = review.owner if review else None
        due_at = getattr(review, OWN_DEADLINE.get(item.kind, "due_at")) if review else None
        said = {Kind.DECLINED: "ended_reason", Kind.QUARANTINED: "reason", Kind.HELD: "reason", Kind.MAIL: "mail_reason",
                Kind.JOB: "reason"}.get(item.kind)  # fmt: skip
        return cls(
            kind=item.kind, id=item.id, since=item.at, code=referral.code if referral else None,
            site=SiteOut.of(referral.organization) if referral else None, referral_id=referral.id if referral else None,
            due_at=due_at, owner=NamedOut(id=owner.id, name=owner.name) if owner else None,
            owned_at=review.owned_at if review else None, reason=getattr(subject, said) if said else "",
            act=Act(path=f"/api/v1{path_of(item)}"),
        )  # fmt: skip


class AttentionPage(Out):
    items: list[AttentionItem]
    next_cursor: str | None


def path_of(item: Item) -> str:
    if item.kind is Kind.CRITICAL:
        return f"/critical-findings/{item.id}/{'communicate' if item.reads else 'read-back'}"
    if item.kind is Kind.COUNTERSIGN:
        return f"/reviews/{item.id}/sign"
    if item.kind is Kind.LATE_FILES:
        return f"/reports/{item.subject.report_id}/no-change"
    if item.kind in ASSIGNABLE:
        return f"/reviews/{item.id}/assign"
    if item.reads and item.referral is not None:
        return f"/referrals/{item.referral.id}/remind"
    files = f"/referrals/{item.referral.id}/files/{item.id}" if item.referral is not None else ""
    return {
        Kind.ON_HOLD: f"/reviews/{item.id}/reply", Kind.UNREAD: f"/reports/{item.id}/acknowledge",
        Kind.HELD: f"{files}/confirm-identity", Kind.QUARANTINED: f"{files}/withdraw",
        Kind.CONFLICT: f"/conflicts/{item.id}/settle", Kind.UNMATCHED: f"/studies/{item.id}/attach",
        Kind.DISCARDED: f"/outbox/discards/{item.id}/note", Kind.MAIL: f"/notifications/{item.id}/send-again",
        Kind.JOB: f"/jobs/{item.id}/retry",
    }[item.kind]  # fmt: skip


@router.get("/attention")
def get_attention(
    who: Acting, cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> AttentionPage:  # fmt: skip
    """Of all your organizations: what has slipped or stands still, one kind after the other; empty on a good day."""
    given_up = parked.parked()
    with reading(who) as session:
        page = attention.page(session, who, given_up, cursor=cursor, limit=limit)
    return AttentionPage(items=[AttentionItem.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.post("/referrals/{referral_id}/remind", status_code=204)
def remind_clinic(referral_id: UUID, who: Acting, key: Once) -> None:
    """Tell the clinic again of a question, an answer or a file that waits for its word; its time begins anew."""
    with transaction(who) as session:
        done = once(session, key)
        referral = submit.for_change(session, who, referral_id)
        if not done.before:
            remind(session, who, referral)
            done.keep(204, referral.id)


@router.post("/notifications/{notification_id}/send-again", status_code=204)
def send_mail_again(notification_id: UUID, who: Acting, key: Once) -> None:
    """A mail of your organization that was refused for good, once it could go."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            send_again(session, who, notification_id)
            done.keep(204, notification_id)


@router.post("/jobs/{job_id}/retry", status_code=204)
def retry_job(job_id: str, who: Acting) -> None:
    """A job about your organization's rows that was given up; it has all its attempts anew."""
    given_up = parked.parked()
    with reading(who) as session:
        attention.require_mine(session, who, given_up, job_id)
    parked.retry(who, job_id)
