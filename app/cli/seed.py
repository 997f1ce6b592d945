"""What is in a demo: three organizations, a person a role, and three referrals with the pydicom wheel's ultrasound."""

import secrets
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, joinedload

from app.access import demo, passwords, tokens
from app.access.actor import WORKER, Actor, Member, person_of
from app.access.administer import give_role
from app.access.invite import new_person
from app.access.login import Proof
from app.access.secrets import new_secret
from app.db import new_id, now, transaction
from app.dicom.samples import sample
from app.people.models import Organization, ReadingRelation, Role
from app.referrals.given import GivenReferral
from app.referrals.models import Referral
from app.referrals.place import place
from app.reports import draft
from app.reports.draft import GivenDraft
from app.reports.sign import sign
from app.reviews import claim, step, submit
from app.storage.spool import Spooled, measured, place_for_output
from app.studies.ingest import Arrival
from app.studies.receive import receive

CLINIC, HOSPITAL, STRANGER = "Boma Health Centre", "Nairobi Teaching Hospital", "Harbour Imaging"
ROLES = (
    (CLINIC, (Role.REFERRER, Role.ADMIN)),
    (HOSPITAL, (Role.REVIEWER, Role.SUPERVISOR, Role.COORDINATOR, Role.ADMIN)),
    (STRANGER, (Role.REFERRER, Role.REVIEWER, Role.ADMIN)),
)
NAMES = {
    (CLINIC, Role.REFERRER): "Sr Béatrice Mbala", (CLINIC, Role.ADMIN): "Papy Ilunga",
    (HOSPITAL, Role.REVIEWER): "Dr Grace Okello", (HOSPITAL, Role.SUPERVISOR): "Prof Daniel Kimani",
    (HOSPITAL, Role.COORDINATOR): "Faith Njeri", (HOSPITAL, Role.ADMIN): "Peter Mwangi",
    (STRANGER, Role.REFERRER): "Dr Ana Prieto", (STRANGER, Role.REVIEWER): "Dr Luis Vega",
    (STRANGER, Role.ADMIN): "Rosa Quispe",
}  # fmt: skip
CALLBACK = {"name": "Sr Béatrice Mbala", "phone": "+243 800 000 000"}
# The patients are those in the files; so are the digits of their identifiers.
WAITING: dict[str, Any] = {
    "patient": {"identifier": "204", "family_name": "PLA", "sex": "unknown", "age": {"value": 61, "unit": "years"}},
    "exam_type": "echo", "priority": "asap", "callback": CALLBACK,
    "question": "Short of breath for a week. Is the heart function reduced, is there an effusion?",
    "clinical_notes": "Pulse 104, blood pressure 100/60, swollen ankles. Scanned sitting up.",
}  # fmt: skip
BEING_READ: dict[str, Any] = {
    "patient": {"identifier": "11-05-25-142825", "family_name": "OB", "sex": "female", "age": {"value": 27, "unit": "years"}},
    "exam_type": "ob-second-trimester", "priority": "urgent", "callback": CALLBACK,
    "question": "Is growth as it should be for the dates?",
    "clinical_notes": "Second pregnancy, no complaints.",
    "obstetric": {"gravida": 2, "para": 1, "lmp_certain": False},
}  # fmt: skip
ANSWERED: dict[str, Any] = {
    "patient": {"identifier": "13US1", "family_name": "CompressedSamples", "given_name": "US1", "sex": "male"},
    "exam_type": "abdomen", "priority": "routine", "callback": CALLBACK,
    "question": "Pain under the right ribs after meals. Gallstones?",
    "clinical_notes": "No fever, no jaundice.",
}  # fmt: skip
ANSWER = GivenDraft(
    findings="The images show sample material of good quality. No stone with acoustic shadow is seen in them.",
    impression="No gallstones seen on these images.",
    recommendation="If the pain comes back, repeat the scan fasting within 2 weeks, with the gallbladder in two planes.",
)


