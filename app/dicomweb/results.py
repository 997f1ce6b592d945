"""Rows of a page as DICOM JSON: the usual attributes, and those asked for by includefield."""

import json
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.db import IDS
from app.dicom.dictionary import vr_of
from app.dicomweb import keys
from app.dicomweb.addresses import instance_url, series_url, study_url, whose
from app.dicomweb.asked import Asked
from app.dicomweb.find import MODEL
from app.dicomweb.keys import KEYS, MORE, Key, Level
from app.studies.images import taken_back
from app.studies.models import Instance, InstanceHeader, Series, Study

Data = dict[str, Any]
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def results(
    session: Session, who: Actor, asked: Asked, level: Level, ids: Sequence[UUID], *, whole_tree: bool
) -> list[Data]:
    """In the order of `ids`; `whole_tree` adds the attributes of the levels above (PS3.18 10.6.3.3)."""
    columns = tuple(key for key in KEYS.values() if _is_wanted(key, asked, level, whole_tree=whole_tree))
    rows = {row.id: row for row in session.execute(_query(level, columns), {"ids": ids})}
    found = {row_id: _data(row, columns) for row_id, row in rows.items()}
    for row_id, row in rows.items():
        _add_place(found[row_id], row, level, whose(who, row.organization_id))
    # What is one's own is seen whoever takes it back, and most searches find nothing else.
    are_own = all(row.organization_id in who.organization_ids for row in rows.values())
    is_seen = sa.true() if are_own else ~taken_back(who)
    if level == Level.STUDY or whole_tree:
        _count(
            session,
            SERIES if are_own else _series(is_seen),
            {row.study_id: [] for row in rows.values()},
            [(row.study_id, found[at]) for at, row in rows.items()],
        )
    if level == Level.SERIES:
        _count_series(session, is_seen, found)
    if more := _more(asked, level):
        _add_more(session, is_seen, level, found, more)
    return [dict(sorted(found[row_id].items())) for row_id in ids if row_id in found]


def _is_wanted(key: Key, asked: Asked, level: Level, *, whole_tree: bool) -> bool:
    path = f"{key.inside}.{key.tag}".lstrip(".")
    if path in asked.include or key.inside in asked.include or (asked.everything and key.level <= level):
        return key.level <= level
    return key.is_usual and (key.level == level or (whole_tree and key.level < level))


@lru_cache(maxsize=64)
def _query(level: Level, columns: tuple[Key, ...]) -> sa.Select[Any]:
    """The wanted columns as k0, k1 … beside what names the row."""
    return _rows(level, columns).where(MODEL[level].id.in_(IDS))


def _rows(level: Level, columns: tuple[Key, ...]) -> sa.Select[Any]:
    found = [key.column.label(f"k{at}") for at, key in enumerate(columns)]
    uids: list[Any] = [Study.study_instance_uid.label("study_uid"), Study.id.label("study_id"), Study.organization_id]
    if level == Level.STUDY:
        return sa.select(Study.id, *uids, *found)
    uids.append(Series.series_instance_uid.label("series_uid"))
    if level == Level.SERIES:
        return sa.select(Series.id, *uids, *found).join(Study, Study.id == Series.study_id)
    uids.append(Instance.sop_instance_uid.label("instance_uid"))
    return (
        sa.select(Instance.id, *uids, *found)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Instance.study_id)
    )


def _data(row: Any, columns: tuple[Key, ...]) -> Data:
    data: Data = {}
    for at, key in enumerate(columns):
        value = getattr(row, f"k{at}")
        attribute = {"vr": key.vr} if value in ("", None) else {"vr": key.vr, "Value": _values(key.vr, value)}
        if key.inside:
            if len(attribute) > 1:
                item = data.setdefault(key.inside, {"vr": "SQ", "Value": [{}]})["Value"][0]
                item[key.tag] = attribute
        else:
            data[key.tag] = attribute
    return data


def _values(vr: str, value: Any) -> list[Any]:
    if vr == "PN":
        return [{group: part for group, part in zip(GROUPS, value.split("="), strict=False) if part}]
    return [value]


