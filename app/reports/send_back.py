"""Send back: a supervisor returns a supervised reader's report with a remark, and its reader has a time to sign it anew."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from app.access.actor import Actor, person_of
from app.audit import events
from app.db import Base, new_id, now
from app.errors import Conflict, Invalid
from app.notifications.notify import settle_told, tell
from app.people.models import Person
from app.reports.countersign import waiting
from app.reports.models import ReportVersion
from app.reviews import clocks
from app.reviews.claim import TAKEN
from app.reviews.models import Review
from app.reviews.step import lock, step


class Remark(Base):
    """What a supervisor wants changed in one signed version: among those who read, never the clinic's to see."""

    __tablename__ = "remark"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # the reading one
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"), index=True)
    report_version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("report_version.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(default=now)

    person: Mapped[Person] = relationship(lazy="raise")
    version: Mapped[ReportVersion] = relationship(lazy="raise")


def send_back(session: Session, actor: Actor, review: Review, text: str, seen: int | None = None) -> Remark:
    """It stays its reader's, and the clinic keeps the preliminary report until they have signed anew.

    `seen` is the version that was shown, where the door knows it."""
    lock(session, review)
    report, version = waiting(session, actor, review)
    if not text:
        raise Invalid("Write what is to be changed.", field="text")
    if seen is not None and seen != version.version:
        raise Conflict("A newer version of this report was signed. Read that one.", version=version.version)
    at = now()
    made = Remark(
        id=new_id(), organization_id=review.reading_organization_id, review_id=review.id, report_version_id=version.id,
        person_id=person_of(actor), text=text, at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    step(session, review, "send-back", mend_by=clocks.sent_back(session, review, at))
    settle_told(session, review.referral_id, "review.countersign", TAKEN)
    events.record(session, actor, "report.sent-back", organization_id=review.organization_id, entity_id=report.id,
                  referral_id=review.referral_id, version=version.version)  # fmt: skip
    whom = [review.owner_id] if review.owner_id is not None else []
    tell(session, whom, "report.sent-back", review.referral, to=review.referral.reading_organization)
    return made


def remarks(session: Session, review_id: UUID) -> list[Remark]:
    """The newest first."""
    query = sa.select(Remark).where(Remark.review_id == review_id).order_by(Remark.id.desc())
    return list(session.scalars(query.options(joinedload(Remark.person), joinedload(Remark.version))))
