"""Date a pregnancy: one date counts at a time, every earlier one stays readable, and nobody's is lost to a race."""

from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.access.actor import Actor, person_of
from app.audit import events
from app.db import new_id, now
from app.errors import Conflict, Forbidden, Invalid
from app.jobs.timers import wind
from app.people.models import Patient
from app.referrals.dates import FURTHEST, today_at
from app.referrals.dating import LATEST, TERM, day_of
from app.referrals.given_dating import Dated
from app.referrals.models import Referral
from app.referrals.pregnancy import Dating, Pregnancy

MOST = 50  # pregnancies of one patient that are shown
SAME_WITHIN = timedelta(days=28)  # two dates this near are of one pregnancy; the widest limit of redating is 21 days
REDATED = "reports.redated"  # of a referral: whoever read or reads it by the date from before is told
CODES = {"lmp": "lmp", "crl": "crl", "ivf": "art", "icsi": "art", "art": "art"}  # of a basis that is told in words


def stated(referral: Referral) -> Dated | None:
    """What the clinic says in the referral; a basis in free words is no basis that a rule can rest on."""
    said = referral.obstetric or {}
    if (edd := day_of(said.get("edd"))) is not None:
        basis = CODES.get(str(said.get("edd_basis") or "").strip().casefold(), "stated")
        return Dated(edd, basis, is_certain=True, detail={"note": str(said.get("edd_basis") or "")})
    if (lmp := day_of(said.get("lmp"))) is None:
        return None
    return Dated(lmp + TERM, "lmp", said.get("lmp_certain") is not False, {"lmp": lmp.isoformat()})


def of_patient(session: Session, patient_id: UUID, on: date) -> Pregnancy | None:
    """The one that is under way on that day, the newest record of it."""
    query = sa.select(Pregnancy).where(
        Pregnancy.patient_id == patient_id, Pregnancy.edd > on - (LATEST - TERM), Pregnancy.edd <= on + TERM,
        sa.or_(Pregnancy.ended_on.is_(None), Pregnancy.ended_on > on),
    )  # fmt: skip
    around = joinedload(Pregnancy.dated_by)
    return session.scalars(query.options(around).order_by(Pregnancy.id.desc()).limit(1)).first()


def all_of(session: Session, patient_id: UUID) -> list[Pregnancy]:
    """The newest first, but those that never were."""
    query = sa.select(Pregnancy).where(Pregnancy.patient_id == patient_id).order_by(Pregnancy.id.desc()).limit(MOST)
    found = session.scalars(query.options(joinedload(Pregnancy.dated_by)))
    return [one for one in found if one.ended_on is None or one.ended_on > one.edd - TERM]


def begin(session: Session, actor: Actor, referral: Referral) -> None:
    """As the referral is sent: the pregnancy that is known, or a new one by what the clinic says.

    Where the two differ by weeks nothing is decided: somebody says whether it is the same pregnancy."""
    if referral.pregnancy_id is not None:
        return
    said, today = stated(referral), today_at(referral.organization)
    if not _can_be(said, today):
        said = None
    _lock(session, referral.patient_id)
    known = of_patient(session, referral.patient_id, today)
    if known is not None and (said is None or abs(said.edd - known.edd) <= SAME_WITHIN):
        _tie(session, referral, known)
    elif known is None and said is not None:
        date_it(session, actor, referral, said, seen=0)


def correct(session: Session, actor: Actor, referral: Referral) -> None:
    """The clinic says otherwise than before: its own date follows, one that somebody found by a scan does not."""
    said, known = stated(referral), _of(session, referral)
    if known is None or said is None:
        if said is not None and referral.submitted_at is not None:
            begin(session, actor, referral)
        return
    last = session.scalars(_datings(known.id).limit(1)).one()
    if last.referral_id == referral.id and known.basis in ("lmp", "stated") and "by_hand" not in last.detail:
        date_it(session, actor, referral, said, seen=known.number)


def date_it(
    session: Session, actor: Actor, referral: Referral, dated: Dated, *, seen: int, another: bool = False
) -> Pregnancy:
    """`seen` is the number of the dating that was shown: one made meanwhile is not lost."""
    known = None if another else _of(session, referral)
    at, person_id = now(), person_of(actor)
    if known is None and seen and not another:
        raise Conflict("The pregnancy was dated otherwise meanwhile. Look again.")
    if known is None:
        known = Pregnancy(
            id=new_id(), organization_id=referral.organization_id, patient_id=referral.patient_id, edd=dated.edd,
            basis=dated.basis, is_certain=dated.is_certain, number=1, dated_by_id=person_id, dated_at=at,
        )  # fmt: skip
        session.add(known)
        session.flush()
    elif _replace(session, known, dated, seen, person_id):
        _tell(session, *session.scalars(sa.select(Referral.id).where(Referral.pregnancy_id == known.id)))
    if another:
        _tell(session, referral.id)
    session.add(Dating(
        organization_id=known.organization_id, pregnancy_id=known.id, referral_id=referral.id, number=known.number,
        edd=dated.edd, basis=dated.basis, is_certain=dated.is_certain, detail=dated.detail, person_id=person_id, at=at,
    ))  # fmt: skip
    _tie(session, referral, known)
    events.record(session, actor, "pregnancy.dated", organization_id=known.organization_id, entity_id=known.id,
                  referral_id=referral.id, number=known.number, basis=dated.basis)  # fmt: skip
    return known


