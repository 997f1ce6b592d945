"""The images of a referral, in the order in which they were taken, and their digest."""

import hashlib
from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access import scope
from app.access.actor import Actor
from app.dicom import structured
from app.errors import NotFound
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.studies.models import Document, Instance, ReferralStudy

Seen = TypeVar("Seen", Instance, Document)

IS_SENT = Instance.report_id.is_(None)  # not a report on it, which lies beside it for DICOM alone
# A document is listed as such, page by page, also where DICOM has it as an instance.
IS_IMAGE = sa.and_(Instance.kind != "pdf", IS_SENT)
# Structured reports and key objects, presentation states: the roots of their classes (PS3.6 A)
WITHOUT_PICTURE = (structured.STORAGE, "1.2.840.10008.5.1.4.1.1.11.")
PAGES = "1.2.840.10008.5.1.4.1.1.104.1"  # Encapsulated PDF
NOTHING_TO_SHOW = "This file holds no picture that can be shown. It can be downloaded."


def instances_of(session: Session, referral_id: UUID, *options: Any) -> list[Instance]:
    """Every instance of the referral's studies but those withdrawn from it, in the order of the strip."""
    studies = sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id == referral_id)
    images = sa.select(Instance).where(Instance.study_id.in_(studies), IS_IMAGE, ~withdrawn_from(referral_id))
    return in_order(session.scalars(images.options(*options)))


def images_of(session: Session, referral_id: UUID) -> list[Instance]:
    """Those of them that a reader can look at or is to know of as pictures: what counts, and stands on the strip."""
    return [one for one in instances_of(session, referral_id) if holds_picture(one)]


def holds_picture(instance: Instance) -> bool:
    """Not so a structured report, a presentation state or a key object note, nor what says no rows (raw data, waveforms);
    a picture that cannot be shown is one."""
    if instance.kind != "dicom" or instance.sop_class_uid == PAGES:
        return True
    return instance.rows is not None and not instance.sop_class_uid.startswith(WITHOUT_PICTURE)


def withdrawn_from(referral_id: UUID | sa.ColumnElement[UUID] | InstrumentedAttribute[UUID]) -> sa.ColumnElement[bool]:
    """Taken back from this referral, and not sent again."""
    # By digest too: what was kept aside as a conflict is a line of its own, and its going takes nothing away.
    sent = sa.select(ManifestItem.id).where(
        ManifestItem.referral_id == referral_id, ManifestItem.instance_id == Instance.id,
        ManifestItem.sha256 == Instance.sha256,
    )  # fmt: skip
    return sa.and_(
        sent.where(ManifestItem.status == FileStatus.WITHDRAWN).exists(),
        ~sent.where(ManifestItem.status == FileStatus.STORED).exists(),
    )


def in_order(instances: Iterable[Instance]) -> list[Instance]:
    """As on the strip: by acquisition time, then number; undated ones last."""
    return sorted(instances, key=lambda one: (not one.acquired, one.acquired, one.instance_number or 0, one.id))


def documents_of(session: Session, referral_id: UUID) -> list[Document]:
    withdrawn = sa.select(ManifestItem.document_id).where(
        ManifestItem.referral_id == referral_id, ManifestItem.status == FileStatus.WITHDRAWN,
        ManifestItem.document_id.is_not(None),
    )  # fmt: skip
    query = sa.select(Document).where(Document.referral_id == referral_id, Document.id.not_in(withdrawn))
    return list(session.scalars(query.order_by(Document.id)))


def seen(session: Session, actor: Actor, model: type[Seen], row_id: UUID, *options: Any) -> Seen:
    """The instance or document, or NotFound; also when others have taken it back."""
    row = scope.get(session, model, row_id, actor, *options)
    is_replaced = sa.and_(Instance.report_id.is_not(None), Instance.dicom_blob_id.is_(None))
    gone = sa.or_(taken_back(actor), is_replaced) if model is Instance else document_taken_back(actor)
    if session.scalar(sa.select(model.id).where(model.id == row_id, gone)) is not None:
        raise NotFound
    return row


def line_of() -> sa.ColumnElement[bool]:
    """Whether a line of the manifest is an instance's, or that of the document which it is."""
    document = sa.exists().where(Document.id == ManifestItem.document_id, Document.instance_id == Instance.id)
    return sa.or_(ManifestItem.instance_id == Instance.id, document.correlate_except(Document))


def taken_back(actor: Actor) -> sa.ColumnElement[bool]:
    """The instances of others that were withdrawn from every referral in which this actor sees them, and the reports on
    questions that are not theirs to know of: one study may be asked about twice."""
    their_question = sa.exists().where(Referral.id == Instance.referral_id, scope.visible(Referral, actor))
    is_anothers = sa.and_(Instance.referral_id.is_not(None), ~their_question)
    return sa.and_(Instance.organization_id.not_in(actor.organization_ids), sa.or_(withdrawn(actor), is_anothers))


def withdrawn(actor: Actor) -> sa.ColumnElement[bool]:
    """Whosever they are: withdrawn from every referral in which this actor sees them, so no longer of their study."""
    sent = (
        sa.select(ManifestItem.id)
        .join(ReferralStudy, ReferralStudy.referral_id == ManifestItem.referral_id)
        .where(ReferralStudy.study_id == Instance.study_id, line_of(), ManifestItem.sha256 == Instance.sha256,
               scope.visible(ManifestItem, actor))
    )  # fmt: skip
    return sa.and_(
        sent.where(ManifestItem.status == FileStatus.WITHDRAWN).exists(),
        ~sent.where(ManifestItem.status == FileStatus.STORED).exists(),
    )


def is_withdrawn() -> sa.ColumnElement[bool]:
    """From any referral at all: nothing more is made of it."""
    return sa.exists().where(
        ReferralStudy.study_id == Instance.study_id, ManifestItem.referral_id == ReferralStudy.referral_id,
        ManifestItem.status == FileStatus.WITHDRAWN, ManifestItem.sha256 == Instance.sha256, line_of(),
    )  # fmt: skip


def document_taken_back(actor: Actor) -> sa.ColumnElement[bool]:
    """The same of documents, which have one referral each."""
    return sa.and_(Document.organization_id.not_in(actor.organization_ids), document_withdrawn())


def document_withdrawn() -> sa.ColumnElement[bool]:
    return sa.exists().where(
        ManifestItem.referral_id == Document.referral_id, ManifestItem.document_id == Document.id,
        ManifestItem.status == FileStatus.WITHDRAWN,
    )  # fmt: skip


def image_list(session: Session, referral_id: UUID) -> list[dict[str, str]]:
    """What a report rests on: each image and document with the digest of its bytes."""
    rows: list[Instance | Document] = [*images_of(session, referral_id), *documents_of(session, referral_id)]
    return [{"id": str(row.id), "sha256": row.sha256} for row in rows]


def image_list_sha256(images: list[dict[str, str]]) -> str:
    """Of the canonical JSON (RFC 8785), whatever order they were listed in."""
    ordered = sorted(images, key=lambda one: one["id"])
    return hashlib.sha256(rfc8785.dumps(ordered)).hexdigest()
