"""Whether the patient of a form is somebody who is known already: asked while the name is typed, and once on sending."""

from uuid import UUID

from app.access.actor import Actor
from app.db import reading
from app.errors import Invalid
from app.languages import Speech
from app.referrals.similar import Seen, by_number_or_code, similar
from app.web.echo import whole_birth_date
from app.web.forms import Form


def similar_to(who: Actor, form: Form) -> list[Seen]:
    """The likeliest first; with a number that is known here, whose it is."""
    organization_id = _organization(who, form)
    name = " ".join(form.value(each) for each in ("family_name", "given_name", "name_local"))
    number = form.value("identifier")
    if organization_id is None or not (name.strip() or number.strip()):
        return []
    with reading(who) as session:
        return similar(session, organization_id, name, birth_date=whole_birth_date(form), identifier=number)


def is_to_be_asked(who: Actor, form: Form, say: Speech) -> bool:
    """Name and birth date are those of somebody known, and nobody has said yet whether it is the same person."""
    if form.value("patient_id") or form.value("identifier").strip():
        return False
    if not any(one.is_likely for one in similar_to(who, form)):
        return False
    form.errors["patient_id"] = say.gettext(
        "Somebody of this name and date of birth is known here. Say whether it is the same."
    )
    return True


def mother_of(who: Actor, organization_id: UUID, form: Form) -> UUID | None:
    """By her patient number, or the code of a case of hers."""
    text = form.value("mother").strip()
    if not text:
        return None
    with reading(who) as session:
        found = by_number_or_code(session, organization_id, text)
    if found is None:
        raise Invalid("No patient here has this number, and no case this code.", field="mother")
    return found.id


def _organization(who: Actor, form: Form) -> UUID | None:
    mine = who.organizations_for("referral.place")
    chosen = [each for each in mine if form.value("organization_id") in ("", str(each))]
    return chosen[0] if len(chosen) == 1 else None