def _add_place(data: Data, row: Any, level: Level, suffix: str) -> None:
    """The unique keys of every level above, where to retrieve it, and that it can be had at once."""
    url = study_url(row.study_uid)
    data["0020000D"] = {"vr": "UI", "Value": [row.study_uid]}
    if level > Level.STUDY:
        data["0020000E"] = {"vr": "UI", "Value": [row.series_uid]}
        url = series_url(row.study_uid, row.series_uid)
    if level > Level.SERIES:
        data["00080018"] = {"vr": "UI", "Value": [row.instance_uid]}
        url = instance_url(row.study_uid, row.series_uid, row.instance_uid)
    data[keys.RETRIEVE_URL] = {"vr": "UR", "Value": [url + suffix]}
    data[keys.AVAILABILITY] = {"vr": "CS", "Value": ["ONLINE"]}


def _series(is_seen: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The series of studies, and how many instances each has; one of which nothing is seen is none of them."""
    instances = sa.select(sa.func.count()).where(
        Instance.series_id == Series.id, Instance.dicom_blob_id.is_not(None), is_seen
    )  # fmt: skip
    query = sa.select(Series.study_id, Series.modality, instances.scalar_subquery().label("count"))
    return query.where(Series.study_id.in_(IDS), sa.exists().where(Instance.series_id == Series.id, is_seen))


SERIES = _series(sa.true())


def _count(
    session: Session, series_of: sa.Select[Any], studies: dict[UUID, list[Any]], data: Iterable[tuple[UUID, Data]]
) -> None:
    """Modalities, series and instances of each study."""
    for row in session.execute(series_of, {"ids": list(studies)}):
        studies[row.study_id].append(row)
    for study_id, one in data:
        series = studies[study_id]
        one[keys.MODALITIES] = {"vr": "CS", "Value": sorted({row.modality for row in series})}
        one[keys.SERIES_OF_STUDY] = {"vr": "IS", "Value": [len(series)]}
        one[keys.INSTANCES_OF_STUDY] = {"vr": "IS", "Value": [sum(row.count for row in series)]}


def _count_series(session: Session, is_seen: sa.ColumnElement[bool], found: dict[UUID, Data]) -> None:
    query = sa.select(Instance.series_id, sa.func.count().label("count")).group_by(Instance.series_id)
    counted = query.where(Instance.series_id.in_(found), Instance.dicom_blob_id.is_not(None), is_seen)
    counts = {row.series_id: row.count for row in session.execute(counted)}
    for series_id, data in found.items():
        data[keys.INSTANCES_OF_SERIES] = {"vr": "IS", "Value": [counts.get(series_id, 0)]}


def _more(asked: Asked, level: Level) -> set[str]:
    """Tags that only headers have."""
    known = {path.partition(".")[0] for path in KEYS}
    wanted = {path.partition(".")[0] for path in asked.include} - known
    if level == Level.INSTANCE:
        return wanted | ({"all"} if asked.everything else set())
    levels = [one for one in (Level.STUDY, Level.SERIES) if one <= level]
    above = {tag for one in levels for tag in MORE[one]}
    return above if asked.everything else wanted & above


def _add_more(
    session: Session, is_seen: sa.ColumnElement[bool], level: Level, found: dict[UUID, Data], more: set[str]
) -> None:
    """From the header of the instance itself, or of the first one of the study or series that is seen."""
    column = {Level.STUDY: Instance.study_id, Level.SERIES: Instance.series_id, Level.INSTANCE: Instance.id}[level]
    place = sa.func.row_number().over(partition_by=column, order_by=Instance.id)
    ranked = sa.select(Instance.id, column.label("of"), place.label("place")).where(
        column.in_(found), Instance.dicom_blob_id.is_not(None), is_seen
    ).subquery()  # fmt: skip
    query = sa.select(ranked.c.of, InstanceHeader.packed).join(InstanceHeader, InstanceHeader.id == ranked.c.id)
    for row in session.execute(query.where(ranked.c.place == 1)):
        header = json.loads(zlib.decompress(row.packed))
        for tag in header if "all" in more else more:
            if "BulkDataURI" not in header.get(tag, ()):
                found[row.of].setdefault(tag, header.get(tag, {"vr": vr_of(int(tag, 16))}))
