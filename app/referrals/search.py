"""Referrals by their code, their patient's identifier, or words with which any of the patient's names begins."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.people.models import Patient, PatientAlias, PatientWord, fold
from app.referrals.codes import normalized
from app.referrals.models import Referral


def found(session: Session, q: str, most: int, *where: sa.ColumnElement[bool]) -> set[UUID]:
    """Those that these words find, each way by its own index, and no more than `most` a way."""
    by_patient = sa.select(Referral.id).join(Patient, Patient.id == Referral.patient_id)
    ways = [by_patient.where(Patient.identifier == q.strip())]
    before = sa.select(PatientAlias.patient_id).where(PatientAlias.identifier == q.strip())
    ways.append(sa.select(Referral.id).where(Referral.patient_id.in_(before)))
    if (code := normalized(q)) is not None:
        ways.append(sa.select(Referral.id).where(Referral.code == code))
    if words := sorted(fold(q).split(), key=len, reverse=True):
        others = [
            PatientWord.patient_id.in_(sa.select(PatientWord.patient_id).where(_begins(word))) for word in words[1:]
        ]
        named = sa.select(Referral.id).join(PatientWord, PatientWord.patient_id == Referral.patient_id)
        ways.append(named.where(_begins(words[0]), *others))
    return {referral_id for way in ways for referral_id in session.scalars(way.where(*where).limit(most))}


def _begins(word: str) -> sa.ColumnElement[bool]:
    """A range, which an index serves on both databases."""
    return sa.and_(PatientWord.word >= word, PatientWord.word < word + "\U0010ffff")
