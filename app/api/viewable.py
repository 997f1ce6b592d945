"""What the JSON says of what can be looked at: instances and documents, with their links."""

from typing import Self
from uuid import UUID

from pydantic import Field

from app.api.schemas import Out
from app.dicom import syntaxes
from app.studies.models import Document, Instance


class InstanceLinks(Out):
    """Where its bytes are; what there is not of this one is null."""

    original: str
    preview: str | None
    frames: str | None = Field(description="A template: number is from 1; a film's frames are in the film alone")
    proxy: str | None = Field(description="The clip as browsers play it; 503 while preview is pending")


class InstanceOut(Out):
    id: UUID
    study_id: UUID
    sop_instance_uid: str
    kind: str
    rows: int | None
    columns: int | None
    number_of_frames: int
    frame_time_ms: float | None
    is_clip: bool
    acquired: str
    sha256: str
    preview: str = Field(description="Whether there is something to look at: pending, ready, or none with its reason")
    preview_reason: str
    links: InstanceLinks
    wrap_reason: str

    @classmethod
    def of(cls, instance: Instance) -> Self:
        plain = {name: getattr(instance, name) for name in cls.model_fields if name != "links"}
        here, is_shown = f"/api/v1/instances/{instance.id}", instance.preview != "none"
        is_film = instance.kind == "mp4" or syntaxes.CODEC.get(instance.transfer_syntax_uid) == "video"
        links = InstanceLinks(
            original=f"{here}/original", preview=f"{here}/preview" if is_shown else None,
            frames=f"{here}/frames/{{number}}" if is_shown and not is_film else None,
            proxy=f"{here}/proxy" if is_shown and instance.is_clip else None,
        )  # fmt: skip
        return cls(**plain, links=links)


class DocumentOut(Out):
    id: UUID
    referral_id: UUID
    name: str
    kind: str
    sha256: str
    page_count: int | None
    preview: str
    preview_reason: str

    @classmethod
    def of(cls, document: Document) -> Self:
        return cls.model_validate(document)
