"""One page of a search as ids: each way of seeing a study walks its own index, and only the page is read."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.access import scope
from app.access.actor import Actor
from app.access.models import Grant
from app.dicomweb.asked import Asked
from app.dicomweb.keys import PATIENT_NAME, STUDY_DATE, Level
from app.dicomweb.matching import Condition, NameTest, condition, name_tests
from app.studies.images import taken_back
from app.studies.models import Instance, Series, Study, StudyName

Model = type[Study] | type[Series] | type[Instance]
FEW = 500  # studies that others show are looked up one by one; of more, a search soon meets some on its own index
MODEL: dict[Level, Model] = {Level.STUDY: Study, Level.SERIES: Series, Level.INSTANCE: Instance}


def page(
    session: Session, actor: Actor, asked: Asked, level: Level, *,
    study_id: UUID | None = None, series_id: UUID | None = None, organization_id: UUID | None = None,
) -> list[UUID]:  # fmt: skip
    """Ids of the page's rows, one more than its limit if there are more.

    By name where one is asked for, else by date or by what came last, so that an index gives the order;
    `study_id` and `series_id` are of a study that the actor sees."""
    matching, columns, down = _matching(actor, asked, level), *_order(asked, level)
    if level == Level.INSTANCE:
        matching = matching.where(_is_left(Instance, actor))
    ways = (
        [_within(actor, level, study_id, series_id)] if study_id
        else _ways(session, MODEL[level], actor, organization_id)
    )  # fmt: skip
    parts = [
        matching.where(way).order_by(*(one.desc() if down else one for one in columns))
        .limit(asked.offset + asked.limit + 1).subquery()
        for way in ways
    ]  # fmt: skip
    rows = sa.union_all(*(sa.select(part) for part in parts)).subquery()
    order = [rows.c[f"by{at}"] for at in range(len(columns))]
    query = sa.select(rows.c.id).order_by(*(one.desc() if down else one for one in order))
    return list(session.scalars(query.offset(asked.offset).limit(asked.limit + 1)))


def _ways(session: Session, model: Model, actor: Actor, organization_id: UUID | None) -> list[Condition]:
    """The conditions that make up `visible`, apart, so that each can be walked: own rows, and what others show."""
    if organization_id is not None:
        shown = sa.and_(scope.visible(model, actor), _is_left(model, actor))
        return [sa.and_(shown, model.organization_id == organization_id)]
    own = [model.organization_id == one for one in actor.organization_ids]
    theirs = model.organization_id.not_in(actor.organization_ids)
    granted = sa.select(Grant.study_id).where(
        Grant.organization_id.in_(actor.organization_ids), Grant.study_id.is_not(None), scope.holds()
    ).limit(FEW + 1)  # fmt: skip
    studies = session.scalars(granted).all()
    if not studies:
        return own
    if len(studies) > FEW:
        return [*own, sa.and_(scope.visible(model, actor), _is_left(model, actor), theirs)]
    study_id = Study.id if model is Study else model.study_id  # type: ignore[union-attr]  # series and instances have it
    return [*own, sa.and_(study_id.in_(studies), _is_left(model, actor), theirs)]


def _within(actor: Actor, level: Level, study_id: UUID, series_id: UUID | None) -> Condition:
    if level == Level.SERIES:
        return sa.and_(Series.study_id == study_id, _is_left(Series, actor))
    return Instance.series_id == series_id if series_id else Instance.study_id == study_id


def _is_left(model: Model, actor: Actor) -> Condition:
    """Of a study or series of others: not all that was in it has been taken back."""
    if model is Instance:
        return ~taken_back(actor)
    of_it = Instance.study_id == Study.id if model is Study else Instance.series_id == Series.id
    return sa.exists().where(of_it, ~taken_back(actor)).correlate_except(Instance)


def _order(asked: Asked, level: Level) -> tuple[list[Any], bool]:
    """The columns, and whether downwards."""
    if level > Level.STUDY:
        return [MODEL[level].id], False
    if asked.of(PATIENT_NAME):
        return [StudyName.name, Study.id], False
    return [Study.study_date, Study.id] if asked.of(STUDY_DATE) else [Study.id], True


def _matching(actor: Actor, asked: Asked, level: Level) -> sa.Select[Any]:
    model, name = MODEL[level], asked.of(PATIENT_NAME)
    columns = [one.label(f"by{at}") for at, one in enumerate(_order(asked, level)[0])]
    query = sa.select(model.id.label("id"), *columns)
    levels = {key.level for key, _ in asked.matches} | ({Level.STUDY} if asked.modalities else set())
    if level == Level.INSTANCE:
        query = query.where(Instance.dicom_blob_id.is_not(None))
        if Level.SERIES in levels:
            query = query.join(Series, Series.id == Instance.series_id)
    if level > Level.STUDY and Level.STUDY in levels:
        query = query.join(Study, Study.id == (Series.study_id if level == Level.SERIES else Instance.study_id))
    query = query.where(*(condition(key, value) for key, value in asked.matches if key.tag != PATIENT_NAME))
    if asked.modalities:
        of_it = sa.select(Series.id).where(
            Series.study_id == Study.id, Series.modality.in_(asked.modalities), _is_left(Series, actor)
        )  # fmt: skip
        query = query.where(of_it.correlate(Study).exists())
    if not name:
        return query
    return (
        _by_name(query, name, fuzzy=asked.fuzzy) if level == Level.STUDY else query.where(_is_named(name, asked.fuzzy))
    )


def _by_name(query: sa.Select[Any], value: str, *, fuzzy: bool) -> sa.Select[Any]:
    """Walk the index of names; a study with several that match comes once, by the first of them."""
    first, *more = name_tests(value, fuzzy=fuzzy)
    before = aliased(StudyName)
    is_again = sa.exists().where(before.study_id == StudyName.study_id, first(before), before.name < StudyName.name)
    query = query.join(StudyName, StudyName.study_id == Study.id).where(first(StudyName), ~is_again)
    return query.where(*(_has(one) for one in more), StudyName.organization_id == Study.organization_id)


def _is_named(value: str, fuzzy: bool) -> Condition:
    return sa.and_(*(_has(one) for one in name_tests(value, fuzzy=fuzzy)))


def _has(test: NameTest) -> Condition:
    other = aliased(StudyName)
    return sa.exists().where(other.study_id == Study.id, test(other))
