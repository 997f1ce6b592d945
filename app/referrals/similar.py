"""Patients of an organization who may be the one whose name is being typed: 'Jane Otieno, 1990, seen 12 Mar'."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.people import patients
from app.people.identity import is_placeholder, names_agree
from app.people.models import Patient, PatientAlias, PatientWord, fold
from app.referrals.codes import normalized
from app.referrals.models import Referral

MOST = 5
LOOKED_AT = 100  # of a name that many bear; a birth date, or one more letter, tells them apart


@dataclass(frozen=True)
class Seen:
    """Somebody who is known here, and when they were last referred."""

    patient: Patient
    seen_at: datetime | None
    is_likely: bool  # the names agree word by word, and so do the birth dates


def similar(
    session: Session, organization_id: UUID, name: str, *, birth_date: str | None = None, identifier: str = "",
    most: int = MOST,
) -> list[Seen]:  # fmt: skip
    """The likeliest first, by beginnings of words, over an index; nothing until there is something to go by."""
    ids = list(session.scalars(beginning_with(organization_id, name).limit(LOOKED_AT))) if _says_much(name) else []
    known = by_number_or_code(session, organization_id, identifier.strip()) if identifier.strip() else None
    if known is not None:
        ids.append(known.id)
    query = sa.select(Patient).where(Patient.id.in_(ids), Patient.merged_into_id.is_(None))
    found = [one for one in session.scalars(query.options(joinedload(Patient.mother))) if _may_be(one, birth_date)]
    seen = last_seen(session, [one.id for one in found])
    lines = [Seen(one, seen.get(one.id), _is_likely(one, name, birth_date)) for one in found]
    in_order = sorted(lines, key=lambda one: one.seen_at or one.patient.created_at, reverse=True)
    return sorted(in_order, key=lambda one: (one.patient is not known, not one.is_likely))[:most]


def by_number_or_code(session: Session, organization_id: UUID, text: str) -> Patient | None:
    """Whoever has this number here, whoever issued it, or is the patient of the case of this code."""
    of_case = sa.select(Referral.patient_id).where(
        Referral.organization_id == organization_id, Referral.code == normalized(text)
    )
    named = sa.select(Patient.id).where(Patient.organization_id == organization_id, Patient.identifier == text)
    known = sa.select(PatientAlias.patient_id).where(
        PatientAlias.organization_id == organization_id, PatientAlias.identifier == text
    )
    for query in (named, known, of_case):
        ids = {patients.standing(session, session.get_one(Patient, each)).id for each in session.scalars(query)}
        if len(ids) == 1:
            return session.get_one(Patient, ids.pop())
    return None


def beginning_with(organization_id: UUID, name: str) -> sa.Select[UUID]:
    """Ids of patients each word of whose name begins so; the longest word leads."""
    first, *others = sorted(set(fold(name).split()), key=len, reverse=True)
    of_others = [
        PatientWord.patient_id.in_(sa.select(PatientWord.patient_id).where(*_begins(organization_id, word)))
        for word in others
    ]
    return sa.select(PatientWord.patient_id).where(*_begins(organization_id, first), *of_others).distinct()


def last_seen(session: Session, patient_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    query = sa.select(Referral.patient_id, sa.func.max(Referral.created_at)).where(Referral.patient_id.in_(patient_ids))
    return {row[0]: row[1] for row in session.execute(query.group_by(Referral.patient_id))}


def _begins(organization_id: UUID, word: str) -> tuple[sa.ColumnElement[bool], ...]:
    """A range, which an index serves on both databases."""
    return (PatientWord.organization_id == organization_id, PatientWord.word >= word,
            PatientWord.word < word + "\U0010ffff")  # fmt: skip


def _says_much(name: str) -> bool:
    """Two letters, or one of a script in which one is a word."""
    return any(len(word) > 1 or not word.isascii() for word in fold(name).split()) and not is_placeholder(name)


def _may_be(patient: Patient, birth_date: str | None) -> bool:
    ours = patient.birth_date
    return not (ours and birth_date) or ours.startswith(birth_date) or birth_date.startswith(ours)


def _is_likely(patient: Patient, name: str, birth_date: str | None) -> bool:
    """Two words of a name at least, or the one that there is."""
    if not (patient.birth_date and birth_date) or patient.name_unknown:
        return False
    ours = (patient.family_name, patient.given_name, patient.name_local)
    words = set(fold(name).split())
    return names_agree(ours, (name,)) and (len(words) > 1 or words == set(patient.name_key.split()))
