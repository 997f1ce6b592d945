"""What there is to look at in a case: every image, clip and page, in the order of the strip."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.case import Case
from app.dicom.facts import Facts
from app.studies.models import Document, Instance


@dataclass(frozen=True)
class Sight:
    """One place on the strip. A film's frames are in the film alone; a clip's can be had one by one."""

    key: str
    form: str  # image, clip, film, page
    source_id: UUID
    kind: str  # of the file: dicom, jpeg, png, mp4, pdf
    name: str
    state: str  # pending, ready, none
    reason: str
    frames: int = 1
    page: int = 1
    frame_time_ms: float | None = None
    times_ms: tuple[float, ...] = ()  # when each frame begins, where they are uneven
    is_preview: bool = False  # of a file that is on its way

    @property
    def is_blank(self) -> bool:
        """There is no picture of it, or not yet."""
        return self.state == "none" or (self.form == "film" and self.state == "pending")

    @property
    def source(self) -> str:
        kind = "files" if self.is_preview else "documents" if self.form == "page" else "instances"
        return f"/api/v1/{kind}/{self.source_id}"


def of(session: Session, case: Case) -> list[Sight]:
    facts = _facts_of_clips(session, case.images)
    seen = [_instance(one, facts.get(one.id)) for one in case.images]
    return seen + [page for document in case.documents for page in _pages(document)]


def previews(case: Case) -> list[Sight]:
    """What can be looked at before it is here: beside the others, and none of them."""
    return [
        Sight(key=str(one.id), form=one.preview or "", source_id=one.id, kind=one.kind or "", name=one.name, state="ready",
              reason="", frames=one.preview_frames, is_preview=True)
        for one in case.previewed
    ]  # fmt: skip


def chosen(sights: list[Sight], key: str | None) -> Sight | None:
    """The one asked for, else the first."""
    return next((one for one in sights if one.key == key), sights[0] if sights else None)


def _instance(instance: Instance, facts: Facts | None) -> Sight:
    is_film = instance.kind == "mp4" or bool(facts and facts.pixels and facts.pixels.is_video)
    form = "film" if is_film else "clip" if instance.is_clip else "image"
    vector = facts.frame_time_vector_ms if facts else ()
    return Sight(
        key=str(instance.id), form=form, source_id=instance.id, kind=instance.kind, name="", state=instance.preview,
        reason=instance.preview_reason, frames=instance.number_of_frames, frame_time_ms=instance.frame_time_ms,
        times_ms=tuple(round(each, 3) for each in accumulate(vector)),
    )  # fmt: skip


def _pages(document: Document) -> Iterable[Sight]:
    for number in range(1, (document.page_count or 1) + 1):
        yield Sight(
            key=f"{document.id}-{number}", form="page", source_id=document.id, kind=document.kind, name=document.name,
            state=document.preview, reason=document.preview_reason, page=number,
        )  # fmt: skip


def _facts_of_clips(session: Session, instances: list[Instance]) -> dict[UUID, Facts]:
    """Their headers say how the frames lie in time; those of stills are not read."""
    clips = [one.id for one in instances if one.is_clip]
    query = sa.select(Instance.id, Instance.facts).where(Instance.id.in_(clips))
    return {row.id: Facts.from_json(row.facts) for row in session.execute(query)} if clips else {}
