"""Referrals that images without one may belong to: by number, name, date and device, the likeliest first."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import Actor
from app.db import reading
from app.errors import Invalid
from app.people import patients
from app.people.identity import Identity, compare, is_placeholder
from app.people.models import Patient, fold
from app.referrals.codes import normalized
from app.referrals.models import TAKES_FILES, Referral
from app.referrals.similar import beginning_with
from app.studies.images import IS_SENT
from app.studies.models import Instance, ReferralStudy, Study

MOST, LOOKED_AT = 5, 40
NEAR = timedelta(days=2)
# What speaks for a referral, and how much; an id alone is only a candidate.
WEIGHTS = {"accession": 8, "name": 4, "birth_date": 3, "identifier": 3, "name_part": 2, "day": 2, "device": 1}
DESPITE = {"accession", "identifier", "name_part"}  # what must speak for one whose patient the images do not name


@dataclass(frozen=True)
class Clues:
    """What the images say, and when they came."""

    organization_id: UUID
    at: datetime
    patient: dict[str, str] = field(default_factory=dict)  # identifier, name, birth_date, as `compare` takes them
    accession_number: str = ""
    device: str = ""


@dataclass(frozen=True)
class Candidate:
    referral: Referral
    why: tuple[str, ...]
    differs: list[str]  # the fields in which the images name another patient

    @property
    def score(self) -> int:
        return sum(WEIGHTS[each] for each in self.why) - 10 * bool(self.differs)


def of_study(session: Session, study: Study) -> Clues:
    """By its own day where that is one; else by when it came."""
    said = {"identifier": study.patient_identifier, "name": study.patient_name, "birth_date": study.patient_birth_date}
    at = _day(study.study_date) or study.created_at
    return Clues(study.organization_id, at, said, study.accession_number, device_of(session, study.id))


def candidates(session: Session, clues: Clues, besides: UUID | None = None) -> list[Candidate]:
    """Referrals of the organization that take files; `besides` is one that they are not sought in."""
    ids = _by_number(session, clues) | _by_name(session, clues) | _by_day(session, clues)
    query = sa.select(Referral).where(Referral.id.in_(ids - {besides}), Referral.status.in_(TAKES_FILES))
    around = (joinedload(Referral.patient), joinedload(Referral.organization))
    referrals = list(session.scalars(query.options(*around)))
    devices = _devices(session, [one.id for one in referrals]) if clues.device else {}
    found = [_weighed(one, clues, devices.get(one.id, set())) for one in referrals]
    offered = [one for one in found if one.why and (not one.differs or DESPITE & set(one.why))]
    return sorted(offered, key=lambda one: (-one.score, -one.referral.created_at.timestamp()))[:MOST]


def of_code(actor: Actor, code: str) -> UUID:
    """The referral of this code, among those that the actor sends for."""
    mine = sa.select(Referral.id).where(
        Referral.code == normalized(code), Referral.organization_id.in_(actor.organizations_for("referral.send"))
    )
    with reading(actor) as session:
        found = session.scalar(mine)
    if found is None:
        raise Invalid("No case has this code.", field="code")
    return found


def device_of(session: Session, study_id: UUID) -> str:
    """'LOGIQ e 1234' of its first file."""
    row = session.execute(_device().where(Instance.study_id == study_id).order_by(Instance.id).limit(1)).first()
    return _device_words(row) if row else ""


def _by_number(session: Session, clues: Clues) -> set[UUID]:
    here = sa.select(Referral.id).where(Referral.organization_id == clues.organization_id)
    found = set[UUID]()
    if clues.accession_number:
        found |= set(session.scalars(here.where(Referral.accession_number == clues.accession_number)))
    identifier = clues.patient.get("identifier", "")
    if identifier and not is_placeholder(identifier):
        known = sa.select(Patient.id).where(
            Patient.organization_id == clues.organization_id, Patient.identifier == identifier
        )
        people = {patients.standing(session, session.get_one(Patient, each)).id for each in session.scalars(known)}
        found |= set(session.scalars(_latest(here, people)))
    return found


def _by_name(session: Session, clues: Clues) -> set[UUID]:
    """All words of the name, or its longest one: machines cut and order names as they like."""
    latin = clues.patient.get("name", "").replace("=", " ")
    words = sorted(set(fold(latin).split()), key=len, reverse=True)
    if not words or is_placeholder(latin):
        return set()
    here = sa.select(Referral.id).where(Referral.organization_id == clues.organization_id)
    for name in (" ".join(words), words[0]):
        people = set(session.scalars(beginning_with(clues.organization_id, name).limit(LOOKED_AT)))
        if people:
            return set(session.scalars(_latest(here, people)))
    return set()


def _by_day(session: Session, clues: Clues) -> set[UUID]:
    query = sa.select(Referral.id).where(
        Referral.organization_id == clues.organization_id, Referral.created_at.between(clues.at - NEAR, clues.at + NEAR),
    )  # fmt: skip
    return set(session.scalars(query.order_by(Referral.created_at.desc()).limit(LOOKED_AT)))


def _latest(here: sa.Select[UUID], people: set[UUID]) -> sa.Select[UUID]:
    return here.where(Referral.patient_id.in_(people)).order_by(Referral.id.desc()).limit(LOOKED_AT)


def _weighed(referral: Referral, clues: Clues, devices: set[str]) -> Candidate:
    patient, said = referral.patient, clues.patient
    differs = compare(patient, said)[1]
    named = _alone(patient, said, "name")
    agrees = {
        "accession": bool(clues.accession_number) and referral.accession_number == clues.accession_number,
        "name": named, "name_part": not named and _shares_a_word(patient, said.get("name", "")),
        "birth_date": _alone(patient, said, "birth_date"),
        "identifier": bool(said.get("identifier")) and patient.identifier == said["identifier"],
        "day": abs(referral.created_at - clues.at) <= NEAR, "device": clues.device in devices,
    }  # fmt: skip
    return Candidate(referral, tuple(each for each in WEIGHTS if agrees[each]), differs)


def _shares_a_word(patient: Patient, name: str) -> bool:
    words = set(fold(name.replace("=", " ")).split()) & set(patient.name_key.split())
    return any(len(word) > 1 and not is_placeholder(word) for word in words)


def _alone(patient: Patient, said: dict[str, str], name: str) -> bool:
    """Whether this one field says the same in both."""
    return compare(patient, {name: said.get(name, "")})[0] is Identity.MATCH


def _devices(session: Session, referral_ids: list[UUID]) -> dict[UUID, set[str]]:
    """Of what these referrals have already."""
    query = (
        _device().add_columns(ReferralStudy.referral_id).join(ReferralStudy, ReferralStudy.study_id == Instance.study_id)
        .where(ReferralStudy.referral_id.in_(referral_ids), Instance.kind == "dicom", IS_SENT).limit(LOOKED_AT * MOST)
    )  # fmt: skip
    found: dict[UUID, set[str]] = {}
    for row in session.execute(query):
        found.setdefault(row.referral_id, set()).add(_device_words(row))
    return found


def _device() -> sa.Select[Any]:
    names = ("manufacturer_model_name", "device_serial_number")
    return sa.select(*(Instance.facts[name].as_string().label(name) for name in names))


def _device_words(row: Any) -> str:
    return " ".join(filter(None, (row.manufacturer_model_name, row.device_serial_number)))


def _day(date: str) -> datetime | None:
    """Noon of a DA; one in the future, or of long ago, says only that the machine's clock is wrong."""
    try:
        at = datetime.strptime(date, "%Y%m%d").replace(hour=12, tzinfo=UTC)
    except ValueError:
        return None
    return at if timedelta(days=-1) < datetime.now(UTC) - at < timedelta(days=366) else None
