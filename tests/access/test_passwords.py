"""What may be a password, and how one is kept."""

import threading
import time

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app import config
from app.access import passwords
from app.access.passwords import check, hash_new, is_guessable, verify
from app.errors import Invalid, Unavailable


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_current", None)


ABOUT = ("Amina Otieno", "amina.otieno@kisumu.example")


@pytest.mark.parametrize(
    "password",
    "password Password123 P@ssw0rd!! Sonopost2024! 12345678 qwertyuiop asdfghjkl;' aaaaaaaaaaaa abcabcabcabc abcd1234 "
    "1q2w3e4r5t Letmein2024 19850412 11112222 Amina.Otieno1 kisumu2024!! contraseña2024".split(),
)
def test_what_others_would_try_first_is_refused(password: str) -> None:
    assert is_guessable(password, ABOUT)


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "tR8#kq2z", "zebra-tulip-94", "пароль надёжный мой", "ሰላም ለሁሉም ሰው ይሁን"]
)
def test_what_takes_guessing_is_taken_in_any_script(password: str) -> None:
    assert not is_guessable(password, ABOUT)


@pytest.mark.parametrize(
    ("second_factor", "short", "enough"), [(True, "vK7-mq2", "vK7-mq2z"), (False, "tulip-vK7-mq2z", "tulip-vK7-mq2zr")]
)
def test_a_password_alone_must_be_longer_than_one_beside_a_second_factor(
    second_factor: bool, short: str, enough: str
) -> None:
    config.load(require_second_factor=second_factor)
    with pytest.raises(Invalid) as refused:
        check(short)
    assert refused.value.field == "password"
    check(enough)


def test_length_is_counted_in_signs_and_long_ones_are_taken() -> None:
    config.load(require_second_factor=True)
    check("ሰላም ወንድሜ")
    check("long but fine: " + "the quick brown fox jumps " * 9)
    with pytest.raises(Invalid, match="At most 256"):
        check("tR8#kq2z" * 40)


def test_a_password_is_right_however_the_keyboard_composes_its_signs() -> None:
    kept = hash_new("Zoé boit du café noir")
    assert verify("Zoe\u0301 boit du cafe\u0301 noir", kept).right
    assert not verify("Zoe boit du cafe noir", kept).right


def test_the_kept_hash_is_argon2id_with_nineteen_mebibytes_and_not_the_password() -> None:
    kept = hash_new("zebra-tulip-94")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "zebra" not in kept
    assert kept != hash_new("zebra-tulip-94")


def test_a_hash_of_older_parameters_is_renewed_when_the_password_is_right() -> None:
    older = PasswordHash((Argon2Hasher(memory_cost=8192, time_cost=1, parallelism=1),)).hash("zebra-tulip-94")
    assert verify("wrong", older).newer is None
    newer = verify("zebra-tulip-94", older).newer
    assert newer is not None
    assert newer.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_same_work_is_done_for_an_unknown_address(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    real = passwords._ARGON2.verify_and_update

    def watched(password: str, kept: str) -> tuple[bool, str | None]:
        worked.append(kept.rpartition("$")[0].rpartition("$")[0])  # its kind and parameters
        return real(password, kept)

    monkeypatch.setattr(passwords._ARGON2, "verify_and_update", watched)
    assert not verify("nobody's", None).right
    assert not verify("wrong", hash_new("zebra-tulip-94")).right
    assert worked[0] == worked[1]


def test_a_rush_to_sign_in_is_turned_away_before_it_takes_every_thread() -> None:
    with passwords._at_once, passwords._at_once:  # two are at work
        waiting = [threading.Thread(target=verify, args=("wrong", None)) for _ in range(12)]
        for thread in waiting:
            thread.start()
        deadline = time.monotonic() + 10
        while passwords._waiting._value and time.monotonic() < deadline:
            time.sleep(0.01)  # until all twelve wait
        with pytest.raises(Unavailable) as refused:
            verify("wrong", None)
    for thread in waiting:
        thread.join()
    assert refused.value.retry_after_s > 0
    assert not verify("wrong", None).right
