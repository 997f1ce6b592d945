"""The pregnancy of a referral's patient: its one date, what the scan says of it, each fetus, and the acts of dating."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access import scope
from app.access.actor import Actor
from app.api.schemas import Out
from app.audit import events
from app.cases.case import OF_REFERRAL
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.referrals import date_pregnancy
from app.referrals.dating import Gestation
from app.referrals.fetal_age import Corresponds
from app.referrals.given_dating import GivenDating
from app.referrals.models import Referral
from app.referrals.pregnancy import Dating, Pregnancy
from app.studies import redate
from app.studies.growth import Earlier, Fetus, Growth, Size, growth, series

router = APIRouter(tags=["pregnancies"])
On = Query(None, description="The day of the examination, where neither the clinic nor the images say it")


class PregnancyOut(Out):
    id: UUID
    edd: date = Field(examples=["2027-03-14"], description="The one date on which the birth is expected")
    basis: str = Field(examples=["crl"], description="art, lmp-confirmed, crl, biometry, lmp or stated")
    is_certain: bool
    number: int = Field(examples=[2], description="Of the dating that counts: an act of dating says which it saw")
    dated_by: str = Field(examples=["Dr Amina Yusuf"])
    dated_at: datetime
    ended_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, known: Pregnancy) -> Self:
        plain = ("id", "edd", "basis", "is_certain", "number", "dated_at", "ended_on")
        return cls(**{name: getattr(known, name) for name in plain}, dated_by=known.dated_by.name)


class DatingOut(Out):
    """One act of dating; the newest counts."""

    number: int = Field(examples=[1])
    edd: date = Field(examples=["2027-03-20"])
    basis: str = Field(examples=["lmp"])
    is_certain: bool
    detail: dict[str, Any] = Field(examples=[{"lmp": "2026-06-13"}])
    by: str = Field(examples=["Sr Achieng"])
    at: datetime

    @classmethod
    def of(cls, one: Dating) -> Self:
        plain = ("number", "edd", "basis", "is_certain", "detail", "at")
        return cls(**{name: getattr(one, name) for name in plain}, by=one.person.name)


class AgeOut(Out):
    weeks: int = Field(examples=[11])
    days: int = Field(examples=[3], ge=0, le=6)
    is_certain: bool

    @classmethod
    def of(cls, age: Gestation | None) -> "AgeOut | None":
        return cls(**vars(age)) if age else None


class CorrespondsOut(Out):
    """The age that a size has on average; it dates nothing by itself."""

    words: str = Field(examples=["11w2d"])
    days: int = Field(examples=[79])
    formula: str = Field(examples=["Hadlock 1984, HC"])

    @classmethod
    def of(cls, size: Corresponds | None) -> "CorrespondsOut | None":
        return cls(words=size.words, days=size.days, formula=size.formula) if size else None


class SizeOut(Out):
    quantity: str = Field(examples=["HC"])
    millimetres: float = Field(examples=[175.0])
    approximate: bool = Field(examples=[False])
    by_machine: bool = Field(examples=[False], description="The machine's own, accepted by a reader")
    machine_millimetres: float | None = Field(
        examples=[None], description="What the machine found of it, beside a reader's own, which counts"
    )
    measurement_id: UUID
    corresponds: CorrespondsOut | None = Field(description="None outside the formula's range")

    @classmethod
    def of(cls, size: Size) -> Self:
        return cls(
            quantity=size.quantity, millimetres=round(size.millimetres, 2), approximate=size.approximate,
            by_machine=size.by_machine,
            machine_millimetres=None if size.machine_mm is None else round(size.machine_mm, 2),
            measurement_id=size.measurement_id, corresponds=CorrespondsOut.of(size.corresponds),
        )  # fmt: skip


class WeightOut(Out):
    """By one formula with the chart that was made with it, or the reason why there is no number."""

    formula: str = Field(examples=["Hadlock 1985 (BPD, HC, AC, FL)"])
    chart: str = Field(examples=["Hadlock 1991"])
    grams: int | None = Field(examples=[1953])
    centile: float | None = Field(examples=[50.0])
    reason: str = Field(
        examples=[""],
        description="sizes: some are missing. size-range, age-range: outside. undated, uncertain: the age",
    )
    missing: list[str] = Field(examples=[[]])


class FetusOut(Out):
    name: str = Field(examples=["A"], description="Empty where there is one")
    sizes: list[SizeOut]
    corresponds: CorrespondsOut | None = Field(description="By all sizes together")
    weights: list[WeightOut]

    @classmethod
    def of(cls, fetus: Fetus) -> Self:
        weights = [
            WeightOut(
                formula=one.formula, chart=one.chart, grams=round(one.grams) if one.grams is not None else None,
                centile=round(one.centile, 1) if one.centile is not None else None, reason=one.reason,
                missing=list(one.missing),
            )
            for one in fetus.weights
        ]  # fmt: skip
        return cls(name=fetus.name, sizes=[SizeOut.of(one) for one in fetus.sizes],
                   corresponds=CorrespondsOut.of(fetus.by_all), weights=weights)  # fmt: skip


class ProposalOut(Out):
    """What the scan suggests; nothing comes of it until somebody accepts."""

    act: str = Field(
        examples=["redate"], description="date: there is none yet. redate. confirm: the period's date holds"
    )
    edd: date = Field(examples=["2027-03-14"])
    basis: str = Field(examples=["crl"])
    differs_days: int | None = Field(examples=[6], description="How much further on the date so far is than the scan")
    limit_days: int | None = Field(examples=[5], description="ACOG Committee Opinion 700")
    warns_of_restriction: bool = Field(description="So late a small fetus may be growth restricted")


class GrowthOut(Out):
    pregnancy: PregnancyOut | None
    datings: list[DatingOut] = Field(description="The newest first")
    other: PregnancyOut | None = Field(description="Of the patient; nobody has said yet whether it is this one")
    examined_on: date | None = Field(examples=["2026-09-10"])
    examined_by: str = Field(examples=["images"], description="Who says so: said (put right), clinic or images")
    images_say: date | None = Field(examples=[None], description="A day that is not believed: say the right one")
    gestational_age: AgeOut | None = Field(description="On that day, by the one date")
    fetuses: list[FetusOut]
    proposal: ProposalOut | None

    @classmethod
    def of(cls, found: Growth) -> Self:
        proposal = found.proposal
        return cls(
            pregnancy=PregnancyOut.of(found.pregnancy) if found.pregnancy else None,
            datings=[DatingOut.of(one) for one in found.datings],
            other=PregnancyOut.of(found.other) if found.other else None, examined_on=found.examined.on,
            examined_by=found.examined.by, images_say=found.examined.images_say,
            gestational_age=AgeOut.of(found.age), fetuses=[FetusOut.of(one) for one in found.fetuses],
            proposal=ProposalOut(**_fields(proposal, ProposalOut.model_fields)) if proposal else None,
        )  # fmt: skip


class EarlierOut(Out):
    """Another examination of the same pregnancy."""

    referral_id: UUID
    examined_on: date = Field(examples=["2026-08-13"])
    gestational_age: AgeOut | None
    fetuses: list[FetusOut]

    @classmethod
    def of(cls, one: Earlier) -> Self:
        return cls(referral_id=one.referral.id, examined_on=one.on, gestational_age=AgeOut.of(one.age),
                   fetuses=[FetusOut.of(each) for each in one.fetuses])  # fmt: skip


class Series(Out):
    items: list[EarlierOut] = Field(description="The latest first, at most 20")


class Accepted(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"edd": "2027-03-14", "number": 1}})

    edd: date = Field(description="As it was proposed")
    number: int = Field(0, ge=0, description="Of the dating that was shown")
    examined_on: date | None = None


class Examination(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"examined_on": "2026-11-25"}})

    examined_on: date


class Joined(BaseModel):
    pregnancy_id: UUID


class Ended(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"ended_on": "2026-11-20"}})

    ended_on: date


@router.get("/referrals/{referral_id}/pregnancy", summary="The pregnancy, its fetuses, and what the scan suggests")
def get_pregnancy(referral_id: UUID, who: Acting, on: date | None = On) -> GrowthOut:
    """Sizes are your organization's own measurements on the images of this referral, the last of each."""
    found, referral = _grown(who, referral_id, on)
    events.note_opening(who, "referral.opened", organization_id=referral.organization_id, entity_id=referral.id,
                        referral_id=referral.id)  # fmt: skip
    return GrowthOut.of(found)


