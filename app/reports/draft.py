"""Write a report: one draft at a time, edited in place under its revision, so that no text overwrites another unseen."""

from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict
from app.referrals.given import Language, Text
from app.reports import filled
from app.reports.answers import GivenForm, KeyImage
from app.reports.models import Report, ReportVersion, VersionStatus
from app.reviews.models import Review, ReviewStatus
from app.reviews.step import lock, require_owner, step
from app.studies.images import image_list, image_list_sha256


class GivenText(BaseModel):
    findings: Text = ""
    impression: Text = ""
    recommendation: Text = ""
    language: Language = "en"


class GivenDraft(GivenText):
    model_config = ConfigDict(json_schema_extra={"example": {
        "findings": "Several stones with shadows, wall 3 mm.", "impression": "Gallstones without inflammation.",
        "recommendation": "Surgical opinion within 4 weeks.",
    }})  # fmt: skip

    form: GivenForm | None = Field(None, description="Left out: as it is. Null: a free report")
    key_images: list[KeyImage] | None = Field(None, max_length=50, description="Left out: as they are")

    @property
    def texts(self) -> dict[str, str]:
        return self.model_dump(include=set(GivenText.model_fields))


SIGNED_BY = (joinedload(ReportVersion.signature),)


def report_of(session: Session, review: Review) -> Report | None:
    """As it is now, whatever this session has read of it before."""
    query = sa.select(Report).where(Report.review_id == review.id).execution_options(populate_existing=True)
    return session.scalars(
        query.options(selectinload(Report.versions).joinedload(ReportVersion.signature))
    ).one_or_none()


def open_draft(report: Report | None) -> ReportVersion | None:
    """The version that is being written, if one is."""
    return next((one for one in report.versions if one.status == VersionStatus.DRAFT), None) if report else None


def save(session: Session, actor: Actor, review: Review, given: GivenDraft, revision: int | None) -> ReportVersion:
    """Keep what is typed; `revision` is that of the draft it was typed into, None for the first.

    Conflict(stale=True) gives the draft that is there when somebody, or another window, saved in between."""
    require(actor, "review.read", review.reading_organization_id)
    lock(session, review)
    require_owner(actor, session, review)
    report = report_of(session, review)
    draft = open_draft(report)
    if review.status == ReviewStatus.COMPLETED:
        if draft is None:
            raise Conflict("This report is signed. Amend it to change something.", status=review.status)
    else:
        step(session, review, "write")
    images_sha256 = image_list_sha256(image_list(session, review.referral_id))
    columns = given.texts | filled.columns(session, review, draft, given.form, given.key_images, given.model_fields_set)
    if draft is None:
        return _first(session, actor, review, report, columns, images_sha256)
    changed = session.execute(
        sa.update(ReportVersion)
        .where(ReportVersion.id == draft.id, ReportVersion.revision == revision, ReportVersion.status == VersionStatus.DRAFT)
        .values(**columns, revision=ReportVersion.revision + 1, images_sha256=images_sha256,
                updated_at=now(), author_id=person_of(actor))
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    session.refresh(draft)
    if changed.rowcount != 1:  # type: ignore[attr-defined]  # DML gives a CursorResult
        raise stale(draft)
    return draft


def stale(draft: ReportVersion) -> Conflict:
    current = {
        name: getattr(draft, name)
        for name in ("findings", "impression", "recommendation", "revision", "answers", "key_images")
    }
    return Conflict(
        "This draft was changed somewhere else. Both texts are kept; compare them.",
        stale=True,
        current=current,
    )


def _first(
    session: Session,
    actor: Actor,
    review: Review,
    report: Report | None,
    columns: dict[str, Any],
    images_sha256: str,
) -> ReportVersion:
    if report is None:
        report = Report(
            id=new_id(), organization_id=review.organization_id, referral_id=review.referral_id, review_id=review.id,
            reading_organization_id=review.reading_organization_id, versions=[],
        )  # fmt: skip
        session.add(report)
        session.flush()
    draft = ReportVersion(
        id=new_id(), organization_id=review.organization_id, report_id=report.id, version=len(report.versions) + 1,
        author_id=person_of(actor), images=[], images_sha256=images_sha256, signature=None, **columns,
    )  # fmt: skip
    report.versions.append(draft)
    session.flush()
    events.record(session, actor, "report.drafted", organization_id=review.organization_id, entity_id=report.id,
                  referral_id=review.referral_id, version=draft.version)  # fmt: skip
    return draft
