"""A pregnancy is dated by a person: by what they know, or by what is measured here, never by itself."""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session, joinedload

from app.access import scope
from app.access.actor import Actor
from app.errors import Conflict, Invalid
from app.referrals.date_pregnancy import date_it, require_dating, stated
from app.referrals.dates import today_at
from app.referrals.given_dating import Dated, GivenDating, dated
from app.referrals.models import Referral
from app.referrals.pregnancy import Pregnancy
from app.referrals.redating import Scan
from app.studies.growth import Growth, growth


def for_dating(session: Session, actor: Actor, referral_id: UUID) -> Referral:
    """Locked until the end of the transaction."""
    around = (joinedload(Referral.organization), joinedload(Referral.pregnancy))
    referral = scope.get(session, Referral, referral_id, actor, *around, lock=True)
    require_dating(actor, referral)
    return referral


def by_hand(session: Session, actor: Actor, referral: Referral, given: GivenDating) -> Pregnancy:
    if given.basis == "scan":
        found = growth(session, actor, referral, on=given.examined_on)
        if found.scan is None:
            raise Conflict("Nothing is measured here that a date could rest on, or the day is not known.")
        made = _by_scan(found.scan, found)
    elif given.basis == "clinic":
        if (said := stated(referral)) is None:
            raise Conflict("The referral says no date.")
        made = said
    else:
        made = dated(given, today_at(referral.organization))
    if given.edd is not None and given.edd != made.edd:
        raise Invalid("The server finds another date.", field="edd", edd=made.edd.isoformat())
    if given.basis != "clinic":  # whose date follows the clinic's corrections
        made = Dated(made.edd, made.basis, made.is_certain, made.detail | {"by_hand": True})
    return date_it(session, actor, referral, made, seen=given.number, another=given.another)


def accept(
    session: Session, actor: Actor, referral: Referral, *, edd: date, number: int, on: date | None = None
) -> Pregnancy:
    """What is proposed now, if it is what was shown: a measurement made meanwhile is looked at first."""
    found = growth(session, actor, referral, on=on)
    proposal = found.proposal
    if proposal is None or found.scan is None or proposal.edd != edd:
        raise Conflict("This is not proposed any more. Look again.")
    detail = _by_scan(found.scan, found).detail | {"differs_days": proposal.differs_days}
    made = Dated(proposal.edd, proposal.basis, proposal.is_certain, detail)
    return date_it(session, actor, referral, made, seen=number)


def _by_scan(scan: Scan, found: Growth) -> Dated:
    return Dated(scan.edd, scan.by, scan.is_certain, {
        "examined_on": scan.on.isoformat(), "days": scan.days, "formula": scan.formula,
        "measurement_ids": [str(each) for each in found.rests_on],
    })  # fmt: skip
