"""How a reader saw each image of a case, exact or as preview only: on the strip, and what a report rests on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.access.actor import Actor, person_of
from app.db import Base, insert_or_nothing, now
from app.referrals import manifest
from app.reviews.models import Review
from app.studies.images import image_list

How = Literal["preview", "exact"]
EXACT: How = "exact"
KEY_CHARS = 50


class ImageSeen(Base):
    """Grows only: what was seen exactly is never less than that again."""

    __tablename__ = "image_seen"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("review.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(sa.String(KEY_CHARS))  # an instance's id, or a document's and the page
    how: Mapped[str] = mapped_column(sa.String(10))
    at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (sa.UniqueConstraint("review_id", "person_id", "key"),)


class GivenSeen(BaseModel):
    seen: dict[str, How] = Field(
        max_length=1_000, examples=[{"0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70": "exact"}],
        description="By instance id, or by document id and page, as `{id}-{page}`",
    )  # fmt: skip


def note(session: Session, actor: Actor, review: Review, given: GivenSeen) -> None:
    """Twice is once, and the order does not matter; what is no image of the case (any more) is left out."""
    ahead = manifest.previewed(session, review.referral_id)
    known = ahead | {one["id"] for one in image_list(session, review.referral_id)}
    person_id = person_of(actor)
    for key, said in sorted(given.seen.items()):
        if key[:36] not in known or len(key) > KEY_CHARS:
            continue
        how: How = "preview" if key in ahead else said
        row = {"organization_id": review.reading_organization_id, "review_id": review.id, "person_id": person_id,
               "key": key, "how": how, "at": now()}  # fmt: skip
        if not insert_or_nothing(session, ImageSeen, row) and how == EXACT:
            mine = (ImageSeen.review_id == review.id, ImageSeen.person_id == person_id, ImageSeen.key == key)
            session.execute(sa.update(ImageSeen).where(*mine).values(how=EXACT))


def seen(session: Session, actor: Actor, review_id: UUID) -> dict[str, str]:
    """By key, as the actor saw them."""
    mine = (ImageSeen.review_id == review_id, ImageSeen.person_id == actor.person_id)
    return {row.key: row.how for row in session.execute(sa.select(ImageSeen.key, ImageSeen.how).where(*mine))}


@dataclass(frozen=True)
class Looked:
    """How many of the images were seen exactly, as preview only, and not opened at all."""

    total: int
    exact: int
    preview: int
    ahead: int = 0  # previews of files that were on their way: none of the images

    @property
    def not_opened(self) -> int:
        return self.total - self.exact - self.preview


def looked(session: Session, actor: Actor, review: Review) -> Looked:
    """As the actor saw those that are there now; a document counts as one, by its least page that was opened."""
    how: dict[str, set[str]] = {}
    for key, one in seen(session, actor, review.id).items():
        how.setdefault(key[:36], set()).add(one)
    found = [how.get(one["id"], set()) for one in image_list(session, review.referral_id)]
    exact = sum(each == {EXACT} for each in found)
    ahead = sum(each in how for each in manifest.previewed(session, review.referral_id))
    return Looked(len(found), exact, sum(bool(each) for each in found) - exact, ahead)
