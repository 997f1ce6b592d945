"""The second factor: a code of six digits that changes every thirty seconds (RFC 6238), good once."""

import base64
import hmac
import io
from dataclasses import dataclass

import pyotp
import segno
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_here
from app.access.models import SignIn
from app.access.secrets import keyed, new_secret
from app.access.trail import record_person
from app.db import now
from app.errors import Conflict, Invalid
from app.people.models import Person

STEP_S, DRIFT_STEPS = 30, 1  # RFC 6238 5.2: one step either way for clocks that differ


@dataclass(frozen=True)
class Enrolment:
    """What the person's own device needs; shown once, kept nowhere."""

    secret: str  # to type in, where no camera is
    uri: str  # otpauth://
    qr_svg: str  # inline SVG of it, without style


def is_enrolled(person: Person) -> bool:
    """Enrolled is who has given one right code; until then `totp_secret` is only offered."""
    return person.totp_secret is not None and person.totp_last_step is not None


def enrol(session: Session, actor: Actor) -> Enrolment:
    """Offer a new secret; `confirm` makes it count. Where one counts already, `remove` comes first."""
    person = session.get_one(Person, person_here(actor), with_for_update=True)
    if is_enrolled(person):
        raise Conflict("A second factor is already set up. Remove it first.")
    person.totp_secret = new_secret()
    return _shown(person)


def offered(session: Session, actor: Actor) -> Enrolment:
    """What `enrol` offered, for showing the form again after a wrong code."""
    person = session.get_one(Person, person_here(actor))
    if person.totp_secret is None or is_enrolled(person):
        raise Conflict("Begin again: no second factor is being set up.")
    return _shown(person)


def confirm(session: Session, actor: Actor, code: str) -> None:
    """The person's device shows the right code: from now on it is asked for, and this sign-in has it."""
    person = session.get_one(Person, person_here(actor), with_for_update=True)
    if person.totp_secret is None or is_enrolled(person):
        raise Conflict("Begin again: no second factor is being set up.")
    if not use(session, person, code):
        raise Invalid("This is not the code that your device shows now. Check its clock.", field="code")
    session.execute(sa.update(SignIn).where(SignIn.id == actor.sign_in_id).values(second_factor_at=now()))
    record_person(session, actor, "second_factor.added", person.id)


def remove(session: Session, actor: Actor) -> None:
    """No second factor any more; the door has asked for password and code just before (`login.reauthenticate`)."""
    person = session.get_one(Person, person_here(actor), with_for_update=True)
    forget(person)
    record_person(session, actor, "second_factor.removed", person.id)


def forget(person: Person) -> None:
    person.totp_secret = person.totp_last_step = None


def use(session: Session, person: Person, code: str) -> bool:
    """True if the code is right and was not used before; then it is used."""
    if person.totp_secret is None:
        return False
    step = _step_of(person, code)
    if step is None:
        return False
    newer = sa.or_(Person.totp_last_step.is_(None), Person.totp_last_step < step)
    unused = sa.update(Person).where(Person.id == person.id, newer).values(totp_last_step=step)
    return session.execute(unused).rowcount == 1  # type: ignore[attr-defined,no-any-return]  # it is a CursorResult


def _step_of(person: Person, code: str) -> int | None:
    code = "".join(code.split())
    counter = pyotp.HOTP(_secret(person))
    current = int(now().timestamp()) // STEP_S
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        if hmac.compare_digest(counter.at(step).encode(), code.encode()):
            return step
    return None


def _secret(person: Person) -> str:
    """Made of the server's key, so that a copy of the database alone gives nobody's codes away."""
    made = keyed("second factor", f"{person.id} {person.totp_secret}".encode())
    return base64.b32encode(made[:20]).decode()  # RFC 4226 4: 160 bits


def _shown(person: Person) -> Enrolment:
    secret = _secret(person)
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name="Sonopost")
    drawn = io.BytesIO()
    segno.make(uri, micro=False).save(
        drawn, kind="svg", scale=5, light="#fff", xmldecl=False, svgns=False, omitsize=True, nl=False
    )
    return Enrolment(secret, uri, drawn.getvalue().decode())
