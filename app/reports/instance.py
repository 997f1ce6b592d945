"""The signed report among the images that it rests on: its PDF as a DICOM instance, for archives and viewers."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access.actor import WORKER
from app.audit import events
from app.db import reading, transaction
from app.dicom import wrap
from app.dicom.admission import examine
from app.dicom.metadata import header
from app.dicom.wrap import About
from app.referrals.models import Referral
from app.reports import marks
from app.reports.models import Report, ReportVersion, VersionStatus
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import Spooled, spooled_copy
from app.studies.about import of_report
from app.studies.models import Instance, Series, Study
from app.studies.receive import attach_study, own_study
from app.studies.record import Arrived, record_instances
from app.studies.renditions import LIMIT_BYTES, as_file

RECIPE = 1  # raised when the way it is made changes: other bytes are another instance
SERIES_NUMBER = 3  # after those of a referral's images and documents
UNSAID = ("patient_name", "patient_identifier", "study_date", "study_time", "study_description", "accession_number",
          "dicom_study_id", "referring_physician_name", "timezone_offset_from_utc")  # fmt: skip
IS_REPORT = "This is a signed report; it is read as such."


@dataclass(frozen=True)
class Place:
    """Where DICOM has the report."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


def uid(version: ReportVersion, mark: int) -> str:
    """Each version with each mark is an instance of its own: what is under a UID never changes (PS3.3 C.12.1)."""
    return f"2.25.{uuid5(version.id, f'{RECIPE}.{mark}').int}"


def publish(report: Report, printed: dict[int, Blob]) -> None:
    """Each signed version as it is marked now has its instance; those with the marks of before are served no more."""
    for version in marks.signed(report):
        mark = marks.mark(report, version)
        if mark != marks.IN_ERROR and not _is_here(report, uid(version, mark)):
            _make(report, version, mark, printed[version.version])
    with transaction(WORKER) as session:
        _take_back_all_but(session, _locked(session, report.id))


def take_back(session: Session, report: Report) -> None:
    """Of one that was entered in error: the images may be another patient's from now on."""
    mine = sa.update(Instance).where(Instance.report_id == report.id)
    session.execute(mine.values(dicom_blob_id=None).execution_options(synchronize_session=False))


def place_of(session: Session, version: ReportVersion, mark: int) -> Place | None:
    """None until it is made, or where it was taken back."""
    query = (
        sa.select(Study.study_instance_uid, Series.series_instance_uid, Instance.sop_instance_uid)
        .join(Study, Study.id == Instance.study_id).join(Series, Series.id == Instance.series_id)
        .where(Instance.organization_id == version.organization_id, Instance.sop_instance_uid == uid(version, mark),
               Instance.dicom_blob_id.is_not(None))
    )  # fmt: skip
    row = session.execute(query).one_or_none()
    return Place(*row) if row else None


def _is_here(report: Report, sop_instance_uid: str) -> bool:
    here = sa.select(Instance.id).where(
        Instance.organization_id == report.organization_id, Instance.sop_instance_uid == sop_instance_uid
    )
    with reading(WORKER) as session:
        return session.scalar(here) is not None


def _make(report: Report, version: ReportVersion, mark: int, pdf: Blob) -> None:
    source = json.loads(version.canonical or "{}")
    with reading(WORKER) as session:
        about = _about(session, report, version, mark, datetime.fromisoformat(source["signature"]["signed_at"]))
    title = f"Ultrasound report {source['referral']['code']}, version {version.version}"
    is_final = version.status != VersionStatus.PRELIMINARY
    with as_file(pdf) as path, spooled_copy(wrap.report(about, path, title, is_final=is_final), LIMIT_BYTES) as spooled:
        _keep(report, version, mark, spooled)


def _about(session: Session, report: Report, version: ReportVersion, mark: int, signed_at: datetime) -> About:
    around = (joinedload(Referral.patient), joinedload(Referral.author), joinedload(Referral.organization))
    referral = session.get_one(Referral, report.referral_id, options=around)
    study = _study(session, report, version)
    return About(
        study.study_instance_uid, f"2.25.{uuid5(report.id, study.study_instance_uid).int}", uid(version, mark),
        series_number=SERIES_NUMBER, instance_number=version.version, **of_report(session, study, referral, signed_at),
    )  # fmt: skip


def _study(session: Session, report: Report, version: ReportVersion) -> Study:
    """That of most of the images; without images the referral's own."""
    ids = [UUID(one["id"]) for one in version.images]
    counted = Counter(session.scalars(sa.select(Instance.study_id).where(Instance.id.in_(ids))))
    if counted:
        return session.get_one(Study, min(counted, key=lambda one: (-counted[one], one)))
    own = own_study(report.referral_id, SERIES_NUMBER)[0]
    here = sa.select(Study).where(Study.organization_id == report.organization_id, Study.study_instance_uid == own)
    return session.scalars(here).one_or_none() or Study(study_instance_uid=own, **dict.fromkeys(UNSAID, ""))


def _keep(report: Report, version: ReportVersion, mark: int, spooled: Spooled) -> None:
    """Nobody is told of it, and nothing is settled: who waits for the report is told by its signature."""
    facts = examine(spooled.path)
    blob = blobs.keep(WORKER, report.organization_id, spooled, "application/dicom")
    arrived = Arrived(facts, blob.sha256, blob, facts.study_instance_uid or "", facts.series_instance_uid or "",
                      header(spooled.path, facts))  # fmt: skip
    with transaction(WORKER) as session:
        here = _locked(session, report.id)
        same = next(one for one in here.versions if one.id == version.id)
        if marks.mark(here, same) != mark:
            return  # another was signed meanwhile, and has a job of its own; these bytes are swept
        referral = session.get_one(Referral, report.referral_id)
        [done] = record_instances(session, report.organization_id, [arrived], patient_id=referral.patient_id)
        if done.blob is None or done.is_conflict:
            return  # another worker was first
        blobs.record(session, [blob])
        values = {
            "report_id": report.id,
            "referral_id": report.referral_id,
            "preview": "none",
            "preview_reason": IS_REPORT,
        }
        session.execute(sa.update(Instance).where(Instance.id == done.instance_id).values(values))
        if facts.study_instance_uid == own_study(report.referral_id, SERIES_NUMBER)[0]:
            attach_study(session, referral, done.study_id)
        events.record(session, WORKER, "report.filed", organization_id=report.organization_id, entity_id=report.id,
                      referral_id=report.referral_id, version=version.version)  # fmt: skip


def _take_back_all_but(session: Session, report: Report) -> None:
    """But those that `publish` has just seen to."""
    kept = [uid(version, marks.mark(report, version)) for version in marks.signed(report)]
    others = sa.update(Instance).where(Instance.report_id == report.id, Instance.sop_instance_uid.not_in(kept))
    session.execute(others.values(dicom_blob_id=None).execution_options(synchronize_session=False))


def _locked(session: Session, report_id: UUID) -> Report:
    """Whoever signs the next version, or enters it in error, is before this or after it."""
    query = sa.select(Report).where(Report.id == report_id).options(selectinload(Report.versions))
    return session.scalars(query.with_for_update(of=Report, key_share=True)).one()
