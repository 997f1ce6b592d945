"""How a pregnancy stands by what was measured here: each fetus with its sizes and weights, and whether the date should move."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor
from app.referrals import date_pregnancy, fetal_age, fetal_weight
from app.referrals.date_pregnancy import stated
from app.referrals.dates import today_at
from app.referrals.dating import Gestation, age_of, day_of
from app.referrals.fetal_age import ROBINSON, SIZES, Corresponds
from app.referrals.fetal_weight import Weight
from app.referrals.models import Referral
from app.referrals.pregnancy import Dating, Pregnancy
from app.referrals.redating import Proposal, Scan, Standing, propose
from app.studies import machine
from app.studies.images import instances_of
from app.studies.measurement import Measurement
from app.studies.models import Instance, Study
from app.studies.size import fetal_mm, quantity_of

MOST = 20  # examinations of one pregnancy that are shown beside this one
DOUBT = timedelta(days=1)  # a machine's clock may be off by more, and then its day is not believed


@dataclass(frozen=True)
class Examined:
    """On which day; `by` says who says so: said, clinic, images. Without a day nothing is dated."""

    on: date | None
    by: str = ""
    images_say: date | None = None  # where it is not believed


@dataclass(frozen=True)
class Size:
    """The last one made of this quantity of this fetus; a reader's counts before a machine's."""

    quantity: str
    millimetres: float
    approximate: bool
    measurement_id: UUID
    instance_id: UUID
    corresponds: Corresponds | None
    by_machine: bool = False
    machine_mm: float | None = None  # what the machine found of it, beside a reader's own


@dataclass(frozen=True)
class Fetus:
    name: str
    sizes: list[Size]
    by_all: Corresponds | None
    weights: list[Weight]

    @property
    def approximate(self) -> bool:
        return any(one.approximate for one in self.sizes)


@dataclass(frozen=True)
class Growth:
    pregnancy: Pregnancy | None
    datings: list[Dating]
    other: Pregnancy | None  # one that is known, of which nobody has said whether it is this one
    examined: Examined
    age: Gestation | None  # on the day of the examination
    fetuses: list[Fetus]
    scan: Scan | None
    proposal: Proposal | None
    rests_on: list[UUID]  # the measurements of the scan


@dataclass(frozen=True)
class Earlier:
    """Another examination of the same pregnancy, by what the actor's own organization measured there."""

    referral: Referral
    on: date
    age: Gestation | None
    fetuses: list[Fetus]


def growth(
    session: Session, actor: Actor, referral: Referral, *, on: date | None = None,
    instances: Iterable[Instance] | None = None,
) -> Growth:  # fmt: skip
    """`referral` is loaded with its pregnancy; `on` is the day of the examination where somebody says it."""
    images = list(instances if instances is not None else instances_of(session, referral.id))
    known, today = referral.pregnancy, today_at(referral.organization)
    examined = examined_on(session, referral, images, on)
    age = age_of(referral, examined.on) if examined.on else None
    fetuses = [_fetus(name, sizes, age) for name, sizes in _sizes(session, actor, images).items()]
    leading = max(
        (one for one in fetuses if one.by_all), key=lambda one: one.by_all.days if one.by_all else 0, default=None
    )
    scan = _scan(leading, examined.on)
    other = date_pregnancy.of_patient(session, referral.patient_id, examined.on or today)
    standing = Standing(known.edd, known.basis, known.is_certain) if known else None
    undecided = known is None and (other is not None or stated(referral) is not None)
    return Growth(
        pregnancy=known, datings=date_pregnancy.datings(session, known.id) if known else [],
        other=other if known is None else None, examined=examined, age=age, fetuses=fetuses, scan=scan,
        proposal=None if undecided else propose(standing, scan),
        rests_on=[one.measurement_id for one in leading.sizes] if leading and scan else [],
    )  # fmt: skip


