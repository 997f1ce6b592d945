"""A date of delivery as somebody gives it: what it rests on, and what follows from that by the calendar."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from app.errors import Invalid
from app.referrals.dates import FURTHEST
from app.referrals.dating import LATEST, TERM
from app.referrals.fetal_age import ROBINSON, crl_days
from app.referrals.given import Given, clean
from app.referrals.redating import Scan

CONCEIVED = timedelta(days=14)  # after the period's first day, by the calendar that all of this is counted in
NEEDS = {"lmp": ("lmp",), "crl": ("crl_mm", "examined_on"), "stated": ("edd",)}


@dataclass(frozen=True)
class Dated:
    """A date with what it rests on."""

    edd: date
    basis: str
    is_certain: bool
    detail: dict[str, Any] = field(default_factory=dict)


class GivenDating(Given):
    model_config = ConfigDict(json_schema_extra={"example": {
        "basis": "crl", "crl_mm": 45.0, "examined_on": "2026-09-10", "number": 1,
    }})  # fmt: skip

    basis: Literal["lmp", "art", "crl", "scan", "clinic", "stated"] = Field(
        description="lmp: the last period. art: an embryo's transfer, or a known day of conception. crl: of a scan that "
        "is not here. scan: what is measured on the images here. clinic: as the referral says. stated: a date whose "
        "origin is only told"
    )
    lmp: date | None = None
    lmp_certain: bool = True
    transferred_on: date | None = None
    embryo_days: int | None = Field(None, ge=1, le=7, description="How old the embryo was")
    conceived_on: date | None = None
    crl_mm: float | None = Field(None, gt=0, le=200, allow_inf_nan=False)
    examined_on: date | None = Field(None, description="The day of the scan, where it was made")
    edd: date | None = None
    note: Annotated[str, BeforeValidator(clean), Field(max_length=200)] = ""
    number: int = Field(0, ge=0, description="Of the dating that was shown; 0 where there was none")
    another: bool = Field(False, description="It is another pregnancy than the one that is known")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        wanting = [name for name in NEEDS.get(self.basis, ()) if getattr(self, name) is None]
        if wanting:
            raise ValueError(f"{self.basis} needs {' and '.join(wanting)}")
        if self.basis == "art" and self.conceived_on is None and None in (self.transferred_on, self.embryo_days):
            raise ValueError("art needs transferred_on and embryo_days, or conceived_on")
        return self


def dated(given: GivenDating, today: date) -> Dated:
    """Of what is given itself: not of a scan that is measured here, nor of what the referral says."""
    made = _dated(given)
    if made.edd - TERM > today:
        raise Invalid("By this date the pregnancy has not begun. Is the year right?", field=given.basis)
    if not today - LATEST < made.edd < today + FURTHEST:
        raise Invalid("By this date nobody is pregnant now. Is the year right?", field=given.basis)
    return made


def _dated(given: GivenDating) -> Dated:
    said = given.model_dump(mode="json", exclude_none=True, include={
        "lmp", "transferred_on", "embryo_days", "conceived_on", "crl_mm", "examined_on", "note",
    })  # fmt: skip
    if given.basis == "lmp" and given.lmp is not None:
        return Dated(given.lmp + TERM, "lmp", given.lmp_certain, said)
    if given.basis == "crl" and given.crl_mm is not None and given.examined_on is not None:
        if (days := crl_days(given.crl_mm)) is None:
            raise Invalid("The formula is for 5 to 84 mm.", field="crl_mm")
        scan = Scan(given.examined_on, days, "crl", ROBINSON)
        return Dated(scan.edd, "crl", is_certain=True, detail=said | {"days": days, "formula": ROBINSON})
    if given.basis == "art":
        begun = given.conceived_on
        if begun is None and given.transferred_on is not None:
            begun = given.transferred_on - timedelta(days=given.embryo_days or 0)
        if begun is not None:
            return Dated(begun - CONCEIVED + TERM, "art", is_certain=True, detail=said)
    if given.basis == "stated" and given.edd is not None:
        return Dated(given.edd, "stated", is_certain=True, detail=said)
    raise Invalid("Say what the date rests on.", field="basis")
