"""What the referral form says, as the model that pages and JSON share; what is wrong goes beside its field."""

import json
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.errors import Invalid
from app.http.problems import problem_of
from app.languages import Speech
from app.referrals.given import GivenPatient
from app.referrals.models import Referral
from app.reviews.identify import identify
from app.web.echo import birth_date_of
from app.web.forms import Form

# A field of the model -> the field of the form where its sentence stands.
BESIDE = {
    "patient": "family_name", "patient.identifier": "identifier", "patient.birth_date": "birth_date",
    "patient.sex": "sex",
    "patient.age": "age_value", "age": "age_value", "age.value": "age_value", "patient.age.value": "age_value",
    "patient.family_name": "family_name",
    "patient.given_name": "given_name", "patient.name_local": "name_local", "patient.issuer": "identifier",
    "patient.mother_patient_id": "mother", "patient.id": "patient_id", "patient.birth_order": "birth_order",
    "callback.name": "callback_name", "callback.phone": "callback_phone", "obstetric.lmp": "lmp", "obstetric.edd": "edd",
    "obstetric.examined_on": "examined_on", "obstetric.gravida": "gravida", "obstetric.para": "para",
}  # fmt: skip
OBSTETRIC = ("lmp", "edd", "edd_basis", "gravida", "para", "pregnancy_test", "examined_on")
Model = TypeVar("Model", bound=BaseModel)


def checked(
    model: type[Model], given: dict[str, Any], form: Form, say: Speech, *, is_draft: bool = False
) -> Model | None:  # fmt: skip
    """The model, or None with the sentences in the form; a draft needs a patient, and the rest before it is sent."""
    for name, sentence in _missing(form, say).items():
        if is_draft and name != "family_name":
            continue
        if name in given or (name == "family_name" and "patient" in given):
            form.errors.setdefault(name, sentence)
    try:
        made = model.model_validate(given)
    except ValidationError as wrong:
        found = [{**error, "loc": ("body", *error["loc"])} for error in wrong.errors()]
        for one in problem_of(RequestValidationError(found)).errors:
            sentence = _birth_sentences(say).get(one["detail"], say.gettext(one["detail"]))
            form.errors.setdefault(BESIDE.get(one["field"], one["field"]), sentence)
        return None
    return None if form.errors else made


def _missing(form: Form, say: Speech) -> dict[str, str]:
    """The commonest slips, each in its own words."""
    _ = say.gettext
    found = {}
    if not any(
        form.value(name).strip() for name in ("name_unknown", "family_name", "given_name", "name_local", "mother")
    ):
        found["family_name"] = _("Give a name, or tick that it is not known.")
    if not form.value("exam_type"):
        found["exam_type"] = _("Choose what was examined.")
    if not form.value("question").strip():
        found["question"] = _("Write the question that the specialist should answer.")
    return found


def _birth_sentences(say: Speech) -> dict[str, str]:
    """The model's words about a date, as sentences that also stand alone above the form."""
    _ = say.gettext
    return {
        "Lies in the future.": _("The date of birth lies in the future."),
        "Is no date of the calendar.": _("The date of birth is no date of the calendar."),
        "Is written YYYY, YYYY-MM or YYYY-MM-DD.": _(
            "Of the date of birth, give the year, the year and month, or all of it."
        ),
        "Is more than 130 years ago.": _("The date of birth is more than 130 years ago."),
    }


def patient_of(form: Form) -> dict[str, Any]:
    """People arrive without an identifier, with one name, with an age and no birth date, or unknown."""
    plain = ("identifier", "family_name", "given_name", "name_local")
    patient: dict[str, Any] = {name: form.value(name) for name in plain}
    patient |= {"name_unknown": bool(form.value("name_unknown")), "sex": form.value("sex") or "unknown"}
    patient["birth_date"] = birth_date_of(form)
    patient["birth_order"] = form.value("birth_order") or None
    if form.value("patient_id") not in ("", "new"):
        patient["id"] = form.value("patient_id")
    if form.value("patient_is") in ("known", "given"):
        patient["same_as"] = form.value("same_as") or None
    if form.value("mother").strip() and not any(patient[name].strip() for name in plain[1:]):
        patient["name_unknown"] = True  # shown as hers
    if form.value("age_value").strip():
        patient["age"] = {"value": form.value("age_value").strip(), "unit": form.value("age_unit") or "years"}
    return patient


def put_right(session: Session, who: Actor, patient_id: UUID, form: Form) -> None:
    """Asked which is right, somebody said: what the form says. From then on it is known so, on the record."""
    if form.value("patient_is") != "given" or form.value("same_as") != str(patient_id):
        return
    said = patient_of(form)
    given = {name: said[name] for name in ("birth_date", "sex") if said[name] not in (None, "", "unknown")}
    identify(session, who, patient_id, GivenPatient.model_validate({"id": patient_id, **given}))


def text_of(form: Form, time_zone: str) -> dict[str, Any]:
    """What can be revised later."""
    plain = ("exam_type", "question", "clinical_notes", "provisional_reading")
    text: dict[str, Any] = {name: form.value(name) for name in plain}
    text["priority"] = form.value("priority") or "routine"
    text["callback"] = {"name": form.value("callback_name"), "phone": form.value("callback_phone")}
    obstetric = {name: form.value(name).strip() for name in OBSTETRIC if form.value(name).strip()}
    if set(obstetric) == {"examined_on"} and not form.value("exam_type").startswith("ob-"):
        obstetric = {}  # it stands there as today before anybody says that somebody is pregnant
    if obstetric and form.value("dates_confirmed"):
        obstetric["dates_confirmed"] = "true"
    if obstetric and form.value("lmp_certain"):
        obstetric["lmp_certain"] = form.value("lmp_certain")
    text["obstetric"] = obstetric or None
    text["patient_leaves_at"] = local_time(form.value("patient_leaves_at"), time_zone, "patient_leaves_at")
    return text


def files_of(form: Form) -> list[dict[str, Any]]:
    """The files that script has chosen already: they are going to come, and the reader sees how many."""
    try:
        given = json.loads(form.value("files") or "[]")
    except (ValueError, RecursionError):
        return []
    if not isinstance(given, list):
        return []
    named = [each for each in given if isinstance(each, dict) and each.get("name")]
    return [{"name": each["name"], "size_bytes": each.get("size_bytes")} for each in named]


def shown(referral: Referral) -> dict[str, str]:
    """A referral's text, in the fields of the form."""
    plain = ("exam_type", "question", "clinical_notes", "provisional_reading", "priority", "callback_name",
             "callback_phone", "version")  # fmt: skip
    fields = {name: str(getattr(referral, name)) for name in plain}
    for name, value in (referral.obstetric or {}).items():
        if value is not None:
            fields[name] = str(value).lower() if isinstance(value, bool) else str(value)
    if referral.patient_leaves_at is not None:
        local = referral.patient_leaves_at.astimezone(ZoneInfo(referral.organization.time_zone))
        fields["patient_leaves_at"] = f"{local:%Y-%m-%dT%H:%M}"
    return fields


def local_time(text: str, time_zone: str, field: str) -> datetime | None:
    """As a clock there shows it."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone))
    except ValueError:
        raise Invalid("Write day and time, such as 2026-04-03T15:00.", field=field) from None