@router.get("/referrals/{referral_id}/pregnancy/series", summary="Other examinations of the same pregnancy")
def list_series(referral_id: UUID, who: Acting) -> Series:
    """By what your organization measured there: growth from one scan to the next, all by the one date."""
    with reading(who) as session:
        referral = scope.get(session, Referral, referral_id, who, *OF_REFERRAL)
        found = series(session, who, referral)
    events.note_opening(who, "referral.opened", organization_id=referral.organization_id, entity_id=referral.id,
                        referral_id=referral.id)  # fmt: skip
    return Series(items=[EarlierOut.of(one) for one in found])


@router.post("/referrals/{referral_id}/pregnancy", status_code=201, summary="Date the pregnancy")
def date_pregnancy_by_hand(referral_id: UUID, given: GivenDating, who: Acting, key: Once) -> GrowthOut:
    """By what is known, or by the scan whatever the rules propose; the earlier dates stay readable."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            referral = redate.for_dating(session, who, referral_id)
            done.keep(201, redate.by_hand(session, who, referral, given).id)
    return GrowthOut.of(_grown(who, referral_id, given.examined_on)[0])


@router.post("/referrals/{referral_id}/pregnancy/accept", summary="Accept the date that is proposed")
def accept_proposal(referral_id: UUID, given: Accepted, who: Acting, key: Once) -> GrowthOut:
    """What was shown, or nothing: where something was measured or dated meanwhile it is 409."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            referral = redate.for_dating(session, who, referral_id)
            made = redate.accept(session, who, referral, edd=given.edd, number=given.number, on=given.examined_on)
            done.keep(200, made.id)
    return GrowthOut.of(_grown(who, referral_id, given.examined_on)[0])


