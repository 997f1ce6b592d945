"""A study finds the referral that asks about it, or is taken from it again; what the files say stays as it is."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid, NotFound, Sentence
from app.referrals.models import TAKES_FILES, ManifestItem, Referral, ReferralStatus
from app.studies import whose
from app.studies.images import IS_SENT
from app.studies.models import Document, Instance, ReferralStudy, Study
from app.studies.receive import attach_study
from app.studies.record import note_study


@dataclass(frozen=True)
class Asking:
    """A referral that asks about a study, and whether files of it came with the referral itself."""

    referral: Referral
    sent_it: bool


def attach(session: Session, actor: Actor, study_id: UUID, referral_id: UUID, *, same_patient: bool = False) -> bool:
    """The referral asks about this study from now on; twice is once, and True the first time.

    Where the files name another patient it is a Conflict, until somebody says that it is the `same_patient`."""
    study = own(session, actor, study_id)
    referral = _locked(session, actor, referral_id, study)
    lock(session, study.id)
    if referral.status not in TAKES_FILES:
        raise Conflict(
            Sentence("This referral is {status}; it takes no files any more.", status=ReferralStatus(referral.status)),
            status=referral.status,
        )
    asking = asking_about(session, study.id)
    if any(one.referral.id == referral.id for one in asking):
        return False
    if others := [one.referral for one in asking if one.referral.patient_id != referral.patient_id]:
        raise Conflict(
            Sentence("Referral {code} has these images already, for another patient. Take them from it first.",
                     code=others[0].code),
            referral_id=str(others[0].id), code=others[0].code,
        )  # fmt: skip
    if not same_patient:
        refuse_another(session, referral, study.id)
    join(session, referral, study.id)
    record(session, actor, "study.attached", referral, study.id, confirmed=same_patient)
    return True


def detach(session: Session, actor: Actor, study_id: UUID, referral_id: UUID | None = None) -> Referral:
    """The referral asks about it no longer. What was sent with the referral is withdrawn or moved there instead."""
    study = own(session, actor, study_id)
    asking = asking_about(session, study.id)
    chosen = [one for one in asking if referral_id in (None, one.referral.id)]
    if not chosen:
        raise Conflict("No referral asks about these images.")
    if len(chosen) > 1:
        choices = [{"id": str(one.referral.id), "name": one.referral.code} for one in chosen]
        raise Invalid("Several referrals ask about these images. Choose one.", field="referral_id", choices=choices)
    if chosen[0].sent_it:
        raise Conflict(
            "These files were sent with the referral: withdraw or move them there.", code=chosen[0].referral.code
        )
    referral = _locked(session, actor, chosen[0].referral.id, study)
    lock(session, study.id)
    if all(one.referral.id != referral.id for one in asking_about(session, study.id)):
        raise Conflict("Somebody else was first: this referral asks about these images no longer.", code=referral.code)
    part(session, referral, study.id)
    record(session, actor, "study.detached", referral, study.id)
    return referral


def refuse_another(session: Session, referral: Referral, study_id: UUID) -> None:
    """Until somebody says that it is the same patient, whatever the files call them."""
    if differs := whose.differs_from(session, study_id, referral.patient):
        raise Conflict("The images name another patient than this referral. Is it the same patient?",
                       field="same_patient", differs=differs)  # fmt: skip


def own(session: Session, actor: Actor, study_id: UUID) -> Study:
    """The study of an organization for which the actor sends."""
    study = scope.get(session, Study, study_id, actor)
    require(actor, "referral.send", study.organization_id)
    return study


def lock(session: Session, study_id: UUID) -> None:
    """Of two who act on it one is first; after the referral, as everybody locks the two."""
    session.execute(sa.select(Study.id).where(Study.id == study_id).with_for_update(key_share=True))


def asking_about(session: Session, study_id: UUID) -> list[Asking]:
    rows = session.execute(
        sa.select(Referral, _sent_with_it()).join(ReferralStudy, ReferralStudy.referral_id == Referral.id)
        .where(ReferralStudy.study_id == study_id).options(joinedload(Referral.patient)).order_by(Referral.id)
    )  # fmt: skip
    return [Asking(referral, sent_it) for referral, sent_it in rows]


def came_alone(session: Session, referral_id: UUID) -> list[Study]:
    """What the referral asks about without having sent it."""
    query = sa.select(Study).join(ReferralStudy, ReferralStudy.study_id == Study.id)
    has_images = sa.exists().where(Instance.study_id == Study.id, IS_SENT)  # not the report alone, on a case without
    mine = query.where(ReferralStudy.referral_id == referral_id, has_images, ~_sent_with_it())
    return list(session.scalars(mine.order_by(Study.id)))


def _sent_with_it() -> sa.ColumnElement[bool]:
    """Of a ReferralStudy: a file of the referral lies in the study, whatever became of it."""
    files = sa.select(ManifestItem.id).join(Instance, Instance.id == ManifestItem.instance_id)
    documents = sa.select(Document.id).join(Instance, Instance.id == Document.instance_id)
    here = Instance.study_id == ReferralStudy.study_id
    return sa.or_(
        files.where(ManifestItem.referral_id == ReferralStudy.referral_id, here).correlate(ReferralStudy).exists(),
        documents.where(Document.referral_id == ReferralStudy.referral_id, here).correlate(ReferralStudy).exists(),
    )


def join(session: Session, referral: Referral, study_id: UUID) -> None:
    """The rows of it: the study is of the referral's patient, and whoever reads the one may read the other."""
    session.execute(sa.update(Study).where(Study.id == study_id).values(patient_id=referral.patient_id))
    attach_study(session, referral, study_id)
    note_study(session, study_id)
    referral.updated_at = now()


def part(session: Session, referral: Referral, study_id: UUID) -> None:
    """The rows of it gone: without a referral that asks, the study is nobody's again, and waits to be matched."""
    mine = sa.delete(ReferralStudy).where(ReferralStudy.referral_id == referral.id, ReferralStudy.study_id == study_id)
    session.execute(mine)
    left = asking_about(session, study_id)
    if all(one.referral.reading_organization_id != referral.reading_organization_id for one in left):
        scope.end_grant(session, referral.reading_organization_id, study_id=study_id)
    if not left:
        nobodys: dict[str, Any] = {"patient_id": None, "matched_at": None}
        session.execute(sa.update(Study).where(Study.id == study_id).values(nobodys))
    referral.updated_at = now()


def record(session: Session, actor: Actor, action: str, referral: Referral, study_id: UUID, **detail: object) -> None:
    events.record(session, actor, action, organization_id=referral.organization_id, entity_id=study_id,
                  referral_id=referral.id, **detail)  # fmt: skip


def _locked(session: Session, actor: Actor, referral_id: UUID, study: Study) -> Referral:
    around = (
        joinedload(Referral.patient),
        joinedload(Referral.organization),
        joinedload(Referral.reading_organization),
    )
    referral = scope.get(session, Referral, referral_id, actor, *around, lock=True)
    if referral.organization_id != study.organization_id:
        raise NotFound
    return referral
