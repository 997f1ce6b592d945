"""Passkeys: registered once, then proof of presence for one thing that was shown, or a way to sign in (WebAuthn)."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_here, person_of
from app.access.login import Proof
from app.access.models import Challenge, Passkey
from app.access.secrets import new_secret
from app.access.trail import record_person
from app.db import insert_or_nothing, new_id, now
from app.errors import Conflict, Invalid, NotFound, Sentence
from app.people.models import Person
from app.people.names import one_line

Json = dict[str, Any]
LASTS = timedelta(minutes=5)
MOST = 20  # of one person
NAME_CHARS = 100
WRONG = "This passkey was not accepted. Try again, or use your password."


@dataclass(frozen=True)
class Party:
    """As whom browsers know this service: a passkey made for one name works for no other (WebAuthn 5.1.3)."""

    name: str  # a domain; an address in numbers is none
    origin: str


def listing(session: Session, person_id: UUID) -> list[Passkey]:
    """A person's own, the newest first."""
    mine = sa.select(Passkey).where(Passkey.person_id == person_id)
    return list(session.scalars(mine.order_by(Passkey.id.desc())))


def offer(session: Session, actor: Actor, party: Party) -> Json:
    """What `navigator.credentials.create` wants; the door has asked for the password just before."""
    from app.access import device

    person, known = session.get_one(Person, person_here(actor)), listing(session, person_here(actor))
    if len(known) >= MOST:
        raise Conflict(Sentence("You have {n} passkeys. Remove one first.", n=MOST))
    challenge = _made(session, person.id, "register", "")
    return _options(challenge, device.to_create(party, person, known, asked(challenge)))


def add(session: Session, actor: Actor, party: Party, challenge_id: UUID, credential: Json, name: str) -> Passkey:
    """From now on it may sign for the person, and sign them in."""
    from app.access import device

    person_id = person_here(actor)
    name = one_line(name, NAME_CHARS) or "–"
    challenge = _taken(session, challenge_id, "register", person_id, "")
    made = device.created(party, asked(challenge), credential)
    if made is None:
        raise Invalid(WRONG, field="credential")
    passkey = {"id": new_id(), "person_id": person_id, **vars(made), "name": name, "created_at": now()}
    if not insert_or_nothing(session, Passkey, passkey):
        raise Conflict("This passkey is registered already.")
    record_person(session, actor, "passkey.added", person_id, passkey_id=str(passkey["id"]))
    return session.get_one(Passkey, passkey["id"])


def remove(session: Session, actor: Actor, passkey_id: UUID) -> None:
    """It opens and signs nothing any more; what it signed stays provable, with its public key beside each signature."""
    mine = sa.delete(Passkey).where(Passkey.id == passkey_id, Passkey.person_id == person_of(actor))
    if session.execute(mine).rowcount != 1:  # type: ignore[attr-defined]  # it is a CursorResult
        raise NotFound
    record_person(session, actor, "passkey.removed", person_of(actor), passkey_id=str(passkey_id))


def ask(session: Session, actor: Actor, party: Party, subject: str) -> Json:
    """What `navigator.credentials.get` wants, to sign what was shown and nothing else."""
    from app.access import device

    known = listing(session, person_of(actor))
    if not known:
        raise Conflict("You have no passkey yet. Register one in your account, or use your password.")
    challenge = _made(session, person_of(actor), "sign", subject)
    return _options(challenge, device.to_get(party, known, asked(challenge)))


def ask_anybody(session: Session, party: Party) -> Json:
    """The same for who has not said yet who they are: the device shows which passkeys it has for this name."""
    from app.access import device

    challenge = _made(session, None, "sign-in", "")
    return _options(challenge, device.to_get(party, [], asked(challenge)))


def prove(
    session: Session, actor: Actor, party: Party, challenge_id: UUID, credential: Json, subject: str
) -> Proof:  # fmt: skip
    """The person was here and their device signed `subject`; one proof serves one signature."""
    person_id = person_of(actor)
    challenge = _taken(session, challenge_id, "sign", person_id, subject)
    passkey = _verified(session, party, challenge, credential)
    if passkey.person_id != person_id:
        raise Invalid(WRONG, field="passkey")
    said = credential["response"]
    evidence = {
        "nonce": challenge.nonce, "subject": subject, "origin": party.origin, "public_key": passkey.public_key,
        "client_data": said["clientDataJSON"], "authenticator_data": said["authenticatorData"],
        "signature": said["signature"],
    }  # fmt: skip
    return Proof(person_id, now(), "passkey", id=challenge.id, evidence=evidence)


def who_signs_in(session: Session, party: Party, challenge_id: UUID, credential: Json) -> Person:
    """Whoever holds a registered passkey and showed the device that they are its owner: two factors in one."""
    challenge = _taken(session, challenge_id, "sign-in", None, "")
    person = session.get(Person, _verified(session, party, challenge, credential).person_id)
    if person is None or person.disabled_at is not None:
        raise Invalid(WRONG, field="passkey")
    return person


def asked(challenge: Challenge) -> bytes:
    """The bytes that the device signs: what was shown is in them, so that no answer fits another text."""
    return expected(challenge.nonce, challenge.subject)


def expected(nonce: str, subject: str) -> bytes:
    return hashlib.sha256(f"{nonce}\0{subject}".encode()).digest()


def _made(session: Session, person_id: UUID | None, purpose: str, subject: str) -> Challenge:
    challenge = Challenge(
        id=new_id(), person_id=person_id, purpose=purpose, nonce=new_secret(), subject=subject, expires_at=now() + LASTS
    )
    session.add(challenge)
    session.flush()
    return challenge


def _taken(
    session: Session, challenge_id: UUID, purpose: str, person_id: UUID | None, subject: str
) -> Challenge:  # fmt: skip
    """Used up by this transaction and no other, for what it was made for."""
    unused = sa.update(Challenge).where(
        Challenge.id == challenge_id, Challenge.used_at.is_(None), Challenge.expires_at > now(),
        Challenge.purpose == purpose, Challenge.person_id.is_not_distinct_from(person_id),
    )  # fmt: skip
    if session.execute(unused.values(used_at=now())).rowcount != 1:  # type: ignore[attr-defined]  # it is a CursorResult
        raise Invalid(WRONG, field="passkey")
    challenge = session.get_one(Challenge, challenge_id)
    if challenge.subject != subject:
        raise Invalid("The passkey was asked for another text. Look at this one, then sign.", field="passkey")
    return challenge


def _verified(session: Session, party: Party, challenge: Challenge, credential: Json) -> Passkey:
    from app.access import device

    known = sa.select(Passkey).where(Passkey.credential_id == str(credential.get("id", "")).rstrip("="))
    passkey = session.scalars(known.with_for_update()).one_or_none()
    count = device.sign_count_of(party, passkey, asked(challenge), credential) if passkey is not None else None
    if passkey is None or count is None:
        raise Invalid(WRONG, field="passkey")
    passkey.sign_count, passkey.used_at = count, now()
    return passkey


def _options(challenge: Challenge, public_key: Json) -> Json:
    return {"challenge_id": str(challenge.id), "public_key": public_key}
