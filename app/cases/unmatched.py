"""Studies that came without a referral, each with the referrals that it may belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, Member
from app.cases.candidates import Candidate, Clues, candidates, of_study
from app.people.models import Role
from app.studies import read
from app.studies.images import IS_IMAGE
from app.studies.models import Instance, Study
from app.studies.read import Line

MOST_COUNTED = 99


@dataclass(frozen=True)
class Unmatched:
    line: Line
    clues: Clues
    candidates: list[Candidate]
    picture_id: UUID | None  # of its first image, to look at


@dataclass(frozen=True)
class Page:
    rows: list[Unmatched]
    next_cursor: UUID | None


def page(session: Session, actor: Actor, *, cursor: UUID | None, limit: int) -> Page:
    """Of the organizations for which the actor sends; the newest first."""
    found = read.page(session, _as_sender(actor), unmatched=True, cursor=cursor, limit=limit)
    return Page([_row(session, line) for line in found.lines], found.next_cursor)


def count(session: Session, actor: Actor) -> int:
    """How many wait, by the index that is made for them, and no further than a hundred."""
    mine = sa.select(Study.id).where(
        Study.organization_id.in_(_senders(actor)), Study.matched_at.is_(None)
    ).limit(MOST_COUNTED + 1)  # fmt: skip
    return session.scalar(sa.select(sa.func.count()).select_from(mine.subquery())) or 0


def _row(session: Session, line: Line) -> Unmatched:
    clues = of_study(session, line.study)
    seen = sa.select(Instance.id).where(Instance.study_id == line.study.id, IS_IMAGE, Instance.preview != "none")
    return Unmatched(line, clues, candidates(session, clues), session.scalar(seen.order_by(Instance.id).limit(1)))


def _senders(actor: Actor) -> Sequence[UUID]:
    return actor.organizations_for("referral.send")


def _as_sender(actor: Actor) -> Actor:
    """As whom alone they may act on these."""
    members = tuple(Member(each, Role.REFERRER) for each in _senders(actor))
    return Actor(kind=actor.kind, person_id=actor.person_id, name=actor.name, members=members)
