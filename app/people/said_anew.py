"""What is said anew of somebody known: what was not known is added, what contradicts is asked about."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from app.audit import events
from app.db import Acting, now
from app.errors import Invalid, Sentence
from app.people.models import Patient

DAYS = {"years": 365.25, "months": 30.44, "weeks": 7.0, "days": 1.0}
LEAST_APART = timedelta(days=366)  # by which two ages may differ; people guess, more so of the old
SHARE_APART = 0.2


def refuse_contradiction(patient: Patient, values: dict[str, object]) -> None:
    """Another date of birth or sex, or an age that the known one cannot have become; names are compared before."""
    known = patient.display_name or patient.identifier
    asked = {"patient_id": str(patient.id), "confirm": "patient.same_as"}
    born, said = patient.birth_date, str(values.get("birth_date") or "")
    if born and said and not (said.startswith(born) or born.startswith(said)):
        raise Invalid(
            Sentence("Another date of birth is known here of {known}. Is it the same patient, and which date is right? "
                     "If not, check the number.", known=known),
            field="patient.birth_date", differs="birth_date", known=born, **asked,
        )  # fmt: skip
    if _sex_of(values) != "unknown" and patient.sex != "unknown" and _sex_of(values) != patient.sex:
        raise Invalid(
            Sentence("Another sex is known here of {known}. Is it the same patient, and which is right? "
                     "If not, check the number.", known=known),
            field="patient.sex", differs="sex", known=patient.sex, **asked,
        )  # fmt: skip
    ours, theirs = _born_about(patient), _said_to_be_born_about(values)
    if ours is None or theirs is None or (born and said):
        return
    age = now().date() - min(ours, theirs)
    if abs(ours - theirs) > max(LEAST_APART, age * SHARE_APART):
        raise Invalid(
            Sentence("Another age is known here of {known}. Is it the same patient? If not, check the number.",
                     known=known),
            field="patient.birth_date" if said else "patient.age", differs="age", **asked,
        )  # fmt: skip


def add_unknown(
    session: Session, actor: Acting, patient: Patient, values: dict[str, object], *, is_asked: bool = False
) -> None:
    """Keep what nobody has said before, on the record; of two who do at once, the second is compared with the first.

    `is_asked`: somebody has said that it is the same patient, whatever differs."""
    if not _news(patient, values):
        return
    session.flush()
    session.refresh(patient, with_for_update=True)
    if not is_asked:
        refuse_contradiction(patient, values)
    news = _news(patient, values)
    for name, value in news.items():
        setattr(patient, name, value)
    if news:
        events.record(session, actor, "patient.completed", organization_id=patient.organization_id,
                      entity_id=patient.id, fields=sorted(news))  # fmt: skip


def _news(patient: Patient, values: dict[str, object]) -> dict[str, object]:
    """A birth date is also news where it says more than the known one: the day beside the year."""
    found: dict[str, object] = {}
    born = str(values.get("birth_date") or "")
    if born and born.startswith(patient.birth_date or "") and born != patient.birth_date:
        found["birth_date"] = born
    if patient.sex == "unknown" and _sex_of(values) != "unknown":
        found["sex"] = _sex_of(values)
    age, unit = values.get("age_value"), str(values.get("age_unit") or "years")
    if isinstance(age, int) and not born and patient.birth_date is None and patient.age_value is None:
        # An age is kept as it was on the day of the record.
        since = (now().date() - patient.created_at.date()).days
        found |= {"age_value": max(0, age - int(since / DAYS[unit])), "age_unit": unit}
    return found


def _sex_of(values: dict[str, object]) -> str:
    return str(values.get("sex") or "unknown")


def _born_about(patient: Patient) -> date | None:
    if patient.birth_date:
        return _middle(patient.birth_date)
    if patient.age_value is None:
        return None
    return patient.created_at.date() - _age(patient.age_value, patient.age_unit)


def _said_to_be_born_about(values: dict[str, object]) -> date | None:
    if values.get("birth_date"):
        return _middle(str(values["birth_date"]))
    age = values.get("age_value")
    return now().date() - _age(age, str(values.get("age_unit") or "years")) if isinstance(age, int) else None


def _middle(born: str) -> date:
    """Of the year or the month, where no more is known."""
    return date.fromisoformat(f"{born}-07-01" if len(born) == len("1990") else f"{born}-15"[:10])


def _age(value: int, unit: str | None) -> timedelta:
    """Half a unit more than the number: who is 36 is between 36 and 37."""
    return timedelta(days=(value + 0.5) * DAYS[unit or "years"])
