"""A signed report as JSON: the version that was asked for, all that was signed with it, and where DICOM has it."""

import json
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.api.schemas import Out, SignedOut, VersionOut
from app.dicomweb.addresses import instance_url
from app.reports import dated, marks
from app.reports.instance import Place, place_of
from app.reports.models import Report, ReportVersion
from app.reports.teaching import Feedback, shown_to


class DicomPlaceOut(Out):
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    retrieve_url: str = Field(description="Of the Encapsulated PDF, by DICOMweb")

    @classmethod
    def of(cls, place: Place) -> Self:
        uids = vars(place)
        return cls(**uids, retrieve_url=instance_url(*uids.values()))


class FeedbackOut(Out):
    """What the reader gave back to who scanned: theirs to see, and those of who answers for quality."""

    score: int | None
    remark: str
    agreement: str = Field(
        description="Of the operator's own reading with the reader's: same, partly, different or empty"
    )
    instance_id: UUID | None
    frame: int | None
    given_by: str
    created_at: datetime

    @classmethod
    def of(cls, found: Feedback) -> Self:
        plain = {name: getattr(found, name) for name in cls.model_fields if name != "given_by"}
        return cls(**plain, given_by=found.person.name)


class ReportOut(VersionOut):
    """The current version, and beside it the earlier ones."""

    id: UUID
    referral_id: UUID
    review_id: UUID
    acknowledged_at: datetime | None
    versions: list[SignedOut]
    source: dict[str, Any] = Field(description="All that was signed, of which the page, the PDF and DICOM are made")
    replaced_by: SignedOut | None
    edd_now: date | None = Field(
        description="The expected date of delivery, where it has changed since this was signed with the one in `source`"
    )
    dicom: DicomPlaceOut | None = Field(description="Null until it is made, and where the report is in error")
    feedback: FeedbackOut | None

    @classmethod
    def of_report(cls, session: Session, who: Actor, report: Report, version: ReportVersion) -> Self:
        mark = marks.mark(report, version)
        place = place_of(session, version, mark)
        feedback = shown_to(session, who, report)
        shown, newest = VersionOut.of(version).model_dump(), marks.newest(report)
        source = json.loads(version.canonical or "{}")
        redated = dated.changed_since(source, dated.standing(session, report.referral_id))
        if mark == marks.IN_ERROR:
            shown["status"] = report.status
        return cls(
            **shown,
            id=report.id, referral_id=report.referral_id, review_id=report.review_id,
            acknowledged_at=report.acknowledged_at, versions=[SignedOut.of(one) for one in marks.signed(report)],
            source=source, replaced_by=None if version is newest else SignedOut.of(newest),
            edd_now=redated.edd if redated else None,
            dicom=DicomPlaceOut.of(place) if place else None, feedback=FeedbackOut.of(feedback) if feedback else None,
        )  # fmt: skip
