"""Finding a patient by identifier, or making one; what is known is never overwritten."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import insert_new, insert_or_nothing
from app.errors import Invalid, Sentence
from app.people.identity import names_agree
from app.people.models import Patient, PatientAlias, PatientWord, fold
from app.people.said_anew import refuse_contradiction

NAMES = ("family_name", "given_name", "name_local")


def known_or_new(
    session: Session, organization_id: UUID, values: dict[str, object], temporary: str, same_as: UUID | None = None
) -> Patient:
    """The patient of that identifier, or a new one; `temporary` becomes the identifier where none is given.

    A known identifier with another name is asked about (Invalid), never stored over what is known."""
    identifier = str(values.get("identifier") or "")
    if identifier and (known := known_as(session, organization_id, str(values["issuer"]), identifier)) is not None:
        return same(session, known, values, same_as)
    row = {
        **values,
        "organization_id": organization_id,
        "identifier": identifier or temporary,
        "identifier_is_temporary": not identifier,
        "name_key": name_key(values),
    }
    inserted = insert_or_nothing(session, Patient, row)
    patient = session.scalars(
        sa.select(Patient).where(
            Patient.organization_id == organization_id,
            Patient.issuer == row["issuer"],
            Patient.identifier == row["identifier"],
        )
    ).one()
    if inserted:
        keep_words(session, patient, patient.name_key.split())
        return patient
    return same(session, patient, values, same_as)


def known_as(session: Session, organization_id: UUID, issuer: str, identifier: str) -> Patient | None:
    """Whoever has this identifier today, or had it before they were named or their record was merged into another."""
    wanted = {"organization_id": organization_id, "issuer": issuer, "identifier": identifier}
    patient = session.scalars(sa.select(Patient).filter_by(**wanted)).one_or_none()
    if patient is None:
        query = sa.select(PatientAlias.patient_id).filter_by(**wanted).order_by(PatientAlias.id.desc()).limit(1)
        before = session.scalar(query)
        patient = session.get(Patient, before) if before else None
    return standing(session, patient) if patient is not None else None


def standing(session: Session, patient: Patient) -> Patient:
    """The record that stands for this one, where it was merged."""
    while patient.merged_into_id is not None:
        patient = session.get_one(Patient, patient.merged_into_id)
    return patient


def held(session: Session, patient: Patient) -> Patient:
    """The record that stands for this one until the end of the transaction: no merge comes in between."""
    session.flush()
    session.refresh(patient, with_for_update={"read": True})
    return standing(session, patient)


def same(session: Session, patient: Patient, values: dict[str, object], same_as: UUID | None = None) -> Patient:
    """The patient, if what is given can be theirs, or somebody was asked and says so (`same_as`); else it is asked."""
    if same_as == patient.id:
        return patient
    if not _is_named_so(session, patient, values):
        raise Invalid(
            Sentence("This number is known here for {known}. Is it the same patient? If not, check the number.",
                     known=patient.display_name),
            field="patient.identifier", patient_id=str(patient.id), differs="name", confirm="patient.same_as",
        )  # fmt: skip
    refuse_contradiction(patient, values)
    return patient


def keep_words(session: Session, patient: Patient, words: Iterable[str]) -> list[str]:
    """By which they are found; those that were not there before."""
    rows = [
        {"organization_id": patient.organization_id, "patient_id": patient.id, "word": word}
        for word in sorted(set(words))
    ]
    made = insert_new(session, PatientWord, rows) if rows else set()
    return list(session.scalars(sa.select(PatientWord.word).where(PatientWord.id.in_(made)))) if made else []


def name_key(values: dict[str, object]) -> str:
    return fold(" ".join(str(values.get(part) or "") for part in NAMES))


def aliases(session: Session, patient_id: UUID) -> list[PatientAlias]:
    """How the patient was known before, the latest first."""
    query = sa.select(PatientAlias).where(PatientAlias.patient_id == patient_id).order_by(PatientAlias.id.desc())
    return list(session.scalars(query))


def _is_named_so(session: Session, patient: Patient, values: dict[str, object]) -> bool:
    given = tuple(str(values.get(part) or "") for part in NAMES)
    if patient.name_unknown or bool(values.get("name_unknown")):
        return True
    known = [patient, *aliases(session, patient.id)]
    return any(names_agree(tuple(getattr(one, part) for part in NAMES), given) for one in known)
