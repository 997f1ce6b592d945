"""The images that the reader marked, for the PDF: exact frames, as small together as any link can carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, undefer

from app.access.actor import WORKER
from app.db import reading
from app.errors import Refusal, Unavailable
from app.studies import pictures
from app.studies.models import Instance

MOST = 6
LIMIT_BYTES = 60_000  # of all: the letter with its fonts stays below 100 kB
SIDES_PX = (640, 480, 360, 280, 200, 160)


@dataclass(frozen=True)
class Printed:
    """A JPEG, which place it has among all that the report rests on, and which frame of it that is."""

    number: int
    frame: int | None
    body: bytes


def printed(source: Mapping[str, Any]) -> list[Printed]:
    """What cannot be shown (any more) is left out: the letter is complete without."""
    numbers = {one["id"]: number for number, one in enumerate(source["images"], 1)}
    marked = [one for one in source.get("key_images", []) if str(one["image"]) in numbers][:MOST]
    instances = _instances([UUID(str(one["image"])) for one in marked])
    found: list[Printed] = []
    for side in SIDES_PX if instances else ():
        found = [
            Printed(numbers[str(one["image"])], one.get("frame"), body) for one in marked
            if (body := _body(instances.get(UUID(str(one["image"]))), one.get("frame") or 1, side)) is not None
        ]  # fmt: skip
        if sum(len(one.body) for one in found) <= LIMIT_BYTES:
            return found
    return _as_fit(found)


def _instances(ids: Sequence[UUID]) -> dict[UUID, Instance]:
    query = sa.select(Instance).where(Instance.id.in_(ids)).options(joinedload(Instance.blob), undefer(Instance.facts))
    with reading(WORKER) as session:
        return {one.id: one for one in session.scalars(query)}


def _body(instance: Instance | None, frame: int, side: int) -> bytes | None:
    if instance is None:
        return None
    try:
        return pictures.small(WORKER, instance, frame, side)
    except Unavailable:
        raise
    except Refusal:
        return None


def _as_fit(found: list[Printed]) -> list[Printed]:
    """The first ones, where even the smallest of all would be too much."""
    kept, size = [], 0
    for one in found:
        size += len(one.body)
        if size > LIMIT_BYTES:
            break
        kept.append(one)
    return kept
