"""One patient as an organization knows them: other names, cases, records that may be theirs too, and what was merged."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.access.scope import visible
from app.cases.case import OF_REFERRAL
from app.errors import NotFound
from app.people import patients
from app.people.models import Patient, PatientAlias, PatientMerge
from app.referrals import date_pregnancy
from app.referrals.models import Referral
from app.referrals.pregnancy import Pregnancy
from app.referrals.similar import Seen, similar

MOST = 100


@dataclass(frozen=True)
class Known:
    patient: Patient
    aliases: list[PatientAlias]
    referrals: list[Referral]  # those that the actor may see, the latest first
    similar: list[Seen]  # records of the same organization that may be the same person's
    merges: list[PatientMerge]  # made into this record, and not undone
    pregnancies: list[Pregnancy]  # the newest first
    names: bool  # may say who it is
    merges_them: bool


def known(session: Session, actor: Actor, patient_id: UUID) -> Known:
    """The patient, or NotFound where neither they nor a case of theirs is the actor's to know of."""
    patient = session.get(Patient, patient_id, options=(joinedload(Patient.mother),))
    mine = sa.select(Referral).where(Referral.patient_id == patient_id, visible(Referral, actor))
    referrals = list(session.scalars(mine.options(*OF_REFERRAL).order_by(Referral.id.desc()).limit(MOST)))
    if patient is None or not (referrals or patient.organization_id in actor.organization_ids):
        raise NotFound
    merges_them = bool(actor.organizations_for("patient.merge"))
    looks = merges_them or patient.organization_id in actor.organization_ids
    return Known(
        patient, patients.aliases(session, patient.id), referrals,
        _similar(session, actor, patient) if looks and patient.merged_into_id is None else [],
        _merges(session, patient.id) if merges_them else [], _pregnancies(session, actor, patient, referrals),
        names=actor.may("referral.send", patient.organization_id) and patient.merged_into_id is None,
        merges_them=merges_them,
    )  # fmt: skip


def _similar(session: Session, actor: Actor, patient: Patient) -> list[Seen]:
    """Of a clinic that one only reads for, those whose cases one sees."""
    name = patient.name_key or " "
    found = similar(session, patient.organization_id, name, birth_date=patient.birth_date)
    others = [one for one in found if one.patient.id != patient.id]
    if patient.organization_id in actor.organization_ids:
        return others
    ids = [one.patient.id for one in others]
    seen = sa.select(Referral.patient_id).where(Referral.patient_id.in_(ids), visible(Referral, actor))
    known_here = set(session.scalars(seen.distinct()))
    return [one for one in others if one.patient.id in known_here]


def _pregnancies(session: Session, actor: Actor, patient: Patient, referrals: list[Referral]) -> list[Pregnancy]:
    """Of a clinic that one only reads for, those of the cases that one sees."""
    found = date_pregnancy.all_of(session, patient.id)
    if patient.organization_id in actor.organization_ids:
        return found
    seen = {one.pregnancy_id for one in referrals}
    return [one for one in found if one.id in seen]


def _merges(session: Session, patient_id: UUID) -> list[PatientMerge]:
    query = sa.select(PatientMerge).where(
        PatientMerge.into_patient_id == patient_id,
        PatientMerge.merged_at.is_not(None),
        PatientMerge.undone_at.is_(None),
    )
    return list(session.scalars(query.order_by(PatientMerge.id.desc())))
