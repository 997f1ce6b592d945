"""Studies as other systems see them: a page of them, and one whole with its series, instances and documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor
from app.access.models import Grant
from app.referrals.models import Referral
from app.studies.images import IS_IMAGE, document_withdrawn, in_order, withdrawn
from app.studies.models import Document, Instance, ReferralStudy, Series, Study


@dataclass(frozen=True)
class Line:
    """One study of a list; the counts and referrals are those that the actor may see."""

    study: Study
    modalities: list[str]
    instance_count: int
    clip_count: int
    referral_ids: list[UUID]


@dataclass(frozen=True)
class Page:
    lines: list[Line]
    next_cursor: UUID | None


@dataclass(frozen=True)
class Whole:
    """One study with all that the actor may see of it, in the order of the strip."""

    line: Line
    series: list[Series]
    instances: list[Instance]
    documents: list[Document]


def page(session: Session, actor: Actor, *, unmatched: bool, cursor: UUID | None, limit: int) -> Page:
    """The newest first; `unmatched` are the actor's own that no referral asks about."""
    parts = [_own(each, unmatched=unmatched) for each in actor.organization_ids]
    parts += [] if unmatched else [_shown(each, actor) for each in actor.organization_ids]
    if not parts:
        return Page([], None)
    # Each way of seeing a study walks its own index; one condition over all of them would walk every study.
    ordered = [
        (part.where(part.selected_columns.id < cursor) if cursor else part)
        .order_by(part.selected_columns.id.desc()).limit(limit + 1).subquery()
        for part in parts
    ]  # fmt: skip
    found = sa.union(*(sa.select(one.c.id) for one in ordered)).subquery()
    ids = list(session.scalars(sa.select(found.c.id).order_by(found.c.id.desc()).limit(limit + 1)))
    kept = ids[:limit]
    rows = session.scalars(sa.select(Study).where(Study.id.in_(kept)).order_by(Study.id.desc()))
    return Page(_lines(session, actor, list(rows)), kept[-1] if len(ids) > limit else None)


def whole(session: Session, actor: Actor, study_id: UUID) -> Whole:
    """The study, or NotFound where it is not the actor's to know of."""
    study = scope.get(session, Study, study_id, actor)
    of_it = (
        sa.select(Instance)
        .where(Instance.study_id == study.id, IS_IMAGE, ~withdrawn(actor))
        .options(joinedload(Instance.blob))
    )
    instances = in_order(session.scalars(of_it))
    series = sa.select(Series).where(Series.id.in_({one.series_id for one in instances}))
    return Whole(
        _lines(session, actor, [study])[0], list(session.scalars(series.order_by(Series.series_number, Series.id))),
        instances, _documents(session, actor, study.id),
    )  # fmt: skip


def codes(session: Session, actor: Actor, study_id: UUID) -> list[str]:
    """Of the referrals that ask about it, as far as the actor sees them, the latest first."""
    return list(session.scalars(
        sa.select(Referral.code).join(ReferralStudy, ReferralStudy.referral_id == Referral.id)
        .where(ReferralStudy.study_id == study_id, scope.visible(Referral, actor)).order_by(Referral.id.desc())
    ))  # fmt: skip


def _own(organization_id: UUID, *, unmatched: bool) -> sa.Select[Any]:
    own = sa.select(Study.id).where(Study.organization_id == organization_id)
    return own.where(Study.matched_at.is_(None)) if unmatched else own


def _shown(organization_id: UUID, actor: Actor) -> sa.Select[Any]:
    """What others let this organization see."""
    return (
        sa.select(Grant.study_id.label("id")).join(Study, Study.id == Grant.study_id)
        .where(Grant.organization_id == organization_id, scope.holds(), Study.organization_id.not_in(actor.organization_ids))
    )  # fmt: skip


def _lines(session: Session, actor: Actor, studies: Sequence[Study]) -> list[Line]:
    ids = [study.id for study in studies]
    is_clip = sa.func.sum(sa.case((Instance.is_clip, 1), else_=0))
    counted = session.execute(
        sa.select(Instance.study_id, Series.modality, sa.func.count().label("instances"), is_clip.label("clips"))
        .join(Series, Series.id == Instance.series_id)
        .where(Instance.study_id.in_(ids), IS_IMAGE, ~withdrawn(actor)).group_by(Instance.study_id, Series.modality)
    ).all()  # fmt: skip
    asked = session.execute(
        sa.select(ReferralStudy.study_id, Referral.id).join(Referral, Referral.id == ReferralStudy.referral_id)
        .where(ReferralStudy.study_id.in_(ids), scope.visible(Referral, actor)).order_by(Referral.id)
    ).all()  # fmt: skip
    return [
        Line(
            study, sorted(row.modality for row in counted if row.study_id == study.id),
            sum(row.instances for row in counted if row.study_id == study.id),
            sum(row.clips for row in counted if row.study_id == study.id),
            [row.id for row in asked if row.study_id == study.id],
        )
        for study in studies
    ]  # fmt: skip


def _documents(session: Session, actor: Actor, study_id: UUID) -> list[Document]:
    """They belong to referrals: those of every referral that asks about the study."""
    asking = sa.select(ReferralStudy.referral_id).where(ReferralStudy.study_id == study_id)
    query = sa.select(Document).where(
        Document.referral_id.in_(asking), scope.visible(Document, actor), ~document_withdrawn()
    ).options(joinedload(Document.blob))  # fmt: skip
    return list(session.scalars(query.order_by(Document.id)))
