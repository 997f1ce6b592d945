"""Naming somebody who came unknown: from then on both names find them; what was signed or sent before says what it said."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import now
from app.errors import Conflict
from app.people import patients
from app.people.models import Organization, Patient, PatientAlias
from app.referrals.dates import refuse_impossible, today_at
from app.referrals.given import GivenPatient
from app.referrals.models import Referral, both_sides
from app.reviews.looked import tell_who_looked

CHANGED = ("family_name", "given_name", "name_local", "birth_date", "sex", "identifier", "issuer")
MOST_TOLD = 50  # cases of one patient, the latest


def identify(session: Session, actor: Actor, patient_id: UUID, given: GivenPatient) -> Patient:
    """Only what is given changes; the same again changes nothing."""
    patient = scope.get(session, Patient, patient_id, actor, lock=True)
    require(actor, "referral.send", patient.organization_id)
    if patient.merged_into_id is not None:
        raise Conflict(
            "This record was merged into another one. Name that one.", patient_id=str(patient.merged_into_id)
        )
    refuse_impossible(given, None, today_at(session.get_one(Organization, patient.organization_id)))
    changes = _changes(session, patient, given)
    if not changes:
        return patient
    _keep_as_known_before(session, actor, patient)
    for name, value in changes.items():
        setattr(patient, name, value)
    patient.name_key = patients.name_key({name: getattr(patient, name) for name in patients.NAMES})
    patients.keep_words(session, patient, patient.name_key.split())
    events.record(session, actor, "patient.named", organization_id=patient.organization_id, entity_id=patient.id,
                  fields=sorted(changes))  # fmt: skip
    tell_of(session, actor, [patient.id], "patient.named")
    return patient


def tell_of(session: Session, actor: Actor, patient_ids: list[UUID], kind: str) -> None:
    """Whoever looked at a case of one of these; scripts that ask what changed are answered too."""
    mine = sa.select(Referral).where(Referral.patient_id.in_(patient_ids), Referral.submitted_at.is_not(None))
    for referral in session.scalars(mine.options(*both_sides()).order_by(Referral.id.desc()).limit(MOST_TOLD)):
        referral.updated_at = now()
        tell_who_looked(session, actor, referral, kind)


def _changes(session: Session, patient: Patient, given: GivenPatient) -> dict[str, Any]:
    said = given.model_dump(mode="json", include=given.model_fields_set & set(CHANGED))
    changes = {name: value for name, value in said.items() if value and getattr(patient, name) != value}
    if patient.name_unknown and any(changes.get(name) for name in patients.NAMES):
        changes["name_unknown"] = False
    if changes.get("birth_date") or given.age is not None:
        age = None if changes.get("birth_date") else given.age
        changes |= {"age_value": age.value if age else None, "age_unit": age.unit if age else None}
    if "identifier" not in changes:
        changes.pop("issuer", None)
        return {name: value for name, value in changes.items() if getattr(patient, name) != value}
    issuer = str(changes.setdefault("issuer", patient.issuer))
    other = patients.known_as(session, patient.organization_id, issuer, changes["identifier"])
    if other is not None and other.id != patient.id:
        raise Conflict("Somebody else is known by this number. If it is the same person, merge the two records.",
                       field="identifier", patient_id=str(other.id))  # fmt: skip
    return changes | {"identifier_is_temporary": False}


def _keep_as_known_before(session: Session, actor: Actor, patient: Patient) -> None:
    session.add(alias_of(patient, actor, patient.id))


def alias_of(
    before: Patient | PatientAlias, actor: Actor, patient_id: UUID, merge_id: UUID | None = None
) -> PatientAlias:
    """How somebody was known until now, kept for who stands for them from now on."""
    plain = ("organization_id", "issuer", "identifier", "family_name", "given_name", "name_local", "birth_date")
    return PatientAlias(
        **{name: getattr(before, name) for name in plain}, patient_id=patient_id, person_id=person_of(actor),
        merge_id=merge_id, until=now(),
    )  # fmt: skip
