"""visible(): the one row filter; what it leaves out does not exist for the actor."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.models import Grant
from app.db import Base, now
from app.errors import NotFound

# table -> (column of the grant, column of the row): by what another organization comes to see it.
GRANTED_BY = {
    "referral": ("referral_id", "id"),
    "manifest_item": ("referral_id", "referral_id"),
    "document": ("referral_id", "referral_id"),
    "review": ("referral_id", "referral_id"),
    "report": ("referral_id", "referral_id"),
    "critical_finding": ("referral_id", "referral_id"),
    "study": ("study_id", "id"),
    "series": ("study_id", "study_id"),
    "instance": ("study_id", "study_id"),
}

Row = TypeVar("Row", bound=Base)


def visible(model: type[Base], actor: Actor) -> sa.ColumnElement[bool]:
    """Own organization, or a valid grant to it."""
    own: sa.ColumnElement[bool] = model.organization_id.in_(actor.organization_ids)  # type: ignore[attr-defined]  # every scoped table has it
    if model.__tablename__ not in GRANTED_BY:
        return own
    of_grant, of_row = GRANTED_BY[model.__tablename__]
    granted = sa.exists().where(
        getattr(Grant, of_grant) == getattr(model, of_row),
        Grant.organization_id.in_(actor.organization_ids),
        holds(),
    )
    return sa.or_(own, granted)


def holds() -> sa.ColumnElement[bool]:
    """Of a Grant: it is valid now."""
    return sa.and_(Grant.valid_from <= now(), sa.or_(Grant.valid_to.is_(None), Grant.valid_to > now()))


def get(session: Session, model: type[Row], row_id: UUID, actor: Actor, *options: Any, lock: bool = False) -> Row:
    """The row, or NotFound when it does not exist or is not the actor's to know of."""
    query = sa.select(model).where(model.id == row_id, visible(model, actor)).options(*options)
    # Rows that refer to it can still be written meanwhile: they would wait for each other in a circle (FOR NO KEY UPDATE).
    locked = (
        query.with_for_update(of=model, key_share=True).execution_options(populate_existing=True) if lock else query
    )
    row = session.scalars(locked).one_or_none()
    if row is None:
        raise NotFound
    return row


def grant(
    session: Session,
    organization_id: UUID,
    *,
    referral_id: UUID | None = None,
    study_id: UUID | None = None,
    review_id: UUID | None = None,
) -> None:
    """Let another organization see a referral or a study from now on; twice is once.

    With `review_id` only until that review ends: what is granted beside it stays as it is."""
    same = sa.select(Grant.id).where(
        Grant.organization_id == organization_id, Grant.referral_id == referral_id, Grant.study_id == study_id,
        Grant.review_id == review_id, Grant.valid_to.is_(None),
    )  # fmt: skip
    if session.scalar(same) is None:
        session.add(
            Grant(organization_id=organization_id, referral_id=referral_id, study_id=study_id, review_id=review_id)
        )


def end_grant(session: Session, organization_id: UUID, *, study_id: UUID) -> None:
    """From now on it sees the study no longer."""
    mine = sa.update(Grant).where(Grant.organization_id == organization_id, Grant.study_id == study_id)
    session.execute(mine.where(Grant.valid_to.is_(None)).values(valid_to=now()))


def end_seeing(session: Session, organization_id: UUID, referral_id: UUID, study_ids: Sequence[UUID]) -> None:
    """From now on it sees the referral and these studies no longer, but for what a review of another case shows it."""
    these = sa.or_(Grant.referral_id == referral_id, Grant.study_id.in_(study_ids))
    mine = sa.update(Grant).where(Grant.organization_id == organization_id, Grant.review_id.is_(None), these)
    session.execute(mine.where(Grant.valid_to.is_(None)).values(valid_to=now()))


def end(session: Session, review_id: UUID, *, organization_id: UUID | None = None) -> None:
    """What could be seen only because of this review can be seen no more; by this organization, or by nobody."""
    while_it_was_read = sa.update(Grant).where(
        Grant.review_id == review_id, Grant.valid_to.is_(None),
        Grant.organization_id == organization_id if organization_id is not None else sa.true(),
    )  # fmt: skip
    session.execute(while_it_was_read.values(valid_to=now()).execution_options(synchronize_session=False))
