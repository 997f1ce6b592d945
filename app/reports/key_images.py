"""The images that the reader marked, in one order and by one name on page and PDF; for the PDF as small as any link carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from app.access.actor import WORKER, Actor
from app.db import reading
from app.errors import Invalid, NotFound, Refusal, Unavailable
from app.reports import drawn
from app.reports.drawn import Mark
from app.reports.models import ReportVersion
from app.reports.words import Gettext
from app.storage.blobs import Blob
from app.studies import pictures
from app.studies.models import Instance
from app.studies.renditions import Made, Wanted, kept_or_made

RECIPE = 1  # of a picture with what is drawn on it
MOST = 6
LIMIT_BYTES = 60_000  # of all: the letter with its fonts stays below 100 kB
SIDES_PX = (640, 480, 360, 280, 200, 160)


@dataclass(frozen=True)
class Key:
    """One frame, which place its image has among all that the report rests on, and what its reader wrote beside it."""

    number: int
    frame: int
    is_clip: bool = False
    note: str = ""
    marks: tuple[Mark, ...] = ()
    instance: Instance | None = None

    def label(self, _: Gettext) -> str:
        if self.is_clip:
            return _("Clip {n}, frame {frame}").format(n=self.number, frame=self.frame)
        return _("Image {n}").format(n=self.number)

    def lines(self, language: str, _: Gettext) -> list[str]:
        """What is drawn on it, and what its reader wrote beside it."""
        return [*drawn.lines(self.marks, language, _), *self.note.splitlines()]


@dataclass(frozen=True)
class Printed:
    """With its JPEG, where there is one: what is written beside a picture is said without it, too."""

    key: Key
    body: bytes | None


def listed(session: Session, source: Mapping[str, Any]) -> list[Key]:
    """All of a signed report, in the order in which they were marked."""
    numbers = {one["id"]: number for number, one in enumerate(source["images"], 1)}
    marked = [one for one in source.get("key_images", []) if one["image"] in numbers]
    query = sa.select(Instance).where(Instance.id.in_(UUID(one["image"]) for one in marked))
    query = query.options(joinedload(Instance.blob), undefer(Instance.facts))
    instances = {str(one.id): one for one in session.scalars(query)} if marked else {}
    return [_key(one, numbers[one["image"]], instances.get(one["image"])) for one in marked]


def _key(said: Mapping[str, Any], number: int, instance: Instance | None) -> Key:
    is_clip = instance is not None and instance.is_clip
    marks = tuple(Mark.model_validate(one) for one in said.get("marks", ()))
    return Key(number, said["frame"], is_clip, said.get("note", ""), marks, instance)


def picture(actor: Actor, version: ReportVersion, place: int, key: Key) -> Blob:
    """For the page, of one that is drawn on: the same as in the PDF, at its largest."""
    wanted = Wanted(version.organization_id, version.id, "key", place, RECIPE)
    return kept_or_made(actor, wanted, lambda: Made(_drawn(key, SIDES_PX[0], version.language), "image/jpeg"))


def printed(source: Mapping[str, Any]) -> list[Printed]:
    """The first ones with a picture; what cannot be shown (any more) is still named."""
    with reading(WORKER) as session:
        keys = listed(session, source)
    bodies: dict[int, bytes] = {}
    for side in SIDES_PX:
        made = ((at, _body(key, side, source["report"]["language"])) for at, key in enumerate(keys[:MOST]))
        bodies = {at: body for at, body in made if body is not None}
        if sum(map(len, bodies.values())) <= LIMIT_BYTES:
            break
    bodies = _as_fit(bodies)
    return [Printed(key, bodies.get(at)) for at, key in enumerate(keys)]


def _body(key: Key, side: int, language: str) -> bytes | None:
    try:
        return _drawn(key, side, language)
    except Unavailable:
        raise
    except Refusal:
        return None


def _drawn(key: Key, side: int, language: str) -> bytes:
    if key.instance is None:
        raise NotFound
    if not key.marks:
        return pictures.small(WORKER, key.instance, key.frame, side)
    try:
        return pictures.marked(key.instance, key.frame, side, drawn.to_draw(key.marks, language))
    except Invalid:  # too much to draw; what it says stands beside
        return pictures.small(WORKER, key.instance, key.frame, side)


def _as_fit(bodies: Mapping[int, bytes]) -> dict[int, bytes]:
    """The first ones, where even the smallest of all would be too much."""
    kept, size = {}, 0
    for at, body in bodies.items():
        size += len(body)
        if size > LIMIT_BYTES:
            break
        kept[at] = body
    return kept
