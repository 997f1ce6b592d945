"""Signing in and out, and proving again that one is present; the same words and work whoever was meant."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import passwords, totp, tries
from app.access.actor import NOBODY, Actor, person_here, person_of
from app.access.models import SignIn
from app.access.passwords import Hashed, Verdict
from app.access.secrets import digest, new_secret
from app.access.trail import record_person
from app.config import settings
from app.db import new_id, now, transaction
from app.errors import Invalid, NotFound
from app.people.models import Person

WRONG = "E-mail address, password or code is not right."


@dataclass(frozen=True)
class Candidate:
    """Whom somebody says to be; it has the same shape when there is no such person."""

    email: str
    client: str
    person_id: UUID | None
    password_hash: str | None


@dataclass(frozen=True)
class Entered:
    """A new sign-in; the cookie gets `secret`, which is kept nowhere."""

    sign_in: SignIn
    person: Person
    secret: str
    needs_second_factor: bool  # lead them to setting it up: nothing else is open to them yet


@dataclass(frozen=True)
class Proof:
    """The person was here just now; one proof serves one act, such as one signature."""

    person_id: UUID
    at: datetime
    method: str  # password, password+totp, passkey
    id: UUID = field(default_factory=new_id)
    evidence: dict[str, Any] = field(default_factory=dict)  # of a passkey: what its device signed


def folded(email: str) -> str:
    """One spelling of an e-mail address, as it is kept."""
    return email.strip().casefold()


# Hashing takes its time, so it stands between two transactions: `sign_in` and `reauthenticate` are the two verbs that
# commit themselves; called within a transaction they would hold SQLite's one write lock for as long.
Outcome = TypeVar("Outcome", Entered, Proof)


def sign_in(
    email: str, password: str, code: str | None = None, *, client: str, browser: str = "", replaces: str | None = None
) -> Entered:
    """A new sign-in, whose secret goes into the cookie. Invalid with `field="code"` asks for the second factor.

    `client` is the address that tries are counted by; `replaces` the secret that the browser came with: a sign-in
    from before never becomes this person's."""
    with transaction(NOBODY) as session:
        candidate = begin(session, email, client)
    verdict = passwords.verify(password, candidate.password_hash)
    with transaction(NOBODY) as session:
        outcome = finish(session, candidate, verdict, code=code, browser=browser, replaces=replaces)
    return _or_raise(outcome)


def reauthenticate(actor: Actor, password: str, client: str, code: str | None = None) -> Proof:
    """The person is present: before signing, and before changing how one gets in. A code is looked at if given."""
    with transaction(actor) as session:
        candidate = begin_proof(session, actor, client)
    verdict = passwords.verify(password, candidate.password_hash)
    with transaction(actor) as session:
        outcome = finish_proof(session, actor, candidate, verdict, code)
    return _or_raise(outcome)


def begin(session: Session, email: str, client: str) -> Candidate:
    """Count a try from the client's address and look the person up; TooManyTries stops the guessing."""
    email = folded(email)
    tries.count(session, email, client)
    person = session.scalars(sa.select(Person).where(Person.email == email, Person.disabled_at.is_(None))).one_or_none()
    if person is None:
        return Candidate(email, client, None, None)
    return Candidate(email, client, person.id, person.password_hash)


def finish(
    session: Session, candidate: Candidate, verdict: Verdict, *, code: str | None, browser: str, replaces: str | None
) -> Entered | Invalid:
    """Sign in, or give back the refusal: it is raised after the commit, for the try stays counted and recorded."""
    person = _proven(session, candidate, verdict)
    if person is None:
        return _refused(session, candidate, WRONG)
    if totp.is_enrolled(person):
        if not code:
            return Invalid("Enter the code that your device shows.", field="code")
        if not totp.use(session, person, code):
            return _refused(session, candidate, WRONG)
    tries.forgive(session, candidate.email, candidate.client)
    return enter(session, person, browser=browser, replaces=replaces, second_factor=totp.is_enrolled(person))


