"""A file goes to the referral that it belongs to, and with it all of its examination, which is of one patient."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from app.access import scope
from app.access.actor import Actor, require
from app.audit import events
from app.db import new_id, now
from app.dicom.facts import Facts
from app.errors import Conflict, Invalid, NotFound, Sentence
from app.referrals import manifest
from app.referrals.models import FileStatus, ManifestItem, Referral
from app.storage.blobs import Blob
from app.studies import attach, wrapping
from app.studies.models import Document, Instance, ReferralStudy, Study
from app.studies.receive import DOCUMENTS, IMAGES, attach_study, for_sending, own_study, settle_whose
from app.studies.record import note_study, place_of

ALONE = (FileStatus.HELD, FileStatus.CONFLICT)  # of no examination yet, or kept aside from it
MOVED = "Moved to another referral."
TAKEN = ("name", "size_bytes", "sha256", "kind", "status", "reason", "identity", "facts", "blob_id", "instance_id",
         "document_id", "arrived_at")  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What will move: the line that was asked for, first, and those of the rest of its examination."""

    source: Referral
    target: Referral
    items: Sequence[ManifestItem]
    study_id: UUID | None  # of a DICOM file: the examination
    row_ids: frozenset[UUID]  # instances and documents, as reports list them
    referral_ids: frozenset[UUID]  # whose reports may rest on them


def plan(
    session: Session, actor: Actor, referral_id: UUID, item_id: UUID, target_id: UUID, *, same_patient: bool = False
) -> Plan:  # fmt: skip
    """Both referrals are locked until the end of the transaction.

    Where files name another patient than that of the other referral it is a Conflict, until `same_patient` says not."""
    source, target = _both(session, actor, referral_id, target_id)
    item = session.get(ManifestItem, item_id)
    if item is None or item.referral_id != source.id:
        raise NotFound
    if item.is_archive or item.status not in (FileStatus.STORED, *ALONE):
        raise Conflict("Only a file that is here can be moved.", status=item.status)
    here = frozenset({source.id})
    if item.status in ALONE:
        return Plan(source, target, [item], None, frozenset(), here)
    if item.document_id is not None:
        return Plan(source, target, [item], None, frozenset({item.document_id}), here)
    instance = session.get_one(Instance, item.instance_id)
    if instance.kind != "dicom":
        return Plan(source, target, [item], None, frozenset({instance.id}), here)
    attach.lock(session, instance.study_id)
    if not same_patient:
        attach.refuse_another(session, target, instance.study_id)
    return _examination(session, source, target, instance.study_id, item)


def everything(session: Session, source: Referral, target: Referral) -> list[Plan]:
    """All that is here of a referral; both are locked. What was refused, or has not come, stays with it."""
    here = frozenset({source.id})
    study_ids = set(session.scalars(sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id == source.id)))
    study_ids -= set(session.scalars(_own_studies(source.id)))
    plans = [_examination(session, source, target, each) for each in sorted(study_ids)]
    gone = {item.id for one in plans for item in one.items}
    alone = [
        item
        for item in manifest.items(session, source.id)
        if item.id not in gone and not item.is_archive and item.status in (FileStatus.STORED, FileStatus.HELD)
    ]
    return plans + [Plan(source, target, [item], None, frozenset(), here) for item in alone]


def carry_out(session: Session, actor: Actor, planned: Plan) -> list[ManifestItem]:
    """The lines that they have in the other referral now, that of the file asked for first."""
    source, target = planned.source, planned.target
    manifest.refuse_too_many(session, target.id, len(planned.items))
    if planned.study_id is not None:
        attach.part(session, source, planned.study_id)
        attach.join(session, target, planned.study_id)
    lines = [_line(session, actor, planned, item) for item in planned.items]
    source.updated_at = target.updated_at = now()
    session.flush()
    for line in lines:
        for referral, action in ((source, "file.moved"), (target, "file.moved-here")):
            events.record(session, actor, action, organization_id=source.organization_id, entity_id=line.id,
                          referral_id=referral.id, source=str(source.id), target=str(target.id))  # fmt: skip
    return lines


