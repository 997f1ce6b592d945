"""Two records of one patient become one, and apart again; what was signed and what the files say stays as it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor, person_of
from app.access.scope import visible
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.notifications.notify import tell
from app.people import patients
from app.people.identity import compare
from app.people.models import Patient, PatientAlias, PatientMerge, PatientWord
from app.referrals.models import Referral, both_sides
from app.referrals.pregnancy import Pregnancy
from app.reviews.identify import alias_of, tell_of
from app.reviews.models import OPEN, Review
from app.studies.models import Study


@dataclass(frozen=True)
class Preview:
    """What would become one, what would move, and who has to know before."""

    gone: Patient
    kept: Patient
    moving: list[Referral]
    staying: list[Referral]
    study_count: int
    differs: list[str]
    reading: list[Review]  # open reviews of both, read by different people
    announced_at: datetime | None

    @property
    def must_announce(self) -> bool:
        return bool(self.reading) and self.announced_at is None


def preview(session: Session, actor: Actor, gone_id: UUID, kept_id: UUID, *, lock: bool = False) -> Preview:
    gone, kept = _both(session, actor, gone_id, kept_id, lock=lock)
    query = sa.select(Referral).where(Referral.patient_id.in_((gone.id, kept.id)))
    referrals = list(session.scalars(query.options(*both_sides()).order_by(Referral.id.desc())))
    studies = sa.select(sa.func.count()).select_from(Study).where(Study.patient_id == gone.id)
    pending = _pending(session, gone.id, kept.id)
    return Preview(
        gone, kept, [one for one in referrals if one.patient_id == gone.id],
        [one for one in referrals if one.patient_id == kept.id], session.scalar(studies) or 0,
        _differs(gone, kept), _reading(session, gone.id, kept.id), pending.announced_at if pending else None,
    )  # fmt: skip


def announce(session: Session, actor: Actor, gone_id: UUID, kept_id: UUID) -> PatientMerge:
    """The readers of both are told that the two are to become one; twice is once."""
    seen = preview(session, actor, gone_id, kept_id, lock=True)
    if (pending := _pending(session, gone_id, kept_id)) is not None:
        return pending
    row = _row(session, actor, seen)
    row.announced_at = now()
    by_id = {one.id: one for one in (*seen.moving, *seen.staying)}
    for review in seen.reading:
        referral = by_id[review.referral_id]
        tell(session, [review.owner_id] if review.owner_id else [], "patient.merging", referral,
             to=referral.reading_organization)  # fmt: skip
    _record(session, actor, "patient.merge-announced", row)
    return row


def merge(session: Session, actor: Actor, gone_id: UUID, kept_id: UUID) -> PatientMerge:
    """From now on `kept` stands for both. Who reads them is told, and where two people read them, before."""
    seen = preview(session, actor, gone_id, kept_id, lock=True)
    if seen.must_announce:
        names = sorted({one.owner.name for one in seen.reading if one.owner})
        raise Conflict("Two people are reading these two patients now. Tell them first, then merge.", readers=names)
    tell_of(session, actor, [gone_id, kept_id], "patient.merged")
    row = _pending(session, gone_id, kept_id) or _row(session, actor, seen)
    row.from_patient_id, row.into_patient_id = gone_id, kept_id
    row.person_id, row.merged_at = person_of(actor), now()
    session.add(alias_of(seen.gone, actor, kept_id, row.id))
    session.add_all(alias_of(one, actor, kept_id, row.id) for one in patients.aliases(session, gone_id))
    row.moved = _moved(session, seen.gone, seen.kept)
    seen.gone.merged_into_id = kept_id
    _record(session, actor, "patient.merged", row)
    return row


def undo(session: Session, actor: Actor, merge_id: UUID) -> PatientMerge:
    """What moved goes back, and only that; what came since stays. Twice is once."""
    row = session.get(PatientMerge, merge_id)
    if row is None:
        raise NotFound
    gone, kept = _patients(session, row.from_patient_id, row.into_patient_id, lock=True)
    _require(session, actor, gone, kept)
    session.refresh(row)
    if row.undone_at is not None or row.merged_at is None:
        return row
    if kept.merged_into_id is not None:
        raise Conflict("The record that stands for both was merged itself since. Undo that first.")
    for model, column, name in _MOVES:
        back = sa.update(model).where(
            model.id.in_([UUID(each) for each in row.moved.get(name, [])]), getattr(model, column) == kept.id
        )
        session.execute(back.values({column: gone.id}))
    gone.merged_into_id = None
    session.execute(sa.delete(PatientAlias).where(PatientAlias.merge_id == row.id))
    _forget_words(session, kept, row.moved["words"])
    row.undone_at = now()
    _record(session, actor, "patient.unmerged", row)
    session.flush()
    tell_of(session, actor, [gone.id, kept.id], "patient.unmerged")
    return row


_MOVES: tuple[tuple[Any, str, str], ...] = (
    (Referral, "patient_id", "referrals"), (Study, "patient_id", "studies"), (Patient, "mother_patient_id", "children"),
    (Pregnancy, "patient_id", "pregnancies"),
)  # fmt: skip


def _moved(session: Session, gone: Patient, kept: Patient) -> dict[str, Any]:
    moved: dict[str, Any] = {}
    for model, column, name in _MOVES:
        ids = list(session.scalars(sa.select(model.id).where(getattr(model, column) == gone.id)))
        session.execute(sa.update(model).where(model.id.in_(ids)).values({column: kept.id}))
        moved[name] = [str(each) for each in ids]
    words = session.scalars(sa.select(PatientWord.word).where(PatientWord.patient_id == gone.id))
    return moved | {"words": patients.keep_words(session, kept, words)}


def _forget_words(session: Session, kept: Patient, added: list[str]) -> None:
    """Unless they are those of a name that was given since."""
    known = [kept, *patients.aliases(session, kept.id)]
    own = {
        word for one in known for word in patients.name_key({n: getattr(one, n) for n in patients.NAMES}).split()
    }  # fmt: skip
    gone = [word for word in added if word not in own]
    session.execute(sa.delete(PatientWord).where(PatientWord.patient_id == kept.id, PatientWord.word.in_(gone)))


def _both(session: Session, actor: Actor, gone_id: UUID, kept_id: UUID, *, lock: bool) -> tuple[Patient, Patient]:
    gone, kept = _patients(session, gone_id, kept_id, lock=lock)
    _require(session, actor, gone, kept)
    if gone.id == kept.id:
        raise Invalid("This is one record already.", field="into_patient_id")
    for one in (gone, kept):
        if one.merged_into_id is not None:
            raise Conflict("This record was merged into another one.", patient_id=str(one.merged_into_id))
    return gone, kept


def _patients(session: Session, gone_id: UUID, kept_id: UUID, *, lock: bool) -> tuple[Patient, Patient]:
    query = sa.select(Patient).where(Patient.id.in_((gone_id, kept_id))).order_by(Patient.id)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = {one.id: one for one in session.scalars(query)}
    if len({one.organization_id for one in found.values()}) != 1 or not {gone_id, kept_id} <= set(found):
        raise NotFound
    return found[gone_id], found[kept_id]


def _require(session: Session, actor: Actor, gone: Patient, kept: Patient) -> None:
    """The clinic's coordinator; or that of its only reader, who sees all that there is of both."""
    if actor.may("patient.merge", gone.organization_id):
        return
    of_both = sa.select(Referral.patient_id, Referral.reading_organization_id, visible(Referral, actor))
    rows = session.execute(of_both.where(Referral.patient_id.in_((gone.id, kept.id)))).all()
    mine = actor.organizations_for("patient.merge")
    named = {kept.id} if gone.merged_into_id == kept.id else {gone.id, kept.id}  # merged, it has no cases of its own
    sees = named <= {row[0] for row in rows if row[2]}
    if not sees and gone.organization_id not in actor.organization_ids:
        raise NotFound
    if not mine or not all(row[2] and row[1] in mine for row in rows):
        raise Forbidden("Only a coordinator of the clinic can merge these two.")


