"""Short texts that a reader calls by a word (`.gb`): one's own, and those that an organization shares."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.access.actor import Actor, person_of, require
from app.access.turn import take_turn
from app.audit import events
from app.config import settings
from app.db import Base, new_id, now
from app.errors import Forbidden, NotFound, TooLarge
from app.referrals.given import clean
from app.reports.edit_template import RIGHT


class Macro(Base):
    __tablename__ = "macro"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    owner_id: Mapped[UUID]  # the person, or the organization where it is everybody's
    word: Mapped[str] = mapped_column(sa.String(30))
    text: Mapped[str] = mapped_column(sa.Text)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (sa.UniqueConstraint("owner_id", "word"),)

    @property
    def is_shared(self) -> bool:
        return self.owner_id == self.organization_id


def _bare(word: object) -> object:
    return word.strip().removeprefix(".").lower() if isinstance(word, str) else word


class GivenMacro(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"word": "gb", "text": "The gallbladder is thin-walled."}})

    word: Annotated[str, BeforeValidator(clean), BeforeValidator(_bare), Field(max_length=30, pattern=r"^\w[\w-]*$")]
    text: Annotated[str, BeforeValidator(clean), Field(min_length=1, max_length=5_000)]
    organization_id: UUID | None = Field(None, description="Everybody's there; left out, your own")


def of_reader(session: Session, actor: Actor) -> list[Macro]:
    """One's own and those of the organizations that one reads in, by their words; one's own goes before."""
    owners = [person_of(actor), *actor.organizations_for("review.read")]
    rows = session.scalars(sa.select(Macro).where(Macro.owner_id.in_(owners)).order_by(Macro.word, Macro.id))
    return sorted(rows, key=lambda row: (row.word, row.is_shared))


def by_word(macros: list[Macro]) -> dict[str, str]:
    return {one.word: one.text for one in reversed(macros)}


def keep(session: Session, actor: Actor, given: GivenMacro) -> Macro:
    """The same word again is the new text of it."""
    reads = actor.organizations_for("review.read")
    if given.organization_id is not None:
        require(actor, RIGHT, given.organization_id)
    elif not reads:
        raise Forbidden("Your role here does not allow this.")
    owner_id = given.organization_id or person_of(actor)
    take_turn(session, f"macro:{owner_id}")
    theirs = sa.select(Macro).where(Macro.owner_id == owner_id)
    found = session.scalars(theirs.where(Macro.word == given.word)).one_or_none()
    if found is None:
        if (session.scalar(sa.select(sa.func.count()).select_from(theirs.subquery())) or 0) >= settings().max_macros:
            raise TooLarge("There are too many short texts.", limit=settings().max_macros)
        found = Macro(
            id=new_id(), organization_id=given.organization_id or reads[0], owner_id=owner_id, word=given.word
        )
        session.add(found)
    found.text, found.updated_at = given.text, now()
    session.flush()
    events.record(session, actor, "macro.kept", organization_id=found.organization_id, entity_id=found.id)
    return found


def remove(session: Session, actor: Actor, macro_id: UUID) -> None:
    found = session.get(Macro, macro_id)
    if found is None or found.owner_id not in (actor.person_id, *actor.organizations_for(RIGHT)):
        raise NotFound
    session.delete(found)
    events.record(session, actor, "macro.removed", organization_id=found.organization_id, entity_id=found.id)