@router.post("/referrals/{referral_id}/pregnancy/day", summary="Put the day of the examination right")
def say_examined_on(referral_id: UUID, given: Examination, who: Acting, key: Once) -> GrowthOut:
    """By which weeks are counted; a machine's clock may be wrong, and a photograph has none."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            referral = redate.for_dating(session, who, referral_id)
            date_pregnancy.say_day(session, who, referral, given.examined_on)
            done.keep(200, referral.id)
    return GrowthOut.of(_grown(who, referral_id, None)[0])


@router.post("/referrals/{referral_id}/pregnancy/join", summary="It is the pregnancy that is known")
def join_pregnancy(referral_id: UUID, given: Joined, who: Acting, key: Once) -> GrowthOut:
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            referral = redate.for_dating(session, who, referral_id)
            done.keep(200, date_pregnancy.join(session, who, referral, given.pregnancy_id).id)
    return GrowthOut.of(_grown(who, referral_id, None)[0])


@router.post("/referrals/{referral_id}/pregnancy/end", summary="The pregnancy has ended")
def end_pregnancy(referral_id: UUID, given: Ended, who: Acting, key: Once) -> GrowthOut:
    """By a birth or a loss: from that day on no weeks are counted."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            referral = redate.for_dating(session, who, referral_id)
            done.keep(200, date_pregnancy.end(session, who, referral, given.ended_on).id)
    return GrowthOut.of(_grown(who, referral_id, None)[0])


def _grown(who: Actor, referral_id: UUID, on: date | None) -> tuple[Growth, Referral]:
    with reading(who) as session:
        referral = scope.get(session, Referral, referral_id, who, *OF_REFERRAL)
        return growth(session, who, referral, on=on), referral


def _fields(of: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}