def enter(
    session: Session, person: Person, *, browser: str = "", replaces: str | None = None,
    second_factor: bool = False, waived: bool = False,
) -> Entered:  # fmt: skip
    """A new sign-in of somebody who has proved who they are, by password or by a link."""
    if replaces is not None:
        session.execute(sa.delete(SignIn).where(SignIn.secret_sha256 == digest(replaces)))
    secret, at = new_secret(), now()
    sign_in = SignIn(
        secret_sha256=digest(secret), person_id=person.id, created_at=at, seen_at=at,
        expires_at=at + timedelta(hours=settings().session_max_h), second_factor_at=at if second_factor else None,
        second_factor_waived=waived, browser=browser[:200],
    )  # fmt: skip
    session.add(sign_in)
    session.flush()
    method = "waived" if waived else "second factor" if second_factor else "one factor"
    record_person(session, _as(person), "person.signed_in", person.id, method=method)
    return Entered(sign_in, person, secret, settings().require_second_factor and not (second_factor or waived))


def renew(session: Session, actor: Actor) -> str:
    """A new secret for this sign-in, when it has come to be trusted more (OWASP ASVS 7.2.4)."""
    secret = new_secret()
    session.execute(sa.update(SignIn).where(SignIn.id == actor.sign_in_id).values(secret_sha256=digest(secret)))
    return secret


def begin_proof(session: Session, actor: Actor, client: str) -> Candidate:
    """As `begin`, for somebody signed in: a stolen sign-in cannot be used to guess the password either."""
    person = session.get_one(Person, person_of(actor))
    tries.count(session, person.email, client)
    return Candidate(person.email, client, person.id, person.password_hash)


def finish_proof(
    session: Session, actor: Actor, candidate: Candidate, verdict: Verdict, code: str | None
) -> Proof | Invalid:
    """Present, or the refusal to raise after the commit; a code is looked at where one is given."""
    person = _proven(session, candidate, verdict)
    if person is None:
        return _refused(session, candidate, "This is not your password.", "password", actor)
    if code is not None and not totp.use(session, person, code):
        return _refused(session, candidate, "This is not the code that your device shows now.", "code", actor)
    tries.forgive(session, candidate.email, candidate.client)
    return Proof(person.id, now(), "password+totp" if code is not None else "password")


def set_password(session: Session, actor: Actor, password_hash: Hashed) -> None:
    """A new password, after a proof; all other browsers of theirs are signed out."""
    person = session.get_one(Person, person_here(actor), with_for_update=True)
    person.password_hash = password_hash
    others = sa.delete(SignIn).where(SignIn.person_id == person.id, SignIn.id != actor.sign_in_id)
    session.execute(others)
    record_person(session, actor, "password.changed", person.id)


def sign_ins(session: Session, actor: Actor) -> list[SignIn]:
    """Where the person is signed in, the latest first."""
    mine = sa.select(SignIn).where(SignIn.person_id == person_here(actor), SignIn.expires_at > now())
    return list(session.scalars(mine.order_by(SignIn.seen_at.desc())))


def sign_out(session: Session, actor: Actor, sign_in_id: UUID | None = None) -> None:
    """End this sign-in, or another one of the person's own."""
    ended = sa.delete(SignIn).where(
        SignIn.person_id == person_here(actor), SignIn.id == (sign_in_id or actor.sign_in_id)
    )
    if session.execute(ended).rowcount != 1:  # type: ignore[attr-defined]  # it is a CursorResult
        raise NotFound
    record_person(session, actor, "person.signed_out", person_here(actor))


def sign_out_everywhere(session: Session, actor: Actor) -> None:
    """End every sign-in of the person, this one too."""
    end_all(session, person_here(actor))
    record_person(session, actor, "person.signed_out", person_here(actor), everywhere=True)


def end_all(session: Session, person_id: UUID) -> None:
    session.execute(sa.delete(SignIn).where(SignIn.person_id == person_id))


def _proven(session: Session, candidate: Candidate, verdict: Verdict) -> Person | None:
    """The person, if the password was right and is still theirs."""
    if not verdict.right or candidate.person_id is None:
        return None
    person = session.get(Person, candidate.person_id, with_for_update=True)
    if person is None or person.disabled_at is not None or person.password_hash != candidate.password_hash:
        return None
    if verdict.newer is not None:
        person.password_hash = verdict.newer
    return person


def _refused(
    session: Session, candidate: Candidate, sentence: str, field: str | None = None, actor: Actor = NOBODY
) -> Invalid:
    # An unknown address is recorded too, as nobody's: one that writes less would answer sooner.
    record_person(session, actor, "sign_in.refused", candidate.person_id)
    return Invalid(sentence, field=field)


def _or_raise(outcome: Outcome | Invalid) -> Outcome:
    if isinstance(outcome, Invalid):
        raise outcome
    return outcome


def _as(person: Person) -> Actor:
    return Actor(kind="person", person_id=person.id, name=person.name)