def _both(session: Session, actor: Actor, source_id: UUID, target_id: UUID) -> tuple[Referral, Referral]:
    if source_id == target_id:
        raise Invalid("The file is in this referral already.", field="referral_id")
    around = (
        joinedload(Referral.patient),
        joinedload(Referral.organization),
        joinedload(Referral.reading_organization),
    )
    found = {
        each: scope.get(session, Referral, each, actor, *around, lock=True) for each in sorted((source_id, target_id))
    }
    source, target = found[source_id], found[target_id]
    require(actor, "referral.send", source.organization_id)
    if target.organization_id != source.organization_id:
        raise NotFound
    return source, for_sending(session, actor, target_id)


def _own_studies(referral_id: UUID) -> sa.Select[UUID]:
    uids = {own_study(referral_id, series)[0] for series in (IMAGES, DOCUMENTS)}
    return sa.select(Study.id).where(Study.study_instance_uid.in_(uids))


def _examination(
    session: Session, source: Referral, target: Referral, study_id: UUID, item: ManifestItem | None = None
) -> Plan:  # fmt: skip
    attach.lock(session, study_id)
    others = [one.referral for one in attach.asking_about(session, study_id) if one.referral.id != source.id]
    if elsewhere := [one for one in others if one.patient_id != target.patient_id]:
        raise Conflict(
            Sentence("Referral {code} has these images already, for another patient. Take them from it first.",
                     code=elsewhere[0].code),
            referral_id=str(elsewhere[0].id), code=elsewhere[0].code,
        )  # fmt: skip
    instance_ids = set(session.scalars(sa.select(Instance.id).where(Instance.study_id == study_id)))
    # What was taken back goes along too, or it would be shown there.
    here = [one for one in manifest.items(session, source.id) if one.instance_id in instance_ids]
    items = sorted(here, key=lambda one: one is not item)
    asking = {source.id, *(one.id for one in others)}
    return Plan(source, target, items, study_id, frozenset(instance_ids), frozenset(asking))


def _line(session: Session, actor: Actor, planned: Plan, item: ManifestItem) -> ManifestItem:
    """The file's line in the other referral; the old one says only that it went."""
    target = planned.target
    twin = manifest.already_here(session, target.id, item.sha256) if item.sha256 else None
    line = twin or ManifestItem(
        id=new_id(), organization_id=target.organization_id, referral_id=target.id,
        **{name: getattr(item, name) for name in TAKEN},
    )  # fmt: skip
    session.add(line)
    was_held, facts = item.status == FileStatus.HELD, item.facts
    item.status, item.reason, item.identity, item.facts = FileStatus.WITHDRAWN, MOVED, None, None
    item.blob_id = item.instance_id = item.document_id = None
    session.flush()
    if twin is not None:
        return line
    if was_held:
        _settle(session, actor, target, line, Facts.from_json(facts or {}))
    elif planned.study_id is None and line.status != FileStatus.CONFLICT:  # which is no image of its own
        _rehouse(session, target, line)
    return line


def _settle(session: Session, actor: Actor, target: Referral, line: ManifestItem, facts: Facts) -> None:
    """Asked anew whose a held file is, by the patient of the referral that it comes to."""
    line.facts, line.reason = None, ""
    settle_whose(session, actor, target, line, facts, session.get(Blob, line.blob_id) if line.blob_id else None)


def _rehouse(session: Session, target: Referral, line: ManifestItem) -> None:
    """What is no DICOM lies in its referral's own study, and has an encoding that names the patient: made anew, under
    a new UID, for archives may hold the old one as another patient's."""
    document = session.get(Document, line.document_id) if line.document_id else None
    instance_id = document.instance_id if document else line.instance_id
    if document is not None:
        document.referral_id = target.id
    if instance_id is None:
        return
    wrapping.undo(session, instance_id)
    query = sa.select(Instance).where(Instance.id == instance_id).options(undefer(Instance.facts))
    instance = session.scalars(query.execution_options(populate_existing=True)).one()
    series = DOCUMENTS if document else IMAGES
    facts = replace(Facts.from_json(instance.facts), series_number=series)
    before = instance.study_id
    instance.study_id, instance.series_id, instance.instance_number = place_of(
        session, target.organization_id, facts, own_study(target.id, series), target.patient_id
    )
    instance.sop_instance_uid = f"2.25.{new_id().int}"
    session.flush()
    attach_study(session, target, instance.study_id)
    for study_id in sorted({before, instance.study_id}):
        note_study(session, study_id)
