"""By what a worklist can be narrowed, and how many open reviews each choice has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.actor import Actor
from app.people.models import Organization
from app.referrals.models import EXAM_TYPES
from app.reviews.models import Review
from app.reviews.worklist import IS_OPEN

MOST_COUNTED = 99  # beside a choice; beyond, '99+'
MOST_LANGUAGES = 30


@dataclass(frozen=True)
class Options:
    """Each choice with its count; languages are those that something waits in."""

    sites: dict[UUID, int]
    exam_types: dict[str, int]
    languages: dict[str, int]


def options(session: Session, actor: Actor, site_ids: Sequence[UUID]) -> Options:
    readers = actor.organizations_for("review.list")
    sites = sa.select(Organization.id.label("choice")).where(Organization.id.in_(site_ids))
    languages = {language for reader in readers for language in _languages(session, reader)}
    return Options(
        sites=_counts(session, readers, Review.organization_id, sites),
        exam_types=_counts(session, readers, Review.exam_type, _literally(EXAM_TYPES)),
        languages=_counts(session, readers, Review.language, _literally(sorted(languages))) if languages else {},
    )


def by_value(choices: Options) -> dict[str, str]:
    """The words beside each choice, by its value in the form; no two of different kinds are alike."""
    counts = {str(key): count for key, count in choices.sites.items()} | choices.exam_types | choices.languages
    return {value: few(count) for value, count in counts.items()}


def few(count: int) -> str:
    return str(count) if count <= MOST_COUNTED else f"{MOST_COUNTED}+"


def _literally(words: Sequence[str]) -> sa.CompoundSelect[str]:
    return sa.union_all(*(sa.select(sa.literal(word).label("choice")) for word in words))


def _counts(
    session: Session, readers: Sequence[UUID], column: InstrumentedAttribute[Any], choices: sa.SelectBase
) -> dict[Any, int]:
    """A short walk along an index for each choice; to group all that are open would take longer the more there are."""
    each = choices.subquery()
    here = sa.and_(Review.reading_organization_id.in_(readers), IS_OPEN, column == each.c.choice)
    some = sa.select(Review.id).where(here).limit(MOST_COUNTED + 1).correlate(each).subquery()
    count = sa.select(sa.func.count()).select_from(some).scalar_subquery()
    return {row[0]: row[1] for row in session.execute(sa.select(each.c.choice, count))}


def _languages(session: Session, reader: UUID) -> list[str]:
    """The next one after each, by the index: there are few, in however many reviews."""
    here = sa.select(Review.language).where(Review.reading_organization_id == reader, IS_OPEN)
    found: list[str] = []
    while len(found) < MOST_LANGUAGES:
        after = here.where(Review.language > found[-1]) if found else here
        following = session.scalar(after.order_by(Review.language).limit(1))
        if following is None:
            break
        found.append(following)
    return found
