"""A second opinion: the reader asks another one, of their own organization or of one that reads for it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from app.access import scope
from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import Base, decoded, new_id, now, paged
from app.errors import Conflict, Invalid, NotFound, Sentence
from app.notifications.notify import tell
from app.people.models import Organization, Person
from app.people.reading import readers_for
from app.referrals.models import Referral, both_sides
from app.reviews.models import OPEN as REVIEW_IS_OPEN
from app.reviews.models import Review
from app.reviews.step import WHOLE, lock, require_owner
from app.reviews.whom import readers
from app.studies.models import ReferralStudy

OPEN_SQL = "status = 'asked'"
IS_OPEN: sa.ColumnElement[bool] = sa.literal_column(f"second_opinion.{OPEN_SQL}")


class OpinionStatus(StrEnum):
    ASKED = "asked"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[tuple[str, str], OpinionStatus] = {
    (OpinionStatus.ASKED, "give"): OpinionStatus.GIVEN,
    (OpinionStatus.ASKED, "withdraw"): OpinionStatus.WITHDRAWN,
}


class SecondOpinion(Base):
    """Asked of one reader, or of whoever reads at another organization; the review stays its reader's."""

    __tablename__ = "second_opinion"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))  # whose reader asks
    asked_organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    asked_person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    referral_id: Mapped[UUID] = mapped_column(sa.ForeignKey("referral.id"))
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))  # who asks
    question: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.String(10), default=OpinionStatus.ASKED)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    agrees: Mapped[bool | None]
    text: Mapped[str] = mapped_column(sa.Text, default="")
    given_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="raise")
    given_by: Mapped[Person | None] = relationship(foreign_keys=[given_by_id], lazy="raise")
    asked_person: Mapped[Person | None] = relationship(foreign_keys=[asked_person_id], lazy="raise")
    asked_organization: Mapped[Organization] = relationship(foreign_keys=[asked_organization_id], lazy="raise")

    __table_args__ = (
        sa.Index("ix_second_opinion_asked", "asked_organization_id", "asked_at", "id",
                 sqlite_where=sa.text(OPEN_SQL), postgresql_where=sa.text(OPEN_SQL)),
    )  # fmt: skip


WITH_PEOPLE = (
    joinedload(SecondOpinion.person), joinedload(SecondOpinion.given_by), joinedload(SecondOpinion.asked_person),
    joinedload(SecondOpinion.asked_organization),
)  # fmt: skip


