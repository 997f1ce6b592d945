"""The worklist: what waits for a person's organizations, by deadline, a page at a time over an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.db import decoded, encoded, merged
from app.errors import Invalid
from app.people.models import Patient, fold
from app.referrals.codes import normalized
from app.referrals.models import Referral
from app.reviews.models import OPEN, OPEN_SQL, Review

# As literal text, or the partial index is not recognized.
IS_OPEN = sa.literal_column(f"review.{OPEN_SQL}", sa.Boolean)


@dataclass(frozen=True)
class Asked:
    """How the list is narrowed; `owner` is a person's id or 'none'."""

    status: str = "open"  # open, or one of FHIR's task-status codes
    site: UUID | None = None
    exam_type: str | None = None
    owner: str | None = None
    q: str = ""
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class Page:
    reviews: list[Review]
    next_cursor: str | None


def worklist(session: Session, actor: Actor, asked: Asked) -> Page:
    """Open reviews of every organization that the person reads or coordinates for, the earliest deadline first."""
    organization_ids = actor.organizations_for("review.list")
    limit = max(1, min(asked.limit, 200))
    after = decoded(asked.cursor) if asked.cursor else None
    parts = [_ids_of_one(each, asked, after) for each in organization_ids]
    if not parts:
        return Page([], None)
    first = session.execute(merged(parts, limit + 1)).all()
    reviews = _loaded(session, [row.id for row in first[:limit]])
    more = len(first) > limit
    return Page(reviews, encoded(first[limit - 1].at, first[limit - 1].id) if more else None)


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """How many are open, unclaimed and mine: the numbers on the tabs."""
    row = session.execute(
        sa.select(
            sa.func.count(), sa.func.sum(sa.case((Review.owner_id.is_(None), 1), else_=0)),
            sa.func.sum(sa.case((Review.owner_id == actor.person_id, 1), else_=0)),
        ).where(Review.reading_organization_id.in_(actor.organizations_for("review.list")), IS_OPEN)
    ).one()  # fmt: skip
    return {"open": row[0] or 0, "unclaimed": row[1] or 0, "mine": row[2] or 0}


def _ids_of_one(organization_id: UUID, asked: Asked, after: tuple[datetime, UUID] | None) -> sa.Select[UUID, datetime]:
    query = sa.select(Review.id, Review.due_at.label("at")).where(Review.reading_organization_id == organization_id)
    if asked.status in ("", "open"):
        query = query.where(IS_OPEN)
    elif asked.status in set(OPEN) | {"completed", "rejected", "cancelled"}:
        query = query.where(Review.status == asked.status)
    else:
        raise Invalid("There is no such status.", field="status")
    query = narrowed(query, asked)
    if after is not None:
        query = query.where(sa.tuple_(Review.due_at, Review.id) > after)
    return query


def narrowed(query: sa.Select[UUID, datetime], asked: Asked) -> sa.Select[UUID, datetime]:
    """By site, exam type, owner, and code, identifier or name."""
    if asked.site is not None:
        query = query.where(Review.organization_id == asked.site)
    if asked.owner == "none":
        query = query.where(Review.owner_id.is_(None))
    elif asked.owner:
        try:
            query = query.where(Review.owner_id == UUID(asked.owner))
        except ValueError:
            raise Invalid("An owner is a person's id, or 'none'.", field="owner") from None
    if asked.exam_type or asked.q:
        query = query.join(Referral, Referral.id == Review.referral_id)
    if asked.exam_type:
        query = query.where(Referral.exam_type == asked.exam_type)
    return _searched(query, asked.q) if asked.q else query


def _searched(query: sa.Select[UUID, datetime], q: str) -> sa.Select[UUID, datetime]:
    if (code := normalized(q)) is not None:
        return query.where(Referral.code == code)
    pattern = "%" + fold(q).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return query.join(Patient, Patient.id == Referral.patient_id).where(
        sa.or_(Patient.name_key.like(pattern, escape="\\"), Patient.identifier == q.strip())
    )


def _loaded(session: Session, review_ids: Sequence[UUID]) -> list[Review]:
    referral = joinedload(Review.referral)
    query = sa.select(Review).where(Review.id.in_(review_ids)).options(
        joinedload(Review.owner), referral.joinedload(Referral.patient), referral.joinedload(Referral.organization)
    )  # fmt: skip
    rows = {review.id: review for review in session.scalars(query)}
    return [rows[review_id] for review_id in review_ids]
