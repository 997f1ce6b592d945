"""Settle a study after a moment of quiet: posters for all, films of its clips, DICOM of what is none."""

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from app import log
from app.access.actor import WORKER
from app.db import reading, transaction
from app.errors import Conflict, Invalid, Refusal, Sentence, TooLarge, Unavailable, as_sentence
from app.jobs.queue import enqueue
from app.referrals.models import USUAL_PRIORITY, ManifestItem, Referral
from app.studies import decoding, films, headers, pictures, wrapping
from app.studies.models import Document, Instance, ReferralStudy, Study
from app.studies.receive import place_document
from app.studies.renditions import as_file
from app.studies.tries import tried

CATCH_UP_LIMIT = 500
HEADERS_AT_ONCE = 200
MOST_FAILURES = 3


def settle(study_id: str) -> None:
    """The job `studies.settle`; what arrives while it runs is settled by the next one."""
    with reading(WORKER) as session:
        study = session.get(Study, UUID(study_id))
        seen = study.content_version if study else 0
        pending = sa.select(Instance.id).where(Instance.study_id == UUID(study_id), Instance.preview == "pending")
        wanted = _priorities(session, UUID(study_id))
        instance_ids = list(session.scalars(pending.order_by(Instance.is_clip, Instance.id)))  # stills before clips
        instance_ids.sort(key=lambda each: wanted.get(each, USUAL_PRIORITY))
    failures = _each(instance_ids, _prepare) + _each(wrapping.missing(UUID(study_id)), wrapping.make)
    if failures:
        raise Unavailable("Some files of this study could not be prepared.")
    _keep_headers(UUID(study_id))
    asking = sa.select(ReferralStudy.referral_id).where(ReferralStudy.study_id == UUID(study_id))
    _tell_late(Referral.id.in_(asking))
    _note_settled(UUID(study_id), seen)


def catch_up() -> None:
    """By a schedule: whatever slipped between a last look and a job's end is settled all the same."""
    with reading(WORKER) as session:
        behind = sa.select(Study.id, Study.content_version).where(sa.text("content_version != settled_version"))
        slipped = session.execute(behind.limit(CATCH_UP_LIMIT)).all()
        unplaced = list(
            session.scalars(sa.select(Document.id).where(sa.text("instance_id IS NULL")).limit(CATCH_UP_LIMIT))
        )
    unwrapped = [(study_id, f"wrap-{wrapping.RECIPE}") for study_id in wrapping.behind(CATCH_UP_LIMIT)]
    # One job for ever, with its own attempts: what fails again and again is not begun anew at every turn.
    for study_id, version in [*slipped, *unwrapped]:
        with transaction(WORKER) as session:
            job_id = f"settle-{study_id}-{version}"
            enqueue(session, "studies.settle", study_id, once=f"settle-{study_id}", job_id=job_id)
    for document_id in unplaced:
        with transaction(WORKER) as session:
            enqueue(session, "studies.settle_document", document_id, job_id=f"place-{document_id}")


def settle_document(document_id: str) -> None:
    """The job `studies.settle_document`: its place in its study, how many pages, and the first one."""
    with transaction(WORKER) as session:
        place_document(session, UUID(document_id))
    with reading(WORKER) as session:
        query = sa.select(Document).where(Document.id == UUID(document_id)).options(joinedload(Document.blob))
        document = session.scalars(query).one()
    try:
        with as_file(document.blob) as path:
            pages = decoding.pool().run("page_count", path=str(path))["pages"]
        document.page_count = pages
        pictures.page(WORKER, document, 1)
        values: dict[str, object] = {"page_count": pages, "preview": "ready"}
    except (Invalid, TooLarge) as refusal:
        values = {"preview": "none", "preview_reason": _why(refusal)}
    with transaction(WORKER) as session:
        session.execute(sa.update(Document).where(Document.id == document.id).values(values))
    _tell_late(Referral.id == document.referral_id)


def _priorities(session: Session, study_id: UUID) -> dict[UUID, int]:
    """What its senders want to be seen first."""
    asking = sa.select(ReferralStudy.referral_id).where(ReferralStudy.study_id == study_id)
    said = sa.select(ManifestItem.instance_id, ManifestItem.priority).where(
        ManifestItem.referral_id.in_(asking), ManifestItem.priority.is_not(None)
    )
    return {row.instance_id: row.priority for row in session.execute(said)}


def _each(ids: list[UUID], act: Callable[[UUID], None]) -> int:
    """How many could not be done for now."""
    failures = in_a_row = 0
    for one in ids:
        try:
            act(one)
            in_a_row = 0
        except Unavailable:  # bytes that are away are one file's fault; three in a row are the store's
            failures, in_a_row = failures + 1, in_a_row + 1
            if in_a_row == MOST_FAILURES:
                raise
    return failures


def _prepare(instance_id: UUID) -> None:
    """One file that cannot be shown is said so, and stops nothing else; a store that is away ends the job for now."""
    with reading(WORKER) as session:
        query = sa.select(Instance).where(Instance.id == instance_id)
        instance = session.scalars(query.options(joinedload(Instance.blob), undefer(Instance.facts))).one()
    try:
        values: dict[str, object] = {"preview": "ready", **tried(lambda: _made(instance))}
    except (Invalid, Conflict, TooLarge) as refusal:
        log.get().warning("preview failed", instance_id=str(instance_id), reason_code=refusal.facts.get("reason_code"))
        values = {"preview": "none", "preview_reason": _why(refusal)}
    with transaction(WORKER) as session:
        session.execute(sa.update(Instance).where(Instance.id == instance_id).values(values))


def _why(refusal: Refusal) -> Sentence:
    return Sentence("{reason} It can be downloaded.", reason=as_sentence(refusal.sentence))


def _made(instance: Instance) -> dict[str, int]:
    if instance.is_clip:
        return films.make(WORKER, instance)
    pictures.preview(WORKER, instance, pictures.STRIP_PX)
    return {}


def _keep_headers(study_id: UUID) -> None:
    with reading(WORKER) as session:
        ids = list(session.scalars(sa.select(Instance.id).where(Instance.study_id == study_id)))
    for at in range(0, len(ids), HEADERS_AT_ONCE):
        headers.make_missing(WORKER, ids[at : at + HEADERS_AT_ONCE])


def _tell_late(which: sa.ColumnElement[bool]) -> None:
    """Those that are answered already: their readers look at what came since."""
    with reading(WORKER) as session:
        answered = list(session.scalars(sa.select(Referral.id).where(which, Referral.answered_at.is_not(None))))
    for referral_id in answered:
        with transaction(WORKER) as session:
            enqueue(session, "reports.late", referral_id, once=f"late-{referral_id}")


def _note_settled(study_id: UUID, seen: int) -> None:
    with transaction(WORKER) as session:
        mine = sa.update(Study).where(Study.id == study_id, Study.settled_version <= seen)
        session.execute(mine.values(settled_version=seen))