@dataclass(frozen=True)
class Account:
    organization_id: UUID
    organization: str
    role: Role
    person_id: UUID
    name: str
    email: str
    password: str
    sign_in_path: str
    token: str

    @property
    def actor(self) -> Actor:
        members = (Member(self.organization_id, self.role),)
        return Actor(kind="person", person_id=self.person_id, name=self.name, members=members)


def seed() -> list[dict[str, Any]]:
    """Fill an empty, connected instance; the accounts with their secrets, in the order of ROLES."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    hashed = passwords.hash_new(password)
    with transaction(WORKER) as session:
        organizations = _organizations(session)
        accounts = [
            _account(session, organizations[name], role, password, hashed) for name, roles in ROLES for role in roles
        ]
    _cases(accounts)
    shown = ("role", "organization", "email", "password", "sign_in_path", "token")
    return [{name: str(getattr(one, name)) for name in shown} for one in accounts]


def _organizations(session: Session) -> dict[str, Organization]:
    zones = {CLINIC: "Africa/Kinshasa", HOSPITAL: "Africa/Nairobi", STRANGER: "America/Lima"}
    made = {name: Organization(id=new_id(), name=name, time_zone=zone, issuer=name) for name, zone in zones.items()}
    session.add_all(made.values())
    session.flush()
    session.add(ReadingRelation(organization_id=made[CLINIC].id, reading_organization_id=made[HOSPITAL].id))
    return made


def _account(
    session: Session, organization: Organization, role: Role, password: str, hashed: passwords.Hashed
) -> Account:
    place_name = organization.name.split()[0].lower()
    email = f"{role}@{place_name}.example"
    person = new_person(session, email, NAMES[organization.name, role], hashed)
    give_role(session, person.id, organization.id, role)
    acting = Actor(kind="person", person_id=person.id, name=person.name)
    _token, token = tokens.make(session, acting, "demo", ("read", "write"), days=366)
    path = demo.link_for(session, person, new_secret())
    return Account(organization.id, organization.name, role, person.id, person.name, email, password, path, token)


def _cases(accounts: list[Account]) -> None:
    by_role = {(one.organization, one.role): one.actor for one in accounts}
    referrer, reviewer = by_role[CLINIC, Role.REFERRER], by_role[HOSPITAL, Role.REVIEWER]
    leaves = now() + timedelta(hours=3)
    _case(referrer, {**WAITING, "patient_leaves_at": leaves}, ["examples_ybr_color.dcm"])
    reading = _case(referrer, BEING_READ, ["examples_palette.dcm"])
    answered = _case(referrer, ANSWERED, ["examples_rgb_color.dcm", "examples_jpeg2k.dcm"])
    for review_id in (reading, answered):
        with transaction(reviewer) as session:
            claim.claim(session, reviewer, step.for_reader(session, reviewer, review_id))
    with transaction(reviewer) as session:
        review = step.for_reader(session, reviewer, answered)
        written = draft.save(session, reviewer, review, ANSWER, None)
        proof = Proof(person_of(reviewer), now(), "demo")
        sign(session, reviewer, review, proof=proof, revision=written.revision, images_sha256=written.images_sha256)


def _case(referrer: Actor, given: dict[str, Any], names: list[str]) -> UUID:
    """Placed, submitted and complete; the id of its review."""
    with transaction(referrer) as session:
        referral_id = place(session, referrer, GivenReferral.model_validate(given)).id
    with transaction(referrer) as session:
        review_id = submit.submit(session, referrer, submit.for_change(session, referrer, referral_id)).id
        referral = session.get_one(Referral, referral_id, options=[joinedload(Referral.patient)])
    for name in names:
        with place_for_output() as path:
            receive(referrer, referral, Arrival(_copied(name, path), name))
    return review_id


def _copied(name: str, path: Path) -> Spooled:
    shutil.copyfile(sample(name), path)
    return measured(path)