def _reading(session: Session, gone_id: UUID, kept_id: UUID) -> list[Review]:
    query = (
        sa.select(Review, Referral.patient_id).join(Referral, Referral.id == Review.referral_id)
        .where(Referral.patient_id.in_((gone_id, kept_id)), Review.status.in_(OPEN), Review.owner_id.is_not(None))
        .options(joinedload(Review.owner)).order_by(Review.id)
    )  # fmt: skip
    found = session.execute(query).all()
    readers = [{row[0].owner_id for row in found if row[1] == each} for each in (gone_id, kept_id)]
    apart = all(readers) and len(readers[0] | readers[1]) > 1
    return [row[0] for row in found] if apart else []


def _pending(session: Session, gone_id: UUID, kept_id: UUID) -> PatientMerge | None:
    query = sa.select(PatientMerge).where(
        PatientMerge.from_patient_id.in_((gone_id, kept_id)), PatientMerge.into_patient_id.in_((gone_id, kept_id)),
        PatientMerge.announced_at.is_not(None), PatientMerge.merged_at.is_(None),
    )  # fmt: skip
    return session.scalars(query.order_by(PatientMerge.id.desc()).limit(1)).first()


def _row(session: Session, actor: Actor, seen: Preview) -> PatientMerge:
    row = PatientMerge(id=new_id(), organization_id=seen.gone.organization_id, from_patient_id=seen.gone.id,
                       into_patient_id=seen.kept.id, person_id=person_of(actor), moved={})  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _differs(gone: Patient, kept: Patient) -> list[str]:
    names = (gone.family_name, gone.given_name)
    file = {"identifier": "" if gone.identifier_is_temporary else gone.identifier,
            "name": "^".join(filter(None, names)) + (f"={gone.name_local}" if gone.name_local else ""),
            "birth_date": gone.birth_date or ""}  # fmt: skip
    return compare(kept, file)[1]


def _record(session: Session, actor: Actor, action: str, row: PatientMerge) -> None:
    counts: dict[str, object] = {name: len(ids) for name, ids in row.moved.items() if name != "words"}
    for patient_id in (row.from_patient_id, row.into_patient_id):
        events.record(session, actor, action, organization_id=row.organization_id, entity_id=patient_id,
                      merge_id=str(row.id), gone=str(row.from_patient_id), kept=str(row.into_patient_id), moved=counts)  # fmt: skip
