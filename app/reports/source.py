"""The one source of a signed report: what page, PDF and JSON show, as canonical text (RFC 8785 over NFC)."""

import hashlib
import unicodedata
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.people.models import Patient, Person
from app.referrals import manifest
from app.referrals.models import Referral
from app.reports import dated
from app.reports.critical_finding import CriticalFinding, of_referral
from app.reports.models import Report, ReportVersion, Signature, VersionStatus
from app.reviews.models import Review
from app.reviews.seen import Looked
from app.studies.growth import examined_on
from app.studies.images import documents_of, holds_picture, instances_of
from app.studies.models import Study


def canonical(source: dict[str, Any]) -> str:
    """The bytes that are signed, as text."""
    return rfc8785.dumps(_nfc(source)).decode()


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def build(
    session: Session, review: Review, report: Report, version: ReportVersion, signature: Signature, looked: Looked
) -> dict[str, Any]:
    """All that the signed report says; ids and digests of its images included."""
    referral = review.referral
    site, reader = referral.organization, referral.reading_organization
    author = session.get_one(Person, referral.author_id)
    return {
        "report": {"id": str(report.id), "version": version.version, "status": version.status, "kind": version.kind,
                   "reason": version.reason, "language": version.language},
        "referral": {"id": str(referral.id), "code": referral.code, "exam_type": referral.exam_type,
                     "question": referral.question, "clinical_notes": referral.clinical_notes,
                     "accession_number": referral.accession_number, "priority": referral.priority},
        "patient": _patient(referral.patient),
        "site": {"name": site.name, "time_zone": site.time_zone},
        "reader": {"organization": reader.name, "time_zone": reader.time_zone, "name": signature.printed_name,
                   **_first(session, version, signature)},
        "referrer": {"name": author.name},
        "exam": _exam(session, referral), **dated.as_signed(dated.standing(session, referral.id)),
        "findings": version.findings, "impression": version.impression, "recommendation": version.recommendation,
        **_form(version),
        "images": version.images, "images_sha256": version.images_sha256,
        "seen": _seen(looked),
        "critical": [on_record(one) for one in of_referral(session, referral.id)],
        "signature": {"person_id": str(signature.person_id), "printed_name": signature.printed_name, "meaning": signature.meaning,
                      "signed_at": signature.signed_at.isoformat(timespec="seconds")},
    }  # fmt: skip


def _first(session: Session, version: ReportVersion, signature: Signature) -> dict[str, str]:
    """Whose reading it is, where another counter-signs it; only there, so that what was signed before stays as it is."""
    if version.author_id == signature.person_id:
        return {}
    before = (
        sa.select(Signature.printed_name)
        .join(ReportVersion, ReportVersion.id == Signature.report_version_id)
        .where(ReportVersion.report_id == version.report_id, ReportVersion.version == version.version - 1,
               ReportVersion.status == VersionStatus.PRELIMINARY, Signature.person_id == version.author_id)
    )  # fmt: skip
    name = session.scalar(before)
    return {"first": name} if name else {}


def _seen(looked: Looked) -> dict[str, int]:
    """`ahead` only where there is any, so that what was signed before stays as it is."""
    seen = {"total": looked.total, "exact": looked.exact, "preview": looked.preview, "not_opened": looked.not_opened}
    return seen | ({"ahead": looked.ahead} if looked.ahead else {})


def _form(version: ReportVersion) -> dict[str, Any]:
    """Only where there is one, so that what was signed before stays as it is."""
    parts = {"form": version.form, "key_images": version.key_images, "meant": version.meant}
    return {name: part for name, part in parts.items() if part}


def on_record(found: CriticalFinding) -> dict[str, Any]:
    """The record of six as it stood when this was signed; whether it was said back since, the pages tell."""
    plain = ("finding", "grade", "status", "communicated_by", "received_by", "method")
    times = {name: getattr(found, name) for name in ("identified_at", "received_at")}
    return {
        **{name: str(getattr(found, name)) for name in plain},
        **{name: at.isoformat(timespec="seconds") if at else None for name, at in times.items()},
    }


def _patient(patient: Patient) -> dict[str, Any]:
    plain = (
        "family_name",
        "given_name",
        "name_local",
        "name_unknown",
        "identifier",
        "issuer",
        "birth_date",
        "sex",
    )
    age = {"value": patient.age_value, "unit": patient.age_unit} if patient.age_value is not None else None
    return {
        **{name: getattr(patient, name) for name in plain},
        "age": age,
        "age_stated_on": str(patient.created_at.date()),
    }


def _exam(session: Session, referral: Referral) -> dict[str, Any]:
    """The day by what somebody said, else by the images where they are believed; one that is not stands apart."""
    instances = instances_of(session, referral.id)
    examined = examined_on(session, referral, instances)
    day = f"{examined.on:%Y%m%d}" if examined.on else ""
    study_ids = {one.study_id for one in instances}
    times = sa.select(Study.study_time).where(Study.id.in_(study_ids), Study.study_date == day, Study.study_time != "")
    time = session.scalars(times.order_by(Study.study_time)).first() if day else ""
    doubted = {"images_say": f"{examined.images_say:%Y%m%d}"} if examined.images_say else {}
    pictures = [one for one in instances if holds_picture(one)]
    clips = sum(one.is_clip for one in pictures)
    return {"date": day, "time": time or "", **doubted,
            "images": len(pictures) - clips, "clips": clips, "documents": len(documents_of(session, referral.id)),
            "missing": manifest.counts(session, [referral.id])[referral.id].missing}  # fmt: skip


def _nfc(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", str(value))
    if isinstance(value, dict):
        return {key: _nfc(each) for key, each in value.items()}
    return [_nfc(each) for each in value] if isinstance(value, list) else value
