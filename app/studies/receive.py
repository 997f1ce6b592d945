"""A file for a referral: whose is it, where does it belong, and what the sender is told."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor, require
from app.audit import events
from app.db import insert_or_nothing, new_id, now, reading, transaction
from app.dicom.facts import Facts
from app.errors import Conflict, Invalid, Refusal, Sentence
from app.jobs.queue import enqueue
from app.people.identity import Identity, compare
from app.referrals import manifest
from app.referrals.models import TAKES_FILES, FileStatus, ManifestItem, Referral, ReferralStatus
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies import known, whose
from app.studies.ingest import Admitted, Arrival, admit, put_all
from app.studies.models import Document, ReferralStudy, Study
from app.studies.record import note_study, record_instance
from app.studies.renditions import drop_preview

IMAGES, DOCUMENTS = 1, 2  # the series of a referral's own study
OTHER_PATIENT = "The file names another patient than this referral. Is it the same patient, or the wrong file?"
OTHER_PATIENT_BOTH = (
    "The file names another patient than this referral, and its examination is here already with another patient. "
    "Is it the same patient all the same, or the wrong file?"
)
STUDY_OF_ANOTHER = "This examination is here already, with another patient. Is it the same patient, or the wrong file?"
Keep = Callable[[Session, ManifestItem], None]  # what a door writes beside the item, in its transaction


def may_send(actor: Actor, referral_id: UUID) -> Referral:
    """The referral, if this actor may add files to it: asked before the first byte is taken."""
    with reading(actor) as session:
        return for_sending(session, actor, referral_id)


def receive(
    actor: Actor, referral: Referral, arrival: Arrival, archive_id: UUID | None = None, keep: Keep | None = None
) -> ManifestItem:
    """Ingest one file of a referral. Its item says stored, held or conflict; Invalid when it is quarantined."""
    try:
        admitted = _no_archive(admit(arrival))
    except Invalid as refusal:
        item = quarantine(actor, referral.id, arrival.name, refusal, size_bytes=arrival.spooled.size_bytes,
                          sha256=arrival.spooled.sha256, archive_id=archive_id, keep=keep)  # fmt: skip
        raise Invalid(refusal.sentence, file_id=str(item.id), reason_code=refusal.facts.get("reason_code")) from None
    sha256 = arrival.spooled.sha256
    if keep is None and (here := _already_here(actor, referral.id, sha256)) is not None:
        return here
    uid = admitted.facts.sop_instance_uid or ""
    new = known.same_bytes(actor, referral.organization_id, [uid]).get(uid) != sha256
    blob = put_all(actor, referral.organization_id, [admitted])[0] if new else None
    with transaction(actor) as session:
        referral = for_sending(session, actor, referral.id, lock=True)
        # Asked again under the lock: a client that gave up waiting may have sent it twice, at once.
        if (twin := manifest.already_here(session, referral.id, sha256)) is not None:
            _keep(session, twin, keep)
            return twin
        item = manifest.expected_or_new(session, referral, arrival.name, arrival.spooled.size_bytes, sha256)
        item.kind, item.archive_id, item.reason = admitted.facts.kind, archive_id, ""
        _forget_aside(session, item)
        drop_preview(session, item)
        session.flush()
        if settle_whose(session, actor, referral, item, admitted.facts, blob) and blob is not None:
            blobs.record(session, [blob])
        events.record(session, actor, "file.received", organization_id=referral.organization_id, entity_id=item.id,
                      referral_id=referral.id, status=item.status)  # fmt: skip
        referral.updated_at = now()
        _keep(session, item, keep)
    return item


def attach(session: Session, referral: Referral, item: ManifestItem, facts: Facts, blob: Blob | None) -> bool:
    """Put a file whose patient is settled where it belongs: a Document, or an Instance of a study.

    True if a row refers to `blob` now."""
    if facts.kind == "pdf":
        return _document(session, referral, item, blob)
    if facts.kind != "dicom":
        facts = replace(facts, series_number=IMAGES)
    done = record_instance(
        session, referral.organization_id, facts, item.sha256 or "", blob,
        patient_id=referral.patient_id, default_study=own_study(referral.id, IMAGES),
    )  # fmt: skip
    item.instance_id = done.instance_id
    if done.blob is not None:  # else a held file's own bytes stay with it
        item.blob_id = done.blob.id
    item.status = FileStatus.CONFLICT if done.is_conflict else FileStatus.STORED
    if done.is_conflict:
        item.reason = "Another file with the same identifier is already here. Both are kept; the first one is shown."
        return done.blob is not None
    if attach_study(session, referral, done.study_id) or done.is_new:
        note_study(session, done.study_id)
    return done.blob is not None


def attach_study(session: Session, referral: Referral, study_id: UUID) -> bool:
    """The referral asks about this study; whoever reads the one may read the other. True the first time."""
    is_first = insert_or_nothing(session, ReferralStudy, {
        "organization_id": referral.organization_id, "referral_id": referral.id, "study_id": study_id,
    })  # fmt: skip
    session.execute(sa.update(Study).where(Study.id == study_id, Study.matched_at.is_(None)).values(matched_at=now()))
    if referral.submitted_at is not None:
        scope.grant(session, referral.reading_organization_id, study_id=study_id)
    return is_first


def own_study(referral_id: UUID, series: int) -> tuple[str, str]:
    """Study and Series UID of what comes without its own: the referral's id as UID (PS3.5 B.2)."""
    return f"2.25.{referral_id.int}", f"2.25.{referral_id.int}.{series}"


