"""Finding a patient by identifier, or making one; what is known is never overwritten."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import insert_or_nothing
from app.errors import Invalid, Sentence
from app.people.identity import names_agree
from app.people.models import Patient, PatientWord, fold


def known_or_new(session: Session, organization_id: UUID, values: dict[str, object], temporary: str) -> Patient:
    """The patient of that identifier, or a new one; `temporary` becomes the identifier where none is given.

    A known identifier with another name is asked about (Invalid), never stored over what is known."""
    identifier = str(values.get("identifier") or "")
    row = {
        **values,
        "organization_id": organization_id,
        "identifier": identifier or temporary,
        "identifier_is_temporary": not identifier,
        "name_key": fold(f"{values['family_name']} {values['given_name']} {values['name_local']}"),
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
        session.add_all(PatientWord(patient_id=patient.id, word=word) for word in set(patient.name_key.split()))
    if not inserted and not _same_person(patient, values):
        known = ", ".join(part for part in (patient.display_name, patient.birth_date) if part)
        raise Invalid(
            Sentence("This identifier is already known for {known}. Is it the same patient? "
                     "Check the identifier and the name.", known=known),
            field="patient.identifier", patient_id=str(patient.id),
        )  # fmt: skip
    return patient


def _same_person(patient: Patient, values: dict[str, object]) -> bool:
    known = (patient.family_name, patient.given_name, patient.name_local)
    given = tuple(str(values[part]) for part in ("family_name", "given_name", "name_local"))
    born, said = patient.birth_date, values.get("birth_date")
    dates_agree = not (born and said) or str(said).startswith(born) or born.startswith(str(said))
    return dates_agree and (patient.name_unknown or bool(values.get("name_unknown")) or names_agree(known, given))
