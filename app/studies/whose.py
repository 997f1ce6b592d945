"""Whose a study is where both doors fill it: what came by itself, and what a referral sends, must name one patient."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.dicom.facts import Facts, PatientFacts
from app.errors import Invalid
from app.people.identity import Identity, compare
from app.people.models import Patient
from app.referrals.models import Referral
from app.studies.headers import study_columns
from app.studies.images import IS_SENT
from app.studies.models import Instance, Study

OTHER = (
    "This instance names another patient than the referral that asks about its study. "
    "Send it with the referral: its author is then asked."
)
Differs = tuple[list[str], dict[str, str]]  # the fields that differ, and what the file says


def refuse_others(session: Session, noted: Any, came: Iterable[Facts]) -> None:
    """Into a study that a referral asks about goes only what could be its patient's; `noted` is its locked row.

    What names the patient whom the study itself names passes too: the referral's author has said that it is hers."""
    patient = session.get_one(Patient, noted.patient_id)
    known = (noted.patient_name, noted.patient_identifier, noted.patient_birth_date)
    for facts in came:
        columns = study_columns(facts, None)
        if known == (columns["patient_name"], columns["patient_identifier"], columns["patient_birth_date"]):
            continue
        if compare(patient, vars(facts.patient))[0] is Identity.MISMATCH:
            raise Invalid(OTHER, reason_code="identity")


def others_here(session: Session, referral: Referral, study_instance_uid: str | None) -> Differs | None:
    """What forbids that the referral takes this file's study without a question: it is another patient's already, or
    no referral's yet and holds what names another. Until the transaction ends nothing more comes into it unseen."""
    here = sa.select(Study.id, Study.patient_id).where(
        Study.organization_id == referral.organization_id, Study.study_instance_uid == study_instance_uid
    )
    study = session.execute(here.with_for_update(key_share=True)).one_or_none()
    if study is None or study.patient_id == referral.patient_id:
        return None
    if study.patient_id is not None:
        return [], {}
    return next((one for one in _named_in(session, study.id, referral.patient) if one[0]), None)


def differs_from(session: Session, study_id: UUID, patient: Patient) -> list[str]:
    """The fields in which a file of the study says another patient than this one."""
    return sorted({field for differing, _file in _named_in(session, study_id, patient) for field in differing})


def is_certainly(session: Session, study_id: UUID, patient: Patient) -> bool:
    """Every file agrees as far as it says something, and one at least says the name or the birth date."""
    said = list(_compared(session, study_id, patient))
    verdicts = {verdict for verdict, _differing, _file in said}
    return Identity.MATCH in verdicts and Identity.MISMATCH not in verdicts


def _named_in(session: Session, study_id: UUID, patient: Patient) -> Iterable[Differs]:
    for _verdict, differing, file in _compared(session, study_id, patient):
        yield differing, file


def _compared(
    session: Session, study_id: UUID, patient: Patient
) -> Iterable[tuple[Identity, list[str], dict[str, str]]]:
    said = session.scalars(sa.select(Instance.facts["patient"]).where(Instance.study_id == study_id, IS_SENT))
    for file in {PatientFacts(**one) for one in said if one}:
        yield (*compare(patient, vars(file)), vars(file))
