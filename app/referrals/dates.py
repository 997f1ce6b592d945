"""Dates that cannot be, by the clinic's own calendar, are asked about at their field."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.errors import Invalid, Sentence
from app.people.models import Organization
from app.referrals.given import Age, GivenPatient, Obstetric

LONGEST = timedelta(weeks=45)  # of a pregnancy, counted from the last period
FURTHEST = timedelta(weeks=43)  # of a delivery that is expected
LONG_PAST = timedelta(days=366)  # so long after it, somebody may still be asked about it
DAYS = {"years": 365.25, "months": 30.44, "weeks": 7.0, "days": 1.0}


def today_at(organization: Organization) -> date:
    return datetime.now(ZoneInfo(organization.time_zone)).date()


def refuse_impossible(patient: GivenPatient | None, obstetric: Obstetric | None, today: date) -> None:
    """Invalid with the field; what is only unlikely passes once it is said to be right (`dates_confirmed`)."""
    if patient is not None and patient.birth_date:
        if _first_day(patient.birth_date) > today:
            raise Invalid("The date of birth lies in the future.", field="patient.birth_date")
        if patient.age is not None and not _agree(patient.birth_date, patient.age, today):
            raise Invalid("The age and the date of birth do not agree.", field="patient.age")
    if obstetric is not None:
        _pregnancy(obstetric, today)


def _pregnancy(obstetric: Obstetric, today: date) -> None:
    if obstetric.lmp is not None and obstetric.lmp > today:
        raise Invalid("The last period lies in the future.", field="obstetric.lmp")
    if obstetric.examined_on is not None and obstetric.examined_on > today:
        raise Invalid("The examination lies in the future.", field="obstetric.examined_on")
    if obstetric.edd is not None and obstetric.edd - today > FURTHEST:
        raise Invalid("No delivery is expected so far ahead. Is the year right?", field="obstetric.edd")
    if obstetric.dates_confirmed:
        return
    if obstetric.lmp is not None and today - obstetric.lmp > LONGEST:
        weeks = (today - obstetric.lmp).days // 7
        raise Invalid(
            Sentence("The last period was {n} weeks ago. Is the year right? If it is, say so.", n=weeks),
            field="obstetric.lmp", confirm="obstetric.dates_confirmed",
        )  # fmt: skip
    if obstetric.edd is not None and today - obstetric.edd > LONG_PAST:
        raise Invalid("The expected delivery lies more than a year back. Is the year right? If it is, say so.",
                      field="obstetric.edd", confirm="obstetric.dates_confirmed")  # fmt: skip


def _first_day(partial: str) -> date:
    return date.fromisoformat((partial + "-01-01")[:10])


def _agree(birth_date: str, age: Age, today: date) -> bool:
    """As far as both go: a year alone, and an age in years, leave room of a year each."""
    room = {4: 366, 7: 31}.get(len(birth_date), 0) + DAYS[age.unit] + 1
    stated = age.value * DAYS[age.unit]
    return -room <= (today - _first_day(birth_date)).days - stated <= room