def ask(
    session: Session, actor: Actor, review: Review, question: str, *, person_id: UUID | None = None,
    organization_id: UUID | None = None,
) -> SecondOpinion:  # fmt: skip
    """One of the two: a reader here, or an organization that reads for this one, which sees the case meanwhile."""
    require(actor, "review.read", review.reading_organization_id)
    lock(session, review)
    require_owner(actor, session, review)
    if not question:
        raise Invalid("Write what you want to know.", field="question")
    if review.status not in REVIEW_IS_OPEN:
        raise Conflict("This review has ended: nobody can be asked about it any more.", status=review.status)
    if (person_id is None) == (organization_id is None):
        raise Invalid("Ask one reader, or one organization.", field="person_id")
    whom = _colleague(session, review, person_id) if person_id else _elsewhere(session, review, organization_id)
    asked_id = organization_id or review.reading_organization_id
    made = SecondOpinion(
        id=new_id(), organization_id=review.reading_organization_id, asked_organization_id=asked_id,
        asked_person_id=person_id, referral_id=review.referral_id, review_id=review.id, person_id=person_of(actor),
        question=question, asked_at=now(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    tell(session, whom, "opinion.asked", review.referral, to=session.get_one(Organization, asked_id),
         personally=person_id is not None)  # fmt: skip
    _record(session, actor, made, "opinion.asked", to=str(person_id or organization_id))
    return loaded(session, made.id)


def give(session: Session, actor: Actor, asked: SecondOpinion, text: str, *, agrees: bool) -> None:
    """Of several who were asked one answers; who asked is told. It is theirs to write into the report, or not."""
    require(actor, "review.read", asked.asked_organization_id)
    if asked.asked_person_id is not None and asked.asked_person_id != actor.person_id:
        raise Conflict("Somebody else was asked.")
    if not text:
        raise Invalid("Write what you see.", field="text")
    if session.get_one(Review, asked.review_id).status not in REVIEW_IS_OPEN:
        raise Conflict("This review has ended: nobody can be asked about it any more.")
    _step(asked, "give")
    asked.text, asked.agrees, asked.given_by_id, asked.ended_at = text, agrees, person_of(actor), now()
    session.flush()
    referral = _referral(session, asked)
    tell(session, [asked.person_id], "opinion.given", referral, to=referral.reading_organization)
    _end_grants(session, asked)
    _record(session, actor, asked, "opinion.given", agrees=agrees)


def withdraw(session: Session, actor: Actor, asked: SecondOpinion) -> None:
    """It is needed no more; another organization sees the case no longer."""
    require(actor, "review.read", asked.organization_id)
    if asked.person_id != actor.person_id:
        raise Conflict("Only who asked can take it back.")
    _step(asked, "withdraw")
    asked.ended_at = now()
    session.flush()
    _end_grants(session, asked)
    _record(session, actor, asked, "opinion.withdrawn")


def for_change(session: Session, actor: Actor, opinion_id: UUID) -> SecondOpinion:
    """The opinion, if the actor's organization asks or is asked, its case locked."""
    asked = get(session, actor, opinion_id)
    lock(session, session.get_one(Review, asked.review_id, options=WHOLE))
    return loaded(session, opinion_id)


def get(session: Session, actor: Actor, opinion_id: UUID) -> SecondOpinion:
    mine = actor.organizations_for("review.read")
    query = sa.select(SecondOpinion).where(
        SecondOpinion.id == opinion_id,
        sa.or_(SecondOpinion.organization_id.in_(mine), SecondOpinion.asked_organization_id.in_(mine)),
    ).options(*WITH_PEOPLE)  # fmt: skip
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound
    return found


def loaded(session: Session, opinion_id: UUID) -> SecondOpinion:
    query = sa.select(SecondOpinion).where(SecondOpinion.id == opinion_id).options(*WITH_PEOPLE)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def of_review(session: Session, review_id: UUID) -> list[SecondOpinion]:
    query = sa.select(SecondOpinion).where(SecondOpinion.review_id == review_id).options(*WITH_PEOPLE)
    return list(session.scalars(query.order_by(SecondOpinion.id)))


def listing(
    session: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50
) -> tuple[list[SecondOpinion], str | None]:
    """What this person is asked, by name or as a reader of their organization; the oldest first."""
    columns = sa.select(SecondOpinion.id, SecondOpinion.asked_at.label("at")).where(
        IS_OPEN, sa.or_(SecondOpinion.asked_person_id.is_(None), SecondOpinion.asked_person_id == actor.person_id),
        SecondOpinion.person_id != actor.person_id,
    )  # fmt: skip
    if cursor:
        columns = columns.where(sa.tuple_(SecondOpinion.asked_at, SecondOpinion.id) > decoded(cursor))
    columns = columns.join(Review, Review.id == SecondOpinion.review_id).where(Review.status.in_(REVIEW_IS_OPEN))
    parts = [
        columns.where(SecondOpinion.asked_organization_id == each) for each in actor.organizations_for("review.read")
    ]
    ids, next_cursor = paged(session, parts, limit)
    query = sa.select(SecondOpinion).where(SecondOpinion.id.in_(ids)).options(*WITH_PEOPLE)
    by_id = {one.id: one for one in session.scalars(query)}
    return [by_id[each] for each in ids], next_cursor


def askable(session: Session, organization_id: UUID) -> list[Organization]:
    """The organizations that read for this one, by name."""
    return [one for one in readers_for(session, organization_id) if one.id != organization_id]


def _colleague(session: Session, review: Review, person_id: UUID | None) -> list[UUID]:
    if person_id == review.owner_id or person_id not in readers(session, review.reading_organization_id):
        raise Invalid("This person does not read for your organization.", field="person_id")
    return [person_id] if person_id else []


def _elsewhere(session: Session, review: Review, organization_id: UUID | None) -> list[UUID]:
    """Its readers see the case and its images until the review ends."""
    if organization_id not in {one.id for one in askable(session, review.reading_organization_id)}:
        raise Invalid("This organization does not read for yours.", field="organization_id")
    scope.grant(session, organization_id, referral_id=review.referral_id, review_id=review.id)
    studies = sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id == review.referral_id)
    for study_id in session.scalars(studies).all():
        scope.grant(session, organization_id, study_id=study_id, review_id=review.id)
    return readers(session, organization_id)


def _end_grants(session: Session, asked: SecondOpinion) -> None:
    """Unless another question to the same organization is still open."""
    if asked.asked_organization_id == asked.organization_id:
        return
    others = sa.select(SecondOpinion.id).where(
        SecondOpinion.review_id == asked.review_id, IS_OPEN,
        SecondOpinion.asked_organization_id == asked.asked_organization_id,
    )  # fmt: skip
    if session.scalars(others.limit(1)).first() is None:
        scope.end(session, asked.review_id, organization_id=asked.asked_organization_id)


def _step(asked: SecondOpinion, act: str) -> None:
    """The case is locked."""
    status = TRANSITIONS.get((asked.status, act))
    if status is None:
        raise Conflict(
            Sentence("This second opinion is {status}.", status=OpinionStatus(asked.status)), status=asked.status
        )
    asked.status = status


def _referral(session: Session, asked: SecondOpinion) -> Referral:
    return session.get_one(Referral, asked.referral_id, options=both_sides(), populate_existing=True)


def _record(session: Session, actor: Actor, asked: SecondOpinion, action: str, **detail: object) -> None:
    """On the record of both: the other one has looked at another's patient."""
    for organization_id in {asked.organization_id, asked.asked_organization_id}:
        events.record(session, actor, action, organization_id=organization_id, entity_id=asked.id,
                      referral_id=asked.referral_id, **detail)  # fmt: skip
