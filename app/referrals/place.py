"""Place a referral: the text is stored and usable before any file."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.audit import events
from app.db import new_id
from app.errors import Conflict, Invalid
from app.jobs.queue import enqueue
from app.people import patients
from app.people.models import Organization, Patient
from app.people.reading import reader_for
from app.people.said_anew import add_unknown
from app.referrals.codes import new_code
from app.referrals.dates import refuse_impossible, today_at
from app.referrals.given import GivenFile, GivenPatient, GivenReferral
from app.referrals.models import ExternalIdentifier, ManifestItem, Referral


def place(session: Session, actor: Actor, given: GivenReferral) -> Referral:
    """A draft referral with its patient, its code and its declared files."""
    organization = _referring_organization(session, actor, given.organization_id)
    refuse_impossible(given.patient, given.obstetric, today_at(organization))
    reader = reader_for(session, organization.id, given.reading_organization_id)
    code = free_code(session)
    referral = Referral(
        id=new_id(), organization_id=organization.id, reading_organization_id=reader.id, code=code,
        author_id=person_of(actor), patient=patient_of(session, actor, organization, given.patient, code),
        accession_number=given.accession_number or f"SP{code.replace('-', '')}",
        language=given.language or organization.language,
        **text_columns(given.model_dump(mode="json", exclude_unset=False)),
        patient_leaves_at=given.patient_leaves_at,
    )  # fmt: skip
    _refuse_second(session, referral, given)
    session.add(referral)
    session.flush()
    for identifier in given.external_identifiers:
        session.add(
            ExternalIdentifier(organization_id=organization.id, referral_id=referral.id, **identifier.model_dump())
        )
    declare(session, referral, given.files)
    if given.accession_number:  # what a machine sent under it may be here already
        enqueue(session, "studies.match_referral", referral.id)
    events.record(session, actor, "referral.placed", organization_id=organization.id, entity_id=referral.id,
                  referral_id=referral.id, declared=len(given.files))  # fmt: skip
    return referral


def declare(session: Session, referral: Referral, files: list[GivenFile]) -> list[ManifestItem]:
    """Say which files are going to come."""
    items = [
        ManifestItem(organization_id=referral.organization_id, referral_id=referral.id, **file.model_dump())
        for file in files
    ]
    session.add_all(items)
    return items


def text_columns(given: dict[str, object]) -> dict[str, object]:
    """The columns of what is written in a referral, from its JSON names."""
    plain = ("exam_type", "question", "clinical_notes", "priority", "obstetric", "provisional_reading")
    columns = {name: given[name] for name in plain if name in given}
    if isinstance(pregnancy := columns.get("obstetric"), dict):
        columns["obstetric"] = {name: value for name, value in pregnancy.items() if name != "dates_confirmed"}
    callback = given.get("callback")
    if isinstance(callback, dict):
        columns |= {f"callback_{name}": value for name, value in callback.items()}  # a revision may give one of them
    return columns


def _referring_organization(session: Session, actor: Actor, wanted_id: UUID | None) -> Organization:
    mine = actor.organizations_for("referral.place")
    if wanted_id is not None or len(mine) == 1:
        organization_id = wanted_id or mine[0]
        require(actor, "referral.place", organization_id)
        return session.get_one(Organization, organization_id)
    if not mine:
        raise Invalid("You are not a referrer of any organization.", field="organization_id")
    names = session.scalars(sa.select(Organization).where(Organization.id.in_(mine)).order_by(Organization.name))
    choices = [{"id": str(one.id), "name": one.name} for one in names]
    raise Invalid("You refer for several organizations. Choose one.", field="organization_id", choices=choices)


def patient_of(session: Session, actor: Actor, organization: Organization, given: GivenPatient, code: str) -> Patient:
    """Whom a referral is about: somebody known, of whom more may be known from now on, or a new one."""
    values: dict[str, object] = given.model_dump(mode="json", exclude={"age", "id", "same_as"})
    if given.mother_patient_id is not None:
        if (mother := _here(session, organization, given.mother_patient_id)) is None:
            raise Invalid("This mother is not known here.", field="patient.mother_patient_id")
        values["mother_patient_id"] = mother.id
    if given.age is not None:
        values |= {"age_value": given.age.value, "age_unit": given.age.unit}
    values["issuer"] = given.issuer or organization.issuer
    if given.id is not None:
        if (known := _here(session, organization, given.id)) is None:
            raise Invalid("This patient is not known here.", field="patient.id")
        found = patients.same(session, known, values, given.same_as)
    else:
        found = patients.known_or_new(
            session, organization.id, values, temporary=f"T-{code}", same_as=given.same_as
        )  # fmt: skip
    add_unknown(session, actor, found, values, is_asked=given.same_as == found.id)
    return patients.held(session, found)


def _here(session: Session, organization: Organization, patient_id: UUID) -> Patient | None:
    patient = session.get(Patient, patient_id)
    known = patient is not None and patient.organization_id == organization.id
    return patients.standing(session, patient) if known and patient is not None else None


def free_code(session: Session) -> str:
    """One that no case has."""
    while True:
        code = new_code()
        if session.scalar(sa.select(Referral.id).where(Referral.code == code)) is None:
            return code


def _refuse_second(session: Session, referral: Referral, given: GivenReferral) -> None:
    same = sa.select(Referral.id).where(
        Referral.organization_id == referral.organization_id,
        Referral.accession_number == referral.accession_number,
    )
    if (other := session.scalar(same)) is not None:
        raise Conflict("This accession number is already used.", field="accession_number", referral_id=str(other))
    for identifier in given.external_identifiers:
        taken = sa.select(ExternalIdentifier.referral_id).where(
            ExternalIdentifier.organization_id == referral.organization_id,
            ExternalIdentifier.system == identifier.system, ExternalIdentifier.value == identifier.value,
        )  # fmt: skip
        if (other := session.scalar(taken)) is not None:
            raise Conflict(
                "This external identifier is already used.",
                field="external_identifiers",
                referral_id=str(other),
            )
