"""What the reader gives back to who scanned, in the act of signing: a score, a remark, a frame, how the readings compare."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from app.access.actor import Actor, person_of
from app.audit import events
from app.db import Base, now
from app.errors import Invalid, Sentence
from app.people.models import Person
from app.referrals.given import Text
from app.reports.models import Report, ReportVersion
from app.reviews.models import Review
from app.studies.measurement import Measurement
from app.studies.models import Instance

Blank = BeforeValidator(lambda given: None if given == "" else given)  # of a form's field that nobody filled in


class Agreement(StrEnum):
    """How the operator's own reading compares with the reader's."""

    SAME = "same"
    PARTLY = "partly"
    DIFFERENT = "different"


class Feedback(Base):
    """For the operator alone and whoever answers for quality: it is no part of the report."""

    __tablename__ = "feedback"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # of the operator
    reading_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"))
    report_version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("report_version.id"), unique=True)
    operator_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    score: Mapped[int | None]  # 1 to 5, as `SCORES` has them on the pages
    remark: Mapped[str] = mapped_column(sa.Text, default="")
    agreement: Mapped[str] = mapped_column(sa.String(10), default="")
    instance_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("instance.id"))
    frame: Mapped[int | None]  # from 1
    created_at: Mapped[datetime] = mapped_column(default=now)

    person: Mapped[Person] = relationship(lazy="raise", foreign_keys=[person_id])

    __table_args__ = (sa.Index("ix_feedback_operator", "operator_id", "id"),)


class GivenFeedback(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {
        "score": 4, "remark": "Good window. Turn the probe a little further for the neck.", "agreement": "partly",
    }})  # fmt: skip

    score: Annotated[int | None, Blank] = Field(
        None, ge=1, le=5,
        description="1 no recognisable structure, 2 minimal, 3 the least that is needed, 4 small flaws, 5 excellent",
    )  # fmt: skip
    remark: Text = ""
    agreement: Annotated[Agreement | None, Blank] = Field(
        None, description="Of the operator's own reading with this one"
    )
    instance_id: Annotated[UUID | None, Blank] = Field(None, description="One of the images that the report rests on")
    frame: Annotated[int | None, Blank] = Field(None, ge=1, description="From 1; the first where none is said")

    @property
    def says_something(self) -> bool:
        return any((self.score, self.remark, self.agreement, self.instance_id))


def give(
    session: Session, actor: Actor, review: Review, version: ReportVersion, given: GivenFeedback
) -> Feedback | None:
    """Beside the signature, in its transaction; nothing where nothing was said."""
    if not given.says_something:
        return None
    referral = review.referral
    if given.agreement and not referral.provisional_reading:
        raise Invalid("The operator gave no reading of their own to compare with.", field="agreement")
    made = Feedback(
        organization_id=review.organization_id, reading_organization_id=review.reading_organization_id,
        referral_id=referral.id, report_version_id=version.id, operator_id=referral.author_id, person_id=person_of(actor),
        score=given.score, remark=given.remark, agreement=given.agreement or "", created_at=now(),
        instance_id=given.instance_id, frame=_frame(session, version, given),
    )  # fmt: skip
    session.add(made)
    events.record(session, actor, "feedback.given", organization_id=review.organization_id, entity_id=version.report_id,
                  referral_id=referral.id, version=version.version)  # fmt: skip
    return made


def _frame(session: Session, version: ReportVersion, given: GivenFeedback) -> int | None:
    if given.instance_id is None:
        return None
    instance = session.get(Instance, given.instance_id)
    if instance is None or str(instance.id) not in {one["id"] for one in version.images}:
        raise Invalid("The marked image is none of this report.", field="instance_id")
    frame = given.frame or 1
    if frame > instance.number_of_frames:
        raise Invalid(Sentence("There are {n} frames.", n=instance.number_of_frames), field="frame")
    return frame


def shown_to(session: Session, actor: Actor, report: Report) -> Feedback | None:
    """The newest, for who scanned, who gave it, and whoever answers for quality on either side; nobody else."""
    versions = [one.id for one in report.versions]
    query = sa.select(Feedback).where(Feedback.report_version_id.in_(versions)).order_by(Feedback.id.desc()).limit(1)
    found = session.scalars(query.options(joinedload(Feedback.person))).one_or_none()
    if found is None:
        return None
    quality = actor.organizations_for("feedback.see")
    is_theirs = actor.person_id in (found.operator_id, found.person_id)
    return found if is_theirs or {found.organization_id, found.reading_organization_id} & set(quality) else None


def marks_of(session: Session, found: Feedback) -> Sequence[Measurement]:
    """What the reader drew on that frame for others to look at: arrows and words."""
    drawn = sa.select(Measurement).where(
        Measurement.instance_id == found.instance_id, Measurement.frame == found.frame,
        Measurement.organization_id == found.reading_organization_id, Measurement.person_id == found.person_id,
        Measurement.kind.in_(("arrow", "text")), Measurement.removed_at.is_(None),
    )  # fmt: skip
    return session.scalars(drawn.order_by(Measurement.id)).all()