def owner_of(study_instance_uid: str) -> UUID:
    """The referral whose own study it is, also when the study was detached from it since."""
    return UUID(int=int(study_instance_uid.removeprefix("2.25.")))


def place_document(session: Session, document_id: UUID) -> None:
    """Give a document its UIDs and its place in the referral's own study, once; settling that makes the rest."""
    query = sa.select(Document).where(Document.id == document_id).options(joinedload(Document.blob))
    document = session.scalars(query.with_for_update(of=Document)).one()
    if document.instance_id is not None:
        return
    referral = session.get_one(Referral, document.referral_id)
    facts = Facts(kind="pdf", size_bytes=document.blob.size_bytes, modality="DOC", series_number=DOCUMENTS,
                  sop_instance_uid=f"2.25.{document.id.int}")  # fmt: skip
    done = record_instance(
        session, document.organization_id, facts, document.sha256, document.blob,
        patient_id=referral.patient_id, default_study=own_study(referral.id, DOCUMENTS),
    )  # fmt: skip
    document.instance_id = done.instance_id
    attach_study(session, referral, done.study_id)
    note_study(session, done.study_id)


def settle_whose(
    session: Session, actor: Actor, referral: Referral, item: ManifestItem, facts: Facts, blob: Blob | None
) -> bool:
    """Whose the file says it is decides whether it joins the referral or is held. True if a row refers to `blob` now."""
    if facts.kind == "dicom":
        file = vars(facts.patient)
        verdict, differing = compare(referral.patient, file)
        others = whose.others_here(session, referral, facts.study_instance_uid)
        if verdict is Identity.MISMATCH:
            is_anothers = others is not None and not others[0]
            reason = OTHER_PATIENT_BOTH if is_anothers else OTHER_PATIENT
            return _hold(session, actor, referral, item, facts, blob, reason, differing, file)
        if others is not None:
            differs, here = others
            return _hold(session, actor, referral, item, facts, blob, STUDY_OF_ANOTHER, differs, here or file)
        item.identity = {"verdict": verdict}
    return attach(session, referral, item, facts, blob)


def _hold(
    session: Session, actor: Actor, referral: Referral, item: ManifestItem, facts: Facts, blob: Blob | None,
    reason: str, differing: list[str], file: dict[str, str],
) -> bool:  # fmt: skip
    item.status, item.facts, item.reason = FileStatus.HELD, facts.to_json(), reason
    item.identity = {"verdict": Identity.MISMATCH, "differs": differing, "file": file}
    if blob is not None:
        item.blob_id = blob.id
    events.record(session, actor, "file.held", organization_id=referral.organization_id, entity_id=item.id,
                  referral_id=referral.id, differs=differing)  # fmt: skip
    return blob is not None


def _document(session: Session, referral: Referral, item: ManifestItem, blob: Blob | None) -> bool:
    if blob is None:
        raise Conflict("This document is already here.")
    document = Document(id=new_id(), organization_id=referral.organization_id, referral_id=referral.id, kind="pdf",
                        name=item.name, blob_id=blob.id, sha256=blob.sha256)  # fmt: skip
    session.add(document)
    session.flush()
    item.document_id, item.blob_id, item.status = document.id, blob.id, FileStatus.STORED
    session.flush()
    place_document(session, document.id)
    enqueue(session, "studies.settle_document", document.id)
    return True


def _no_archive(admitted: Admitted) -> Admitted:
    if admitted.facts.kind == "zip":
        raise Invalid(
            "An empty ZIP, or a ZIP inside another, is not opened: send the files themselves.", reason_code="archive"
        )
    return admitted


def quarantine(
    actor: Actor, referral_id: UUID, name: str, refusal: Refusal, *, size_bytes: int | None = None,
    sha256: str | None = None, archive_id: UUID | None = None, keep: Keep | None = None,
) -> ManifestItem:  # fmt: skip
    """The line of a file that is refused, with the reason; its size and digest where it was taken whole."""
    with transaction(actor) as session:
        referral = for_sending(session, actor, referral_id, lock=True)
        item = manifest.expected_or_new(session, referral, name, size_bytes, sha256)
        item.status, item.reason, item.archive_id = FileStatus.QUARANTINED, refusal.sentence, archive_id
        session.flush()
        events.record(session, actor, "file.quarantined", organization_id=referral.organization_id, entity_id=item.id,
                      referral_id=referral.id, reason_code=refusal.facts.get("reason_code"))  # fmt: skip
        referral.updated_at = now()
        _keep(session, item, keep)
    return item


def _forget_aside(session: Session, item: ManifestItem) -> None:
    """Bytes that were kept aside on this line, as another digest's: the right ones are here now."""
    if item.blob_id is not None:
        blobs.give_up(session, item.blob_id)
        item.blob_id = None


def _keep(session: Session, item: ManifestItem, keep: Keep | None) -> None:
    if keep is not None:
        session.flush()
        keep(session, item)


def _already_here(actor: Actor, referral_id: UUID, sha256: str) -> ManifestItem | None:
    with reading(actor) as session:
        return manifest.already_here(session, referral_id, sha256)


def for_sending(session: Session, actor: Actor, referral_id: UUID, *, lock: bool = False) -> Referral:
    """The referral, if it takes files; locked, two files at once each find the manifest as the other left it."""
    referral = scope.get(session, Referral, referral_id, actor, joinedload(Referral.patient), lock=lock)
    require(actor, "referral.send", referral.organization_id)
    if referral.status not in TAKES_FILES:
        raise Conflict(
            Sentence("This referral is {status}; it takes no files any more.", status=ReferralStatus(referral.status)),
            status=referral.status,
        )
    return referral
