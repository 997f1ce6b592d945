"""The signed report as PDF, made from its one source and kept."""

import json
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from app.access.actor import WORKER, Actor
from app.config import settings
from app.db import reading
from app.errors import Conflict
from app.referrals.pregnancy import Pregnancy
from app.reports import instance, key_images, marks
from app.reports.dated import changed_since, standing
from app.reports.document import render
from app.reports.models import Report, ReportVersion
from app.storage.blobs import Blob
from app.studies.renditions import Made, Wanted, kept_or_made

RECIPE = 3


def publish(report_id: str) -> None:
    """The job `reports.publish`: every signed version of the report has its PDF, and DICOM has them too."""
    with reading(WORKER) as session:
        report = loaded(session, UUID(report_id))
    printed = {version.version: _printed(WORKER, report, version, None) for version in marks.signed(report)}
    instance.publish(report, printed)


def loaded(session: Session, report_id: UUID) -> Report:
    query = sa.select(Report).where(Report.id == report_id)
    return session.scalars(query.options(selectinload(Report.versions).joinedload(ReportVersion.signature))).one()


def pdf(actor: Actor, report: Report, version: ReportVersion) -> Blob:
    """The PDF of one signed version, with its mark when it is replaced, entered in error, or by a date that has changed."""
    with reading(actor) as session:
        known = standing(session, report.referral_id)
    return _printed(actor, report, version, changed_since(json.loads(version.canonical or "{}"), known))


def _printed(actor: Actor, report: Report, version: ReportVersion, redated: Pregnancy | None) -> Blob:
    """With other marks it is another rendition of the same version. In DICOM, where what is under a UID never changes,
    it has none of a date."""
    mark = marks.mark(report, version)
    kind = f"pdf{redated.edd:%y%m%d}" if redated else "pdf"
    wanted = Wanted(report.organization_id, version.id, kind, mark, RECIPE)
    replaced = marks.newest(report) if mark != marks.NONE else None
    return kept_or_made(actor, wanted, lambda: _made(report, version, replaced, redated))


def _made(report: Report, version: ReportVersion, replaced: ReportVersion | None, redated: Pregnancy | None) -> Made:
    if version.canonical is None or version.sha256 is None:
        raise Conflict("This version is not signed.")
    source = json.loads(version.canonical)
    by = None
    if replaced is not None and replaced.signature is not None:
        by = {"version": replaced.version, "signed_at": replaced.signature.signed_at, "status": report.status}
    verify = f"{settings().public_url}/reports/{report.id}/verify?version={version.version}"
    body = render(source, pictures=key_images.printed(source), sha256=version.sha256, signed=source["signature"], replaced_by=by,
                  edd_now=redated.edd if redated else None, verify_url=verify if settings().public_url else None)  # fmt: skip
    return Made(body, "application/pdf")
