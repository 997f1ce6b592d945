"""The worklist: what waits for a person's organizations, by deadline, a page at a time over an index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, load_only

from app.access.actor import Actor
from app.db import IDS, decoded, now, paged
from app.errors import Invalid
from app.people.models import Organization, Patient, Person, fold
from app.referrals import search
from app.referrals.codes import normalized
from app.referrals.models import Referral
from app.referrals.pregnancy import Pregnancy
from app.reviews.models import OPEN, OPEN_SQL, Review, ReviewStatus

# As literal text, and without a type (SQLite would get `… = 1`), or the partial indexes are not recognized.
IS_OPEN: sa.ColumnElement[bool] = sa.literal_column(f"review.{OPEN_SQL}")
MOST_COUNTED = 999  # beyond, a tab says '999+': the exact number would take longer the more there are
FEW = 500  # so many finds are looked up one by one; a more frequent word is met soon on the walk by deadline


@dataclass(frozen=True)
class Asked:
    """How the list is narrowed; `owner` is a person's id or 'none'."""

    status: str = "open"  # open, or one of FHIR's task-status codes
    site: UUID | None = None
    exam_type: str | None = None
    language: str | None = None
    owner: str | None = None
    overdue: bool = False
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
    of, asked = sought(session, asked)
    parts = [_ids_of_one(of, each, asked, after) for each in organization_ids]
    ids, next_cursor = paged(session, parts, limit)
    return Page(rows(session, ids), next_cursor)


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """How many there are for each tab: by an index, and no further than MOST_COUNTED and one."""
    here = Review.reading_organization_id.in_(actor.organizations_for("review.list"))
    row = session.execute(sa.select(
        _counted(here, IS_OPEN), _counted(here, IS_OPEN, Review.owner_id.is_(None)),
        _counted(here, IS_OPEN, Review.owner_id == actor.person_id),
        _counted(here, Review.status == ReviewStatus.ON_HOLD), _counted(here, IS_OPEN, *is_overdue(Review)),
    )).one()  # fmt: skip
    return dict(zip(("open", "unclaimed", "mine", "asked", "overdue"), row, strict=True))


def is_overdue(of: type[Review]) -> tuple[sa.ColumnElement[bool], ...]:
    """While the clinic is asked the reader's clock stands."""
    return of.due_at < now(), of.held_at.is_(None)


def few(count: int) -> str:
    """A number of `counts` in words that are true."""
    return str(count) if count <= MOST_COUNTED else f"{MOST_COUNTED}+"


def _counted(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    some = sa.select(Review.id).where(*conditions).limit(MOST_COUNTED + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


def sought(session: Session, asked: Asked) -> tuple[type[Review], Asked]:
    """The reviews to choose from and what is left to ask of them: where the words find few, only those."""
    if not asked.q or len(found := search.found(session, asked.q, FEW + 1)) > FEW:
        return Review, asked
    # The LIMIT keeps SQLite from merging this into the outer query, and then walking all that wait.
    few = sa.select(Review).where(Review.referral_id.in_(found)).limit(100 * FEW).subquery()
    return aliased(Review, few), replace(asked, q="")


def _ids_of_one(
    of: type[Review], organization_id: UUID, asked: Asked, after: tuple[datetime, UUID] | None
) -> sa.Select[UUID, datetime]:
    query = sa.select(of.id, of.due_at.label("at")).where(of.reading_organization_id == organization_id)
    if asked.status in ("", "open"):
        query = query.where(IS_OPEN if of is Review else of.status.in_(OPEN))
    elif asked.status in set(OPEN) | {"completed", "rejected", "cancelled"}:
        query = query.where(of.status == asked.status, of.sent_on_at.is_(None))  # what was sent on is seen no more
    else:
        raise Invalid("There is no such status.", field="status")
    query = narrowed(query, asked, of)
    if asked.overdue:
        query = query.where(*is_overdue(of))
    if after is not None:
        query = query.where(sa.tuple_(of.due_at, of.id) > after)
    return query


def narrowed(query: sa.Select[UUID, datetime], asked: Asked, of: type[Review] = Review) -> sa.Select[UUID, datetime]:
    """By site, exam type, language, owner, and words that are too frequent for `sought`."""
    if asked.site is not None:
        query = query.where(of.organization_id == asked.site)
    if asked.owner == "none":
        query = query.where(of.owner_id.is_(None))
    elif asked.owner:
        try:
            query = query.where(of.owner_id == UUID(asked.owner))
        except ValueError:
            raise Invalid("An owner is a person's id, or 'none'.", field="owner") from None
    if asked.exam_type:
        query = query.where(of.exam_type == asked.exam_type)
    if asked.language:
        query = query.where(of.language == asked.language)
    if not asked.q:
        return query
    spaced = sa.literal(" ") + Patient.name_key
    named = sa.and_(*(spaced.contains(f" {word}", autoescape=True) for word in fold(asked.q).split()))
    query = query.join(Referral, Referral.id == of.referral_id).join(Patient, Patient.id == Referral.patient_id)
    return query.where(sa.or_(named, Patient.identifier == asked.q.strip(), Referral.code == normalized(asked.q)))


ROWS = sa.select(Review).where(Review.id.in_(IDS)).options(
    load_only(Review.referral_id, Review.reading_organization_id, Review.status, Review.owner_id, Review.owned_at,
              Review.due_at, Review.held_at, Review.mend_by, Review.updated_at, raiseload=True),
    joinedload(Review.owner).load_only(Person.name, raiseload=True),
    joinedload(Review.referral, innerjoin=True).options(
        load_only(Referral.organization_id, Referral.patient_id, Referral.code, Referral.priority, Referral.exam_type,
                  Referral.question, Referral.language, Referral.patient_leaves_at, Referral.obstetric,
                  Referral.pregnancy_id, raiseload=True),
        joinedload(Referral.pregnancy).load_only(
            Pregnancy.edd, Pregnancy.is_certain, Pregnancy.ended_on, raiseload=True
        ),
        joinedload(Referral.patient, innerjoin=True),
        joinedload(Referral.organization, innerjoin=True).load_only(Organization.name, Organization.time_zone, raiseload=True),
    ),
)  # fmt: skip


def rows(session: Session, review_ids: Sequence[UUID]) -> list[Review]:
    """These reviews in this order, with what a row of the list shows; what else they have is not loaded."""
    found = {review.id: review for review in session.scalars(ROWS, {"ids": review_ids})}
    return [found[review_id] for review_id in review_ids]