def series(session: Session, actor: Actor, referral: Referral) -> list[Earlier]:
    """The other examinations of this pregnancy in which a fetus was measured, the latest first."""
    if referral.pregnancy_id is None:
        return []
    others = sa.select(Referral).where(
        Referral.patient_id == referral.patient_id, Referral.pregnancy_id == referral.pregnancy_id,
        Referral.id != referral.id, scope.visible(Referral, actor),
    )  # fmt: skip
    around = (joinedload(Referral.organization), joinedload(Referral.pregnancy))
    found = []
    for other in session.scalars(others.options(*around).order_by(Referral.id.desc()).limit(MOST)):
        images = instances_of(session, other.id)
        if (on := examined_on(session, other, images).on) is None:
            continue
        age = age_of(other, on)
        if fetuses := [_fetus(name, sizes, age) for name, sizes in _sizes(session, actor, images).items()]:
            found.append(Earlier(other, on, age, fetuses))
    return sorted(found, key=lambda one: one.on, reverse=True)


def examined_on(
    session: Session, referral: Referral, images: Sequence[Instance], on: date | None = None
) -> Examined:  # fmt: skip
    """By what somebody put right, else the clinic's own word, else the images where they can be right: within a day
    of when they were sent."""
    if (put_right := on or referral.examined_on) is not None:
        return Examined(put_right, "said")
    if (said := day_of((referral.obstetric or {}).get("examined_on"))) is not None:
        return Examined(said, "clinic")
    ids = {one.study_id for one in images}
    dates = session.scalars(sa.select(Study.study_date).where(Study.id.in_(ids), Study.study_date != ""))
    days = sorted({day for each in dates if (day := _day(each)) is not None})
    sent = _local(referral.submitted_at or referral.created_at, referral.organization.time_zone)
    near = [day for day in days if abs(day - sent) <= DOUBT and day <= today_at(referral.organization)]
    if near:
        return Examined(near[-1], "images")
    return Examined(None, images_say=days[-1] if days else None)


def _sizes(session: Session, actor: Actor, images: Sequence[Instance]) -> dict[str, list[Size]]:
    """By the fetus's name."""
    query = (
        sa.select(Measurement)
        .where(Measurement.instance_id.in_([one.id for one in images]), scope.visible(Measurement, actor),
               Measurement.removed_at.is_(None), sa.func.upper(sa.func.trim(Measurement.quantity)).in_(SIZES))
        .order_by(Measurement.id)
    )  # fmt: skip
    counted = [(made, size) for made in session.scalars(query) if (size := fetal_mm(made)) is not None]
    unnamed = _only_fetus(session, images, {made.fetus.strip().upper() for made, _size in counted})
    found: dict[str, dict[str, Size]] = {}
    for made, size in counted:
        quantity, name = quantity_of(made), made.fetus.strip().upper() or unnamed
        sizes = found.setdefault(name, {})
        sizes[quantity] = _after(sizes.get(quantity), Size(
            quantity, size, made.approximate, made.id, made.instance_id, fetal_age.of_one(quantity, size),
            by_machine=made.kind == machine.KIND,
        ))  # fmt: skip
    in_order = SIZES.index
    return {name: sorted(found[name].values(), key=lambda one: in_order(one.quantity)) for name in sorted(found)}


def _after(before: Size | None, size: Size) -> Size:
    if before is None or (before.by_machine and size.by_machine):
        return size
    if size.by_machine:
        return replace(before, machine_mm=size.millimetres)
    return replace(size, machine_mm=before.millimetres if before.by_machine else before.machine_mm)


def _only_fetus(session: Session, images: Sequence[Instance], named: set[str]) -> str:
    """Whom a reader means without a name: machines name the only fetus too, and its sizes are not another's."""
    one = named - {""}
    if "" in named and len(one) == 1 and machine.fetuses(session, images) == one:
        return one.pop()
    return ""


def _fetus(name: str, sizes: list[Size], age: Gestation | None) -> Fetus:
    by_name = {one.quantity: one.millimetres for one in sizes}
    days = age.weeks * 7 + age.days if age else None
    weights = fetal_weight.weights(by_name, days, is_certain=age.is_certain if age else False)
    begun = any(one.quantity != "CRL" for one in sizes)
    return Fetus(name, sizes, fetal_age.of_all(by_name), weights if begun else [])


def _scan(leading: Fetus | None, on: date | None) -> Scan | None:
    """By the largest fetus: of twins the smaller one may be small."""
    if leading is None or leading.by_all is None or on is None:
        return None
    size = leading.by_all
    return Scan(on, size.days, "crl" if size.formula == ROBINSON else "biometry", size.formula)


def _day(da: str) -> date | None:
    """DA (PS3.5 6.2)."""
    return day_of(f"{da[:4]}-{da[4:6]}-{da[6:8]}")


def _local(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()
