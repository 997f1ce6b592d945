"""The files of a referral: matched to what was declared, counted, named when something is wrong."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.config import settings
from app.db import IDS, now
from app.errors import Sentence, TooLarge
from app.referrals.given import clean
from app.referrals.models import ARRIVED, AWAITED, FileStatus, ManifestItem, Referral


@dataclass(frozen=True)
class Counts:
    declared: int
    arrived: int
    held: int = 0  # of those that arrived: somebody has to say whose they are
    refused: int = 0  # they came, and will not be taken as they are

    @property
    def expected(self) -> int:
        """How many can arrive: what is refused stands for itself."""
        return self.declared - self.refused

    @property
    def missing(self) -> int:
        return self.expected - self.arrived


def expected_or_new(
    session: Session, referral: Referral, name: str, size_bytes: int | None, sha256: str | None
) -> ManifestItem:
    """The declared item that this file is (by digest, else by name and size), or a new one.

    Of a file that was not taken whole, size and digest may be unknown."""
    name = str(clean(name)) or "unnamed"  # as it was declared: some systems decompose é
    waiting = sa.select(ManifestItem).where(
        ManifestItem.referral_id == referral.id,
        ManifestItem.status.in_((FileStatus.DECLARED, FileStatus.RECEIVING, FileStatus.QUARANTINED)),
    )
    same = session.scalars(waiting.where(ManifestItem.sha256 == sha256).limit(1)).first() if sha256 else None
    if same is None:
        fits = sa.or_(_named(name, size_bytes, sha256), _again(name))
        in_order = waiting.where(fits).order_by(ManifestItem.name != name, ManifestItem.id)
        same = session.scalars(in_order.limit(1)).first()
    if same is None:
        refuse_too_many(session, referral.id)
        same = ManifestItem(organization_id=referral.organization_id, referral_id=referral.id, name=name)
        session.add(same)
    same.name, same.arrived_at = name, now()
    same.size_bytes, same.sha256 = size_bytes or same.size_bytes, sha256 or same.sha256
    return same


def expect(
    session: Session, referral: Referral, name: str, size_bytes: int | None, sha256: str | None, priority: int | None
) -> tuple[ManifestItem, bool]:
    """The line of a file that begins to come: as it was declared, as it is here already, or (True) a new one."""
    item, is_new = _line(session, referral, name, size_bytes, sha256)
    item.priority = item.priority if priority is None else priority
    return item, is_new


def _line(
    session: Session, referral: Referral, name: str, size_bytes: int | None, sha256: str | None
) -> tuple[ManifestItem, bool]:
    if sha256 and (here := already_here(session, referral.id, sha256)) is not None:
        return here, False
    name = str(clean(name)) or "unnamed"
    of_referral = sa.select(ManifestItem).where(ManifestItem.referral_id == referral.id)
    waiting = of_referral.where(ManifestItem.status.in_((FileStatus.DECLARED, FileStatus.QUARANTINED)))
    same = session.scalars(waiting.where(ManifestItem.sha256 == sha256).limit(1)).first() if sha256 else None
    if same is None:
        fits = of_referral.where(
            ManifestItem.status == FileStatus.DECLARED, ManifestItem.name.in_((name, name.rpartition("/")[2])),
            sa.or_(ManifestItem.size_bytes.is_(None), ManifestItem.size_bytes == size_bytes),
            ManifestItem.sha256.is_(None) if sha256 else sa.true(),
        )  # fmt: skip
        same = session.scalars(fits.order_by(ManifestItem.name != name, ManifestItem.id).limit(1)).first()
    if same is not None:
        return same, False
    refuse_too_many(session, referral.id)
    made = ManifestItem(organization_id=referral.organization_id, referral_id=referral.id, name=name,
                        size_bytes=size_bytes, sha256=sha256)  # fmt: skip
    session.add(made)
    session.flush()
    return made, True


def _named(name: str, size_bytes: int | None, sha256: str | None) -> sa.ColumnElement[bool]:
    """Declared under this name, perhaps without the folders that it lies in, and of no other size or digest."""
    return sa.and_(
        ManifestItem.status == FileStatus.DECLARED,
        ManifestItem.name.in_((name, name.rpartition("/")[2])),
        ManifestItem.sha256.is_(None) if sha256 else sa.true(),
        sa.or_(ManifestItem.size_bytes.is_(None), ManifestItem.size_bytes == size_bytes) if size_bytes else sa.true(),
    )


def _again(name: str) -> sa.ColumnElement[bool]:
    """The same name, folders included, after a refusal is the second try of that file."""
    return sa.and_(ManifestItem.name == name, ManifestItem.status == FileStatus.QUARANTINED)


def already_here(session: Session, referral_id: UUID, sha256: str) -> ManifestItem | None:
    """The same bytes, arrived in this referral before."""
    return session.scalars(
        sa.select(ManifestItem)
        .where(
            ManifestItem.referral_id == referral_id,
            ManifestItem.sha256 == sha256,
            ManifestItem.status.in_(ARRIVED),
        )
        .limit(1)
    ).first()


COUNTED = (
    sa.select(
        ManifestItem.referral_id, sa.func.count(),
        sa.func.sum(sa.case((ManifestItem.status.in_(ARRIVED), 1), else_=0)),
        sa.func.sum(sa.case((ManifestItem.status == FileStatus.HELD, 1), else_=0)),
        sa.func.sum(sa.case((ManifestItem.status == FileStatus.QUARANTINED, 1), else_=0)),
    )
    .where(ManifestItem.referral_id.in_(IDS), ManifestItem.is_archive.is_(False),
           ManifestItem.status != FileStatus.WITHDRAWN)
    .group_by(ManifestItem.referral_id)
)  # fmt: skip


def counts(session: Session, referral_ids: list[UUID]) -> dict[UUID, Counts]:
    """'17 of 19 arrived, 1 refused', for many referrals at once; archives and withdrawn files do not count."""
    found = {row[0]: Counts(*row[1:]) for row in session.execute(COUNTED, {"ids": referral_ids})}
    return {referral_id: found.get(referral_id, Counts(0, 0)) for referral_id in referral_ids}


def items(session: Session, referral_id: UUID) -> list[ManifestItem]:
    query = sa.select(ManifestItem).where(ManifestItem.referral_id == referral_id).order_by(ManifestItem.id)
    return list(session.scalars(query))


def previewed(session: Session, referral_id: UUID) -> set[str]:
    """The awaited files that there is a preview of."""
    of_referral = sa.select(ManifestItem.id).where(
        ManifestItem.referral_id == referral_id, ManifestItem.status.in_(AWAITED), ManifestItem.preview.is_not(None)
    )
    return {str(each) for each in session.scalars(of_referral)}


def refuse_too_many(session: Session, referral_id: UUID, more: int = 1) -> None:
    limit = settings().max_files_per_referral
    here = session.scalar(sa.select(sa.func.count()).where(ManifestItem.referral_id == referral_id)) or 0
    if here + more > limit:
        raise TooLarge(Sentence("A referral takes at most {limit} files. Place another one for the rest.", limit=limit))
