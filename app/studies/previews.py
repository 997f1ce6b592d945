"""Previews come before their files over a slow line: looked at as such, never stored as an image, gone when the file is here."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor
from app.audit import events
from app.config import settings
from app.db import new_id, now, reading, transaction
from app.dicom.admission import examine
from app.errors import Invalid, NotFound
from app.referrals.models import ManifestItem
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import Spooled, measured, place_for_output, spooled_copy
from app.studies import decoding, films
from app.studies.models import Rendition
from app.studies.pictures import RECIPE
from app.studies.receive import Keep, for_sending
from app.studies.renditions import drop_preview
from app.studies.tries import tried

IMAGE, FILM = "image", "film"
Part = tuple[str, Blob]  # preview, proxy or poster, as of an instance


def take(actor: Actor, referral_id: UUID, item_id: UUID, spooled: Spooled, keep: Keep) -> None:
    """Made anew from what came, which is a stranger's; where the file was quicker, nothing of it is kept."""
    with reading(actor) as session:
        organization_id = for_sending(session, actor, referral_id).organization_id
    form, frames, parts = tried(lambda: _made(actor, organization_id, spooled))
    with transaction(actor) as session:
        referral = for_sending(session, actor, referral_id, lock=True)
        item = session.get_one(ManifestItem, item_id, populate_existing=True)
        if item.is_awaited:
            drop_preview(session, item)  # an earlier try of the same
            _keep(session, item, parts)
            item.preview, item.preview_frames, referral.updated_at = form, frames, now()
            events.record(session, actor, "file.previewed", organization_id=organization_id, entity_id=item.id,
                          referral_id=referral_id, form=form)  # fmt: skip
        session.flush()
        keep(session, item)


def shown(actor: Actor, item_id: UUID, kind: str) -> Blob:
    """What there is to look at; a look is on the record."""
    with reading(actor) as session:
        item = scope.get(session, ManifestItem, item_id, actor)
        kinds = ("poster", "preview") if kind == "preview" else (kind,)
        blob = session.scalars(
            sa.select(Blob).join(Rendition, Rendition.blob_id == Blob.id)
            .where(Rendition.source_id == item.id, Rendition.kind.in_(kinds)).limit(1)
        ).first()  # fmt: skip
        if not item.is_awaited or blob is None:
            raise NotFound
    events.note_opening(actor, "preview.viewed", organization_id=item.organization_id, entity_id=item.id,
                        referral_id=item.referral_id)  # fmt: skip
    return blob


def _made(actor: Actor, organization_id: UUID, spooled: Spooled) -> tuple[str, int, list[Part]]:
    kind = _kind(spooled)
    if kind in ("jpeg", "png"):
        answer = decoding.pool().run("still", path=str(spooled.path), form="jpeg")
        return IMAGE, 1, [_part(actor, organization_id, "preview", answer["body"], answer["media_type"])]
    if kind != "mp4":
        raise Invalid("A preview is a JPEG, a PNG or an MP4.", reason_code="preview")
    with place_for_output() as output:
        answer = films.of_mp4(str(spooled.path), str(output), settings().decode_wait_s)
        film = blobs.keep(actor, organization_id, measured(output), answer["media_type"])
    poster = _part(actor, organization_id, "poster", answer["poster"], answer["poster_media_type"])
    return FILM, answer["frames"], [("proxy", film), poster]


def _kind(spooled: Spooled) -> str:
    try:
        return examine(spooled.path).kind
    except Invalid as refusal:
        if refusal.facts.get("reason_code") != "unknown":
            raise
        return "unknown"


def _part(actor: Actor, organization_id: UUID, kind: str, body: bytes, media_type: str) -> Part:
    with spooled_copy(iter([body]), len(body)) as spooled:
        return kind, blobs.keep(actor, organization_id, spooled, media_type)


def _keep(session: Session, item: ManifestItem, parts: list[Part]) -> None:
    blobs.record(session, [blob for _, blob in parts])
    session.add_all(
        Rendition(id=new_id(), organization_id=item.organization_id, source_id=item.id, kind=kind, recipe=RECIPE,
                  blob_id=blob.id)
        for kind, blob in parts
    )  # fmt: skip