def join(session: Session, actor: Actor, referral: Referral, pregnancy_id: UUID) -> Pregnancy:
    """The referral is about the pregnancy that is known: its date stays what it is."""
    known = session.get(Pregnancy, pregnancy_id)
    if known is None or known.patient_id != referral.patient_id:
        raise Invalid("This pregnancy is not this patient's.", field="pregnancy_id")
    if referral.pregnancy_id != known.id:
        _tie(session, referral, known)
        _tell(session, referral.id)
        events.record(session, actor, "pregnancy.joined", organization_id=known.organization_id, entity_id=known.id,
                      referral_id=referral.id)  # fmt: skip
    return known


def end(session: Session, actor: Actor, referral: Referral, ended_on: date) -> Pregnancy:
    """By a birth or a loss; from that day on nobody is shown its weeks. The same day twice is once."""
    known = _of(session, referral)
    if known is None:
        raise Conflict("No pregnancy is known.")
    if not known.edd - TERM <= ended_on <= today_at(referral.organization):
        raise Invalid("A pregnancy ends on a day between its beginning and today.", field="ended_on")
    if known.ended_on != ended_on:
        known.ended_on = ended_on
        events.record(session, actor, "pregnancy.ended", organization_id=known.organization_id, entity_id=known.id,
                      referral_id=referral.id)  # fmt: skip
    return known


def void(session: Session, actor: Actor, referral: Referral) -> None:
    """The referral was about somebody else: a pregnancy that only it knew of never was."""
    known = _of(session, referral)
    if known is None:
        return
    others = sa.select(Referral.id).where(Referral.pregnancy_id == known.id, Referral.id != referral.id)
    by_others = sa.select(Dating.id).where(Dating.pregnancy_id == known.id, Dating.referral_id != referral.id)
    if session.scalar(others.limit(1)) is None and session.scalar(by_others.limit(1)) is None:
        known.ended_on = known.edd - TERM  # on the day it began: no weeks are ever counted
        events.record(session, actor, "pregnancy.voided", organization_id=known.organization_id, entity_id=known.id,
                      referral_id=referral.id)  # fmt: skip


def say_day(session: Session, actor: Actor, referral: Referral, examined_on: date) -> None:
    """When it was that somebody was examined, by which weeks are counted."""
    today = today_at(referral.organization)
    if not today - timedelta(days=366) <= examined_on <= today:
        raise Invalid("The day of an examination lies in the last year.", field="examined_on")
    if referral.examined_on != examined_on:
        referral.examined_on = examined_on
        events.record(session, actor, "referral.day-corrected", organization_id=referral.organization_id,
                      entity_id=referral.id, referral_id=referral.id)  # fmt: skip


def may_date(actor: Actor, referral: Referral) -> bool:
    """The clinic's own, or whoever reads for it."""
    mine = actor.organizations_for("pregnancy.date")
    return referral.organization_id in mine or referral.reading_organization_id in mine


def require_dating(actor: Actor, referral: Referral) -> None:
    if not may_date(actor, referral):
        raise Forbidden("Your role here does not allow this.")


def datings(session: Session, pregnancy_id: UUID) -> list[Dating]:
    """The newest first."""
    return list(session.scalars(_datings(pregnancy_id).options(joinedload(Dating.person)).limit(100)))


def _datings(pregnancy_id: UUID) -> sa.Select[Dating]:
    return sa.select(Dating).where(Dating.pregnancy_id == pregnancy_id).order_by(Dating.number.desc())


def _can_be(said: Dated | None, today: date) -> bool:
    return said is not None and today - (LATEST - TERM) < said.edd < today + FURTHEST


def _of(session: Session, referral: Referral) -> Pregnancy | None:
    if referral.pregnancy_id is None:
        return None
    return session.get_one(Pregnancy, referral.pregnancy_id)


def _replace(session: Session, known: Pregnancy, dated: Dated, seen: int, person_id: UUID) -> bool:
    """By compare-and-swap; whether the birth is expected on another day by it."""
    session.refresh(known)
    before = known.edd
    values = {"edd": dated.edd, "basis": dated.basis, "is_certain": dated.is_certain, "number": seen + 1,
              "dated_by_id": person_id, "dated_at": now()}  # fmt: skip
    swap = sa.update(Pregnancy).where(Pregnancy.id == known.id, Pregnancy.number == seen).values(values)
    moved = session.scalars(swap.returning(Pregnancy.id).execution_options(synchronize_session=False))
    if moved.one_or_none() is None:
        raise Conflict("The pregnancy was dated otherwise meanwhile. Look again.", number=known.number)
    session.refresh(known)
    return known.edd != before


def _tell(session: Session, *referral_ids: UUID) -> None:
    """By a timer, so that several changes within seconds are told once."""
    for each in referral_ids:
        wind(session, REDATED, each, now())


def _tie(session: Session, referral: Referral, known: Pregnancy) -> None:
    referral.pregnancy_id = known.id
    session.flush()
    set_committed_value(referral, "pregnancy", known)


def _lock(session: Session, patient_id: UUID) -> None:
    """Two referrals of one patient that are sent at once make one pregnancy."""
    session.execute(sa.select(Patient.id).where(Patient.id == patient_id).with_for_update(key_share=True))
