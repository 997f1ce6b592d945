"""What a file that says nothing of itself is told by the rows around it: whose it is, and where it belongs."""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session, joinedload

from app.dicom.wrap import About
from app.people.models import Organization, Patient
from app.referrals.models import Referral
from app.studies.models import Instance, Series, Study
from app.studies.receive import owner_of

_SEX = {"female": "F", "male": "M", "other": "O"}  # PS3.3 C.7.1.1
_AGE_UNIT = {"days": "D", "weeks": "W", "months": "M", "years": "Y"}


def about(session: Session, instance: Instance) -> About:
    """By the referral that the file came with: what is no DICOM lies in that one's own study."""
    study, series = session.get_one(Study, instance.study_id), session.get_one(Series, instance.series_id)
    around = (joinedload(Referral.patient), joinedload(Referral.author), joinedload(Referral.organization))
    referral = session.get_one(Referral, owner_of(study.study_instance_uid), options=around)
    patient = referral.patient
    return About(
        study.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid, instance.created_at,
        patient_name=person_name(patient), patient_identifier=patient.identifier, patient_issuer=patient.issuer,
        patient_birth_date=_whole_date(patient.birth_date), patient_sex=_SEX.get(patient.sex, ""),
        patient_age=_age(patient), accession_number=referral.accession_number, dicom_study_id=study.dicom_study_id or referral.code,
        study_date=study.study_date, study_time=study.study_time,
        study_description=study.study_description or referral.exam_type, institution_name=referral.organization.name,
        referring_physician_name=referral.author.name, series_number=series.series_number,
        instance_number=instance.instance_number or 1,
    )  # fmt: skip


def of_report(session: Session, study: Study, referral: Referral, at: datetime) -> dict[str, Any]:
    """What a report says in DICOM of its patient and study: as the images beside it do, else as the referral does.

    An archive that has the images would else hold one examination of two patients."""
    patient, says_who = referral.patient, bool(study.patient_name or study.patient_identifier)
    own = {
        "patient_name": person_name(patient), "patient_identifier": patient.identifier, "patient_issuer": patient.issuer,
        "patient_birth_date": _whole_date(patient.birth_date), "patient_sex": _SEX.get(patient.sex, ""),
    }  # fmt: skip
    reader = session.get_one(Organization, referral.reading_organization_id)
    return {
        **{name: getattr(study, name) if says_who else said for name, said in own.items()},
        "made_at": at.astimezone(_zone(study, referral)), "study_date": study.study_date, "study_time": study.study_time,
        "study_description": study.study_description or referral.exam_type,
        "accession_number": study.accession_number or referral.accession_number,
        "dicom_study_id": study.dicom_study_id or referral.code, "institution_name": reader.name,
        "referring_physician_name": study.referring_physician_name or referral.author.name,
    }  # fmt: skip


def _zone(study: Study, referral: Referral) -> tzinfo:
    """That of the machine's times, as far as it is known (PS3.3 C.12.1.1), else the site's."""
    try:
        return datetime.strptime(study.timezone_offset_from_utc, "%z").tzinfo or UTC
    except ValueError:
        return ZoneInfo(referral.organization.time_zone)


def person_name(patient: Patient) -> str:
    """PN (PS3.5 6.2.1): in Latin letters, and in the patient's own script as the second group."""
    if patient.name_unknown:
        return ""
    latin, local = (
        "^".join(part.replace("^", " ").replace("=", " ") for part in parts).rstrip("^")
        for parts in ((patient.family_name, patient.given_name), (patient.name_local,))
    )
    return f"{latin}={local}" if local else latin


def _whole_date(birth_date: str | None) -> str:
    """DA has no years alone (PS3.5 6.2)."""
    return birth_date.replace("-", "") if birth_date and len(birth_date) == 10 else ""


def _age(patient: Patient) -> str:
    """AS, as it was stated (PS3.5 6.2)."""
    unit = _AGE_UNIT.get(patient.age_unit or "")
    return (
        f"{patient.age_value:03}{unit}" if unit and patient.age_value is not None and patient.age_value < 1000 else ""
    )
