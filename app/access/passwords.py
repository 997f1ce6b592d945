"""Passwords: what may be one, and argon2id, two at a time so that a rush to sign in leaves the rest of us running."""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NewType

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.config import settings
from app.errors import Invalid, Sentence, Unavailable
from app.people.models import fold

# OWASP's second choice of equals: 19 MiB, two passes, 30 ms. Two at once cost 38 MiB.
_ARGON2 = PasswordHash((Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1),))
_at_once = threading.BoundedSemaphore(2)
_waiting = threading.BoundedSemaphore(12)  # of the forty threads that serve everything else too

# NIST SP 800-63B-4 3.1.1.2: fifteen characters where the password is all there is, eight beside a second factor;
# no rules of composition, no expiry, but a list of what everybody tries first.
ALONE, WITH_SECOND_FACTOR, MOST = 15, 8, 256

Hashed = NewType("Hashed", str)


@dataclass(frozen=True)
class Verdict:
    """Whether the password was right, and its hash by today's parameters if the kept one is older."""

    right: bool
    newer: Hashed | None = None


def hash_new(password: str, about: Iterable[str] = ()) -> Hashed:
    """Check a new password and hash it; outside of any transaction, for it takes its time.

    `about` holds the person's name and e-mail address, of which it must not be made."""
    check(password, about)
    with _turn():
        return Hashed(_ARGON2.hash(_normal(password)))


def verify(password: str, kept: str | None) -> Verdict:
    """Compare with the kept hash; outside of any transaction. With None the same work is done in vain."""
    password = _normal(password)[:MOST]
    against = kept or _nobodys()
    with _turn():
        right, newer = _ARGON2.verify_and_update(password, against)
    if not right or kept is None:
        return Verdict(right=False)
    return Verdict(right=True, newer=Hashed(newer) if newer else None)


def check(password: str, about: Iterable[str] = ()) -> None:
    """Refuse what is too short, or among the first guesses."""
    password = _normal(password)
    least = WITH_SECOND_FACTOR if settings().require_second_factor else ALONE
    if len(password) < least:
        raise Invalid(
            Sentence("At least {n} characters, please. Several words are easy to remember.", n=least), field="password"
        )
    if len(password) > MOST:
        raise Invalid(Sentence("At most {n} characters, please.", n=MOST), field="password")
    if is_guessable(password, about):
        raise Invalid("This password is among the first that others would try. Choose another.", field="password")


def is_guessable(password: str, about: Iterable[str] = ()) -> bool:
    """What is left without common words, runs and the person's own names is too little to be a secret."""
    own = {part for text in about for part in re.split(r"[\W_]+", fold(text)) if len(part) >= 3}
    words = sorted(own | _COMMON, key=len, reverse=True)
    plain = "".join(fold(password).split())
    readings = (plain, words), (plain.translate(_LEET), [word.translate(_LEET) for word in words])
    return any(_is_weak(_without_runs(_without(text, words))) for text, words in readings)


def _without(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return re.sub(r"[\W_]", "", text)


def _is_weak(left: str) -> bool:
    return len(set(left)) < 4 or left.isdigit() or _is_repeated(left)


def _without_runs(text: str) -> str:
    """Drop 1234, dcba, qwerty, aaaa: steps along the alphabet, the digits or a row of keys."""
    return text[:1] + "".join(letter for before, letter in pairwise(text) if not _are_neighbours(before, letter))


def _are_neighbours(one: str, other: str) -> bool:
    return one == other or any(one + other in row or other + one in row for row in _ROWS)


def _is_repeated(text: str) -> bool:
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 2 + 1))


def _normal(password: str) -> str:
    """The same signs may arrive composed or not, by keyboard (NIST SP 800-63B-4 3.1.1.2: NFC)."""
    return unicodedata.normalize("NFC", password)


@contextmanager
def _turn() -> Iterator[None]:
    if not _waiting.acquire(blocking=False):
        raise Unavailable("Many people are signing in right now. Try again in a few seconds.", retry_after_s=3)
    try:
        with _at_once:
            yield
    finally:
        _waiting.release()


@cache
def _nobodys() -> str:
    """Whose password nobody knows: an unknown address takes as long as a known one."""
    return _ARGON2.hash("nobody's")


_LEET = str.maketrans("0134578@$!", "oieastbasi")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
# Stems of what heads every published list of passwords, in the languages of our first users, and our own words.
_COMMON = frozenset(
    "sonopost ultrasound sonography hospital clinic doctor nurse medical radiology password passwort motdepasse contrasena "
    "senha parola geheim secret secreto qwertz azerty qwerty login logon signin admin administrator root user guest "
    "welcome willkommen bienvenue bienvenido karibu letmein changeme default master access service system server computer "
    "internet monkey dragon shadow sunshine princess princesa football baseball soccer superman batman pokemon starwars "
    "trustno iloveyou teamo loveyou jesus michael jennifer jessica daniel thomas charlie jordan hunter george andrew "
    "summer winter autumn spring sommer herbst monday friday january december flower cookie cheese banana orange purple "
    "freedom whatever mustang ferrari mercedes porsche samsung google facebook liverpool chelsea arsenal barcelona "
    "test demo temp passw pass word love qazwsx edc 1qaz 2wsx 1q2w 3e4r 5t6y 5t".split()
)
